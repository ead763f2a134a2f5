const NOTHING = new Uint8Array(0)

/** Bytes that flow in chunks of any size, read as a format wants them. A chunk lives until the next one is asked for. */
export class Flow {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = NOTHING
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** A copy of the next `size` bytes, fewer at the end; they are still to be read. */
  async peek(size: number): Promise<Uint8Array> {
    while (this.#chunk.length < size && !this.#ended) {
      const left = Uint8Array.from(this.#chunk)
      const more = (await this.#pull()) ?? NOTHING
      this.#chunk = Buffer.concat([left, more])
    }
    return Uint8Array.from(this.#chunk.subarray(0, size))
  }

  /** A copy of the next `size` bytes, fewer at the end. */
  async read(size: number): Promise<Uint8Array> {
    const bytes = await this.peek(size)
    this.#chunk = this.#chunk.subarray(bytes.length)
    return bytes
  }

  /** The next bytes, however many; null at the end. */
  async next(): Promise<Uint8Array | null> {
    const chunk = this.#chunk.length > 0 ? this.#chunk : await this.#pull()
    this.#chunk = NOTHING
    return chunk
  }

  /** Takes back the end of what `next` gave. */
  unread(bytes: Uint8Array): void {
    this.#chunk = bytes
  }

  /** The next `size` bytes as they come, fewer at the end. */
  async *pass(size = Infinity): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      const chunk = await this.next()
      if (!chunk) return
      if (chunk.length > left) this.unread(chunk.subarray(left))
      const taken = chunk.length > left ? chunk.subarray(0, left) : chunk
      left -= taken.length
      yield taken
    }
  }

  async skip(size = Infinity): Promise<void> {
    for await (const _ of this.pass(size));
  }

  async #pull(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#source.next()
      if (done) {
        this.#ended = true
        return null
      }
      if (value.length > 0) return value
    }
  }
}
