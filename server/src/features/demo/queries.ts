import { sql, type Queries } from '../../ports/db/port.ts'
import { COMMAND, note } from '../audit/queries.ts'

export async function anybody(db: Queries): Promise<boolean> {
  return (await db.query(sql`select 1 as one from users where not is_system limit 1`)).length > 0
}

export interface DemoPerson {
  username: string
  display_name: string
  bio: string
  joined: Date
  last_activity: Date
}

/** People with one password; answers their ids by name, fewer when a name was taken. */
export async function makePeople(
  db: Queries,
  people: readonly DemoPerson[],
  password_hash: string,
): Promise<Map<string, number>> {
  const made = await db.query<{ id: number; username: string }>(sql`
    with made as (
      insert into users (username, email, display_name, bio, password_hash, created_at, last_activity)
      select username, username || '@demo.invalid', display_name, bio, ${password_hash}, joined, last_activity
      from unnest(
        ${people.map((one) => one.username)}::text[], ${people.map((one) => one.display_name)}::text[],
        ${people.map((one) => one.bio)}::text[], ${people.map((one) => one.joined.toISOString())}::timestamptz[],
        ${people.map((one) => one.last_activity.toISOString())}::timestamptz[]
      ) as p(username, display_name, bio, joined, last_activity)
      on conflict do nothing
      returning id, username
    ),
    settled as (insert into user_settings (user_id) select id from made)
    select id::float8, username from made`)
  return new Map(made.map(({ id, username }) => [username, id]))
}

export async function makeAdmin(db: Queries, { id, name }: { id: number; name: string }): Promise<void> {
  await db.query(sql`update users set is_admin = true where id = ${id}`)
  const target = { type: 'user' as const, id, name }
  const states = { before: { is_admin: false }, after: { is_admin: true } }
  await note(db, COMMAND, { action: 'admin_granted', target, ...states })
}

export interface DemoChat {
  type: 'direct' | 'group' | 'channel'
  title: string | null
  description: string | null
  public_name: string | null
  /** The owner first. */
  member_ids: readonly number[]
  made: Date
}

export async function makeChat(db: Queries, chat: DemoChat): Promise<number> {
  const { type, title, description, public_name, member_ids, made } = chat
  const direct = type === 'direct'
  const [owner_id] = member_ids
  const key = direct ? [...member_ids].sort((one, other) => one - other).join(':') : null
  const may = type === 'channel' ? 'admins' : 'members'
  const [found] = await db.query<{ id: number }>(sql`
    with chat as (
      insert into chats (type, title, description, public_name, owner_id, direct_key, member_count, created_at,
        who_may_post, who_may_add)
      values (${type}, ${title}, ${description}, ${public_name}, ${direct ? null : owner_id!}::bigint, ${key},
        ${member_ids.length}, ${made}, ${may}, ${may})
      returning id
    ),
    head as (insert into chat_heads (chat_id) select id from chat),
    members as (
      insert into chat_members (chat_id, user_id, role, joined_at)
      select chat.id, p.id, case when p.id = ${owner_id!} and ${!direct} then 'owner' else 'member' end, ${made}
      from chat, unnest(${member_ids}::bigint[]) as p(id)
    )
    select id::float8 from chat`)
  return found!.id
}

export interface DemoMessage {
  id: number
  sender_id: number
  content: string
  reply_to: number | null
  edited: boolean
}

/**
 * Messages of the past, the oldest first, as if they had been sent then. Whoever is in `behind` has not read the last
 * few; everybody else has.
 */
export async function makeHistory(
  db: Queries,
  chat_id: number,
  messages: readonly DemoMessage[],
  behind: readonly number[],
): Promise<void> {
  await db.query(sql`
    with given as (
      select *, row_number() over (order by id) as seq from unnest(
        ${messages.map(({ id }) => id)}::bigint[], ${messages.map((one) => one.sender_id)}::bigint[],
        ${messages.map((one) => one.content)}::text[], ${messages.map((one) => one.reply_to)}::bigint[],
        ${messages.map((one) => one.edited)}::boolean[]
      ) as m(id, sender_id, content, reply_to, edited)
    ),
    stored as (
      insert into messages (id, chat_id, seq, revision, sender_id, content, created_at, reply_to_message_id, is_edited,
        updated_at)
      select id, ${chat_id}, seq,
        case when edited then (select count(*) from given) + sum(edited::int) over (order by id) else seq end, sender_id,
        content, to_timestamp(((id >> 12) + 1735689600000) / 1000.0), reply_to, edited,
        case when edited then to_timestamp(((id >> 12) + 1735689600000) / 1000.0) + interval '1 minute' end
      from given
    ),
    counted as (
      insert into daily_counts as d (name, day, shard, value)
      select 'messages', (to_timestamp(((id >> 12) + 1735689600000) / 1000.0) at time zone 'UTC')::date, 0, count(*)
      from given group by 2 order by 2
      on conflict (name, day, shard) do update set value = d.value + excluded.value
    ),
    sent as (
      insert into user_message_counts as c (user_id, sent) select sender_id, count(*) from given group by 1 order by 1
      on conflict (user_id) do update set sent = c.sent + excluded.sent
    ),
    last as (
      select count(*) as seq, count(*) + count(*) filter (where edited) as revision, max(id) as id from given
    ),
    moved as (
      update chat_heads h
      set last_seq = last.seq, revision = last.revision, last_message_id = last.id, preview_message_id = last.id,
        last_at = to_timestamp(((last.id >> 12) + 1735689600000) / 1000.0), changed = pg_current_xact_id()
      from last where h.chat_id = ${chat_id}
    )
    update chat_members m
    set last_read_seq = r.seq, last_read_msg_id = (select id from given where given.seq = r.seq), read_at = now(),
      last_sent_at = to_timestamp(((r.sent_id >> 12) + 1735689600000) / 1000.0), changed = pg_current_xact_id()
    from (
      select member.user_id, max(given.id) as sent_id,
        greatest(coalesce(max(given.seq), 0), max(last.seq) - case when member.user_id = any(${behind}::bigint[]) then 4 else 0 end) as seq
      from chat_members member cross join last left join given on given.sender_id = member.user_id
      where member.chat_id = ${chat_id}
      group by member.user_id
    ) r
    where m.chat_id = ${chat_id} and m.user_id = r.user_id`)
}
