import { Refusal } from './refusal.ts'

/** Where a part's headers end, and how long they and everything before the file may be. */
const HEADERS_END = '\r\n\r\n'
const HEADERS_MAX = 16 * 1024
const BEFORE_MAX = 256 * 1024
/** What the form may weigh beside its file. */
export const FORM_MAX = 2 * BEFORE_MAX

export interface FilePart {
  /** As the client wrote it: not to be trusted. */
  filename: string
  /** The file. Throws when the form does not end after it as it should. A chunk lives until the next one is asked for. */
  chunks: AsyncGenerator<Uint8Array>
}

const malformed = (error: string) => new Refusal('malformed', { error })

/** The one value of a parameter as RFC 7578 §4.2 and browsers write it; null when it is absent. */
function parameter(header: string, name: string): string | null {
  const quoted = new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(header)
  if (quoted)
    return quoted[1]!.replace(/\\(["\\])/g, '$1').replace(/%(22|0D|0A)/gi, (sign) => decodeURIComponent(sign))
  return new RegExp(`;\\s*${name}=([^\\s;"]+)`, 'i').exec(header)?.[1] ?? null
}

function filenameOf(headers: string): string | null {
  const header = /^content-disposition:\s*(form-data\b.*)$/im.exec(headers)?.[1]
  if (!header) throw malformed('A part of the form has no Content-Disposition.')
  const extended = /;\s*filename\*=utf-8'[^']*'([^\s;]+)/i.exec(header)?.[1]
  try {
    if (extended) return decodeURIComponent(extended)
  } catch {
    throw malformed('The filename could not be read.')
  }
  return parameter(header, 'filename')
}

/** A form as it flows in, a part after the other, with no more in memory than a chunk and a boundary's length. */
class Form {
  readonly #reader: {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>
    cancel(): Promise<void>
  }
  readonly #idle_ms: number
  readonly #delimiter: Buffer
  #chunk: Uint8Array | null = null
  /** What has been read and not yet been looked at. The first boundary has no line break before it. */
  #rest: Buffer = Buffer.from('\r\n')

  constructor(stream: ReadableStream<Uint8Array>, boundary: string, idle_ms: number) {
    this.#reader = stream.getReader()
    this.#idle_ms = idle_ms
    this.#delimiter = Buffer.from(`\r\n--${boundary}`)
  }

  /** The file of the form, read up to where it begins. */
  async file(): Promise<FilePart> {
    await this.#skip()
    for (;;) {
      const headers = await this.#headers()
      if (headers === null)
        throw new Refusal('invalid', { field: 'file', error: 'There is no file in the form.' })
      const filename = filenameOf(headers)
      if (filename !== null) return { filename, chunks: this.#chunks() }
      await this.#skip()
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined)
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    yield* this.#untilBoundary()
    for (;;) {
      const headers = await this.#headers()
      if (headers === null) return
      if (filenameOf(headers) !== null)
        throw new Refusal('invalid', { field: 'file', error: 'One file at a time, please.' })
      await this.#skip()
    }
  }

  /** Yields a part's content and steps over the boundary after it. */
  async *#untilBoundary(): AsyncGenerator<Uint8Array> {
    const { length } = this.#delimiter
    for (;;) {
      const at = this.#rest.indexOf(this.#delimiter)
      if (at > 0) yield this.#rest.subarray(0, at)
      if (at >= 0) return this.#stepOver(at + length)
      const sure = Math.max(0, this.#rest.length - length + 1)
      if (sure > 0) yield this.#rest.subarray(0, sure)
      const left = Buffer.from(this.#rest.subarray(sure))
      const chunk = await this.#next()
      if (chunk.length < length) {
        this.#rest = Buffer.concat([left, chunk])
        continue
      }
      this.#rest = chunk
      const across = Buffer.concat([left, chunk.subarray(0, length - 1)]).indexOf(this.#delimiter)
      const whole = across < 0 ? left : left.subarray(0, across)
      if (whole.length > 0) yield whole
      if (across >= 0) return this.#stepOver(across + length - left.length)
    }
  }

  #stepOver(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes)
  }

  async #skip(): Promise<void> {
    let skipped = 0
    for await (const chunk of this.#untilBoundary())
      if ((skipped += chunk.length) > BEFORE_MAX)
        throw new Refusal('too_large', { error: 'The form holds too much beside its file.' })
  }

  /** The headers after a boundary; null after the last one. */
  async #headers(): Promise<string | null> {
    while (this.#rest.length < 2) await this.#longer()
    if (this.#rest.toString('latin1', 0, 2) === '--') return null
    for (;;) {
      const end = this.#rest.indexOf(HEADERS_END)
      if (end > HEADERS_MAX || (end < 0 && this.#rest.length > HEADERS_MAX))
        throw malformed('The headers of a part of the form are too long.')
      if (end >= 0) {
        const headers = this.#rest.toString('utf8', 0, end)
        this.#rest = this.#rest.subarray(end + HEADERS_END.length)
        return headers
      }
      await this.#longer()
    }
  }

  /** Adds the next chunk to what is there. */
  async #longer(): Promise<void> {
    const left = Buffer.from(this.#rest)
    this.#rest = Buffer.concat([left, await this.#next()])
  }

  /** The next chunk. The one before is given back at once: garbage of 50 MB an upload comes faster than it is collected. */
  async #next(): Promise<Buffer> {
    const spent = this.#chunk
    this.#chunk = null
    if (spent && spent.byteLength === spent.buffer.byteLength)
      (spent.buffer as ArrayBuffer & { transfer(length: number): void }).transfer(0)
    const chunk = await this.#read()
    this.#chunk = chunk
    return Buffer.from(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength)
  }

  #read(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(malformed('The upload stopped before its end.')), this.#idle_ms)
      this.#reader.read().then(
        ({ done, value }) => {
          clearTimeout(late)
          if (done || !value) reject(malformed('The form ends before its last boundary.'))
          else resolve(value)
        },
        () => {
          clearTimeout(late)
          reject(malformed('The upload broke off.'))
        },
      )
    })
  }
}

/** The boundary that the request names (RFC 2046 §5.1.1). */
function boundaryOf(request: Request): string {
  const type = request.headers.get('content-type') ?? ''
  if (!/^multipart\/form-data\b/i.test(type))
    throw new Refusal('unsupported_media_type', { error: 'The body has to be multipart/form-data.' })
  const boundary = parameter(type, 'boundary')
  if (!boundary || boundary.length > 70) throw malformed('The form names no boundary.')
  return boundary
}

/**
 * Hands over the first part with a filename as it flows; refuses a form that is not one, or holds two, and with `over`
 * one that says itself that its file has more than so many bytes.
 */
export async function withFile<T>(
  request: Request,
  limits: { bytes: number; over: () => Refusal; idle_ms: number },
  take: (part: FilePart) => Promise<T>,
): Promise<T> {
  const boundary = boundaryOf(request)
  if (Number(request.headers.get('content-length') ?? 0) > limits.bytes + FORM_MAX) throw limits.over()
  if (!request.body) throw malformed('The form is empty.')
  const form = new Form(request.body, boundary, limits.idle_ms)
  try {
    return await take(await form.file())
  } catch (error) {
    await form.cancel()
    throw error
  }
}
