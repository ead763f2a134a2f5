import type { ChatType } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { accessOf, COLUMNS, visibleTo, type Reader, type StoredMessage } from '../messages/queries.ts'
import type { Asked } from './rules.ts'

export interface StoredPin {
  pinned_at: Date
  pinned_by: number
  /** The chat's revision by which it was pinned: the order of pins. */
  pinned_revision: number
}

export type PinnedMessage = StoredMessage & StoredPin

/** Of a row `p`. */
const PIN: Statement = sql`p.pinned_at, p.pinned_by::float8, p.revision::float8 as pinned_revision`

/** Locks the head, and lets `decide` look at who asks; refuses what they do not see. */
async function asking(
  tx: Queries,
  reader: Reader,
  message_id: number,
  decide: (asked: Asked) => void,
): Promise<ChatType> {
  await tx.query(sql`select from chat_heads where chat_id = ${reader.chat_id} for update`)
  await accessOf(tx, reader.chat_id, reader.user_id)
  const [asked] = await tx.query<Asked>(sql`
    select a.role, a.message_type, c.type, c.who_may_pin from (
      select me.role, m.message_type ${visibleTo(reader)} and m.id = ${message_id} and not m.is_deleted
    ) as a, chats c where c.id = ${reader.chat_id}`)
  if (!asked) throw new Refusal('not_found')
  decide(asked)
  return asked.type
}

export interface Pinned {
  pin: PinnedMessage
  /** False when it was pinned before: nothing changed. */
  is_new: boolean
  type: ChatType
}

export const pinFor = (
  db: Db,
  reader: Reader,
  message_id: number,
  decide: (asked: Asked) => void,
): Promise<Pinned> =>
  db.transaction(async (tx) => {
    const { chat_id, user_id } = reader
    const type = await asking(tx, reader, message_id, decide)
    const made = await tx.query(sql`
      with made as (
        insert into message_pins (chat_id, message_id, pinned_by, revision)
        select ${chat_id}, ${message_id}, ${user_id}, revision + 1 from chat_heads where chat_id = ${chat_id}
        on conflict do nothing
        returning revision
      ),
      moved as (
        update chat_heads h set revision = made.revision, changed = pg_current_xact_id()
        from made where h.chat_id = ${chat_id}
      )
      update messages m set is_pinned = true, revision = made.revision
      from made where m.chat_id = ${chat_id} and m.id = ${message_id}
      returning 1 as one`)
    const [pin] = await tx.query<PinnedMessage>(sql`
      select ${COLUMNS}, ${PIN} from messages m
      join message_pins p on p.chat_id = m.chat_id and p.message_id = m.id
      where m.chat_id = ${chat_id} and m.id = ${message_id}`)
    return { pin: pin!, is_new: made.length > 0, type }
  })

/** The revision by which a message was unpinned; null when it was not pinned. */
export const unpinFor = (
  db: Db,
  reader: Reader,
  message_id: number,
  decide: (asked: Asked) => void,
): Promise<number | null> =>
  db.transaction(async (tx) => {
    const { chat_id } = reader
    await asking(tx, reader, message_id, decide)
    const [moved] = await tx.query<{ revision: number }>(sql`
      with gone as (
        delete from message_pins where chat_id = ${chat_id} and message_id = ${message_id} returning message_id
      ),
      moved as (
        update chat_heads set revision = revision + 1, changed = pg_current_xact_id()
        where chat_id = ${chat_id} and exists (select from gone) returning revision
      )
      update messages m set is_pinned = false, revision = moved.revision
      from moved where m.chat_id = ${chat_id} and m.id = ${message_id}
      returning m.revision::float8`)
    return moved?.revision ?? null
  })

/** Pins that the reader sees, the last first; `before`: those that were pinned before this revision. */
export async function pinsOf(
  db: Queries,
  reader: Reader,
  asked: { limit: number; before?: number | undefined },
) {
  await accessOf(db, reader.chat_id, reader.user_id)
  const { limit, before = Number.MAX_SAFE_INTEGER } = asked
  return db.query<PinnedMessage>(sql`
    select v.* from message_pins p
    cross join lateral (select ${COLUMNS}, ${PIN} ${visibleTo(reader)} and m.id = p.message_id) v
    where p.chat_id = ${reader.chat_id} and p.revision < ${before}
    order by p.revision desc limit ${limit}`)
}
