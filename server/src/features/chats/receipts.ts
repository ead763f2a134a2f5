import type { ReadReceipt } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Queries } from '../../ports/db/port.ts'
import { RECEIPT_CHAT_MAX } from './queries.ts'

const RECEIPTS_MAX = 200

export interface Read {
  last_read_seq: number
  last_read_msg_id: number | null
  /** Whether the mark moved. */
  moved: boolean
  /** Whether the chat was marked unread until now. */
  unmarked: boolean
  /** They share it, and the chat is small enough for everybody to be told. */
  shares: boolean
}

/** Moves the caller's read mark to a seq, a message, or the newest; never back and never beyond the newest. */
export async function moveReadMark(
  db: Queries,
  chat_id: number,
  user_id: number,
  to: { seq?: number | null | undefined; message_id?: number | null | undefined },
): Promise<Read> {
  const [read] = await db.query<Read>(sql`
    with target as (
      select m.user_id, m.last_read_seq as before, h.last_seq, h.last_message_id,
        coalesce(m.marked_unread_seq = m.last_read_seq, false) as marked,
        least(h.last_seq, coalesce(
          ${to.seq ?? null}::bigint,
          (select v.seq from messages v where v.chat_id = ${chat_id} and v.id = ${to.message_id ?? null}::bigint),
          case when ${to.message_id ?? null}::bigint is null then h.last_seq else 0 end)) as seq
      from chat_members m join chat_heads h on h.chat_id = m.chat_id
      where m.chat_id = ${chat_id} and m.user_id = ${user_id}
    ),
    moved as (
      update chat_members m
      set last_read_seq = greatest(m.last_read_seq, t.seq), marked_unread_seq = null, changed = pg_current_xact_id(),
        read_at = case when t.seq > m.last_read_seq then now() else m.read_at end,
        last_read_msg_id = case
          when t.seq = t.last_seq then nullif(t.last_message_id, 0)
          else coalesce((select v.id from messages v
            where v.chat_id = ${chat_id} and v.seq = t.seq and v.id > coalesce(m.last_read_msg_id, 0)
            order by v.id limit 1), m.last_read_msg_id) end
      from target t
      where m.chat_id = ${chat_id} and m.user_id = t.user_id and (t.seq > m.last_read_seq or t.marked)
      returning m.last_read_seq, m.last_read_msg_id
    )
    select coalesce(moved.last_read_seq, t.before)::float8 as last_read_seq, moved.last_read_msg_id::float8,
      coalesce(moved.last_read_seq > t.before, false) as moved, t.marked and moved.last_read_seq is not null as unmarked,
      coalesce(s.read_receipts_enabled, true) and c.member_count <= ${RECEIPT_CHAT_MAX} as shares
    from target t join chats c on c.id = ${chat_id}
      left join moved on true left join user_settings s on s.user_id = t.user_id`)
  if (!read) throw new Refusal('not_a_member')
  return read
}

type FoundReceipt = Omit<ReadReceipt, 'read_at'> & { read_at: Date | null }

/** Others' read marks, of those who share them; none when the caller shares none. */
export const receiptsFor = (db: Queries, chat_id: number, user_id: number) =>
  db.query<FoundReceipt>(sql`
    select m.user_id::float8, m.last_read_msg_id::float8, m.last_read_seq::float8, m.read_at
    from chat_members m left join user_settings s on s.user_id = m.user_id
    where m.chat_id = ${chat_id} and m.user_id <> ${user_id} and m.last_read_seq > 0
      and coalesce(s.read_receipts_enabled, true)
      and coalesce((select read_receipts_enabled from user_settings where user_id = ${user_id}), true)
    order by m.last_read_seq desc, m.user_id limit ${RECEIPTS_MAX}`)

/** Who has read one message; null where the chat is too large to say. */
export async function readersOf(db: Queries, chat_id: number, user_id: number, message_id: number) {
  const [found] = await db.query<{ seq: number; sender_id: number; member_count: number }>(sql`
    select v.seq::float8, v.sender_id::float8, c.member_count
    from chat_members m join chats c on c.id = m.chat_id join messages v on v.chat_id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id} and v.chat_id = ${chat_id} and v.id = ${message_id}
      and v.seq > m.cleared_seq`)
  if (!found) throw new Refusal('not_found')
  if (found.member_count > RECEIPT_CHAT_MAX) return null
  const receipts = await receiptsFor(db, chat_id, user_id)
  return receipts.filter((one) => one.last_read_seq >= found.seq && one.user_id !== found.sender_id)
}

/** How many of those who share it have read one message; its sender is not counted. */
export async function readCountOf(db: Queries, chat_id: number, user_id: number, message_id: number) {
  const [found] = await db.query<{ read_count: number }>(sql`
    select (
      select count(*) from chat_members o
      where o.chat_id = ${chat_id} and o.user_id <> v.sender_id and o.last_read_seq >= v.seq
        and not exists (select from user_settings s where s.user_id = o.user_id and not s.read_receipts_enabled)
        and not exists (select from user_settings s where s.user_id = ${user_id} and not s.read_receipts_enabled)
    )::int as read_count
    from chat_members m join messages v on v.chat_id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id} and v.chat_id = ${chat_id} and v.id = ${message_id}
      and v.seq > m.cleared_seq`)
  if (!found) throw new Refusal('not_found')
  return found
}
