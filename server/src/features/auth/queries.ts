import type { Session } from '@messenger/contract'
import { refusing } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { note, type Actor } from '../audit/queries.ts'
import { spend } from '../invites/queries.ts'

interface LiveSession {
  session_id: number
  user_id: number
  username: string
  display_name: string
  is_admin: boolean
}

export const liveSessions = (db: Queries, session_ids: readonly number[]) =>
  db.query<LiveSession>(sql`
    select s.id::float8 as session_id, u.id::float8 as user_id, u.username,
      coalesce(nullif(u.display_name, ''), u.username) as display_name, u.is_admin
    from sessions s join users u on u.id = s.user_id
    where s.id = any(${session_ids}::bigint[]) and s.ended_at is null and s.expires_at > now()
      and u.is_active and not u.is_blocked`)

export interface NewUser {
  username: string
  email: string
  display_name: string
  password_hash: string
  is_admin?: boolean
}

export async function createUser(db: Queries, user: NewUser): Promise<{ id: number; username: string }> {
  const [made] = await refusing(
    db.query<{ id: number; username: string }>(sql`
      with made as (
        insert into users (username, email, display_name, password_hash, is_admin)
        values (${user.username}, ${user.email}, ${user.display_name}, ${user.password_hash}, ${user.is_admin ?? false})
        returning id, username
      ),
      settled as (insert into user_settings (user_id) select id from made)
      select id::float8, username from made`),
    {
      users_username_key: { code: 'username_taken', field: 'username' },
      users_email_key: { code: 'email_taken', field: 'email' },
    },
  )
  return made!
}

/** An account and its place in the chat that the invite leads to: both or neither, so an invite makes no more than its uses. */
export const createInvitedUser = (db: Db, user: NewUser, invite_token: string) =>
  db.transaction(async (tx) => {
    const made = await createUser(tx, user)
    return { made, chat_id: (await spend(tx, invite_token, made.id)).chat_id }
  })

/** True when either is taken already: asked before the costly hash, decided by the unique keys after it. */
export async function isTaken(db: Queries, username: string, email: string) {
  const [found] = await db.query<{ username: boolean; email: boolean }>(sql`
    select exists (select from users where lower(username) = lower(${username})) as username,
      exists (select from users where lower(email) = lower(${email})) as email`)
  return found!
}

export interface Account {
  id: number
  password_hash: string
  is_admin: boolean
  is_blocked: boolean
  /** Of the session that may be opened: its tokens name it before it is stored. */
  next_session_id: number
}

/** An active account by name or address. */
export async function accountNamed(db: Queries, name: string): Promise<Account | null> {
  const [account] = await db.query<Account>(sql`
    select id::float8, password_hash, is_admin, is_blocked,
      nextval('sessions_id_seq')::float8 as next_session_id
    from users
    where is_active and (lower(username) = lower(${name}) or lower(email) = lower(${name}))
    order by lower(username) = lower(${name}) desc limit 1`)
  return account ?? null
}

export async function passwordOf(db: Queries, user_id: number): Promise<string | null> {
  const [found] = await db.query<{ password_hash: string }>(
    sql`select password_hash from users where id = ${user_id}`,
  )
  return found?.password_hash ?? null
}

/** Sets a new hash; with `keep`, ends every session but that one, and answers how many ended. */
export async function setPassword(
  db: Queries,
  user_id: number,
  hash: string,
  keep?: number,
): Promise<number> {
  const [ended] = await db.query<{ ended: number }>(sql`
    with changed as (update users set password_hash = ${hash} where id = ${user_id}),
    ended as (
      update sessions set ended_at = now()
      where user_id = ${user_id} and ended_at is null and ${keep ?? null}::bigint is not null and id <> ${keep ?? null}
      returning id
    ),
    forgotten as (delete from refresh_tokens where session_id in (select id from ended))
    select count(*)::int as ended from ended`)
  return ended!.ended
}

export interface RefreshToken {
  hash: Buffer
  session_id: number
  user_id: number
  /** Seconds. */
  ttl: number
}

const kept = (token: RefreshToken): Statement => sql`
    insert into refresh_tokens (token_hash, session_id, user_id, expires_at)
    values (${token.hash}, ${token.session_id}, ${token.user_id}, now() + make_interval(secs => ${token.ttl}))`

export const keepRefreshToken = (db: Queries, token: RefreshToken) => db.query(kept(token))

/** A session with its first token, in one statement: a storm of sign-ins shares the disk with messages. */
export const openSession = (
  db: Queries,
  { user_agent, address, token }: { user_agent: string | null; address: string; token: RefreshToken },
) =>
  db.query(sql`
    with seen as (update users set last_activity = now() where id = ${token.user_id}),
    opened as (
      insert into sessions (id, user_id, user_agent, address, expires_at)
      values (${token.session_id}, ${token.user_id}, ${user_agent}, ${address}, now() + make_interval(secs => ${token.ttl}))
    )
    ${kept(token)}`)

export interface Rotation {
  /** `live`: a new pair may be handed out. `reused`: the session was ended by this call. */
  verdict: 'live' | 'reused' | 'blocked' | 'refused'
  is_admin: boolean
}

/**
 * Uses a refresh token. The first use starts its grace, in which several tabs may use it; a use after that means that
 * somebody else holds a copy, and ends the session.
 */
export async function useRefreshToken(
  db: Queries,
  token: { hash: Buffer; session_id: number; user_id: number },
  ttl: number,
  grace: number,
): Promise<Rotation> {
  const [used] = await db.query<{
    late: boolean
    ended: boolean
    is_admin: boolean
    is_blocked: boolean
    is_active: boolean
  }>(sql`
    with used as (
      update refresh_tokens set used_at = coalesce(used_at, now())
      where token_hash = ${token.hash} and session_id = ${token.session_id} and expires_at > now()
      returning session_id, used_at
    ),
    known as (
      select s.id, u.is_admin, u.is_blocked, u.is_active,
        s.ended_at is not null or s.expires_at <= now() as ended,
        used.used_at + make_interval(secs => ${grace}) < now() as late
      from used join sessions s on s.id = used.session_id join users u on u.id = s.user_id
      where s.user_id = ${token.user_id}
    ),
    moved as (
      update sessions s
      set last_used_at = now(),
        expires_at = case when known.late then s.expires_at else now() + make_interval(secs => ${ttl}) end,
        ended_at = case when known.late then now() else s.ended_at end
      from known where s.id = known.id and not known.ended
    ),
    swept as (
      delete from refresh_tokens r using known
      where r.session_id = known.id and r.token_hash <> ${token.hash} and not known.late
        and r.used_at < now() - make_interval(secs => ${grace} * 2 + 86400)
    )
    select late, ended, is_admin, is_blocked, is_active from known`)
  if (!used || used.ended || !used.is_active) return { verdict: 'refused', is_admin: false }
  if (used.late) return { verdict: 'reused', is_admin: false }
  return { verdict: used.is_blocked ? 'blocked' : 'live', is_admin: used.is_admin }
}

/** Ends one session of this user; false when it is not theirs or has ended. */
export async function endSessionOf(db: Queries, user_id: number, session_id: number): Promise<boolean> {
  const ended = await db.query(sql`
    with ended as (
      update sessions set ended_at = now()
      where id = ${session_id} and user_id = ${user_id} and ended_at is null
      returning id
    ),
    forgotten as (delete from refresh_tokens where session_id in (select id from ended))
    select from ended`)
  return ended.length > 0
}

interface SessionRow extends Omit<Session, 'created_at' | 'last_used_at' | 'current'> {
  created_at: Date
  last_used_at: Date
}

export async function sessionsOf(db: Queries, user_id: number, current: number): Promise<Session[]> {
  const rows = await db.query<SessionRow>(sql`
    select id::float8, created_at, last_used_at, user_agent, address from sessions
    where user_id = ${user_id} and ended_at is null and expires_at > now()
    order by last_used_at desc, id desc limit 100`)
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    last_used_at: row.last_used_at.toISOString(),
    current: row.id === current,
  }))
}

const CONFIGURATION: Actor = { id: null, name: 'configuration', address: null }

/** Makes this account an admin while there is none; `done` says that there is one now. */
export const promoteFirstAdmin = (db: Db, username: string): Promise<{ done: boolean; promoted: boolean }> =>
  db.transaction(async (tx) => {
    const [found] = await tx.query<{ admins: boolean; id: number | null; name: string | null }>(sql`
      with admins as (select from users where is_admin and is_active and not is_blocked limit 1),
      promoted as (
        update users set is_admin = true
        where lower(username) = lower(${username}) and is_active and not is_system and not exists (select from admins)
        returning id, username
      )
      select exists (select from admins) as admins, (select id from promoted)::float8 as id,
        (select username from promoted) as name`)
    const { admins, id, name } = found!
    if (id === null) return { done: admins, promoted: false }
    const target = { type: 'user' as const, id, name }
    const states = { before: { is_admin: false }, after: { is_admin: true } }
    await note(tx, CONFIGURATION, { action: 'admin_granted', target, ...states })
    return { done: true, promoted: true }
  })

/** The first admin's account, made as the configuration says. */
export const createFirstAdmin = (db: Db, user: NewUser): Promise<void> =>
  db.transaction(async (tx) => {
    const { id, username: name } = await createUser(tx, { ...user, is_admin: true })
    const target = { type: 'user' as const, id, name }
    await note(tx, CONFIGURATION, { action: 'user_created', target, after: { is_admin: true } })
  })
