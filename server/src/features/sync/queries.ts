import { sql, type Queries } from '../../ports/db/port.ts'

export interface Moved {
  chat_id: number
  /** The caller's own row of the chat, or the chat itself, changed; otherwise only its history did. */
  own: boolean
}

export interface SyncState {
  revision: number
  /** True when `after` is from a database that this one is not: it lies in the future. */
  ahead: boolean
  moved: Moved[]
  gone: number[]
  hidden: [number, number][]
  settings: boolean
}

/**
 * What moved for one person since a snapshot. `changed >= after` misses nothing: `after` was the oldest transaction
 * still running when the last answer was read, and everything before it was in that answer.
 */
export async function movedSince(
  db: Queries,
  user_id: number,
  after: number,
  limit: number,
): Promise<SyncState> {
  const [state] = await db.query<SyncState>(sql`
    with since as (select ${String(after)}::text::xid8 as xid)
    select pg_snapshot_xmin(pg_current_snapshot())::text::float8 as revision,
      since.xid > pg_snapshot_xmax(pg_current_snapshot()) as ahead,
      coalesce((
        select json_agg(json_build_object('chat_id', chat_id, 'own', own)) from (
          select m.chat_id, m.changed >= since.xid or c.changed >= since.xid as own
          from chat_members m join chat_heads h on h.chat_id = m.chat_id join chats c on c.id = m.chat_id
          where m.user_id = ${user_id}
            and (h.changed >= since.xid or m.changed >= since.xid or c.changed >= since.xid)
          limit ${limit + 1}
        ) moved
      ), '[]') as moved,
      coalesce((
        select json_agg(chat_id) from (
          select d.chat_id from chat_departures d
          where d.user_id = ${user_id} and d.changed >= since.xid limit ${limit + 1}
        ) gone
      ), '[]') as gone,
      coalesce((
        select json_agg(json_build_array(chat_id, message_id)) from (
          select x.chat_id, x.message_id from messages_hidden x
          where x.user_id = ${user_id} and x.changed >= since.xid limit ${limit + 1}
        ) hidden
      ), '[]') as hidden,
      exists (select from user_settings s where s.user_id = ${user_id} and s.changed >= since.xid) as settings
    from since`)
  return state!
}

export async function currentRevision(db: Queries): Promise<number> {
  const [now] = await db.query<{ revision: number }>(
    sql`select pg_snapshot_xmin(pg_current_snapshot())::text::float8 as revision`,
  )
  return now!.revision
}
