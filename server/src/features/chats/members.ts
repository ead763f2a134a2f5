import type { ChatPermissions, ChatType, Member, Role } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { refuseBanned } from './bans.ts'
import { isMember, decideOn, lockChat, roleIn } from './queries.ts'

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
    await decideOn(tx, { chat_id, me, user_id }, decide)
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
