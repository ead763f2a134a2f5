import type { BodyOf, Chat, ChatPermissions, ChatType, Role, updateChat } from '@messenger/contract'
import { Refusal, refusing } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import type { FoundFrame, ListCursor, ListedRow, Preview } from './rows.ts'
import { manages, type NewRoom } from './rules.ts'

const PUBLIC_NAME_TAKEN = {
  chats_public_name_key: { code: 'public_name_taken', field: 'public_name' },
} as const

/** Bounds of what one event may touch: people whose presence or name somebody's change is told to. */
const CONTACTS_MAX = 5000
const CONTACT_CHAT_MAX = 200
/** In larger chats nobody is told who has read what. */
export const RECEIPT_CHAT_MAX = 100

export async function chatsOf(db: Queries, user_id: number): Promise<number[]> {
  const rows = await db.query<{ chat_id: number }>(
    sql`select chat_id::float8 from chat_members where user_id = ${user_id}`,
  )
  return rows.map(({ chat_id }) => chat_id)
}

export async function isMember(db: Queries, chat_id: number, user_id: number): Promise<boolean> {
  const found = await db.query(
    sql`select 1 from chat_members where chat_id = ${chat_id} and user_id = ${user_id}`,
  )
  return found.length > 0
}

/** Everybody who shares a chat of up to 200 people with this person, without them. */
export async function contactsOf(db: Queries, user_id: number): Promise<number[]> {
  const rows = await db.query<{ user_id: number }>(sql`
    select distinct other.user_id::float8
    from chat_members me
    join chats c on c.id = me.chat_id and c.member_count <= ${CONTACT_CHAT_MAX}
    join chat_members other on other.chat_id = me.chat_id and other.user_id <> me.user_id
    where me.user_id = ${user_id}
    limit ${CONTACTS_MAX}`)
  return rows.map((row) => row.user_id)
}

/** The caller's role; refuses strangers as if there were nothing. */
export async function roleIn(
  db: Queries,
  chat_id: number,
  user_id: number,
): Promise<{ role: Role; type: ChatType }> {
  const [found] = await db.query<{ role: Role; type: ChatType }>(sql`
    select m.role, c.type from chat_members m join chats c on c.id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id}`)
  if (!found) throw new Refusal('not_found')
  return found
}

/** Locks the chat and lets `decide` refuse by the caller's role and another member's; strangers are refused before. */
export async function decideOn(
  tx: Queries,
  { chat_id, me, user_id }: { chat_id: number; me: number; user_id: number },
  decide: (mine: { role: Role; type: ChatType }, theirs: Role) => void,
): Promise<void> {
  await lockChat(tx, chat_id)
  const mine = await roleIn(tx, chat_id, me)
  decide(mine, (await roleIn(tx, chat_id, user_id)).role)
}

/** Refuses all but owner and admins of a group or channel. */
export async function managerIn(db: Queries, chat_id: number, user_id: number): Promise<void> {
  manages(await roleIn(db, chat_id, user_id))
}

/**
 * Unread = the seqs after the read mark less the tombstones and what was hidden among them: never a count over
 * messages, so a backlog of ten thousand costs what none does.
 */
export const UNREAD: Statement = sql`
  greatest(0, h.last_seq - greatest(m.last_read_seq, m.cleared_seq)
    - case when h.last_uncounted_seq > greatest(m.last_read_seq, m.cleared_seq) then (
        select count(*) from message_uncounted t
        where t.chat_id = m.chat_id and t.seq > greatest(m.last_read_seq, m.cleared_seq)) else 0 end
    - case when m.hidden_count > 0 then (
        select count(*) from messages_hidden x
        where x.chat_id = m.chat_id and x.user_id = m.user_id and x.seq > greatest(m.last_read_seq, m.cleared_seq)
          and not exists (select from message_uncounted t where t.chat_id = x.chat_id and t.seq = x.seq)) else 0 end
  )::float8`

/** When the newest message of a head `h` was sent, in ms since 1970: its id tells. Null while there is none. */
const LAST_MS: Statement = sql`(nullif(h.last_message_id, 0) >> 12) + 1735689600000`

const CREATED_MS: Statement = sql`round(date_part('epoch', c.created_at) * 1000)`

/** One's own part of a row, and how far the chat has come. Kept narrow: a list reads a hundred of them. */
const row = (user_id: number): Statement => sql`
  m.chat_id::float8 as id, c.changed as version, c.member_count, (${LAST_MS})::float8 as last_ms,
  h.last_seq::float8, h.revision::float8, m.is_pinned, m.is_favorite,
  m.last_read_seq::float8, m.last_read_msg_id::float8, ${UNREAD} as unread_count, m.role as my_role, m.is_archived,
  coalesce(m.marked_unread_seq = m.last_read_seq, false) as is_marked_unread, d.content as draft,
  d.reply_to_message_id::float8 as draft_reply_id, round(date_part('epoch', d.updated_at) * 1000) as draft_ms,
  coalesce(m.muted_until > now(), false) as is_muted,
  coalesce((select read_receipts_enabled from user_settings where user_id = ${user_id}), true) as shares_receipts,
  coalesce(h.preview_message_id = h.last_message_id, false) as preview_is_last,
  h.preview_message_id::float8, m.hidden_count > 0 or m.cleared_seq > 0 as sees_a_part,
  o.id::float8 as other_id, o.username as other_username, coalesce(nullif(o.display_name, ''), o.username) as other_name,
  o.avatar_file_id::float8 as other_avatar_file_id,
  o.is_active and coalesce(os.last_seen_visibility, 'everyone') = 'everyone' as other_shows_presence,
  coalesce(o.is_system, false) as is_support`

/** The other person of a direct chat stands in its key, `low:high`; Saved Messages have one id there, groups no key. */
export const OTHER: Statement = sql`
  case when c.type = 'direct' then
    nullif(split_part(c.direct_key, ':', case when c.direct_key like m.user_id || ':%' then 2 else 1 end), m.user_id::text)::bigint
  end`

const LISTED: Statement = sql`
  chat_members m
  join chats c on c.id = m.chat_id
  join chat_heads h on h.chat_id = m.chat_id
  left join chat_drafts d on d.user_id = m.user_id and d.chat_id = m.chat_id
  left join users o on o.id = ${OTHER}
  left join user_settings os on os.user_id = o.id`

const SHOWN: Statement = sql`(not m.is_hidden or h.last_seq > m.cleared_seq)`

const listed = (user_id: number, archived: boolean, more: Statement = sql``): Statement => sql`
  select ${row(user_id)}${more} from ${LISTED}
  where m.user_id = ${user_id} and m.is_archived = ${archived} and ${SHOWN}`

/** The caller's chats in no order, up to `limit`. */
export const anyOf = (db: Queries, user_id: number, archived: boolean, limit: number) =>
  db.query<ListedRow>(sql`${listed(user_id, archived)} limit ${limit}`)

/** The caller's chats as the list sorts them: pinned, favourites, newest. As `byPlace`. */
export const listOf = (
  db: Queries,
  user_id: number,
  asked: { archived: boolean; limit: number; after: ListCursor | null },
) => {
  const { archived, limit, after } = asked
  const beyond = after
    ? sql`where (is_pinned::int, is_favorite::int, moved_ms, id)
        < (${Number(after.is_pinned)}::int, ${Number(after.is_favorite)}::int, ${after.updated_ms}::float8, ${after.id}::float8)`
    : sql``
  const moved = sql`, coalesce(${LAST_MS}, ${CREATED_MS})::float8 as moved_ms`
  return db.query<ListedRow>(sql`
    select * from (${listed(user_id, archived, moved)}) rows ${beyond}
    order by is_pinned desc, is_favorite desc, moved_ms desc, id desc
    limit ${limit}`)
}

/** The caller's rows of these chats. */
export const rowsOf = (db: Queries, user_id: number, chat_ids: readonly number[]) =>
  db.query<ListedRow>(sql`
    select ${row(user_id)} from ${LISTED}
    where m.user_id = ${user_id} and m.chat_id = any(${chat_ids}::bigint[])`)

/** What these chats are, for everybody who is in them. */
export const framesOf = (db: Queries, chat_ids: readonly number[]) =>
  db.query<FoundFrame>(sql`
    select c.id::float8, c.changed as version, c.type, c.title, c.description, c.public_name,
      c.avatar_file_id::float8, ${CREATED_MS} as created_ms, c.who_may_post, c.who_may_pin, c.slow_mode_seconds
    from chats c where c.id = any(${chat_ids}::bigint[])`)

/** What a chat says of itself in a message `v`; deleted accounts have no name in it any more. */
const NAMED_EVENT: Statement = sql`
  case when v.system_event -> 'users' is null then v.system_event else jsonb_set(v.system_event, '{users}', coalesce((
    select jsonb_agg(case when p.is_active then e.named else e.named || '{"name": "Deleted account"}' end order by e.n)
    from jsonb_array_elements(v.system_event -> 'users') with ordinality as e(named, n)
    left join users p on p.id = (e.named ->> 'id')::bigint), '[]')) end`

const PREVIEW: Statement = sql`
  v.chat_id::float8, v.id::float8 as preview_id, v.message_type as preview_type, ${NAMED_EVENT} as preview_system_event,
  left(coalesce(v.content, case v.message_type
    when 'file' then v.attachment ->> 'filename' when 'sticker' then v.attachment ->> 'label' end), 160) as preview,
  v.sender_id::float8 as preview_sender_id, coalesce(nullif(u.display_name, ''), u.username) as preview_sender_name`

/** What the list shows of these messages, for everybody who sees their whole chat. */
export const previewsOf = (
  db: Queries,
  asked: readonly { id: number; preview_message_id: number | null }[],
) =>
  db.query<Preview & { chat_id: number }>(sql`
    select ${PREVIEW}
    from unnest(
      ${asked.map(({ id }) => id)}::bigint[], ${asked.map((one) => one.preview_message_id)}::bigint[]
    ) as a(chat_id, id)
    join messages v on v.chat_id = a.chat_id and v.id = a.id
    left join users u on u.id = v.sender_id`)

/** The same for somebody who deleted messages for themselves: the newest that they still see. */
export const previewsFor = (db: Queries, user_id: number, chat_ids: readonly number[]) =>
  db.query<Preview & { chat_id: number }>(sql`
    select ${PREVIEW}
    from chat_members m
    join lateral (
      select w.* from messages w
      where w.chat_id = m.chat_id and w.seq > m.cleared_seq and not w.is_deleted
        and not exists (select from messages_hidden x
          where x.chat_id = m.chat_id and x.user_id = m.user_id and x.message_id = w.id)
      order by w.id desc limit 1
    ) v on true
    left join users u on u.id = v.sender_id
    where m.user_id = ${user_id} and m.chat_id = any(${chat_ids}::bigint[])`)

/** How far anyone else has read these chats, of those who share it; 0 where nobody does. */
export const othersReadOf = (db: Queries, user_id: number, chat_ids: readonly number[]) =>
  db.query<{ chat_id: number; seq: number }>(sql`
    select o.chat_id::float8, max(o.last_read_seq)::float8 as seq
    from chat_members o left join user_settings s on s.user_id = o.user_id
    where o.chat_id = any(${chat_ids}::bigint[]) and o.user_id <> ${user_id}
      and coalesce(s.read_receipts_enabled, true)
    group by o.chat_id`)

export async function unreadOf(db: Queries, chat_id: number, user_id: number): Promise<number> {
  const [found] = await db.query<{ unread: number }>(sql`
    select ${UNREAD} as unread from chat_members m join chat_heads h on h.chat_id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id}`)
  return found?.unread ?? 0
}

export interface Opened {
  id: number
  created: boolean
}

/** The one direct chat of two people, or of one with themselves; made when it is not there. */
export async function openDirect(db: Db, me: number, other: number): Promise<Opened> {
  const key = me === other ? String(me) : `${Math.min(me, other)}:${Math.max(me, other)}`
  const people = [...new Set([me, other])]
  const [made] = await db.query<{ id: number | null; found: number }>(sql`
    with people as (select id from users where id = any(${people}::bigint[]) and is_active),
    chat as (
      insert into chats (type, direct_key, owner_id, member_count)
      select 'direct', ${key}, case when ${me === other} then ${me}::bigint end, ${people.length}::int
      where (select count(*) from people) = ${people.length}::int
      on conflict do nothing
      returning id
    ),
    head as (insert into chat_heads (chat_id) select id from chat),
    members as (
      insert into chat_members (chat_id, user_id, role)
      select chat.id, people.id, case when ${me === other} then 'owner' else 'member' end from chat, people
    )
    select (select id from chat)::float8 as id, (select count(*) from people)::int as found`)
  if (made!.found !== people.length) throw new Refusal('not_found', { field: 'member_ids' })
  if (made!.id !== null) return { id: made!.id, created: true }
  // Somebody was first: theirs is committed now, and a new statement sees it. It comes back to the caller's list.
  const [found] = await db.query<{ id: number }>(sql`
    with chat as (select id from chats where direct_key = ${key}),
    shown as (
      update chat_members m set is_hidden = false, changed = pg_current_xact_id()
      from chat where m.chat_id = chat.id and m.user_id = ${me} and m.is_hidden
    )
    select id::float8 from chat`)
  if (!found) throw new Refusal('not_found')
  return { id: found.id, created: false }
}

/** A group or channel with its members; nothing is made when one of them is unknown. */
export async function openRoom(db: Db, me: number, room: NewRoom): Promise<number> {
  const people = [me, ...room.member_ids]
  const may = room.type === 'channel' ? 'admins' : 'members'
  const [made] = await refusing(
    db.query<{ id: number | null }>(sql`
      with people as (select id from users where id = any(${people}::bigint[]) and is_active and not is_system),
      chat as (
        insert into chats (type, title, description, public_name, owner_id, member_count, who_may_post, who_may_add)
        select ${room.type}, ${room.title}, ${room.description}, ${room.public_name}, ${me}::bigint,
          ${people.length}::int, ${may}, ${may}
        where (select count(*) from people) = ${people.length}::int
        returning id
      ),
      head as (insert into chat_heads (chat_id) select id from chat),
      members as (
        insert into chat_members (chat_id, user_id, role)
        select chat.id, people.id, case when people.id = ${me} then 'owner' else 'member' end from chat, people
      )
      select (select id from chat)::float8 as id`),
    PUBLIC_NAME_TAKEN,
  )
  if (made!.id === null) throw new Refusal('not_found', { field: 'member_ids' })
  return made!.id
}

export type FoundChat = Omit<Chat, 'created_at' | 'members' | 'name'> & { created_at: Date }

const PERMISSIONS: Statement = sql`c.who_may_post, c.who_may_add, c.who_may_pin, c.slow_mode_seconds`

/** What `chat_updated` tells of a chat `c`. */
export const UPDATED_CHAT: Statement = sql`
  c.id::float8, c.type, c.title, c.description, c.public_name, avatar_url('chats', c.id, c.avatar_file_id), ${PERMISSIONS}`

export async function chatFor(db: Queries, chat_id: number, user_id: number): Promise<FoundChat> {
  const [chat] = await db.query<FoundChat>(sql`
    select c.id::float8, c.type, c.title, c.description, c.public_name, c.owner_id::float8, c.created_at,
      avatar_url('chats', c.id, c.avatar_file_id),
      c.member_count, m.role as my_role, ${PERMISSIONS}
    from chat_members m join chats c on c.id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id}`)
  if (!chat) throw new Refusal('not_found')
  return chat
}

export async function chatNamed(db: Queries, public_name: string) {
  const [chat] = await db.query<
    Omit<FoundChat, 'owner_id' | 'avatar_url' | 'my_role' | keyof ChatPermissions>
  >(sql`
    select id::float8, type, title, description, public_name, created_at, member_count
    from chats where lower(public_name) = lower(${public_name})`)
  if (!chat) throw new Refusal('not_found')
  return chat
}

/** Locks the chat, so that its member count stays what its rows say; null when it is gone. */
export const lockChat = async (tx: Queries, chat_id: number) => {
  const [chat] = await tx.query<Pick<ChatPermissions, 'who_may_add'> & { public_name: string | null }>(sql`
    select who_may_add, public_name from chats where id = ${chat_id} for update`)
  return chat ?? null
}

/** What a chat is called and how many are in it; null when it is gone. */
export async function roomNow(db: Queries, chat_id: number) {
  const [room] = await db.query<{ type: ChatType; title: string | null; member_count: number }>(
    sql`select type, title, member_count from chats where id = ${chat_id}`,
  )
  return room ?? null
}

export interface UpdatedChat extends ChatPermissions {
  id: number
  type: ChatType
  title: string | null
  description: string | null
  public_name: string | null
  avatar_url: string | null
}

/** Changes what is given. Rights are in the statement: null when the caller may not, or is not there. */
export async function changeChat(
  db: Queries,
  chat_id: number,
  me: number,
  changes: BodyOf<typeof updateChat>,
): Promise<{ chat: UpdatedChat; renamed: boolean } | null> {
  const { title, description, public_name } = changes
  const [changed] = await refusing(
    db.query<UpdatedChat & { title_before: string | null }>(sql`
      update chats c set
        title = coalesce(${title?.trim() ?? null}, c.title),
        description = case when ${description !== undefined} then nullif(${description?.trim() ?? ''}, '') else c.description end,
        public_name = case when ${public_name !== undefined} then nullif(${public_name ?? ''}, '') else c.public_name end,
        who_may_post = coalesce(${changes.who_may_post ?? null}, c.who_may_post),
        who_may_add = coalesce(${changes.who_may_add ?? null}, c.who_may_add),
        who_may_pin = coalesce(${changes.who_may_pin ?? null}, c.who_may_pin),
        slow_mode_seconds = coalesce(${changes.slow_mode_seconds ?? null}::int, c.slow_mode_seconds),
        changed = pg_current_xact_id()
      from chat_members m, chats before
      where c.id = ${chat_id} and c.type <> 'direct' and m.chat_id = c.id and m.user_id = ${me}
        and m.role in ('owner', 'admin') and before.id = c.id
        and not (c.type = 'channel' and ${changes.who_may_post === 'members'})
      returning ${UPDATED_CHAT}, before.title as title_before`),
    PUBLIC_NAME_TAKEN,
  )
  if (!changed) return null
  const { title_before, ...chat } = changed
  return { chat, renamed: chat.title !== title_before }
}

export const namesOf = (db: Queries, user_ids: readonly number[]) =>
  db.query<{ user_id: number; username: string; display_name: string }>(sql`
    select id::float8 as user_id, username, coalesce(nullif(display_name, ''), username) as display_name
    from users where id = any(${user_ids}::bigint[]) order by array_position(${user_ids}::bigint[], id)`)
