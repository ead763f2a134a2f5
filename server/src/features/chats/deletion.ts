import type { ChatType, Role } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries } from '../../ports/db/port.ts'
import { lockChat, roleIn } from './queries.ts'

/** Takes a chat away from everybody at once; its messages follow in steps (`sweepMessages`). */
export async function removeChat(tx: Queries, chat_id: number): Promise<void> {
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
