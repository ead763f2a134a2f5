import type { Entity, MessageType } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { DatabaseError, sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { namedIn, withoutGone, type More, type RepliedTo, type Sender, type StoredMessage } from './wire.ts'

export { namedIn, withoutGone, type StoredMessage }

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

const partsOf = (sends: readonly Send[]): typeof MORE => ({
  asked: sql`, ${sends.map((send) => (send.message_type === 'text' ? null : send.message_type))}::text[],
        ${sends.map((send) => (send.more ? JSON.stringify(send.more) : null))}::text[]`,
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
})

/** What was checked, under the heads' locks. A subquery: `drawn` as a step of its own would be kept and sorted once more. */
const DRAWN: Statement = sql`(
        select c.*, h.last_seq, h.revision, h.last_message_id,
          (((date_part('epoch', clock_timestamp()) * 1000)::bigint - 1735689600000) << 12)
            | nextval('message_id_low_bits') as candidate
        from heads h join checked c on c.chat_id = h.chat_id and c.refusal is null
      ) d`

const DRAWN_ID: Statement = sql`ord + max(greatest(candidate - ord, last_message_id)) over chat as id`

/** All that were drawn, whose client_ids are new. */
const KEPT = (columns: Statement): Statement => sql`
    kept as materialized (
      select ord, chat_id, sender_id, client_id, content, reply_to, ${DRAWN_ID}${columns},
        last_seq + row_number() over chat as seq, revision + row_number() over chat as revision
      from ${DRAWN}
      window chat as (partition by chat_id order by ord)
    ),
    claimed as (
      insert into message_client_ids (chat_id, sender_id, client_id, message_id)
      select chat_id, sender_id, client_id, id from kept where client_id is not null
    )`

/** Those that were drawn whose client_ids turn out to be new. */
const KEPT_OF_REPEATS = (columns: Statement): Statement => sql`
    identified as materialized (
      select d.*, ${DRAWN_ID} from ${DRAWN} window chat as (partition by chat_id order by ord)
    ),
    claimed as (
      insert into message_client_ids (chat_id, sender_id, client_id, message_id)
      select chat_id, sender_id, client_id, id from identified where client_id is not null
      on conflict do nothing
      returning chat_id, message_id
    ),
    kept as materialized (
      select ord, chat_id, sender_id, client_id, content, reply_to, id${columns},
        last_seq + row_number() over chat as seq, revision + row_number() over chat as revision
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
 * (`isRepeated`), which is a fifth cheaper for not looking twice.
 */
export function storeMessages(
  db: Queries,
  sends: readonly Send[],
  { repeats }: { repeats: boolean },
): Promise<Sent[]> {
  const replies = sends.some((send) => send.reply_to_message_id !== null)
  const plain = sends.every((send) => send.more === null)
  const more = plain ? MORE : partsOf(sends)
  return db
    .query<Told>(
      sql`
    with asked as (
      select * from unnest(
        ${sends.map((send) => send.chat_id)}::bigint[],
        ${sends.map((send) => send.sender_id)}::bigint[],
        ${sends.map((send) => send.client_id)}::uuid[],
        ${sends.map((send) => send.content)}::text[],
        ${sends.map((send) => send.reply_to_message_id)}::bigint[]${more.asked}
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
    ${repeats ? KEPT_OF_REPEATS(more.columns) : KEPT(more.columns)},
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
  `,
    )
    .then((told) => inOrder(told, sends))
}

/** The columns of a message that a plain text leaves empty. */
const MORE_COLUMNS: Statement = sql`
  file_id, sticker_id, attachment, duration_seconds, waveform, album_id, forwarded_from_chat_id,
  forwarded_from_message_id, forwarded_from_user_id, forwarded_from_display_name, entities, system_event`

/** A `StoredMessage` of a row `m`. */
export const COLUMNS: Statement = sql`
  m.id::float8, m.chat_id::float8, m.seq::float8, m.revision::float8, m.sender_id::float8, m.client_id,
  m.message_type, m.content, m.is_edited, (extract(epoch from m.updated_at) * 1000)::float8 as updated_ms,
  m.is_deleted, m.reply_to_message_id::float8,
  case when m.message_type <> 'text' or m.entities is not null or m.reactions is not null or m.is_pinned
      or m.forwarded_from_display_name is not null then
    json_strip_nulls(json_build_object('file_id', m.file_id, 'sticker_id', m.sticker_id, 'attachment', m.attachment,
      'duration_seconds', m.duration_seconds, 'waveform', m.waveform, 'album_id', m.album_id,
      'forwarded_from_chat_id', m.forwarded_from_chat_id, 'forwarded_from_message_id', m.forwarded_from_message_id,
      'forwarded_from_user_id', m.forwarded_from_user_id, 'forwarded_from_display_name', m.forwarded_from_display_name,
      'entities', m.entities, 'system_event', m.system_event, 'reactions', m.reactions, 'is_pinned', m.is_pinned))
  end as more`

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

/** What a member may see of a chat, and how far its history has come. */
export interface Access {
  revision: number
  last_message_id: number
  cleared_seq: number
  hidden_count: number
}

export async function accessOf(db: Queries, chat_id: number, user_id: number): Promise<Access> {
  const [access] = await db.query<Access>(sql`
    select h.revision::float8, h.last_message_id::float8, m.cleared_seq::float8, m.hidden_count
    from chat_members m join chat_heads h on h.chat_id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id}`)
  if (!access) throw new Refusal('not_a_member')
  return access
}

export interface Reader {
  chat_id: number
  user_id: number
}

/** Only a member reads, from where they cleared the chat, without what they deleted for themselves. */
export const visibleTo = ({ chat_id, user_id }: Reader): Statement => sql`
  from chat_members me join messages m on m.chat_id = me.chat_id
  where me.chat_id = ${chat_id} and me.user_id = ${user_id} and m.chat_id = ${chat_id} and m.seq > me.cleared_seq
    and (me.hidden_count = 0 or not exists (
      select from messages_hidden x
      where x.chat_id = ${chat_id} and x.user_id = ${user_id} and x.message_id = m.id))`

/** Up to `limit` messages with ids below `id`, the newest first. */
export const messagesBefore = (db: Queries, reader: Reader, id: number, limit: number) =>
  db.query<StoredMessage>(
    sql`select ${COLUMNS} ${visibleTo(reader)} and m.id < ${id} order by m.id desc limit ${limit}`,
  )

/** Up to `limit` messages with ids above `id`, the oldest first. */
export const messagesAfter = (db: Queries, reader: Reader, id: number, limit: number) =>
  db.query<StoredMessage>(
    sql`select ${COLUMNS} ${visibleTo(reader)} and m.id > ${id} order by m.id limit ${limit}`,
  )

/** Those of these messages that are there for the reader, in no order. */
export const messagesOf = (db: Queries, reader: Reader, ids: readonly number[]) =>
  db.query<StoredMessage>(
    sql`select ${COLUMNS} ${visibleTo(reader)} and m.id = any(${ids}::bigint[]) and not m.is_deleted`,
  )

/** What changed after a revision, in the order of revisions; deleted messages as tombstones. */
export const messagesChangedAfter = (db: Queries, reader: Reader, revision: number, limit: number) =>
  db.query<StoredMessage>(
    sql`select ${COLUMNS} ${visibleTo(reader)} and m.revision > ${revision} order by m.revision limit ${limit}`,
  )

/** Messages by where they are, whoever asks: rights were looked at before. */
export const messagesAt = (db: Queries, wanted: readonly { chat_id: number; id: number }[]) =>
  db.query<StoredMessage>(sql`
    select ${COLUMNS}
    from unnest(${wanted.map((one) => one.chat_id)}::bigint[], ${wanted.map(({ id }) => id)}::bigint[]) as a(chat_id, id)
    join messages m on m.chat_id = a.chat_id and m.id = a.id`)

/** The newest change of each chat of these people after a moment: what a node tells again when events were lost. */
export const newestChanges = (db: Queries, user_ids: readonly number[], since: Date) =>
  db.query<StoredMessage>(sql`
    select ${COLUMNS}
    from chat_heads h
    join lateral (select * from messages r where r.chat_id = h.chat_id and r.revision = h.revision) m on true
    where h.chat_id in (select chat_id from chat_members where user_id = any(${user_ids}::bigint[])) and h.revision > 0
      and coalesce(m.updated_at, m.created_at) >= ${since}`)

/** Those of these messages that this person may see, the newest first. */
export const messagesByIds = (
  db: Queries,
  found: readonly { chat_id: number; id: number }[],
  user_id: number,
) =>
  db.query<StoredMessage>(sql`
    select ${COLUMNS}
    from unnest(
      ${found.map(({ chat_id }) => chat_id)}::bigint[], ${found.map(({ id }) => id)}::bigint[]
    ) as f(chat_id, id)
    join chat_members me on me.chat_id = f.chat_id and me.user_id = ${user_id}
    join messages m on m.chat_id = f.chat_id and m.id = f.id
    where m.seq > me.cleared_seq and not m.is_deleted and not exists (
      select from messages_hidden x where x.chat_id = f.chat_id and x.user_id = ${user_id} and x.message_id = f.id)
    order by m.id desc, m.chat_id`)

export const repliedTo = (db: Queries, chat_id: number, ids: readonly number[]) =>
  db.query<RepliedTo>(sql`
    select m.id::float8, m.sender_id::float8, case when m.is_deleted then null else left(m.content, 256) end as content,
      m.message_type
    from messages m where m.chat_id = ${chat_id} and m.id = any(${ids}::bigint[])`)

export const sendersOf = (db: Queries, ids: readonly number[]) =>
  db.query<Sender>(sql`
    select id::float8, username, coalesce(nullif(display_name, ''), username) as display_name, is_admin,
      avatar_url('users', id, avatar_file_id), not is_active as is_gone
    from users where id = any(${ids}::bigint[])`)

/**
 * Changes the text or caption of one's own message under the head's lock; null when it is not theirs to change, or when
 * nothing would be left of it. `keep`: how many earlier versions are kept.
 */
export const editText = (
  db: Db,
  reader: Reader,
  message_id: number,
  { content, entities, keep }: { content: string | null; entities: readonly Entity[]; keep: number },
) =>
  db.transaction(async (tx) => {
    await tx.query(sql`select from chat_heads where chat_id = ${reader.chat_id} for update`)
    const [edited] = await tx.query<StoredMessage>(sql`
      with own as (
        select m.id, m.revision, m.content, coalesce(m.updated_at, m.created_at) as written_at
        ${visibleTo(reader)} and m.id = ${message_id} and m.sender_id = ${reader.user_id}
          and not m.is_deleted and m.message_type not in ('system', 'sticker')
          and m.forwarded_from_display_name is null and (${content !== null} or m.file_id is not null)
      ),
      kept as (
        insert into message_edits (chat_id, message_id, revision, content, written_at)
        select ${reader.chat_id}, id, revision, content, written_at from own where ${keep} > 0
      ),
      forgotten as (
        delete from message_edits where chat_id = ${reader.chat_id} and message_id = ${message_id} and revision <= (
          select e.revision from message_edits e, own
          where e.chat_id = ${reader.chat_id} and e.message_id = own.id
          order by e.revision desc offset greatest(${keep}::int - 1, 0) limit 1)
      ),
      moved as (
        update chat_heads set revision = revision + 1, changed = pg_current_xact_id()
        where chat_id = ${reader.chat_id} and exists (select from own)
        returning revision
      )
      update messages m
      set content = ${content}, entities = ${entities.length === 0 ? null : entities}::jsonb, is_edited = true, updated_at = now(), revision = moved.revision
      from moved, own
      where m.chat_id = ${reader.chat_id} and m.id = own.id
      returning ${COLUMNS}`)
    return edited ?? null
  })

/** Refuses whoever does not see a message, and whoever did not send it. */
export async function refuseOthers(db: Queries, reader: Reader, message_id: number): Promise<void> {
  await accessOf(db, reader.chat_id, reader.user_id)
  const [message] = await messagesOf(db, reader, [message_id])
  if (!message) throw new Refusal('not_found')
  if (message.sender_id !== reader.user_id) throw new Refusal('not_allowed')
}

/** What a message said before, whoever asks: rights were looked at before. */
export const editsOf = (db: Queries, chat_id: number, message_id: number) =>
  db.query<{ content: string | null; written_at: Date }>(sql`
    select content, written_at from message_edits
    where chat_id = ${chat_id} and message_id = ${message_id} order by revision`)

export interface Deletable {
  sender_id: number
  seq: number
  is_deleted: boolean
  role: string
  chat_type: string
}

/** Leaves a tombstone under the head's lock, unless `decide` refuses; null when there is nothing to see. */
export const deleteForEveryone = (
  db: Db,
  reader: Reader,
  message_id: number,
  decide: (found: Deletable) => void,
): Promise<{ revision: number | null; seq: number; was_pinned: boolean } | null> =>
  db.transaction(async (tx) => {
    await tx.query(sql`select from chat_heads where chat_id = ${reader.chat_id} for update`)
    const [found] = await tx.query<Deletable>(sql`
      select m.sender_id::float8, m.seq::float8, m.is_deleted, me.role,
        (select type from chats where id = ${reader.chat_id}) as chat_type
      ${visibleTo(reader)} and m.id = ${message_id}`)
    if (!found) return null
    decide(found)
    if (found.is_deleted) return { revision: null, seq: found.seq, was_pinned: false }
    const [deleted] = await tx.query<{ revision: number; seq: number; was_pinned: boolean }>(sql`
      with gone as (
        insert into message_uncounted (chat_id, seq) values (${reader.chat_id}, ${found.seq}) on conflict do nothing
      ),
      reacted as (delete from message_reactions where chat_id = ${reader.chat_id} and message_id = ${message_id}),
      said as (delete from message_edits where chat_id = ${reader.chat_id} and message_id = ${message_id}),
      unpinned as (
        delete from message_pins where chat_id = ${reader.chat_id} and message_id = ${message_id} returning 1
      ),
      moved as (
        update chat_heads h
        set revision = h.revision + 1, changed = pg_current_xact_id(),
          last_uncounted_seq = greatest(h.last_uncounted_seq, ${found.seq}),
          preview_message_id = case when h.preview_message_id = ${message_id} then (
            select m.id from messages m
            where m.chat_id = ${reader.chat_id} and m.id < ${message_id} and not m.is_deleted
            order by m.id desc limit 1
          ) else h.preview_message_id end
        where h.chat_id = ${reader.chat_id}
        returning h.revision
      )
      update messages m
      set content = null, file_id = null, sticker_id = null, attachment = null, duration_seconds = null, waveform = null,
        album_id = null, entities = null, reactions = null, system_event = null, is_pinned = false,
        forwarded_from_chat_id = null, forwarded_from_message_id = null, forwarded_from_user_id = null,
        forwarded_from_display_name = null,
        is_deleted = true, updated_at = now(), revision = moved.revision
      from moved
      where m.chat_id = ${reader.chat_id} and m.id = ${message_id}
      returning m.revision::float8, m.seq::float8, exists (select from unpinned) as was_pinned`)
    return deleted ?? null
  })

/** Hides a message from one member alone; false when there is none to see. Hiding again changes nothing. */
export async function hideMessage(db: Queries, reader: Reader, message_id: number): Promise<boolean> {
  const [found] = await db.query<{ found: boolean }>(sql`
    with shown as (
      select m.seq from chat_members me join messages m on m.chat_id = me.chat_id
      where me.chat_id = ${reader.chat_id} and me.user_id = ${reader.user_id}
        and m.chat_id = ${reader.chat_id} and m.id = ${message_id} and m.seq > me.cleared_seq
    ),
    hidden as (
      insert into messages_hidden (chat_id, user_id, message_id, seq)
      select ${reader.chat_id}, ${reader.user_id}, ${message_id}, seq from shown
      on conflict do nothing
      returning 1
    ),
    counted as (
      update chat_members set hidden_count = hidden_count + 1, changed = pg_current_xact_id()
      where chat_id = ${reader.chat_id} and user_id = ${reader.user_id} and exists (select from hidden)
    )
    select exists (select from shown) as found`)
  return found?.found ?? false
}

/** Makes the partitions of the coming months; true when messages lie beyond them, which should never happen. */
export async function makePartitions(db: Queries, months: number): Promise<boolean> {
  await db.query(sql`select ensure_message_partitions(now(), ${months})`)
  const [found] = await db.query<{ beyond: boolean }>(
    sql`select exists (select from messages_beyond) as beyond`,
  )
  return found?.beyond ?? false
}

/** Those of these usernames (in lower case) who are in the chat, and whether the sender may call everybody. */
export async function mentionedIn(db: Queries, reader: Reader, names: readonly string[]) {
  const rows = await db.query<{ name: string; user_id: number; is_sender: boolean; ranks: boolean }>(sql`
    select lower(u.username) as name, u.id::float8 as user_id, m.user_id = ${reader.user_id} as is_sender,
      m.role in ('owner', 'admin') as ranks
    from chat_members m join users u on u.id = m.user_id
    where m.chat_id = ${reader.chat_id} and u.is_active
      and (m.user_id = ${reader.user_id} or u.id in (select id from users where lower(username) = any(${names}::text[])))`)
  return {
    people: new Map(rows.filter(({ name }) => names.includes(name)).map((one) => [one.name, one.user_id])),
    may_call_all: rows.some((one) => one.is_sender && one.ranks),
  }
}
