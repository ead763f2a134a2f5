import type { Ban, ChatType, Role } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries } from '../../ports/db/port.ts'
import { depart } from './departures.ts'
import { lockChat, roleIn } from './queries.ts'

export async function refuseBanned(
  tx: Queries,
  chat_id: number,
  user_ids: readonly number[],
  details: { field?: string } = {},
): Promise<void> {
  const banned = await tx.query(sql`
    select 1 as one from chat_bans where chat_id = ${chat_id} and user_id = any(${user_ids}::bigint[]) limit 1`)
  if (banned.length > 0) throw new Refusal('banned', details)
}

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
