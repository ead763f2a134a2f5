import { CHATS_PAGE_MAX } from '@messenger/contract'
import type { Db } from '../../ports/db/port.ts'
import { remember } from '../../remember.ts'
import * as queries from './queries.ts'
import {
  byPlace,
  frameOf,
  newestOf,
  type Frame,
  type FramedRow,
  type ListCursor,
  type ListedRow,
  type Newest,
  type Preview,
  type StoredRow,
} from './rows.ts'

const REMEMBERED = 20_000
/** A node that missed the news of a changed name shows the old one this long at most. */
const FRESH_MS = 60_000
const NO_PREVIEW: Preview = {
  preview_id: null,
  preview: null,
  preview_type: null,
  preview_system_event: null,
  preview_sender_id: null,
  preview_sender_name: null,
}

/** Stands in a row until what is newest has been read. */
const NOTHING: Newest = { type: null, sender_id: null, json: new Uint8Array() }

interface Known extends Newest {
  revision: number
  read: number
}

/**
 * Rows of chat lists. What a chat is, and what a row shows of its newest message, is the same for all its members, and
 * true until the chat's version or revision moves: it is remembered as the JSON that it becomes.
 */
export class ChatLists {
  readonly #db: Db
  readonly #frames = new Map<number, Frame>()
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
      if (all.length <= limit) return this.#whole(user_id, (await this.#framed(all)).sort(byPlace))
    }
    return this.#whole(user_id, await this.#framed(await queries.listOf(this.#db, user_id, asked)))
  }

  async rows(user_id: number, chat_ids: readonly number[]): Promise<StoredRow[]> {
    return this.#whole(user_id, await this.#framed(await queries.rowsOf(this.#db, user_id, chat_ids)))
  }

  /** A chat that is gone by now has no row any more. */
  async #framed(rows: readonly ListedRow[]): Promise<FramedRow[]> {
    const missing = rows.filter(({ id, version }) => this.#frames.get(id)?.version !== version)
    const read = missing.length === 0 ? null : await this.#readFrames(missing.map(({ id }) => id))
    const framed: FramedRow[] = []
    for (const own of rows) {
      const frame = read?.get(own.id) ?? this.#frames.get(own.id)
      if (frame) framed.push({ own, frame })
    }
    return framed
  }

  async #whole(user_id: number, framed: readonly FramedRow[]): Promise<StoredRow[]> {
    const fresh = Date.now() - FRESH_MS
    const rows: StoredRow[] = []
    const shared: StoredRow[] = []
    const particular: StoredRow[] = []
    for (const { own, frame } of framed) {
      const known = own.sees_a_part ? undefined : this.#known.get(own.id)
      const holds = known?.revision === own.revision
      const row: StoredRow = { own, frame, newest: holds ? known : NOTHING, others_read_seq: 0 }
      rows.push(row)
      if (own.sees_a_part) particular.push(row)
      else if (own.preview_message_id === null) row.newest = newestOf(row, NO_PREVIEW)
      else if (!holds || known.read < fresh) shared.push(row)
    }
    if (shared.length > 0) await this.#readShared(shared)
    if (particular.length > 0) await this.#readParticular(user_id, particular)
    return this.#withReceipts(user_id, rows)
  }

  /**
   * Whoever wrote the newest message has read everything: only where that was oneself, others are looked at. What the
   * chat says of itself is written by nobody.
   */
  async #withReceipts(user_id: number, rows: StoredRow[]): Promise<StoredRow[]> {
    const asked = new Map<number, StoredRow>()
    for (const row of rows) {
      const { own, newest } = row
      if (!own.shares_receipts || own.member_count < 2 || own.member_count > queries.RECEIPT_CHAT_MAX)
        continue
      const is_written = newest.type !== 'system' && newest.sender_id !== user_id
      if (own.preview_is_last && !own.sees_a_part && is_written) row.others_read_seq = own.last_seq
      else if (own.last_seq > 0) asked.set(own.id, row)
    }
    if (asked.size > 0)
      for (const { chat_id, seq } of await queries.othersReadOf(this.#db, user_id, [...asked.keys()]))
        asked.get(chat_id)!.others_read_seq = seq
    return rows
  }

  async #readFrames(chat_ids: readonly number[]): Promise<Map<number, Frame>> {
    const read = new Map<number, Frame>()
    for (const found of await queries.framesOf(this.#db, chat_ids)) {
      const frame = frameOf(found)
      read.set(found.id, frame)
      remember(this.#frames, found.id, frame, REMEMBERED)
    }
    return read
  }

  async #readShared(rows: readonly StoredRow[]): Promise<void> {
    const epoch = this.#epoch
    const read = Date.now()
    const found = await queries.previewsOf(
      this.#db,
      rows.map(({ own }) => own),
    )
    fill(rows, found, (row) => {
      // A name may have changed while this was read: then it is good for this answer, and not remembered.
      const { id, revision } = row.own
      if (epoch === this.#epoch) remember(this.#known, id, { ...row.newest, revision, read }, REMEMBERED)
    })
  }

  async #readParticular(user_id: number, rows: readonly StoredRow[]): Promise<void> {
    const chat_ids = rows.map(({ own }) => own.id)
    fill(rows, await queries.previewsFor(this.#db, user_id, chat_ids))
  }
}

/** Shows what was found, and nothing in rows for which there is nothing. */
function fill(
  rows: readonly StoredRow[],
  found: readonly (Preview & { chat_id: number })[],
  filled?: (row: StoredRow) => void,
): void {
  const previews = new Map(found.map((preview) => [preview.chat_id, preview]))
  for (const row of rows) {
    const preview = previews.get(row.own.id)
    row.newest = newestOf(row, preview ?? NO_PREVIEW)
    if (preview) filled?.(row)
  }
}
