import { sql, type Queries } from '../../ports/db/port.ts'

/** What others may hear of somebody who came or went. */
export interface Shown {
  username: string
  last_seen_visibility: 'everyone' | 'approx_only' | 'nobody'
}

/** Notes that somebody is here; answers how they show themselves. */
export async function noteActivity(db: Queries, user_id: number): Promise<Shown | null> {
  const [shown] = await db.query<Shown>(sql`
    with noted as (update users set last_activity = now() where id = ${user_id} and is_active returning id, username)
    select username, coalesce(s.last_seen_visibility, 'everyone') as last_seen_visibility
    from noted left join user_settings s on s.user_id = noted.id`)
  return shown ?? null
}

/** All chats of these people, for a node that may have missed who joined what. */
export const membershipsOf = (db: Queries, user_ids: readonly number[]) =>
  db.query<{ user_id: number; chat_id: number }>(sql`
    select user_id::float8, chat_id::float8 from chat_members where user_id = any(${user_ids}::bigint[])`)

/** Those of these people who are in the chat. */
export async function membersAmong(
  db: Queries,
  chat_id: number,
  user_ids: readonly number[],
): Promise<Set<number>> {
  const found = await db.query<{ user_id: number }>(sql`
    select user_id::float8 from chat_members where chat_id = ${chat_id} and user_id = any(${user_ids}::bigint[])`)
  return new Set(found.map(({ user_id }) => user_id))
}
