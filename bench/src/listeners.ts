import { Worker } from 'node:worker_threads'

/** What the thread (listening.ts) is given: where to connect, as whom, and the memory that it counts in. */
export interface Listening {
  port: number
  /** One socket each; null does not sign in. */
  tokens: readonly (string | null)[]
  /** By `TOTALS`. */
  totals: Float64Array
  /** Message events that each socket heard. */
  each: Int32Array
  /** By seq, when the last socket heard it: ms since 1970. */
  heardAt: Float64Array
}

export const TOTALS = { frames: 0, messages: 1, disorder: 2 } as const

const SEQS_MAX = 400_000

const shared = <T>(kind: { new (of: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number }, length: number): T =>
  new kind(new SharedArrayBuffer(length * kind.BYTES_PER_ELEMENT))

/**
 * WebSockets in a thread of their own, over plain system calls: the client shares its core with the database, and what
 * a runtime's sockets do for a chunk (a buffer for each, their collection) is a quarter of what a client costs. They
 * walk over the frames they receive instead of decoding them, and of each `message` read the seq.
 */
export class Listeners {
  readonly #worker: Worker
  readonly #listening: Listening

  private constructor(listening: Listening) {
    this.#listening = listening
    this.#worker = new Worker(new URL('./listening.ts', import.meta.url), { workerData: listening })
  }

  /** Opens a socket for each token, signed in; for null only open. */
  static async open(port: number, tokens: readonly (string | null)[]): Promise<Listeners> {
    const listeners = new Listeners({
      port,
      tokens,
      totals: shared(Float64Array, Object.keys(TOTALS).length),
      each: shared(Int32Array, tokens.length),
      heardAt: shared(Float64Array, SEQS_MAX),
    })
    const said = await listeners.#said()
    if (said !== 'open') throw new Error(said)
    return listeners
  }

  #said(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#worker.once('message', resolve)
      this.#worker.once('error', reject)
    })
  }

  get frames(): number {
    return this.#listening.totals[TOTALS.frames]!
  }

  /** Message events that all of them heard. */
  get messages(): number {
    return this.#listening.totals[TOTALS.messages]!
  }

  /** Message events that came after a later one. */
  get disorder(): number {
    return this.#listening.totals[TOTALS.disorder]!
  }

  /** Sockets that did not hear as many message events as the first. */
  get missing(): number {
    const { each } = this.#listening
    return each.reduce((sum, one) => sum + (one === each[0] ? 0 : 1), 0)
  }

  /** When the last of them heard this message, in ms of `performance.now`; null when nobody did. */
  heardAt(seq: number): number | null {
    const at = this.#listening.heardAt[seq]
    return at ? at - performance.timeOrigin : null
  }

  async close(): Promise<void> {
    const closed = this.#said()
    this.#worker.postMessage('close')
    await closed
    await this.#worker.terminate()
  }
}
