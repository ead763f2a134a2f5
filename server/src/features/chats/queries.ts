import type {
  Ban,
  BodyOf,
  Chat,
  ChatPermissions,
  ChatType,
  Member,
  ReadReceipt,
  Role,
  updateChat,
} from '@messenger/contract'
import { Refusal, refusing } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import type { FramedRow, ListCursor, Preview } from './rows.ts'
import { manages, type NewRoom } from './rules.ts'

const PUBLIC_NAME_TAKEN = {
  chats_public_name_key: { code: 'public_name_taken', field: 'public_name' },
} as const

/** Bounds of what one event may touch: people whose presence or name somebody's change is told to. */
const CONTACTS_MAX = 5000
const CONTACT_CHAT_MAX = 200
const RECEIPTS_MAX = 200
const RECEIPT_CHAT_MAX = 100

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

/** What the list is sorted by comes first: a sort reads it from every row again and again. */
const row = (user_id: number): Statement => sql`
  m.is_pinned, m.is_favorite, round(date_part('epoch', coalesce(h.last_at, c.created_at)) * 1000) as updated_ms,
  m.chat_id::float8 as id, c.type, c.title, c.description, c.public_name, c.avatar_file_id::float8,
  c.member_count, c.who_may_post, c.who_may_pin, c.slow_mode_seconds, h.last_at is not null as has_messages,
  h.last_seq::float8, h.revision::float8,
  m.last_read_seq::float8, m.last_read_msg_id::float8, ${UNREAD} as unread_count, m.role as my_role, m.is_archived,
  coalesce(m.marked_unread_seq = m.last_read_seq, false) as is_marked_unread, d.content as draft,
  d.reply_to_message_id::float8 as draft_reply_id, round(date_part('epoch', d.updated_at) * 1000) as draft_ms,
  coalesce(m.muted_until > now(), false) as is_muted,
  coalesce((select read_receipts_enabled from user_settings where user_id = ${user_id}), true) and c.member_count between 2 and ${RECEIPT_CHAT_MAX} as sees_receipts,
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

/** The caller's chats as the list sorts them: pinned, favourites, newest. */
export const listOf = (
  db: Queries,
  user_id: number,
  asked: { archived: boolean; limit: number; after: ListCursor | null },
) => {
  const { archived, limit, after } = asked
  const beyond = after
    ? sql`where (is_pinned::int, is_favorite::int, updated_ms, id)
        < (${Number(after.is_pinned)}::int, ${Number(after.is_favorite)}::int, ${after.updated_ms}::float8, ${after.id}::float8)`
    : sql``
  return db.query<FramedRow>(sql`
    select * from (
      select ${row(user_id)} from ${LISTED}
      where m.user_id = ${user_id} and m.is_archived = ${archived} and ${SHOWN}
    ) rows ${beyond}
    order by is_pinned desc, is_favorite desc, updated_ms desc, id desc
    limit ${limit}`)
}

/** The caller's rows of these chats. */
export const rowsOf = (db: Queries, user_id: number, chat_ids: readonly number[]) =>
  db.query<FramedRow>(sql`
    select ${row(user_id)} from ${LISTED}
    where m.user_id = ${user_id} and m.chat_id = any(${chat_ids}::bigint[])`)

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

const MEMBER: Statement = sql`
  u.id::float8, u.username, coalesce(nullif(u.display_name, ''), u.username) as display_name, m.role, m.joined_at,
  avatar_url('users', u.id, u.avatar_file_id),
  u.is_active and coalesce(s.last_seen_visibility, 'everyone') = 'everyone' as shows_presence`

export type FoundMember = Omit<Member, 'joined_at' | 'is_online'> & {
  joined_at: Date
  shows_presence: boolean
}

const literally = (text: string) => text.replace(/[\\%_]/g, (sign) => `\\${sign}`)

/** A page of members by the time they joined; `after` is the last id of the page before. */
export const membersOf = (
  db: Queries,
  chat_id: number,
  asked: { limit: number; after?: number | undefined; q?: string | undefined },
) => {
  const part = `%${literally(asked.q?.trim().toLowerCase() ?? '')}%`
  const found = asked.q?.trim()
    ? sql`and (lower(u.username) like ${part} or lower(u.display_name) like ${part})`
    : sql``
  // The last one of the page before may have left since.
  const beyond =
    asked.after === undefined
      ? sql``
      : sql`and (m.joined_at, m.user_id) > (
        select joined_at, user_id from (
          select true as here, joined_at, user_id from chat_members
          where chat_id = ${chat_id} and user_id = ${asked.after}
          union all
          select false, joined_at, user_id from chat_departures
          where chat_id = ${chat_id} and user_id = ${asked.after}
        ) a order by here desc limit 1)`
  return db.query<FoundMember>(sql`
    select ${MEMBER}
    from chat_members m join users u on u.id = m.user_id left join user_settings s on s.user_id = u.id
    where m.chat_id = ${chat_id} ${found} ${beyond}
    order by m.joined_at, m.user_id
    limit ${asked.limit}`)
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
const lockChat = async (tx: Queries, chat_id: number) => {
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

/**
 * Those of `user_ids` who became members now. They have read everything that was said before. Whoever left a moment ago
 * has not waited for slow mode.
 */
async function enter(tx: Queries, chat_id: number, user_ids: readonly number[]): Promise<number[]> {
  const joined = await tx.query<{ user_id: number }>(sql`
    with joined as (
      insert into chat_members (chat_id, user_id, last_read_seq, last_read_msg_id, last_sent_at)
      select h.chat_id, u.id, h.last_seq, nullif(h.last_message_id, 0), d.left_at
      from chat_heads h, users u
        left join chat_departures d on d.user_id = u.id and d.chat_id = ${chat_id}
      where h.chat_id = ${chat_id} and u.id = any(${user_ids}::bigint[]) and u.is_active and not u.is_system
      on conflict do nothing
      returning user_id
    ),
    back as (delete from chat_departures d using joined where d.user_id = joined.user_id and d.chat_id = ${chat_id}),
    counted as (
      update chats set member_count = member_count + (select count(*) from joined)
      where id = ${chat_id} and exists (select from joined)
    )
    select user_id::float8 from joined`)
  return joined.map((row) => row.user_id)
}

export interface Joined {
  joined: boolean
  role: Role
}

async function refuseBanned(
  tx: Queries,
  chat_id: number,
  user_ids: readonly number[],
  details: { field?: string } = {},
): Promise<void> {
  const banned = await tx.query(sql`
    select 1 as one from chat_bans where chat_id = ${chat_id} and user_id = any(${user_ids}::bigint[]) limit 1`)
  if (banned.length > 0) throw new Refusal('banned', details)
}

/**
 * Lets somebody in whom `admit` does not refuse; it is not asked about a member, whom nothing changes. Everybody else's
 * coming and going waits meanwhile.
 */
export async function letIn(
  tx: Queries,
  chat_id: number,
  user_id: number,
  admit: (chat: { public_name: string | null }) => Promise<void> | void,
): Promise<Joined> {
  const chat = await lockChat(tx, chat_id)
  if (!chat) throw new Refusal('not_found')
  if (!(await isMember(tx, chat_id, user_id))) {
    await admit(chat)
    await refuseBanned(tx, chat_id, [user_id])
  }
  const joined = await enter(tx, chat_id, [user_id])
  return { joined: joined.length > 0, role: (await roleIn(tx, chat_id, user_id)).role }
}

/** Joins a chat that has a public name. */
export const joinPublic = (db: Db, chat_id: number, user_id: number): Promise<Joined> =>
  db.transaction((tx) =>
    letIn(tx, chat_id, user_id, ({ public_name }) => {
      if (public_name === null) throw new Refusal('not_found')
    }),
  )

/** Adds people to a group or channel under `decide`; refuses unknown and banned ones, and then nobody is added. */
export const addTo = (
  db: Db,
  chat_id: number,
  me: number,
  user_ids: readonly number[],
  decide: (mine: { role: Role; type: ChatType }, chat: Pick<ChatPermissions, 'who_may_add'>) => void,
): Promise<number[]> =>
  db.transaction(async (tx) => {
    const chat = await lockChat(tx, chat_id)
    if (!chat) throw new Refusal('not_found')
    decide(await roleIn(tx, chat_id, me), chat)
    const [known] = await tx.query<{ count: number }>(sql`
      select count(*)::int as count from users where id = any(${user_ids}::bigint[]) and is_active and not is_system`)
    if (known!.count !== new Set(user_ids).size) throw new Refusal('not_found', { field: 'user_ids' })
    await refuseBanned(tx, chat_id, user_ids, { field: 'user_ids' })
    const joined = new Set(await enter(tx, chat_id, user_ids))
    return user_ids.filter((user_id) => joined.has(user_id))
  })

async function depart(tx: Queries, chat_id: number, user_id: number): Promise<boolean> {
  const left = await tx.query(sql`
    with gone as (
      delete from chat_members where chat_id = ${chat_id} and user_id = ${user_id} returning user_id, joined_at
    ),
    noted as (
      insert into chat_departures (user_id, chat_id, joined_at) select user_id, ${chat_id}, joined_at from gone
      on conflict (user_id, chat_id) do update
      set left_at = now(), joined_at = excluded.joined_at, changed = pg_current_xact_id()
    ),
    forgotten as (delete from messages_hidden where chat_id = ${chat_id} and user_id = ${user_id}),
    unwritten as (delete from chat_drafts where chat_id = ${chat_id} and user_id = ${user_id}),
    counted as (update chats set member_count = member_count - 1 where id = ${chat_id} and exists (select from gone))
    select 1 as one from gone`)
  return left.length > 0
}

export interface Left {
  /** Everyone who was in the chat when it was deleted with its last member; null while it lives. */
  deleted: boolean
}

/** Leaves a group or channel. Its owner may only when nobody else is in it, and takes it along. */
export const leave = (db: Db, chat_id: number, user_id: number): Promise<Left> =>
  db.transaction(async (tx) => {
    await lockChat(tx, chat_id)
    const { role } = await roleIn(tx, chat_id, user_id)
    if (role === 'owner') {
      const others = await tx.query(sql`
        select 1 as one from chat_members where chat_id = ${chat_id} and user_id <> ${user_id} limit 1`)
      if (others.length > 0) throw new Refusal('owner_must_hand_over')
      await removeChat(tx, chat_id)
      return { deleted: true }
    }
    await depart(tx, chat_id, user_id)
    return { deleted: false }
  })

/** Removes somebody under `decide`. */
export const removeFrom = (
  db: Db,
  chat_id: number,
  me: number,
  user_id: number,
  decide: (mine: { role: Role; type: ChatType }, theirs: Role) => void,
): Promise<void> =>
  db.transaction(async (tx) => {
    await lockChat(tx, chat_id)
    const mine = await roleIn(tx, chat_id, me)
    decide(mine, (await roleIn(tx, chat_id, user_id)).role)
    await depart(tx, chat_id, user_id)
  })

/** Bans somebody under `decide`, who need not be there; answers whether they were. Banning again changes nothing. */
export const banFrom = (
  db: Db,
  chat_id: number,
  me: number,
  user_id: number,
  decide: (mine: { role: Role; type: ChatType }, theirs: Role | null) => void,
): Promise<boolean> =>
  db.transaction(async (tx) => {
    await lockChat(tx, chat_id)
    const mine = await roleIn(tx, chat_id, me)
    const [theirs] = await tx.query<{ role: Role }>(sql`
      select role from chat_members where chat_id = ${chat_id} and user_id = ${user_id}`)
    decide(mine, theirs?.role ?? null)
    const known = await tx.query(sql`
      with known as (select id from users where id = ${user_id}),
      banned as (
        insert into chat_bans (chat_id, user_id, banned_by) select ${chat_id}, id, ${me} from known
        on conflict do nothing
      )
      select 1 as one from known`)
    if (known.length === 0) throw new Refusal('not_found')
    return depart(tx, chat_id, user_id)
  })

/** False when they were not banned. */
export async function unban(db: Queries, chat_id: number, user_id: number): Promise<boolean> {
  const lifted = await db.query(sql`
    delete from chat_bans where chat_id = ${chat_id} and user_id = ${user_id} returning 1 as one`)
  return lifted.length > 0
}

export const bansOf = (db: Queries, chat_id: number, asked: { limit: number; after?: number | undefined }) =>
  db.query<Omit<Ban, 'banned_at'> & { banned_at: Date }>(sql`
    select u.id::float8, u.username, coalesce(nullif(u.display_name, ''), u.username) as display_name,
      avatar_url('users', u.id, u.avatar_file_id),
      b.banned_by::float8, b.banned_at
    from chat_bans b join users u on u.id = b.user_id
    where b.chat_id = ${chat_id} and b.user_id > ${asked.after ?? 0}
    order by b.user_id limit ${asked.limit}`)

/** Gives somebody a role under `decide`. The new owner's predecessor becomes an admin. */
export const setRole = (
  db: Db,
  chat_id: number,
  me: number,
  user_id: number,
  role: Role,
  decide: (mine: { role: Role; type: ChatType }, theirs: Role) => void,
): Promise<void> =>
  db.transaction(async (tx) => {
    await lockChat(tx, chat_id)
    const mine = await roleIn(tx, chat_id, me)
    decide(mine, (await roleIn(tx, chat_id, user_id)).role)
    if (role === 'owner') {
      await tx.query(sql`
        update chat_members set role = 'admin', changed = pg_current_xact_id()
        where chat_id = ${chat_id} and user_id = ${me}`)
      await tx.query(sql`
        update chats set owner_id = ${user_id}, changed = pg_current_xact_id() where id = ${chat_id}`)
    }
    await tx.query(sql`
      update chat_members set role = ${role}, changed = pg_current_xact_id()
      where chat_id = ${chat_id} and user_id = ${user_id}`)
  })

export interface Departure {
  chat_id: number
  /** It went with its last member. */
  deleted: boolean
  /** Who owns it now, where it was owned. */
  successor_id: number | null
}

/**
 * Takes somebody out of every group and channel, in the order of their ids, and their Saved Messages with them. What
 * they owned goes to the admin who joined first, else to the member.
 */
export async function leaveEverything(tx: Queries, user_id: number): Promise<Departure[]> {
  const mine = await tx.query<{ chat_id: number; role: Role }>(sql`
    select c.id::float8 as chat_id, m.role from chat_members m join chats c on c.id = m.chat_id
    where m.user_id = ${user_id} and (c.type <> 'direct' or c.direct_key = ${String(user_id)})
    order by c.id for update of c`)
  const departures: Departure[] = []
  for (const { chat_id, role } of mine) {
    const successor_id = role === 'owner' ? await succeed(tx, chat_id, user_id) : null
    const deleted = role === 'owner' && successor_id === null
    await (deleted ? removeChat(tx, chat_id) : depart(tx, chat_id, user_id))
    departures.push({ chat_id, deleted, successor_id })
  }
  return departures
}

/** Makes somebody else the owner; null when there is nobody. */
async function succeed(tx: Queries, chat_id: number, owner_id: number): Promise<number | null> {
  const [made] = await tx.query<{ user_id: number }>(sql`
    with successor as (
      select m.user_id from chat_members m join users u on u.id = m.user_id
      where m.chat_id = ${chat_id} and m.user_id <> ${owner_id} and u.is_active
      order by u.is_blocked, m.role = 'admin' desc, m.joined_at, m.user_id limit 1
    ),
    owned as (
      update chats c set owner_id = s.user_id, changed = pg_current_xact_id() from successor s where c.id = ${chat_id}
    )
    update chat_members m set role = 'owner', changed = pg_current_xact_id()
    from successor s where m.chat_id = ${chat_id} and m.user_id = s.user_id
    returning m.user_id::float8`)
  return made?.user_id ?? null
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

/** Takes a chat away from everybody at once; its messages follow in steps (`sweepMessages`). */
async function removeChat(tx: Queries, chat_id: number): Promise<void> {
  await tx.query(sql`
    with gone as (delete from chat_members where chat_id = ${chat_id} returning user_id),
    unwritten as (
      delete from chat_drafts d using chat_members m
      where m.chat_id = ${chat_id} and d.user_id = m.user_id and d.chat_id = m.chat_id)
    insert into chat_departures (user_id, chat_id) select user_id, ${chat_id} from gone
    on conflict (user_id, chat_id) do update set left_at = now(), changed = pg_current_xact_id()`)
  await tx.query(sql`delete from chat_heads where chat_id = ${chat_id}`)
  await tx.query(sql`delete from chat_bans where chat_id = ${chat_id}`)
  await tx.query(sql`delete from invites where chat_id = ${chat_id}`)
  await tx.query(sql`delete from chats where id = ${chat_id}`)
}

/** Support's own account is in direct chats alone. */
const isWithSupport = async (db: Queries, chat_id: number): Promise<boolean> =>
  (
    await db.query(sql`
      select 1 as one from users u join chat_members m on m.user_id = u.id
      where u.is_system and m.chat_id = ${chat_id}`)
  ).length > 0

/** Deletes a chat for everyone under `decide`; what was said with support is the staff's too, and stays. */
export const deleteChatFor = (
  db: Db,
  chat_id: number,
  me: number,
  decide: (mine: { role: Role; type: ChatType }) => void,
): Promise<void> =>
  db.transaction(async (tx) => {
    await lockChat(tx, chat_id)
    decide(await roleIn(tx, chat_id, me))
    if (await isWithSupport(tx, chat_id))
      throw new Refusal('not_allowed', {
        field: 'for_everyone',
        error: 'A conversation with support can be deleted for oneself only.',
      })
    await removeChat(tx, chat_id)
  })

/** Hides a direct chat from one side until something new is said in it. */
export const clearFor = (db: Queries, chat_id: number, user_id: number) =>
  db.query(sql`
    with unwritten as (delete from chat_drafts where chat_id = ${chat_id} and user_id = ${user_id})
    update chat_members m
    set cleared_seq = h.last_seq, marked_unread_seq = null, last_read_seq = h.last_seq, last_read_msg_id = nullif(h.last_message_id, 0),
      is_hidden = true, is_pinned = false, is_favorite = false, changed = pg_current_xact_id()
    from chat_heads h where h.chat_id = m.chat_id and m.chat_id = ${chat_id} and m.user_id = ${user_id}`)

/** Deletes some messages of a chat that is gone; answers how many, 0 when none is left. */
export async function sweepMessages(db: Queries, chat_id: number, limit: number): Promise<number> {
  const [swept] = await db.query<{ swept: number }>(sql`
    with batch as (select id from messages where chat_id = ${chat_id} order by id limit ${limit}),
    gone as (
      delete from messages m using batch
      where m.chat_id = ${chat_id} and m.id = batch.id and not exists (select from chats where id = ${chat_id})
      returning 1
    ),
    ids as (delete from message_client_ids where chat_id = ${chat_id} and message_id in (select id from batch)),
    stones as (delete from message_uncounted where chat_id = ${chat_id}),
    hidden as (delete from messages_hidden where chat_id = ${chat_id}),
    reacted as (
      delete from message_reactions where chat_id = ${chat_id} and message_id in (select id from batch)),
    pinned as (delete from message_pins where chat_id = ${chat_id} and message_id in (select id from batch)),
    said as (delete from message_edits where chat_id = ${chat_id} and message_id in (select id from batch))
    select count(*)::int as swept from gone`)
  return swept!.swept
}

/** Deleted chats of which messages are left: somebody was in each of them when it was deleted. */
export async function unsweptChats(db: Queries): Promise<number[]> {
  const left = await db.query<{ chat_id: number }>(sql`
    select d.chat_id::float8 from (select distinct chat_id from chat_departures) d
    where not exists (select from chats c where c.id = d.chat_id)
      and exists (select from messages m where m.chat_id = d.chat_id)
    limit 1000`)
  return left.map(({ chat_id }) => chat_id)
}

export type Mark = 'is_favorite' | 'is_pinned' | 'is_archived'

const MARKS: Record<Mark, Statement> = {
  is_favorite: sql`is_favorite`,
  is_pinned: sql`is_pinned`,
  is_archived: sql`is_archived`,
}

/** Sets a mark of the caller's own; refuses strangers. */
export async function setMark(
  db: Queries,
  chat_id: number,
  user_id: number,
  mark: Mark,
  on: boolean,
): Promise<void> {
  const set = await db.query(sql`
    update chat_members set ${MARKS[mark]} = ${on}, changed = pg_current_xact_id()
    where chat_id = ${chat_id} and user_id = ${user_id} returning 1 as one`)
  if (set.length === 0) throw new Refusal('not_a_member')
}

/** `until`: a time, 'infinity' for ever, null for not muted. Answers whether it is muted now. */
export async function setMuted(
  db: Queries,
  chat_id: number,
  user_id: number,
  until: string | null,
): Promise<boolean> {
  const [set] = await db.query<{ is_muted: boolean }>(sql`
    update chat_members set muted_until = ${until}::timestamptz, changed = pg_current_xact_id()
    where chat_id = ${chat_id} and user_id = ${user_id}
    returning coalesce(muted_until > now(), false) as is_muted`)
  if (!set) throw new Refusal('not_a_member')
  return set.is_muted
}

/** Marks the chat unread for the caller until they read, or write, in it; refuses strangers. */
export async function markUnreadFor(db: Queries, chat_id: number, user_id: number): Promise<void> {
  const set = await db.query(sql`
    update chat_members set marked_unread_seq = last_read_seq, changed = pg_current_xact_id()
    where chat_id = ${chat_id} and user_id = ${user_id} returning 1 as one`)
  if (set.length === 0) throw new Refusal('not_a_member')
}

/** Keeps a draft; refuses strangers, and an answer to what the caller does not see. Answers when it was kept. */
export async function keepDraft(
  db: Queries,
  chat_id: number,
  user_id: number,
  draft: { content: string; reply_to_message_id: number | null },
): Promise<Date> {
  const { content, reply_to_message_id: reply } = draft
  const [told] = await db.query<{ kept_at: Date | null }>(sql`
    with me as (select cleared_seq from chat_members where chat_id = ${chat_id} and user_id = ${user_id}),
    kept as (
      insert into chat_drafts (user_id, chat_id, content, reply_to_message_id)
      select ${user_id}, ${chat_id}, ${content}, ${reply}::bigint from me
      where ${reply}::bigint is null or exists (
        select from messages r
        where r.chat_id = ${chat_id} and r.id = ${reply}::bigint and r.seq > me.cleared_seq and not r.is_deleted)
      on conflict (user_id, chat_id) do update set content = excluded.content,
        reply_to_message_id = excluded.reply_to_message_id, updated_at = now()
      returning updated_at
    ),
    moved as (
      update chat_members set changed = pg_current_xact_id()
      where chat_id = ${chat_id} and user_id = ${user_id} and exists (select from kept)
    )
    select (select updated_at from kept) as kept_at from me`)
  if (!told) throw new Refusal('not_a_member')
  if (!told.kept_at) throw new Refusal('not_found', { field: 'reply_to_message_id' })
  return told.kept_at
}

/** Throws the caller's draft away; false when there was none. Refuses strangers. */
export async function dropDraft(db: Queries, chat_id: number, user_id: number): Promise<boolean> {
  const [told] = await db.query<{ dropped: boolean }>(sql`
    with gone as (delete from chat_drafts where chat_id = ${chat_id} and user_id = ${user_id} returning chat_id),
    moved as (
      update chat_members set changed = pg_current_xact_id()
      where chat_id = ${chat_id} and user_id = ${user_id} and exists (select from gone)
    )
    select exists (select from gone) as dropped
    from chat_members where chat_id = ${chat_id} and user_id = ${user_id}`)
  if (!told) throw new Refusal('not_a_member')
  return told.dropped
}

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

export const namesOf = (db: Queries, user_ids: readonly number[]) =>
  db.query<{ user_id: number; username: string; display_name: string }>(sql`
    select id::float8 as user_id, username, coalesce(nullif(display_name, ''), username) as display_name
    from users where id = any(${user_ids}::bigint[]) order by array_position(${user_ids}::bigint[], id)`)
