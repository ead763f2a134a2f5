const encoder = new TextEncoder()

/** Constant JSON, encoded once. */
export const json = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)

const FIRST_SIZE = 64 * 1024
/** What a rare large answer needed is not kept. */
const KEPT_SIZE = 1024 * 1024
const NUMBER_MAX = 24
const TIME_SIZE = 24
const DAY_MS = 86_400_000
const TEN_MILLION = 10_000_000
/** Single characters, as UTF-8. */
const ZERO = 0x30
const QUOTE = 0x22
const COLON = 0x3a
const DOT = 0x2e
const T = 0x54
const Z = 0x5a
const NULL = json('null')
const TRUE = json('true')
const FALSE = json('false')
const OPEN = json('[')
const COMMA = json(',')
const CLOSE = json(']')
const EMPTY = json('[]')

/**
 * Puts JSON together as UTF-8. Strings put together become trees of small parts, which cost more to collect and to
 * flatten than all the rest of a long answer (docs/decisions/0015).
 */
export class JsonWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_SIZE)
  #at = 0
  #day = -1
  readonly #date = Buffer.alloc(10)

  start(): this {
    if (this.#buffer.length > KEPT_SIZE) this.#buffer = Buffer.allocUnsafeSlow(FIRST_SIZE)
    this.#at = 0
    return this
  }

  /** JSON that was made already, see `json`. */
  part(bytes: Uint8Array): this {
    this.#need(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
    return this
  }

  /** JSON that was made already, as text. */
  partOf(text: string): this {
    this.#need(text.length * 3)
    this.#at += this.#buffer.write(text, this.#at)
    return this
  }

  /** A string as a JSON string, anything else as its JSON. */
  value(value: unknown): this {
    return value === null ? this.part(NULL) : this.partOf(JSON.stringify(value))
  }

  flag(value: boolean): this {
    return this.part(value ? TRUE : FALSE)
  }

  /** Integers from 0 to 2^53 are written digit by digit, without a string between. */
  number(value: number | null): this {
    if (value === null) return this.part(NULL)
    if (!(Number.isSafeInteger(value) && value >= 0)) return this.partOf(String(value))
    this.#need(NUMBER_MAX)
    if (value < TEN_MILLION) this.#digits(value, digitsOf(value))
    else {
      const high = Math.floor(value / TEN_MILLION)
      if (high < TEN_MILLION) this.#digits(high, digitsOf(high))
      else {
        const highest = Math.floor(high / TEN_MILLION)
        this.#digits(highest, digitsOf(highest))
        this.#digits(high - highest * TEN_MILLION, 7)
      }
      this.#digits(value - high * TEN_MILLION, 7)
    }
    return this
  }

  /** A moment in ms since 1970 as an ISO 8601 string. */
  time(ms: number): this {
    const day = Math.floor(ms / DAY_MS)
    if (day !== this.#day) {
      const text = new Date(ms).toISOString()
      if (text.length !== TIME_SIZE) return this.value(text)
      this.#date.write(text)
      this.#day = day
    }
    this.#need(TIME_SIZE + 2)
    const buffer = this.#buffer
    const of_day = ms - day * DAY_MS
    const seconds = Math.floor(of_day / 1000)
    const minutes = Math.floor(seconds / 60)
    buffer[this.#at++] = QUOTE
    buffer.set(this.#date, this.#at)
    this.#at += 10
    buffer[this.#at++] = T
    this.#digits(Math.floor(minutes / 60), 2)
    buffer[this.#at++] = COLON
    this.#digits(minutes % 60, 2)
    buffer[this.#at++] = COLON
    this.#digits(seconds % 60, 2)
    buffer[this.#at++] = DOT
    this.#digits(Math.floor(of_day) % 1000, 3)
    buffer[this.#at++] = Z
    buffer[this.#at++] = QUOTE
    return this
  }

  /** What each of these is written as, in brackets. */
  list<Item>(items: Iterable<Item>, writeItem: (item: Item) => void): this {
    let separator = OPEN
    for (const item of items) {
      this.part(separator)
      writeItem(item)
      separator = COMMA
    }
    return this.part(separator === OPEN ? EMPTY : CLOSE)
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.buffer.slice(0, this.#at) as ArrayBuffer)
  }

  toString(): string {
    return this.#buffer.toString('utf8', 0, this.#at)
  }

  #digits(value: number, count: number): void {
    const buffer = this.#buffer
    let rest = value | 0
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      const tenth = (rest / 10) | 0
      buffer[at] = ZERO + rest - tenth * 10
      rest = tenth
    }
    this.#at += count
  }

  #need(more: number): void {
    if (this.#at + more <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + more))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

/** One writer is enough, unless one answer is written inside of another. */
const idle: JsonWriter[] = []

function write<Made>(writing: (out: JsonWriter) => void, take: (out: JsonWriter) => Made): Made {
  const out = (idle.pop() ?? new JsonWriter()).start()
  writing(out)
  const made = take(out)
  idle.push(out)
  return made
}

/** What `writing` writes, as UTF-8. */
export const jsonBytes = (writing: (out: JsonWriter) => void) => write(writing, (out) => out.bytes())

/** What `writing` writes, as text. */
export const jsonText = (writing: (out: JsonWriter) => void) => write(writing, (out) => out.toString())

const digitsOf = (value: number): number => {
  let count = 1
  for (let bound = 10; value >= bound; bound *= 10) count++
  return count
}
