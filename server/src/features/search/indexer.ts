import type { Logger } from 'pino'
import { DatabaseUnavailable, type Db } from '../../ports/db/port.ts'
import { forgetGoneChat, indexChanges, nextTransaction } from './queries.ts'

const EVERY_MS = 250
/** Looking for what changed takes at most this share of the time. */
const SHARE = 1 / 20
const SWEEP_EVERY_MS = 60_000

/**
 * Keeps the index of the messages behind their writes, in bulk. Every node runs one; whoever finds the lane free takes
 * the next step, so one stopped or killed leaves nothing to clean up: the marks say where to go on.
 */
export class SearchIndexer {
  readonly #db: Db
  readonly #log: Logger
  #since = '0'
  #swept = 0
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

  /** Takes steps until there is nothing to do; resolves to the milliseconds until it is worth looking again. */
  async #round(): Promise<number> {
    let took = 0
    try {
      if (Date.now() - this.#swept > SWEEP_EVERY_MS) {
        this.#swept = Date.now()
        while (!this.#stopped && (await forgetGoneChat(this.#db)));
      }
      for (let more = (await nextTransaction(this.#db)) !== this.#since; more && !this.#stopped;) {
        const began = performance.now()
        const indexed = await indexChanges(this.#db, this.#since)
        took = performance.now() - began
        if (indexed && !indexed.more) this.#since = indexed.xid
        more = indexed?.more ?? false
      }
    } catch (error) {
      // The next round tries again; a database that is away says so elsewhere.
      if (!(error instanceof DatabaseUnavailable))
        this.#log.error({ err: error }, 'messages could not be indexed for the search')
      return EVERY_MS * 4
    }
    return Math.max(EVERY_MS, took / SHARE)
  }
}
