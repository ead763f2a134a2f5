import type { Socket } from 'bun'
import { randomBytes } from 'node:crypto'

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

/**
 * A WebSocket that walks over the frames it receives instead of decoding them: at millions of events a second a
 * client's own JSON.parse would be what is measured. Of each `message` it reads the seq, and counts what is out of
 * order.
 */
export class Listener {
  socket!: Socket<undefined>
  frames = 0
  messages = 0
  bytes = 0
  disorder = 0
  lastSeq = 0
  /** When the chunk that is being read came, in ms of `performance.now`: one clock call for many frames. */
  static heardAt = 0
  onText: ((text: string) => void) | null = null
  onMessage: ((seq: number) => void) | null = null
  #buffer: Buffer = Buffer.alloc(0)
  #open = false
  #opened: (() => void) | null = null

  static async open(port: number, path = '/ws'): Promise<Listener> {
    const listener = new Listener()
    const opened = new Promise<void>((resolve) => (listener.#opened = resolve))
    listener.socket = await Bun.connect<undefined>({
      hostname: '127.0.0.1',
      port,
      socket: { data: (_, chunk) => listener.#hear(chunk) },
    })
    listener.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    await opened
    return listener
  }

  /** Opens a socket and waits for `auth_ok`. */
  static async signedIn(port: number, token: string, active = true): Promise<Listener> {
    const listener = await Listener.open(port)
    const ok = new Promise<void>((resolve, reject) => {
      listener.onText = (text) => (text.includes('auth_ok') ? resolve() : reject(new Error(text)))
    })
    listener.say({ type: 'auth', token, active })
    await ok
    listener.onText = null
    return listener
  }

  say(frame: object): void {
    this.socket.write(clientFrame(JSON.stringify(frame)))
  }

  close(): void {
    this.socket.end()
  }

  #hear(chunk: Buffer): void {
    this.bytes += chunk.length
    Listener.heardAt = performance.now()
    let buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    if (!this.#open) {
      const end = buffer.indexOf('\r\n\r\n')
      if (end < 0) return void (this.#buffer = Buffer.from(buffer))
      if (!buffer.toString('latin1', 0, 12).endsWith('101'))
        throw new Error(buffer.toString('latin1', 0, end))
      this.#open = true
      this.#opened!()
      buffer = buffer.subarray(end + 4)
    }
    let at = 0
    while (buffer.length - at >= 2) {
      let length = buffer[at + 1]! & 127
      let head = 2
      if (length === 126) {
        if (buffer.length - at < 4) break
        length = (buffer[at + 2]! << 8) | buffer[at + 3]!
        head = 4
      } else if (length === 127) {
        if (buffer.length - at < 10) break
        length = buffer.readUInt32BE(at + 6)
        head = 10
      }
      if (buffer.length - at < head + length) break
      this.#frame(buffer, at, at + head, length)
      at += head + length
    }
    this.#buffer = at === buffer.length ? Buffer.alloc(0) : Buffer.from(buffer.subarray(at))
  }

  #frame(buffer: Buffer, start: number, from: number, length: number): void {
    const opcode = buffer[start]! & 15
    if (opcode === 9) return void this.socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))
    if (opcode !== 1) return
    this.frames++
    if (this.onText) this.onText(buffer.toString('utf8', from, from + length))
    // `{"type":"message","id":` is followed by something else in every other event.
    if (length < 60 || buffer[from + 9] !== 109 || buffer[from + 16] !== 34) return
    let at = from + BEFORE_ID
    while (isDigit(buffer[at]!)) at++
    at += BETWEEN_ID_AND_CHAT
    while (isDigit(buffer[at]!)) at++
    at += BETWEEN_CHAT_AND_SEQ
    let seq = 0
    for (; isDigit(buffer[at]!); at++) seq = seq * 10 + buffer[at]! - ZERO
    if (seq <= this.lastSeq) this.disorder++
    this.lastSeq = seq
    this.messages++
    this.onMessage?.(seq)
  }
}
