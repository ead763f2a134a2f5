import type {
  AccountChat,
  AdminUser,
  AuditAction,
  QueryOf,
  UserStatus,
  listAccounts,
} from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement, type Transaction } from '../../ports/db/port.ts'
import { COMMAND, note, type Actor } from '../audit/queries.ts'
import { createUser, type NewUser } from '../auth/queries.ts'
import { leaveEverything, type Departure } from '../chats/departures.ts'
import { OTHER } from '../chats/queries.ts'
import { literally } from '../users/queries.ts'

/** Adds what a node stored since it last said so: to the day, and to whoever sent it. */
export const addStored = (db: Queries, sent: { messages: number; by: ReadonlyMap<number, number> }) =>
  db.query(sql`
    with today as (
      insert into daily_counts as d (name, day, shard, value)
      select 'messages', (now() at time zone 'UTC')::date, pg_backend_pid() % 8, ${sent.messages}::bigint
      where ${sent.messages}::bigint > 0
      on conflict (name, day, shard) do update set value = d.value + excluded.value
    )
    insert into user_message_counts as c (user_id, sent)
    select * from unnest(${[...sent.by.keys()]}::bigint[], ${[...sent.by.values()]}::bigint[]) order by 1
    on conflict (user_id) do update set sent = c.sent + excluded.sent`)

/** How many messages there have been by the heads of the chats, which are moved with each of them. */
export async function everStored(db: Queries): Promise<number> {
  const [found] = await db.query<{ stored: number }>(sql`
    select (coalesce((select sum(last_seq) from chat_heads), 0)
      + coalesce((select sum(value) from daily_counts where name = 'messages_gone'), 0))::float8 as stored`)
  return found!.stored
}

/** Adds to today what was stored by then and has not been counted yet; answers how many. */
export const countMissing = (db: Db, stored: number): Promise<number> =>
  db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(hashtext('daily_counts'))`)
    const [found] = await tx.query<{ missing: number }>(sql`
      select (${stored}::bigint - coalesce(sum(value), 0))::float8 as missing from daily_counts where name = 'messages'`)
    if (found!.missing <= 0) return 0
    await addStored(tx, { messages: found!.missing, by: new Map() })
    return found!.missing
  })

export interface CountedDay {
  name: string
  /** Days ago, for the last 14 days; null for the sum of all before and of what has no day. */
  ago: number | null
  value: number
}

/** Every sum, and the last 14 days apart. Bounded by the days that there have been. */
export const countedDays = (db: Queries) =>
  db.query<CountedDay>(sql`
    select name, case when day > (now() at time zone 'UTC')::date - 14 then (now() at time zone 'UTC')::date - day end as ago,
      sum(value)::float8 as value
    from daily_counts group by 1, 2`)

/** Bytes of all files; none while there is no table of files. */
export async function storedBytes(db: Queries): Promise<number> {
  const [files] = await db.query<{ there: boolean }>(sql`select to_regclass('files') is not null as there`)
  if (!files!.there) return 0
  const [found] = await db.query<{ bytes: number }>(
    sql`select coalesce(sum(size), 0)::float8 as bytes from files`,
  )
  return found!.bytes
}

const ACCOUNT: Statement = sql`
  u.id::float8, u.username, coalesce(nullif(u.display_name, ''), u.username) as display_name,
  case when u.deleted_at is null then u.email else '' end as email, u.is_active, u.is_admin, u.is_blocked, u.created_at,
  u.last_activity`

type StoredAccount = Omit<AdminUser, 'created_at' | 'last_activity'> & {
  created_at: Date
  last_activity: Date | null
}

const shownAccount = (row: StoredAccount): AdminUser => ({
  ...row,
  created_at: row.created_at.toISOString(),
  last_activity: row.last_activity?.toISOString() ?? null,
})

const OF_STATUS: Record<UserStatus, Statement> = {
  active: sql`and u.is_active and not u.is_blocked`,
  blocked: sql`and u.is_blocked`,
  admin: sql`and u.is_admin`,
  inactive: sql`and not u.is_active`,
}

/** A page of accounts, the newest first, and how many there are in all. */
export async function accounts(
  db: Queries,
  asked: QueryOf<typeof listAccounts> & { page: number; per_page: number },
): Promise<{ users: AdminUser[]; total: number }> {
  const { page, per_page, status } = asked
  const part = `%${literally(asked.q?.trim().toLowerCase() ?? '')}%`
  const matching =
    part === '%%'
      ? sql``
      : sql`and ((lower(u.username) || ' ' || lower(u.display_name)) like ${part} or lower(u.email) like ${part})`
  const where = sql`where not u.is_system ${status ? OF_STATUS[status] : sql``} ${matching}`
  const [rows, [counted]] = await Promise.all([
    db.query<StoredAccount>(sql`
      select ${ACCOUNT} from users u ${where}
      order by u.id desc limit ${per_page} offset ${(page - 1) * per_page}`),
    db.query<{ total: number }>(sql`select count(*)::float8 as total from users u ${where}`),
  ])
  return { users: rows.map(shownAccount), total: counted!.total }
}

export async function account(
  db: Queries,
  user_id: number,
): Promise<{ user: AdminUser; message_count: number }> {
  const [row] = await db.query<StoredAccount & { sent: number }>(sql`
    select ${ACCOUNT}, coalesce(c.sent, 0)::float8 as sent
    from users u left join user_message_counts c on c.user_id = u.id where u.id = ${user_id}`)
  if (!row) throw new Refusal('not_found')
  const { sent: message_count, ...user } = row
  return { user: shownAccount(user), message_count }
}

const CHATS_SHOWN = 100

/** Somebody's chats, those that moved last first. */
export async function chatsOfAccount(db: Queries, user_id: number): Promise<AccountChat[]> {
  const rows = await db.query<
    Omit<AccountChat, 'joined_at' | 'last_at'> & { joined_at: Date; last_at: Date | null }
  >(sql`
    select c.id::float8, c.type, c.title, c.public_name, c.member_count, m.role, m.joined_at, h.last_at,
      o.id::float8 as other_user_id, o.username as other_username
    from chat_members m join chats c on c.id = m.chat_id join chat_heads h on h.chat_id = m.chat_id
    left join users o on o.id = ${OTHER}
    where m.user_id = ${user_id}
    order by h.last_message_id desc, c.id desc limit ${CHATS_SHOWN}`)
  return rows.map((row) => ({
    ...row,
    joined_at: row.joined_at.toISOString(),
    last_at: row.last_at?.toISOString() ?? null,
  }))
}

export interface Place {
  chat_id: number
  id: number
}

export interface WantedMessages {
  /** Of one chat. */
  chat_id?: number | undefined
  /** Sent by this person. */
  user_id?: number | undefined
  /** Of all chats that this person is in. */
  member_id?: number | undefined
  q?: string | undefined
  before_id?: number | undefined
  offset: number
  limit: number
}

/** How many chats, and how many messages of each, are looked at for what no index answers. */
const CHATS_LOOKED_AT = 200
const MESSAGES_LOOKED_AT = 100
const ONE_CHAT_LOOKED_AT = CHATS_LOOKED_AT * MESSAGES_LOOKED_AT
const SENDER_CHATS_LOOKED_AT = 100
const SENDER_MESSAGES_LOOKED_AT = 200

/**
 * Where the newest messages are, found through the heads of the chats: no index of the hot table is made for it, and
 * none of its partitions is walked. The newest N messages lie in the N chats that moved last, and not before the last
 * message of the last of those (docs/decisions/0011).
 */
export function newestPlaces(db: Queries, wanted: WantedMessages): Promise<Place[]> {
  const { chat_id, user_id, member_id, before_id, offset, limit } = wanted
  const part = wanted.q?.trim() ? `%${literally(wanted.q.trim().toLowerCase())}%` : null
  const filtered = part !== null || user_id !== undefined
  const reach = offset + limit
  const heads =
    chat_id !== undefined
      ? {
          of: sql`select h.chat_id, h.last_message_id from chat_heads h where h.chat_id = ${chat_id}`,
          chats: 1,
        }
      : user_id !== undefined
        ? {
            of: sql`
              select m.chat_id, message_id_at(m.last_sent_at + interval '10 seconds') as last_message_id
              from chat_members m where m.user_id = ${user_id} and m.last_sent_at is not null`,
            chats: SENDER_CHATS_LOOKED_AT,
          }
        : {
            of:
              member_id === undefined
                ? sql`select h.chat_id, h.last_message_id from chat_heads h where h.last_message_id > 0`
                : sql`
                  select h.chat_id, h.last_message_id from chat_members m join chat_heads h on h.chat_id = m.chat_id
                  where m.user_id = ${member_id} and h.last_message_id > 0`,
            chats: filtered ? CHATS_LOOKED_AT : reach,
          }
  const each = !filtered
    ? reach
    : chat_id !== undefined
      ? ONE_CHAT_LOOKED_AT
      : user_id !== undefined
        ? SENDER_MESSAGES_LOOKED_AT
        : MESSAGES_LOOKED_AT
  return db.query<Place>(sql`
    with heads as materialized (${heads.of} order by 2 desc limit ${heads.chats}),
    bounds as materialized (
      select case when ${!filtered && chat_id === undefined} and count(*) >= ${heads.chats}::bigint
        then min(last_message_id) else 0 end as lowest
      from heads
    ),
    looked_at as (
      select v.chat_id, v.id, v.sender_id, v.content
      from heads h cross join lateral (
        select m.chat_id, m.id, m.sender_id, m.content from messages m
        where m.chat_id = h.chat_id and m.id >= (select lowest from bounds) and m.id <= h.last_message_id
          ${before_id === undefined ? sql`` : sql`and m.id < ${before_id}`}
        order by m.id desc limit ${each}
      ) v
    )
    select chat_id::float8, id::float8 from looked_at
    where true
      ${user_id === undefined ? sql`` : sql`and sender_id = ${user_id}`}
      ${part === null ? sql`` : sql`and lower(content) like ${part}`}
    order by id desc limit ${limit} offset ${offset}`)
}

/** How many messages one chat has ever had. */
export async function lengthOf(db: Queries, chat_id: number): Promise<number> {
  const [found] = await db.query<{ last_seq: number }>(
    sql`select last_seq::float8 from chat_heads where chat_id = ${chat_id}`,
  )
  return found?.last_seq ?? 0
}

export const isAdmin = async (db: Queries, user_id: number): Promise<boolean> =>
  (
    await db.query(
      sql`select 1 as one from users where id = ${user_id} and is_admin and is_active and not is_blocked`,
    )
  ).length > 0

const anyAdmin = async (db: Queries): Promise<boolean> =>
  (await db.query(sql`select 1 as one from users where is_admin and is_active and not is_blocked limit 1`))
    .length > 0

/** Changes of rights happen one after the other: two admins who take them from each other cannot both succeed. */
const inTurn = (tx: Transaction) => tx.query(sql`select pg_advisory_xact_lock(hashtext('admins'))`)

interface Target {
  id: number
  username: string
  is_admin: boolean
  is_blocked: boolean
}

/** The account that an admin acts on; whoever acts is somebody else and still an admin, so one always stays. */
async function targetOf(tx: Transaction, actor: Actor, user_id: number): Promise<Target> {
  if (actor.id === user_id)
    throw new Refusal('invalid', { field: 'user_id', error: 'Nobody does that to themselves.' })
  await inTurn(tx)
  if (actor.id !== null && !(await isAdmin(tx, actor.id))) throw new Refusal('not_allowed')
  const [found] = await tx.query<Target & { is_system: boolean }>(sql`
    select id::float8, username, is_admin, is_blocked, is_system from users
    where id = ${user_id} and deleted_at is null for no key update`)
  if (!found) throw new Refusal('not_found')
  if (found.is_system)
    throw new Refusal('not_allowed', { error: 'That account belongs to the messenger itself.' })
  return found
}

const endSessions = (tx: Queries, user_id: number) =>
  tx.query(sql`
    with ended as (update sessions set ended_at = now() where user_id = ${user_id} and ended_at is null)
    delete from refresh_tokens where user_id = ${user_id}`)

const on = ({ id, username }: { id: number; username: string }) => ({
  type: 'user' as const,
  id,
  name: username,
})

export const setBlocked = (db: Db, actor: Actor, user_id: number, is_blocked: boolean): Promise<void> =>
  db.transaction(async (tx) => {
    const target = await targetOf(tx, actor, user_id)
    await tx.query(sql`update users set is_blocked = ${is_blocked} where id = ${user_id}`)
    if (is_blocked) await endSessions(tx, user_id)
    await note(tx, actor, {
      action: is_blocked ? 'user_blocked' : 'user_unblocked',
      target: on(target),
      before: { is_blocked: target.is_blocked },
      after: { is_blocked },
    })
  })

export const flipAdmin = (db: Db, actor: Actor, user_id: number): Promise<void> =>
  db.transaction(async (tx) => {
    const target = await targetOf(tx, actor, user_id)
    const is_admin = !target.is_admin
    await tx.query(sql`update users set is_admin = ${is_admin} where id = ${user_id}`)
    await note(tx, actor, {
      action: is_admin ? 'admin_granted' : 'admin_revoked',
      target: on(target),
      before: { is_admin: target.is_admin },
      after: { is_admin },
    })
  })

/** No name or address that somebody could register looks like this. */
const deletedName = (user_id: number) => `deleted-${user_id}`
const DELETED = 'Deleted account'

/** Everything personal goes; the row stays, so that messages keep a sender. */
export const softDelete = (db: Db, actor: Actor, user_id: number): Promise<Departure[]> =>
  db.transaction(async (tx) => {
    const target = await targetOf(tx, actor, user_id)
    const name = deletedName(user_id)
    await tx.query(sql`
      update users set username = ${name}, email = ${name}, display_name = ${DELETED}, bio = null, password_hash = '',
        avatar_file_id = null, is_admin = false, is_active = false, deleted_at = now()
      where id = ${user_id}`)
    await tx.query(sql`delete from sessions where user_id = ${user_id}`)
    const departures = await leaveEverything(tx, user_id)
    await note(tx, actor, {
      action: 'user_deleted',
      target: on(target),
      before: { username: target.username, is_admin: target.is_admin, is_blocked: target.is_blocked },
      after: {
        username: name,
        left: departures.map(({ chat_id }) => chat_id),
        handed_over: departures.filter((one) => one.successor_id !== null),
      },
    })
    return departures
  })

const CLAIM_DAYS = 7

/** Keeps the hash of a link that makes the first admin; false when there is one, and then every such link dies. */
export const offerClaim = (db: Db, hash: Buffer): Promise<boolean> =>
  db.transaction(async (tx) => {
    await inTurn(tx)
    const done = await anyAdmin(tx)
    await tx.query(sql`
      delete from admin_claims where ${done} or created_at < now() - make_interval(days => ${CLAIM_DAYS})`)
    if (!done) await tx.query(sql`insert into admin_claims (token_hash) values (${hash})`)
    return !done
  })

/** Makes the caller the first admin; every link dies of it. */
export const claim = (db: Db, actor: Actor & { id: number }, hash: Buffer): Promise<void> =>
  db.transaction(async (tx) => {
    await inTurn(tx)
    if (await anyAdmin(tx)) throw new Refusal('gone')
    const found = await tx.query(sql`
      select 1 as one from admin_claims
      where token_hash = ${hash} and created_at >= now() - make_interval(days => ${CLAIM_DAYS})`)
    if (found.length === 0) throw new Refusal('not_found', { field: 'token' })
    await tx.query(sql`update users set is_admin = true where id = ${actor.id}`)
    await tx.query(sql`delete from admin_claims`)
    await note(tx, actor, {
      action: 'admin_claimed',
      target: { type: 'user', id: actor.id, name: actor.name },
      before: { is_admin: false },
      after: { is_admin: true },
    })
  })

/** By a command, on an account by its name: null when there is none. */
const byCommand = <T extends object>(
  db: Db,
  username: string,
  action: AuditAction,
  work: (tx: Transaction, user: Target) => Promise<T>,
): Promise<Target | null> =>
  db.transaction(async (tx) => {
    await inTurn(tx)
    const [user] = await tx.query<Target>(sql`
      select id::float8, username, is_admin, is_blocked from users
      where lower(username) = lower(${username}) and is_active and not is_system for no key update`)
    if (!user) return null
    const after = await work(tx, user)
    await note(tx, COMMAND, { action, target: on(user), before: { is_admin: user.is_admin }, after })
    return user
  })

export const promote = (db: Db, username: string) =>
  byCommand(db, username, 'admin_granted', async (tx, { id }) => {
    await tx.query(sql`update users set is_admin = true where id = ${id}`)
    await tx.query(sql`delete from admin_claims`)
    return { is_admin: true }
  })

/** With a password of their own, and every session ended. */
export const resetPassword = (db: Db, username: string, password_hash: string) =>
  byCommand(db, username, 'password_reset', async (tx, { id }) => {
    await tx.query(sql`update users set password_hash = ${password_hash} where id = ${id}`)
    await endSessions(tx, id)
    return {}
  })

/** A new account with the rights of an admin, made by a command. */
export const createAdmin = (db: Db, user: NewUser): Promise<void> =>
  db.transaction(async (tx) => {
    await inTurn(tx)
    const made = await createUser(tx, { ...user, is_admin: true })
    await tx.query(sql`delete from admin_claims`)
    await note(tx, COMMAND, { action: 'user_created', target: on(made), after: { is_admin: true } })
  })
