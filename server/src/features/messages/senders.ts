import type { Db } from '../../ports/db/port.ts'
import { remember } from '../../remember.ts'
import { sendersOf } from './queries.ts'
import { senderOf, unknownSender, type Sender } from './wire.ts'

const REMEMBERED = 20_000
/** A node that missed the news of a changed profile shows the old name this long at most. */
const FRESH_MS = 60_000

/**
 * Names and pictures of those who write, remembered by each node: a page has many messages of few people, and the
 * width of its rows is its price. `epoch` moves whenever somebody changed, so that pages made before are not reused.
 */
export class Senders {
  readonly #db: Db
  readonly #known = new Map<number, { sender: Sender; read: number }>()
  epoch = 0

  constructor(db: Db) {
    this.#db = db
  }

  forget(user_id: number): void {
    if (this.#known.delete(user_id)) this.epoch++
  }

  /** Answers at once when all are known. */
  of(ids: Iterable<number>): Map<number, Sender> | Promise<Map<number, Sender>> {
    const found = new Map<number, Sender>()
    const missing: number[] = []
    const fresh = Date.now() - FRESH_MS
    for (const id of ids) {
      const known = this.#known.get(id)
      if (known && known.read > fresh) found.set(id, known.sender)
      else if (!found.has(id)) missing.push(id)
    }
    return missing.length === 0 ? found : this.#load(found, missing)
  }

  async #load(found: Map<number, Sender>, missing: number[]): Promise<Map<number, Sender>> {
    const epoch = this.epoch
    const read = Date.now()
    for (const row of await sendersOf(this.#db, missing)) {
      const sender = senderOf(row)
      found.set(sender.id, sender)
      // Somebody may have changed while this was read: then it is good for this answer, and not remembered.
      if (epoch === this.epoch) remember(this.#known, sender.id, { sender, read }, REMEMBERED)
    }
    for (const id of missing) if (!found.has(id)) found.set(id, unknownSender(id))
    return found
  }
}
