import type { Socket } from 'bun'

/**
 * HTTP/1.1 over keep-alive connections, one request in flight on each, with as little work as a load generator can do:
 * it shares two cores with what it measures. Of chunked answers (RFC 9112 §7.1) it trusts the last chunk to come last.
 */
export interface Reply {
  status: number
  body: string
}

interface Waiting {
  resolve: (reply: Reply) => void
  reject: (error: Error) => void
  keep: boolean
}

export class Connection {
  #socket!: Socket<undefined>
  #waiting: Waiting | null = null
  #buffer: Buffer = Buffer.alloc(0)
  /** Bytes of an unread body that are still to come; what is thrown away need not be put together. */
  #missing = 0
  #status = 0

  static async open(port: number): Promise<Connection> {
    const connection = new Connection()
    connection.#socket = await Bun.connect<undefined>({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, chunk) => connection.#hear(chunk),
        close: () => connection.#fail(new Error('the server closed the connection')),
        error: (_, error) => connection.#fail(error),
      },
    })
    return connection
  }

  /** Sends a request that was written out before; `keep` false throws the body away unread. */
  send(request: string | Uint8Array, keep = false): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, keep }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.end()
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.reject(error)
  }

  #hear(chunk: Buffer): void {
    if (this.#missing > 0) {
      this.#missing -= chunk.length
      if (this.#missing <= 0) this.#answer({ status: this.#status, body: '' })
      return
    }
    const buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    const end = buffer.indexOf('\r\n\r\n')
    if (end < 0) return void (this.#buffer = Buffer.from(buffer))
    const head = buffer.toString('latin1', 0, end)
    if (/transfer-encoding: chunked/i.test(head)) return this.#hearChunks(buffer, head, end + 4)
    const at = head.search(/content-length: /i)
    const length = at < 0 ? 0 : parseInt(head.slice(at + 16), 10)
    const status = parseInt(head.slice(9, 12), 10)
    const { keep } = this.#waiting ?? { keep: false }
    const missing = end + 4 + length - buffer.length
    if (missing > 0 && keep) return void (this.#buffer = Buffer.from(buffer))
    this.#buffer = Buffer.alloc(0)
    if (missing > 0) {
      this.#missing = missing
      this.#status = status
    } else this.#answer({ status, body: keep ? buffer.toString('utf8', end + 4, end + 4 + length) : '' })
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.resolve(reply)
  }

  #hearChunks(buffer: Buffer, head: string, from: number): void {
    if (buffer.length < from + 5 || buffer.toString('latin1', buffer.length - 5) !== '0\r\n\r\n')
      return void (this.#buffer = Buffer.from(buffer))
    this.#buffer = Buffer.alloc(0)
    const parts: Buffer[] = []
    for (let at = from; this.#waiting?.keep;) {
      const line = buffer.indexOf('\r\n', at)
      const length = parseInt(buffer.toString('latin1', at, line), 16)
      if (length === 0) break
      parts.push(buffer.subarray(line + 2, line + 2 + length))
      at = line + 4 + length
    }
    this.#answer({ status: parseInt(head.slice(9, 12), 10), body: Buffer.concat(parts).toString('utf8') })
  }
}

export function requestText(method: string, path: string, token: string | null, body?: unknown): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  return (
    `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
    (token ? `Authorization: Bearer ${token}\r\n` : '') +
    (body === undefined
      ? ''
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`) +
    `\r\n${text}`
  )
}
