import type { ChatType, Invite } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { letIn, type Joined } from '../chats/members.ts'
import { roleIn } from '../chats/queries.ts'
import { mayBeUsed } from './rules.ts'

export type FoundInvite = Omit<Invite, 'created_at' | 'expires_at' | 'link'> & {
  created_at: Date
  expires_at: Date | null
}

const INVITE: Statement = sql`
  i.token, i.chat_id::float8, i.created_by::float8, i.created_at, i.expires_at, i.max_uses, i.use_count`

const IS_OVER: Statement = sql`(i.revoked_at is not null or coalesce(i.expires_at <= now(), false))`
const IS_USED_UP: Statement = sql`coalesce(i.use_count >= i.max_uses, false)`

/** Null when the caller may not, or is not there. */
export async function createInvite(
  db: Queries,
  me: number,
  invite: { token: string; chat_id: number; expires_at: Date | null; max_uses: number | null },
): Promise<FoundInvite | null> {
  const [made] = await db.query<FoundInvite>(sql`
    insert into invites as i (token, chat_id, created_by, expires_at, max_uses)
    select ${invite.token}, c.id, m.user_id, ${invite.expires_at}::timestamptz, ${invite.max_uses}::int
    from chat_members m join chats c on c.id = m.chat_id
    where m.chat_id = ${invite.chat_id} and m.user_id = ${me} and m.role in ('owner', 'admin') and c.type <> 'direct'
    returning ${INVITE}`)
  return made ?? null
}

/** Live invites, the newest first; `after` is the last token of the page before, whatever became of it. */
export const liveInvites = (
  db: Queries,
  chat_id: number,
  asked: { limit: number; after?: string | undefined },
) => {
  const beyond =
    asked.after === undefined
      ? sql``
      : sql`and (i.created_at, i.token) < (
        select a.created_at, a.token from invites a where a.token = ${asked.after} and a.chat_id = ${chat_id})`
  return db.query<FoundInvite>(sql`
    select ${INVITE} from invites i
    where i.chat_id = ${chat_id} and not ${IS_OVER} and not ${IS_USED_UP} ${beyond}
    order by i.created_at desc, i.token desc limit ${asked.limit}`)
}

/** Ends an invite; ending it again changes nothing. */
export async function revoke(db: Queries, token: string, me: number): Promise<void> {
  const revoked = await db.query(sql`
    update invites i set revoked_at = coalesce(i.revoked_at, now())
    from chat_members m
    where i.token = ${token} and m.chat_id = i.chat_id and m.user_id = ${me} and m.role in ('owner', 'admin')
    returning 1 as one`)
  if (revoked.length > 0) return
  await roleIn(db, (await heldBy(db, token)).chat_id, me)
  throw new Refusal('not_allowed')
}

interface Held {
  chat_id: number
  /** Revoked or expired. */
  is_over: boolean
  is_used_up: boolean
}

async function heldBy(db: Queries, token: string): Promise<Held> {
  const [held] = await db.query<Held>(sql`
    select i.chat_id::float8, ${IS_OVER} as is_over, ${IS_USED_UP} as is_used_up
    from invites i where i.token = ${token}`)
  if (!held) throw new Refusal('not_found')
  return held
}

/** What a live invite leads to; throws `not_found` or `gone`. */
export async function invitedTo(db: Queries, token: string) {
  mayBeUsed(await heldBy(db, token))
  const [chat] = await db.query<{
    chat_id: number
    type: ChatType
    title: string | null
    description: string | null
    member_count: number
    avatar_url: string | null
  }>(sql`
    select c.id::float8 as chat_id, c.type, c.title, c.description, c.member_count,
      avatar_url('chats', c.id, c.avatar_file_id)
    from invites i join chats c on c.id = i.chat_id where i.token = ${token}`)
  if (!chat) throw new Refusal('not_found')
  return chat
}

/**
 * Joins by an invite and uses it. A member uses nothing up, and may come by one that is used up: whoever took the last
 * use and lost the answer asks again.
 */
export async function spend(
  tx: Queries,
  token: string,
  user_id: number,
): Promise<Joined & { chat_id: number }> {
  const held = await heldBy(tx, token)
  mayBeUsed({ ...held, is_used_up: false })
  const joined = await letIn(tx, held.chat_id, user_id, async () => {
    // Whoever waited for the chat sees here what others used meanwhile.
    const used = await tx.query(sql`
      update invites i set use_count = use_count + 1
      where i.token = ${token} and not ${IS_OVER} and not ${IS_USED_UP} returning 1 as one`)
    if (used.length === 0) throw new Refusal('gone')
  })
  return { ...joined, chat_id: held.chat_id }
}

export const joinBy = (db: Db, token: string, user_id: number) =>
  db.transaction((tx) => spend(tx, token, user_id))
