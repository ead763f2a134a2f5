import type { Entity } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { namedIn, withoutGone, type RepliedTo, type SenderRow, type StoredMessage } from './wire.ts'

export { namedIn, withoutGone, type StoredMessage }

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

/** Whether a reader deleted a row `m` for themselves. */
const hiddenFrom = ({ chat_id, user_id }: Reader): Statement => sql`exists (
  select from messages_hidden x where x.chat_id = ${chat_id} and x.user_id = ${user_id} and x.message_id = m.id)`

/** Only a member reads, from where they cleared the chat, without what they deleted for themselves. */
export const visibleTo = ({ chat_id, user_id }: Reader): Statement => sql`
  from chat_members me join messages m on m.chat_id = me.chat_id
  where me.chat_id = ${chat_id} and me.user_id = ${user_id} and m.chat_id = ${chat_id} and m.seq > me.cleared_seq
    and (me.hidden_count = 0 or not ${hiddenFrom({ chat_id, user_id })})`

/** The same rows `m`, for pages: what is known of the member is read once, and not joined to every row. */
const pageFor = (reader: Reader): Statement => {
  const { chat_id, user_id } = reader
  const member = sql`from chat_members me where me.chat_id = ${chat_id} and me.user_id = ${user_id}`
  return sql`
    select ${COLUMNS} from messages m
    where m.chat_id = ${chat_id} and m.seq > (select me.cleared_seq ${member})
      and ((select me.hidden_count = 0 ${member}) or not ${hiddenFrom(reader)})`
}

/** Up to `limit` messages with ids below `id`, the newest first. */
export const messagesBefore = (db: Queries, reader: Reader, id: number, limit: number) =>
  db.query<StoredMessage>(sql`${pageFor(reader)} and m.id < ${id} order by m.id desc limit ${limit}`)

/** Up to `limit` messages with ids above `id`, the oldest first. */
export const messagesAfter = (db: Queries, reader: Reader, id: number, limit: number) =>
  db.query<StoredMessage>(sql`${pageFor(reader)} and m.id > ${id} order by m.id limit ${limit}`)

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
  db.query<SenderRow>(sql`
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
