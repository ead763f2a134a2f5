import type { Logger } from 'pino'
import { DatabaseUnavailable, type Db } from '../../ports/db/port.ts'
import { forgetGoneChat, indexChanges, nextTransaction } from './queries.ts'
import { isBusy, restAfter, stepOf } from './rules.ts'

const EVERY_MS = 250
/** Looking for what changed takes at most this share of the time. */
const LOOK_SHARE = 1 / 20
const SWEEP_EVERY_MS = 60_000

/**
 * Keeps the index of the messages behind their writes, in bulk. Every node runs one; whoever finds the lane free takes
 * the next step, so one stopped or killed leaves nothing to clean up: the marks say where to go on. While others write
 * much it takes small steps and rests between them: a search reads what is not indexed yet from the messages.
 */
export class SearchIndexer {
  readonly #db: Db
  readonly #log: Logger
  #since = '0'
  #swept = 0
  #caughtUp = performance.now()
  #looked: { next: bigint; at: number } | null = null
  #busy = false
  /** How many changes the last step left, while it is behind. */
  #before: { left: number; at: number } | null = null
  #stopped = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #running: Promise<void> = Promise.resolve()

  constructor({ db, log }: { db: Db; log: Logger }) {
    this.#db = db
    this.#log = log
    this.#sleep(EVERY_MS)
  }

  async close(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #sleep(ms: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.#round().then((pause) => this.#sleep(pause))
    }, ms)
  }

  /** Whether others write much, by the transactions since the last look, on whatever node they are. */
  #look(next: bigint): boolean {
    const now = performance.now()
    const before = this.#looked
    if (before && now - before.at < EVERY_MS) return this.#busy
    this.#looked = { next, at: now }
    this.#busy = before !== null && isBusy(Number(next - before.next), now - before.at)
    return this.#busy
  }

  /** Takes steps until there is nothing to do or others need the database; resolves to the milliseconds to rest. */
  async #round(): Promise<number> {
    try {
      if (Date.now() - this.#swept > SWEEP_EVERY_MS) {
        this.#swept = Date.now()
        while (!this.#stopped && (await forgetGoneChat(this.#db)));
      }
      while (!this.#stopped) {
        const next = await nextTransaction(this.#db)
        const busy = this.#look(BigInt(next))
        const began = performance.now()
        const indexed = next === this.#since ? null : await indexChanges(this.#db, this.#since, stepOf(busy))
        const took = performance.now() - began
        const now = began + took
        if (!indexed?.more) {
          if (indexed) this.#since = indexed.xid
          this.#caughtUp = now
          this.#before = null
          return Math.max(EVERY_MS, took / LOOK_SHARE)
        }
        const { rows, left } = indexed
        const before = this.#before ?? { left: left + rows, at: began }
        this.#before = { left, at: now }
        if (!busy) continue
        const step = { took, indexed: rows, written: left + rows - before.left, elapsed: now - before.at }
        return restAfter(step, now - this.#caughtUp)
      }
      return 0
    } catch (error) {
      // The next round tries again; a database that is away says so elsewhere.
      if (!(error instanceof DatabaseUnavailable))
        this.#log.error({ err: error }, 'messages could not be indexed for the search')
      return EVERY_MS * 4
    }
  }
}
