import type { CannedAnswer, SupportThread, ThreadFilter } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement, type Transaction } from '../../ports/db/port.ts'
import { note, type Actor } from '../audit/queries.ts'
import { OTHER, UNREAD } from '../chats/queries.ts'
import { literally } from '../users/queries.ts'

/** The second name is for a database in which a person was first: nobody can register one with a hyphen. */
const NAMES = ['bh_support', 'bh-support']
const DISPLAYED = 'Support'

/**
 * The one account of support, made where it is not there. Nobody can sign in to it: its password is no hash of
 * anything, and its address is none.
 */
export async function supportAccount(db: Queries): Promise<number> {
  for (const name of NAMES) {
    await db.query(sql`
      with made as (
        insert into users (username, email, display_name, password_hash, is_system)
        select ${name}, ${name}, ${DISPLAYED}, '', true where not exists (select from users where is_system)
        on conflict do nothing
        returning id
      )
      insert into user_settings (user_id, last_seen_visibility) select id, 'nobody' from made`)
    const [found] = await db.query<{ id: number }>(sql`select id::float8 from users where is_system`)
    if (found) return found.id
  }
  throw new Error('there is no account for support')
}

export interface SupportUser {
  id: number
  username: string
  display_name: string
  avatar_url: string | null
  chat_id: number | null
}

const FOUND_MAX = 50
const LOOKED_AT_MAX = 5000

export function supportUsers(db: Queries, support_id: number, words: string): Promise<SupportUser[]> {
  const part = `%${literally(words.trim().toLowerCase())}%`
  const people =
    part === '%%'
      ? sql`select * from users where is_active and not is_system order by lower(username) limit ${FOUND_MAX}`
      : sql`
        select * from users
        where (lower(username) || ' ' || lower(display_name)) like ${part} and is_active and not is_system
        limit ${LOOKED_AT_MAX}`
  return db.query<SupportUser>(sql`
    select u.id::float8, u.username, coalesce(nullif(u.display_name, ''), u.username) as display_name,
      avatar_url('users', u.id, u.avatar_file_id),
      (select c.id from chats c
        where c.direct_key = least(u.id, ${support_id}::bigint) || ':' || greatest(u.id, ${support_id}::bigint))::float8 as chat_id
    from (${people}) u
    order by lower(u.username) limit ${FOUND_MAX}`)
}

const OF_FILTER: Record<ThreadFilter, Statement> = {
  all: sql``,
  unread: sql`and h.last_seq > greatest(m.last_read_seq, m.cleared_seq)`,
  mine: sql``,
  unassigned: sql`and a.assignee_id is null`,
}

type StoredThread = Omit<SupportThread, 'last_at'> & { last_at: Date | null }

/** A page of the inbox: support's own chats, those that moved last first. */
export async function threads(
  db: Queries,
  asked: {
    support_id: number
    staff_id: number
    filter: ThreadFilter
    page: number
    per_page: number
    /** Also those in which nothing was said. */
    empty: boolean
  },
): Promise<SupportThread[]> {
  const { support_id, staff_id, filter, page, per_page, empty } = asked
  const rows = await db.query<StoredThread>(sql`
    with shown as (
      select m.chat_id, u.id as user_id, u.username, coalesce(nullif(u.display_name, ''), u.username) as display_name,
        u.avatar_file_id, h.last_at, h.preview_message_id, h.last_message_id, ${UNREAD} as unread_count, a.assignee_id
      from chat_members m
      join chats c on c.id = m.chat_id
      join chat_heads h on h.chat_id = m.chat_id
      join users u on u.id = ${OTHER}
      left join support_assignments a on a.chat_id = m.chat_id
      where m.user_id = ${support_id} ${empty ? sql`` : sql`and h.last_seq > 0`} ${OF_FILTER[filter]}
        ${filter === 'mine' ? sql`and a.assignee_id = ${staff_id}` : sql``}
      order by h.last_message_id desc, m.chat_id desc
      limit ${per_page} offset ${(page - 1) * per_page}
    )
    select s.chat_id::float8, s.user_id::float8, s.username, s.display_name,
      avatar_url('users', s.user_id, s.avatar_file_id),
      left(v.content, 160) as last_message, v.message_type as last_message_type,
      coalesce(v.sender_id = ${support_id}, false) as last_from_staff, s.last_at, s.unread_count,
      s.assignee_id::float8, coalesce(nullif(w.display_name, ''), w.username) as assignee_name
    from shown s
    left join messages v on v.chat_id = s.chat_id and v.id = s.preview_message_id
    left join users w on w.id = s.assignee_id
    order by s.last_message_id desc, s.chat_id desc`)
  return rows.map((row) => ({ ...row, last_at: row.last_at?.toISOString() ?? null }))
}

const COUNTED_MAX = 1000

export async function unreadThreads(db: Queries, support_id: number): Promise<number> {
  const [found] = await db.query<{ count: number }>(sql`
    select count(*)::int as count from (
      select from chat_members m join chat_heads h on h.chat_id = m.chat_id
      where m.user_id = ${support_id} and h.last_seq > 0 ${OF_FILTER.unread}
      limit ${COUNTED_MAX}
    ) unread`)
  return found!.count
}

/** Whose chat with support this is; refuses any other chat as if it were not there. */
export async function threadOf(
  db: Queries,
  support_id: number,
  chat_id: number,
): Promise<{ user_id: number; username: string; is_active: boolean }> {
  const [found] = await db.query<{ user_id: number; username: string; is_active: boolean }>(sql`
    select u.id::float8 as user_id, u.username, u.is_active
    from chat_members m join chats c on c.id = m.chat_id join users u on u.id = ${OTHER}
    where m.chat_id = ${chat_id} and m.user_id = ${support_id} and c.type = 'direct'`)
  if (!found) throw new Refusal('not_found', { field: 'chat_id' })
  return found
}

/** The chat of these two, where there is one. */
export async function threadWith(db: Queries, support_id: number, user_id: number): Promise<number> {
  const key = `${Math.min(support_id, user_id)}:${Math.max(support_id, user_id)}`
  const [found] = await db.query<{ id: number }>(sql`select id::float8 from chats where direct_key = ${key}`)
  if (!found) throw new Refusal('not_found', { field: 'user_id' })
  return found.id
}

/** Gives a conversation to an admin, or to nobody. */
export const assign = (
  db: Db,
  actor: Actor,
  thread: { chat_id: number; username: string },
  assignee_id: number | null,
): Promise<void> =>
  db.transaction(async (tx) => {
    const { chat_id, username } = thread
    const [before] = await tx.query<{ assignee_id: number | null }>(sql`
      select (select assignee_id from support_assignments where chat_id = c.id)::float8 as assignee_id
      from chats c where c.id = ${chat_id} for update of c`)
    if (!before) throw new Refusal('not_found')
    if (assignee_id === null) await tx.query(sql`delete from support_assignments where chat_id = ${chat_id}`)
    else await assignTo(tx, chat_id, assignee_id)
    const target = { type: 'chat' as const, id: chat_id, name: username }
    await note(tx, actor, { action: 'support_assigned', target, before, after: { assignee_id } })
  })

async function assignTo(tx: Transaction, chat_id: number, assignee_id: number): Promise<void> {
  const given = await tx.query(sql`
    insert into support_assignments (chat_id, assignee_id)
    select ${chat_id}, id from users where id = ${assignee_id} and is_admin and is_active and not is_blocked
    on conflict (chat_id) do update set assignee_id = excluded.assignee_id, assigned_at = now()
    returning 1 as one`)
  if (given.length === 0) throw new Refusal('not_found', { field: 'user_id' })
}

type StoredAnswer = Omit<CannedAnswer, 'updated_at'> & { updated_at: Date }

const ANSWER: Statement = sql`id::float8, title, content, updated_at`
const ANSWERS_MAX = 200

const shownAnswer = (row: StoredAnswer): CannedAnswer => ({
  ...row,
  updated_at: row.updated_at.toISOString(),
})

export const cannedAnswers = async (db: Queries): Promise<CannedAnswer[]> =>
  (
    await db.query<StoredAnswer>(
      sql`select ${ANSWER} from support_answers order by lower(title), id limit ${ANSWERS_MAX}`,
    )
  ).map(shownAnswer)

interface Words {
  title: string
  content: string
}

const target = ({ id, title }: { id: number; title: string }) => ({
  type: 'answer' as const,
  id,
  name: title,
})

export const createAnswer = (db: Db, actor: Actor & { id: number }, words: Words): Promise<CannedAnswer> =>
  db.transaction(async (tx) => {
    const [made] = await tx.query<StoredAnswer>(sql`
      insert into support_answers (title, content, created_by)
      select ${words.title}, ${words.content}, ${actor.id}
      where (select count(*) from support_answers) < ${ANSWERS_MAX}
      returning ${ANSWER}`)
    if (!made)
      throw new Refusal('invalid', { error: `There are ${ANSWERS_MAX} answers already: remove one first.` })
    await note(tx, actor, { action: 'support_answer_created', target: target(made), after: words })
    return shownAnswer(made)
  })

const answerAt = async (tx: Transaction, id: number): Promise<StoredAnswer> => {
  const [found] = await tx.query<StoredAnswer>(
    sql`select ${ANSWER} from support_answers where id = ${id} for update`,
  )
  if (!found) throw new Refusal('not_found')
  return found
}

const wordsOf = ({ title, content }: Words): Words => ({ title, content })

export const changeAnswer = (db: Db, actor: Actor, id: number, words: Words): Promise<CannedAnswer> =>
  db.transaction(async (tx) => {
    const before = wordsOf(await answerAt(tx, id))
    const [changed] = await tx.query<StoredAnswer>(sql`
      update support_answers set title = ${words.title}, content = ${words.content}, updated_at = now()
      where id = ${id} returning ${ANSWER}`)
    await note(tx, actor, {
      action: 'support_answer_changed',
      target: target(changed!),
      before,
      after: wordsOf(words),
    })
    return shownAnswer(changed!)
  })

export const deleteAnswer = (db: Db, actor: Actor, id: number): Promise<void> =>
  db.transaction(async (tx) => {
    const found = await answerAt(tx, id)
    await tx.query(sql`delete from support_answers where id = ${id}`)
    const before = wordsOf(found)
    await note(tx, actor, { action: 'support_answer_deleted', target: target(found), before })
  })
