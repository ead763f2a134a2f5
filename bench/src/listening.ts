import { dlopen, ptr } from 'bun:ffi'
import { randomBytes } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { TOTALS, type Listening } from './listeners.ts'

const [AF_INET, SOCK_STREAM, MSG_DONTWAIT] = [2, 1, 0x40]
const [EPOLL_CTL_ADD, EPOLLIN] = [1, 1]
/** `struct epoll_event` in 32-bit words (packed on x86-64 alone), and where its data begins. */
const [EVENT_WORDS, DATA_WORD] = process.arch === 'x64' ? [3, 1] : [4, 2]
const EVENTS_MAX = 256
const WAIT_MS = 20
const BUFFER_BYTES = 1 << 20
/** Sockets that are opened at the same time. */
const TOGETHER = 100

const { symbols: libc } = dlopen('libc.so.6', {
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
  send: { args: ['i32', 'ptr', 'usize', 'i32'], returns: 'i32' },
  recv: { args: ['i32', 'usize', 'usize', 'i32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  epoll_create1: { args: ['i32'], returns: 'i32' },
  epoll_ctl: { args: ['i32', 'i32', 'i32', 'ptr'], returns: 'i32' },
  epoll_wait: { args: ['i32', 'ptr', 'i32', 'i32'], returns: 'i32' },
})

const { port, tokens, totals, each, heardAt } = workerData as Listening
const buffer = Buffer.alloc(BUFFER_BYTES)
const base = Number(ptr(buffer))
const sockets: number[] = []
/** What a socket has received of a frame that is not whole yet. */
const rests: (Buffer | null)[] = []
const lastSeq = new Float64Array(tokens.length)
const epoll = libc.epoll_create1(0)
const events = new Int32Array(EVENTS_MAX * EVENT_WORDS)
let now = 0
let onText: ((text: string) => void) | null = null

const done = <T extends number>(answer: T, what: string): T => {
  if (answer < 0) throw new Error(`${what} failed`)
  return answer
}

const say = (socket: number, bytes: Buffer) => done(libc.send(socket, ptr(bytes), bytes.length, 0), 'send')

/** A text frame from a client, masked as RFC 6455 §5.3 asks (with a mask of zeros: the text stays as it is). */
function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const head =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 255])
  return Buffer.concat([head, Buffer.alloc(4), payload])
}

/** `{"type":"message","id":1,"chat_id":1,"seq":1`: what lies before the first number, and between the next. */
const BEFORE_ID = '{"type":"message","id":'.length
const BETWEEN_ID_AND_CHAT = ',"chat_id":'.length
const BETWEEN_CHAT_AND_SEQ = ',"seq":'.length
const [ZERO, NINE] = [48, 57]

const isDigit = (byte: number) => byte >= ZERO && byte <= NINE

function hearFrame(n: number, opcode: number, from: number, length: number): void {
  if (opcode === 9) return void say(sockets[n]!, Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))
  if (opcode !== 1) return
  totals[TOTALS.frames]!++
  if (onText) onText(buffer.toString('utf8', from, from + length))
  // `{"type":"message","id":` is followed by something else in every other event.
  if (length < 60 || buffer[from + 9] !== 109 || buffer[from + 16] !== 34) return
  let at = from + BEFORE_ID
  while (isDigit(buffer[at]!)) at++
  at += BETWEEN_ID_AND_CHAT
  while (isDigit(buffer[at]!)) at++
  at += BETWEEN_CHAT_AND_SEQ
  let seq = 0
  for (; isDigit(buffer[at]!); at++) seq = seq * 10 + buffer[at]! - ZERO
  if (seq <= lastSeq[n]!) totals[TOTALS.disorder]!++
  lastSeq[n] = seq
  each[n]!++
  totals[TOTALS.messages]!++
  heardAt[seq] = now
}

/** Receives once, after what was left of before; walks over the whole frames and keeps the rest. False: nothing came. */
function hear(n: number, flags: number): boolean {
  const rest = rests[n]
  const kept = rest ? rest.copy(buffer) : 0
  const received = libc.recv(sockets[n]!, base + kept, BUFFER_BYTES - kept, flags)
  if (received <= 0) return false
  now = performance.timeOrigin + performance.now()
  const end = kept + received
  let at = 0
  while (end - at >= 2) {
    let length = buffer[at + 1]! & 127
    let head = 2
    if (length === 126) {
      if (end - at < 4) break
      length = (buffer[at + 2]! << 8) | buffer[at + 3]!
      head = 4
    } else if (length === 127) {
      if (end - at < 10) break
      length = buffer.readUInt32BE(at + 6)
      head = 10
    }
    if (end - at < head + length) break
    hearFrame(n, buffer[at]! & 15, at + head, length)
    at += head + length
  }
  rests[n] = at === end ? null : Buffer.from(buffer.subarray(at, end))
  return true
}

function connect(): number {
  const socket = done(libc.socket(AF_INET, SOCK_STREAM, 0), 'socket')
  const address = Buffer.alloc(16)
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_INET
  address.writeUInt16BE(port, 2)
  address.set([127, 0, 0, 1], 4)
  done(libc.connect(socket, ptr(address), 16), 'connect')
  const key = randomBytes(16).toString('base64')
  say(
    socket,
    Buffer.from(
      'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    ),
  )
  return socket
}

function upgraded(n: number): void {
  let kept = 0
  for (;;) {
    const received = libc.recv(sockets[n]!, base + kept, BUFFER_BYTES - kept, 0)
    if (received <= 0) throw new Error('the server closed the connection')
    kept += received
    const end = buffer.subarray(0, kept).indexOf('\r\n\r\n')
    if (end < 0) continue
    if (!buffer.toString('latin1', 0, 12).endsWith('101')) throw new Error(buffer.toString('latin1', 0, end))
    rests[n] = end + 4 === kept ? null : Buffer.from(buffer.subarray(end + 4, kept))
    return
  }
}

function signedIn(n: number): void {
  let answer: string | null = null
  onText = (text) => (answer ??= text)
  while (answer === null) if (!hear(n, 0)) throw new Error('the server closed the connection')
  onText = null
  if (!(answer as string).includes('auth_ok')) throw new Error(answer)
}

/** These sockets, those of a step at the same time. */
function open(from: number, to: number): void {
  for (let n = from; n < to; n++) sockets[n] = connect()
  for (let n = from; n < to; n++) {
    upgraded(n)
    const token = tokens[n]!
    if (token) say(sockets[n]!, clientFrame(JSON.stringify({ type: 'auth', token, active: true })))
  }
  for (let n = from; n < to; n++) {
    if (tokens[n]) signedIn(n)
    const event = new Int32Array(EVENT_WORDS)
    event[0] = EPOLLIN
    event[DATA_WORD] = n
    done(libc.epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[n]!, ptr(event)), 'epoll_ctl')
  }
}

let closed = false
parentPort!.on('message', () => {
  closed = true
  for (const socket of sockets) libc.close(socket)
  libc.close(epoll)
  parentPort!.postMessage('closed')
})

try {
  for (let at = 0; at < tokens.length; at += TOGETHER) open(at, Math.min(tokens.length, at + TOGETHER))
  parentPort!.postMessage('open')
} catch (error) {
  parentPort!.postMessage(String(error))
}

while (!closed) {
  const count = libc.epoll_wait(epoll, ptr(events), EVENTS_MAX, WAIT_MS)
  for (let at = 0; at < count; at++) hear(events[at * EVENT_WORDS + DATA_WORD]!, MSG_DONTWAIT)
  await new Promise(setImmediate)
}
