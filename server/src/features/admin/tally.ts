import type { Logger } from 'pino'
import { DatabaseUnavailable, type Db } from '../../ports/db/port.ts'
import { addStored, countMissing, everStored } from './queries.ts'

const FLUSH_MS = 1000
/** Senders are many and looked at rarely: theirs are added every so many flushes. */
const SENDERS_EVERY = 10
/** By then every node has added what it had when the heads were read. */
const SETTLED_MS = 5000

/**
 * Counts what this node stored in memory and adds it to the counters every second, so that sending pays nothing for
 * them. A crash loses a second of it: what the heads of the chats know better is added at the next start.
 */
export class Tally {
  readonly #db: Db
  readonly #log: Logger
  #messages = 0
  #by = new Map<number, number>()
  #flushes = 0
  readonly #timer: ReturnType<typeof setInterval>
  #settling: ReturnType<typeof setTimeout> | null = null

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
    this.#timer = setInterval(() => void this.#flushSome(), FLUSH_MS)
  }

  stored(sends: readonly { sender_id: number }[]): void {
    this.#messages += sends.length
    for (const { sender_id } of sends) this.#by.set(sender_id, (this.#by.get(sender_id) ?? 0) + 1)
  }

  /** Adds everything now: whoever looks at a figure finds what they just did in it. */
  flush(): Promise<void> {
    const by = this.#by
    this.#by = new Map()
    return this.#add(by)
  }

  /** Adds what crashed nodes had not; the heads are read now, the counters when every node had time to add. */
  async reconcile(): Promise<void> {
    try {
      const stored = await everStored(this.#db)
      if (this.#settling !== null) clearTimeout(this.#settling)
      this.#settling = setTimeout(() => {
        this.#settling = null
        void countMissing(this.#db, stored).then(
          (missing) =>
            missing > 0 && this.#log.info({ missing }, 'messages were counted that a crash had left out'),
          (error: unknown) => this.#log.warn({ err: error }, 'counters could not be reconciled'),
        )
      }, SETTLED_MS)
    } catch (error) {
      this.#log.warn({ err: error }, 'counters could not be reconciled')
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#settling !== null) clearTimeout(this.#settling)
    await this.flush()
  }

  #flushSome(): Promise<void> {
    return ++this.#flushes % SENDERS_EVERY === 0 ? this.flush() : this.#add(new Map())
  }

  /** When nobody can say whether it was added it is not added again: reconciling finds too few, never too many. */
  async #add(by: ReadonlyMap<number, number>): Promise<void> {
    const messages = this.#messages
    if (messages === 0 && by.size === 0) return
    this.#messages = 0
    try {
      await addStored(this.#db, { messages, by })
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable))
        this.#log.error({ err: error }, 'messages were not counted')
    }
  }
}
