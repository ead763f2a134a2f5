import type { MessageType } from '@messenger/contract'
import { DatabaseError, sql, type Queries, type Statement } from '../../ports/db/port.ts'
import { COLUMNS, type Reader } from './queries.ts'
import type { More, RepliedTo, StoredMessage } from './wire.ts'

export interface Send {
  chat_id: number
  sender_id: number
  client_id: string | null
  content: string | null
  reply_to_message_id: number | null
  message_type: MessageType
  /** Null for a plain text. */
  more: More | null
}

export interface Sent {
  /** Why the row was refused; null when it was stored, or when its client_id was known already. */
  refusal: 'not_a_member' | 'not_allowed' | 'slow_mode' | 'not_found' | null
  /** Null when refused or known already. */
  id: number | null
  seq: number
  revision: number
  reply: RepliedTo | null
}

/** A row of the statement: what became of a send, or what it answers. */
interface Told {
  ord: number
  refusal: Sent['refusal']
  id: number | null
  seq: number
  revision: number
  reply_sender_id: number | null
  reply_content: string | null
  reply_type: string | null
}

const REPLIED_TO: Statement = sql`
  select r.sender_id, r.content, r.message_type from messages r
  where a.reply_to is not null and r.chat_id = a.chat_id and r.id = a.reply_to
    and not r.is_deleted and r.seq > m.cleared_seq`

/** Without replies in the batch, the partitions they might lie in are not even opened. */
const NO_REPLY: Statement = sql`select null::bigint as sender_id, null::text as content, null::text as message_type`

/**
 * In slow mode the first of a member's messages in a batch passes, and whatever was sent before: that is answered again.
 * Looked at in chats with slow mode alone. No `exists`, which a planner without statistics may answer by a hash of the
 * whole table.
 */
const TOO_SOON: Statement = sql`
  (m.last_sent_at > now() - make_interval(secs => c.slow_mode_seconds)
    or a.ord > (
      select min(b.ord) from asked b
      where b.chat_id = a.chat_id and b.sender_id = a.sender_id and b.ord <> a.ord
        and (a.client_id is null or b.client_id is distinct from a.client_id)))
  and (
    select k.message_id from message_client_ids k
    where k.chat_id = a.chat_id and k.sender_id = a.sender_id and k.client_id = a.client_id) is null`

/** Without anything but plain texts in the batch, their other columns are not even named. */
const MORE = {
  asked: sql``,
  columns: sql``,
  values: sql``,
  parts: sql``,
  uncounted: sql``,
  last_uncounted: sql``,
}

const PARTS: typeof MORE = {
  asked: sql`, $6::text[], $7::text[]`,
  columns: sql`, message_type, more`,
  values: sql`, coalesce(k.message_type, 'text'), x.*`,
  parts: sql`cross join lateral jsonb_to_record(coalesce(k.more, '{}')::jsonb) as x(
        file_id bigint, sticker_id bigint, attachment jsonb, duration_seconds real, waveform smallint[], album_id uuid,
        forwarded_from_chat_id bigint, forwarded_from_message_id bigint, forwarded_from_user_id bigint,
        forwarded_from_display_name text, entities jsonb, system_event jsonb)`,
  uncounted: sql`uncounted as (
      insert into message_uncounted (chat_id, seq) select chat_id, seq from kept where message_type = 'system'
    ),`,
  last_uncounted: sql`, last_uncounted_seq = greatest(h.last_uncounted_seq, k.uncounted)`,
}

/** What was checked, under the heads' locks. A subquery: `drawn` as a step of its own would be kept and sorted once more. */
const DRAWN: Statement = sql`(
        select c.*, h.last_seq, h.revision, h.last_message_id,
          (((date_part('epoch', clock_timestamp()) * 1000)::bigint - 1735689600000) << 12)
            | nextval('message_id_low_bits') as candidate
        from heads h join checked c on c.chat_id = h.chat_id and c.refusal is null
      ) d`

const DRAWN_ID: Statement = sql`ord + max(greatest(candidate - ord, last_message_id)) over chat as id`

const NUMBERED: Statement = sql`
        last_seq + row_number() over chat as seq, revision + row_number() over chat as revision`

const claim = (from: Statement): Statement => sql`
      insert into message_client_ids (chat_id, sender_id, client_id, message_id)
      select chat_id, sender_id, client_id, id from ${from} where client_id is not null`

/** All that were drawn, whose client_ids are new. */
const kept = (columns: Statement): Statement => sql`
    kept as materialized (
      select ord, chat_id, sender_id, client_id, content, reply_to${columns}, ${DRAWN_ID}, ${NUMBERED}
      from ${DRAWN}
      window chat as (partition by chat_id order by ord)
    ),
    claimed as (${claim(sql`kept`)})`

/** Those that were drawn whose client_ids turn out to be new. */
const keptOfRepeats = (columns: Statement): Statement => sql`
    identified as materialized (
      select d.*, ${DRAWN_ID} from ${DRAWN} window chat as (partition by chat_id order by ord)
    ),
    claimed as (${claim(sql`identified`)}
      on conflict do nothing
      returning chat_id, message_id
    ),
    kept as materialized (
      select ord, chat_id, sender_id, client_id, content, reply_to${columns}, id, ${NUMBERED}
      from identified
      where client_id is null or (chat_id, id) in (select chat_id, message_id from claimed)
      window chat as (partition by chat_id order by ord)
    )`

/** Whether `storeMessages` failed because a client_id was known already. */
export const isRepeated = (error: unknown): boolean =>
  error instanceof DatabaseError && error.constraint === 'message_client_ids_pkey'

function inOrder(told: readonly Told[], sends: readonly Send[]): Sent[] {
  const all: Sent[] = sends.map(() => ({ refusal: null, id: null, seq: 0, revision: 0, reply: null }))
  for (const { ord, refusal, id, seq, revision, reply_sender_id, reply_content, reply_type } of told) {
    const sent = all[ord - 1]!
    if (refusal) sent.refusal = refusal
    else if (id !== null) Object.assign(sent, { id, seq, revision })
    else if (reply_sender_id !== null)
      sent.reply = {
        id: sends[ord - 1]!.reply_to_message_id!,
        sender_id: reply_sender_id,
        content: reply_content,
        message_type: reply_type!,
      }
  }
  return all
}

interface Batch {
  repeats: boolean
  replies: boolean
  /** Nothing but texts. */
  plain: boolean
}

function storing({ repeats, replies, plain }: Batch): string {
  const more = plain ? MORE : PARTS
  return sql`
    with asked as (
      select * from unnest(
        $1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::bigint[]${more.asked}
      ) with ordinality as a(chat_id, sender_id, client_id, content, reply_to${more.columns}, ord)
    ),
    checked as materialized (
      select a.*, r.sender_id as reply_sender_id, r.content as reply_content, r.message_type as reply_type,
        case
          ${plain ? sql`` : sql`when a.message_type = 'system' then null`}
          when m.user_id is null then 'not_a_member'
          when m.role = 'member' and c.who_may_post = 'admins' then 'not_allowed'
          when m.role = 'member' and c.slow_mode_seconds > 0 and ${TOO_SOON} then 'slow_mode'
          when a.reply_to is not null and r.sender_id is null then 'not_found'
        end as refusal
      from asked a
      left join chat_members m on m.chat_id = a.chat_id and m.user_id = a.sender_id
      left join chats c on c.id = a.chat_id
      left join lateral (${replies ? REPLIED_TO : NO_REPLY}) r on true
    ),
    heads as materialized (
      select h.chat_id, h.last_seq, h.revision, h.last_message_id
      from chat_heads h
      where h.chat_id = any(array(select chat_id from checked where refusal is null))
      order by h.chat_id
      for update
    ),
    ${repeats ? keptOfRepeats(more.columns) : kept(more.columns)},
    stored as (
      insert into messages (id, chat_id, seq, revision, sender_id, client_id, content, created_at, reply_to_message_id
        ${plain ? sql`` : sql`, message_type, ${MORE_COLUMNS}`})
      select k.id, k.chat_id, k.seq, k.revision, k.sender_id, k.client_id, k.content,
        to_timestamp(((k.id >> 12) + 1735689600000) / 1000::float8), k.reply_to${more.values}
      from kept k ${more.parts}
    ),
    ${more.uncounted}
    moved as (
      update chat_heads h
      set last_seq = k.seq, revision = k.revision, last_message_id = k.id, preview_message_id = k.id,
        last_at = to_timestamp(((k.id >> 12) + 1735689600000) / 1000::float8), changed = pg_current_xact_id()
        ${more.last_uncounted}
      from (
        select chat_id, max(seq) as seq, max(revision) as revision, max(id) as id
          ${plain ? sql`` : sql`, max(seq) filter (where message_type = 'system') as uncounted`}
        from kept group by chat_id
      ) k
      where h.chat_id = k.chat_id
    ),
    read as (
      update chat_members m
      set last_read_seq = greatest(m.last_read_seq, k.seq), last_read_msg_id = greatest(m.last_read_msg_id, k.id),
        read_at = now(), last_sent_at = now(), changed = pg_current_xact_id()
      from (
        select chat_id, sender_id, max(seq) as seq, max(id) as id from kept
        ${plain ? sql`` : sql`where message_type is distinct from 'system'`}
        group by chat_id, sender_id
      ) k
      where m.chat_id = k.chat_id and m.user_id = k.sender_id
    )
    select c.ord::int as ord, c.refusal, c.reply_sender_id::float8, c.reply_content, c.reply_type,
      null::float8 as id, null::float8 as seq, null::float8 as revision
    from checked c where c.refusal is not null or c.reply_to is not null
    union all
    select k.ord::int, null, null, null, null, k.id::float8, k.seq::float8, k.revision::float8 from kept k
  `.text
}

/** Of each kind of batch, put together once: the database waits for the next batch while it is made. */
const texts = new Map<string, string>()

function textFor(batch: Batch): string {
  const kind = `${batch.repeats} ${batch.replies} ${batch.plain}`
  let text = texts.get(kind)
  if (!text) texts.set(kind, (text = storing(batch)))
  return text
}

/**
 * Stores many messages in one statement and one commit; answers in the order of `sends`. Each row is checked for
 * itself. Heads are locked in chat_id order, so two nodes cannot deadlock, and only then are client_ids claimed:
 * a unique key decides, because the statement's snapshot is older than the locks it waited for.
 *
 * An id is the millisecond and 12 bits of one sequence; the running maximum keeps ids of a chat rising whatever the
 * clock and the sequence's wrap-around do. Each step carries the columns of the one before: joining them again would
 * be a nested loop over the whole batch.
 *
 * `repeats` says whether a client_id may be known already. Without, a known one fails the whole statement
 * (`isRepeated`), which is an eighth cheaper for not looking twice.
 */
export async function storeMessages(
  db: Queries,
  sends: readonly Send[],
  { repeats }: { repeats: boolean },
): Promise<Sent[]> {
  const replies = sends.some((send) => send.reply_to_message_id !== null)
  const plain = sends.every((send) => send.more === null)
  const values: unknown[] = [
    sends.map((send) => send.chat_id),
    sends.map((send) => send.sender_id),
    sends.map((send) => send.client_id),
    sends.map((send) => send.content),
    sends.map((send) => send.reply_to_message_id),
  ]
  if (!plain)
    values.push(
      sends.map((send) => (send.message_type === 'text' ? null : send.message_type)),
      sends.map((send) => (send.more ? JSON.stringify(send.more) : null)),
    )
  return inOrder(await db.query<Told>({ text: textFor({ repeats, replies, plain }), values }), sends)
}

/** The columns of a message that a plain text leaves empty. */
const MORE_COLUMNS: Statement = sql`
  file_id, sticker_id, attachment, duration_seconds, waveform, album_id, forwarded_from_chat_id,
  forwarded_from_message_id, forwarded_from_user_id, forwarded_from_display_name, entities, system_event`

/** The messages that were first sent under these client_ids, by the caller of each. */
export function sentBefore(db: Queries, sends: readonly Send[]): Promise<StoredMessage[]> {
  return db.query<StoredMessage>(sql`
    select ${COLUMNS}
    from unnest(
      ${sends.map((send) => send.chat_id)}::bigint[],
      ${sends.map((send) => send.sender_id)}::bigint[],
      ${sends.map((send) => send.client_id)}::uuid[]
    ) as a(chat_id, sender_id, client_id)
    join message_client_ids k using (chat_id, sender_id, client_id)
    join messages m on m.chat_id = k.chat_id and m.id = k.message_id
  `)
}

/** Seconds until this member may send again, in slow mode. */
export async function slowModeWait(db: Queries, { chat_id, user_id }: Reader): Promise<number> {
  const [found] = await db.query<{ seconds: number }>(sql`
    select greatest(1, extract(epoch from m.last_sent_at + make_interval(secs => c.slow_mode_seconds) - now()))::float8
      as seconds
    from chat_members m join chats c on c.id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id}`)
  return found?.seconds ?? 1
}
