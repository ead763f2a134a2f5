import type { ChatType, Role } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries } from '../../ports/db/port.ts'
import { removeChat } from './deletion.ts'
import { decideOn, lockChat, roleIn } from './queries.ts'

/** Takes somebody out of a chat that stays; false when they were not in it. */
export async function depart(tx: Queries, chat_id: number, user_id: number): Promise<boolean> {
  const left = await tx.query(sql`
    with gone as (
      delete from chat_members where chat_id = ${chat_id} and user_id = ${user_id} returning user_id, joined_at
    ),
    noted as (
      insert into chat_departures (user_id, chat_id, joined_at) select user_id, ${chat_id}, joined_at from gone
      on conflict (user_id, chat_id) do update
      set left_at = now(), joined_at = excluded.joined_at, changed = pg_current_xact_id()
    ),
    forgotten as (delete from messages_hidden where chat_id = ${chat_id} and user_id = ${user_id}),
    unwritten as (delete from chat_drafts where chat_id = ${chat_id} and user_id = ${user_id}),
    counted as (update chats set member_count = member_count - 1 where id = ${chat_id} and exists (select from gone))
    select 1 as one from gone`)
  return left.length > 0
}

export interface Left {
  /** Everyone who was in the chat when it was deleted with its last member; null while it lives. */
  deleted: boolean
}

/** Leaves a group or channel. Its owner may only when nobody else is in it, and takes it along. */
export const leave = (db: Db, chat_id: number, user_id: number): Promise<Left> =>
  db.transaction(async (tx) => {
    await lockChat(tx, chat_id)
    const { role } = await roleIn(tx, chat_id, user_id)
    if (role === 'owner') {
      const others = await tx.query(sql`
        select 1 as one from chat_members where chat_id = ${chat_id} and user_id <> ${user_id} limit 1`)
      if (others.length > 0) throw new Refusal('owner_must_hand_over')
      await removeChat(tx, chat_id)
      return { deleted: true }
    }
    await depart(tx, chat_id, user_id)
    return { deleted: false }
  })

/** Removes somebody under `decide`. */
export const removeFrom = (
  db: Db,
  chat_id: number,
  me: number,
  user_id: number,
  decide: (mine: { role: Role; type: ChatType }, theirs: Role) => void,
): Promise<void> =>
  db.transaction(async (tx) => {
    await decideOn(tx, { chat_id, me, user_id }, decide)
    await depart(tx, chat_id, user_id)
  })

export interface Departure {
  chat_id: number
  /** It went with its last member. */
  deleted: boolean
  /** Who owns it now, where it was owned. */
  successor_id: number | null
}

/**
 * Takes somebody out of every group and channel, in the order of their ids, and their Saved Messages with them. What
 * they owned goes to the admin who joined first, else to the member.
 */
export async function leaveEverything(tx: Queries, user_id: number): Promise<Departure[]> {
  const mine = await tx.query<{ chat_id: number; role: Role }>(sql`
    select c.id::float8 as chat_id, m.role from chat_members m join chats c on c.id = m.chat_id
    where m.user_id = ${user_id} and (c.type <> 'direct' or c.direct_key = ${String(user_id)})
    order by c.id for update of c`)
  const departures: Departure[] = []
  for (const { chat_id, role } of mine) {
    const successor_id = role === 'owner' ? await succeed(tx, chat_id, user_id) : null
    const deleted = role === 'owner' && successor_id === null
    await (deleted ? removeChat(tx, chat_id) : depart(tx, chat_id, user_id))
    departures.push({ chat_id, deleted, successor_id })
  }
  return departures
}

/** Makes somebody else the owner; null when there is nobody. */
async function succeed(tx: Queries, chat_id: number, owner_id: number): Promise<number | null> {
  const [made] = await tx.query<{ user_id: number }>(sql`
    with successor as (
      select m.user_id from chat_members m join users u on u.id = m.user_id
      where m.chat_id = ${chat_id} and m.user_id <> ${owner_id} and u.is_active
      order by u.is_blocked, m.role = 'admin' desc, m.joined_at, m.user_id limit 1
    ),
    owned as (
      update chats c set owner_id = s.user_id, changed = pg_current_xact_id() from successor s where c.id = ${chat_id}
    )
    update chat_members m set role = 'owner', changed = pg_current_xact_id()
    from successor s where m.chat_id = ${chat_id} and m.user_id = s.user_id
    returning m.user_id::float8`)
  return made?.user_id ?? null
}
