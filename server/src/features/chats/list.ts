import { CHATS_PAGE_MAX } from '@messenger/contract'
import type { Db } from '../../ports/db/port.ts'
import * as queries from './queries.ts'
import { byPlace, type FramedRow, type ListCursor, type Preview, type StoredRow } from './rows.ts'

const REMEMBERED = 20_000
/** A node that missed the news of a changed name shows the old one this long at most. */
const FRESH_MS = 60_000
const NOTHING: Preview = {
  preview_id: null,
  preview: null,
  preview_type: null,
  preview_system_event: null,
  preview_sender_id: null,
  preview_sender_name: null,
}

interface Known {
  revision: number
  read: number
  preview: Preview
}

/**
 * Rows of chat lists. What a row shows of a chat's newest message is the same for all its members and true until the
 * chat's revision moves: it is remembered, because looking into every chat's history is what a list costs.
 */
export class ChatLists {
  readonly #db: Db
  readonly #known = new Map<number, Known>()
  #epoch = 0

  constructor(db: Db) {
    this.#db = db
  }

  /** Somebody is called otherwise now. */
  forget(): void {
    this.#known.clear()
    this.#epoch++
  }

  async list(
    user_id: number,
    asked: { archived: boolean; limit: number; after: ListCursor | null },
  ): Promise<StoredRow[]> {
    const { archived, limit, after } = asked
    if (limit === CHATS_PAGE_MAX && !after) {
      // Almost everybody's list fits: what the database need not sort it need not copy.
      const all = await queries.anyOf(this.#db, user_id, archived, limit + 1)
      if (all.length <= limit) return this.#withPreviews(user_id, all.sort(byPlace))
    }
    return this.#withPreviews(user_id, await queries.listOf(this.#db, user_id, asked))
  }

  async rows(user_id: number, chat_ids: readonly number[]): Promise<StoredRow[]> {
    return this.#withPreviews(user_id, await queries.rowsOf(this.#db, user_id, chat_ids))
  }

  async #withPreviews(user_id: number, rows: FramedRow[]): Promise<StoredRow[]> {
    const shared = rows.filter((row) => !row.sees_a_part && row.preview_message_id !== null)
    const fresh = Date.now() - FRESH_MS
    const missing = shared.filter((row) => {
      const known = this.#known.get(row.id)
      return known?.revision !== row.revision || known.read < fresh
    })
    const own = rows.filter((row) => row.sees_a_part)
    const read = new Map<number, Preview>()
    if (missing.length > 0) await this.#read(missing, read)
    if (own.length > 0) {
      const ids = own.map(({ id }) => id)
      for (const { chat_id, ...preview } of await queries.previewsFor(this.#db, user_id, ids))
        read.set(chat_id, preview)
    }
    const previewed = rows.map((row) => {
      const known = row.sees_a_part ? undefined : this.#known.get(row.id)
      const remembered = known?.revision === row.revision ? known.preview : undefined
      return Object.assign(row, read.get(row.id) ?? remembered ?? NOTHING)
    })
    return this.#withReceipts(user_id, previewed)
  }

  /**
   * Whoever wrote the newest message has read everything: only where that was oneself, others are looked at. What the
   * chat says of itself is written by nobody.
   */
  async #withReceipts(user_id: number, rows: (FramedRow & Preview)[]): Promise<StoredRow[]> {
    const written = (row: FramedRow & Preview) =>
      row.preview_is_last &&
      !row.sees_a_part &&
      row.preview_type !== 'system' &&
      row.preview_sender_id !== user_id
    const asked = rows.filter((row) => row.sees_receipts && row.last_seq > 0 && !written(row))
    const ids = asked.map(({ id }) => id)
    const found = ids.length === 0 ? [] : await queries.othersReadOf(this.#db, user_id, ids)
    const marks = new Map(found.map(({ chat_id, seq }) => [chat_id, seq]))
    return rows.map((row) => {
      const others_read_seq = !row.sees_receipts ? 0 : written(row) ? row.last_seq : (marks.get(row.id) ?? 0)
      return Object.assign(row, { others_read_seq })
    })
  }

  async #read(missing: readonly FramedRow[], into: Map<number, Preview>): Promise<void> {
    const epoch = this.#epoch
    const read = Date.now()
    const revisions = new Map(missing.map((row) => [row.id, row.revision]))
    for (const { chat_id, ...preview } of await queries.previewsOf(this.#db, missing)) {
      into.set(chat_id, preview)
      // A name may have changed while this was read: then it is good for this answer, and not remembered.
      if (epoch !== this.#epoch) continue
      this.#known.delete(chat_id)
      if (this.#known.size >= REMEMBERED) this.#known.delete(this.#known.keys().next().value!)
      this.#known.set(chat_id, { revision: revisions.get(chat_id)!, read, preview })
    }
  }
}
