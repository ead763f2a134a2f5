import type { MessageType, Reaction } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries } from '../../ports/db/port.ts'
import { accessOf, visibleTo, type Reader } from '../messages/queries.ts'
import { toggled, type Counts, type Toggled } from './rules.ts'

interface Reactable {
  message_type: MessageType
  reactions: Counts | null
  own: string[]
}

/**
 * Gives or takes back a reaction under the head's lock, so that racing ones are counted one after the other; refuses
 * what the caller does not see, and what is no message of a person.
 */
export const toggleFor = (
  db: Db,
  reader: Reader,
  message_id: number,
  emoji: string,
): Promise<Toggled & { revision: number }> =>
  db.transaction(async (tx) => {
    const { chat_id, user_id } = reader
    await tx.query(sql`select from chat_heads where chat_id = ${chat_id} for update`)
    await accessOf(tx, chat_id, user_id)
    const [found] = await tx.query<Reactable>(sql`
      select m.message_type, m.reactions, array(
        select r.emoji from message_reactions r
        where r.chat_id = ${chat_id} and r.message_id = ${message_id} and r.user_id = ${user_id}) as own
      ${visibleTo(reader)} and m.id = ${message_id} and not m.is_deleted`)
    if (!found) throw new Refusal('not_found')
    if (found.message_type === 'system') throw new Refusal('not_allowed')
    const after = toggled(found.reactions ?? [], found.own, emoji)
    const row = sql`(${chat_id}::bigint, ${message_id}::bigint, ${user_id}::bigint, ${emoji}::text)`
    const [moved] = await tx.query<{ revision: number }>(sql`
      with mark as (${
        after.action === 'added'
          ? sql`insert into message_reactions (chat_id, message_id, user_id, emoji) values ${row}`
          : sql`delete from message_reactions where (chat_id, message_id, user_id, emoji) = ${row}`
      }),
      moved as (
        update chat_heads set revision = revision + 1, changed = pg_current_xact_id()
        where chat_id = ${chat_id} returning revision
      )
      update messages m
      set reactions = ${after.reactions.length === 0 ? null : after.reactions}::jsonb, revision = moved.revision
      from moved where m.chat_id = ${chat_id} and m.id = ${message_id}
      returning m.revision::float8`)
    return { ...after, revision: moved!.revision }
  })

/** Which reactions of these messages are this person's own, by message. */
export async function ownReactions(
  db: Queries,
  { chat_id, user_id }: Reader,
  message_ids: readonly number[],
): Promise<Map<number, Set<string>>> {
  const rows = await db.query<{ message_id: number; emoji: string }>(sql`
    select message_id::float8, emoji from message_reactions
    where chat_id = ${chat_id} and message_id = any(${message_ids}::bigint[]) and user_id = ${user_id}`)
  const own = new Map<number, Set<string>>()
  for (const { message_id, emoji } of rows) own.set(message_id, (own.get(message_id) ?? new Set()).add(emoji))
  return own
}

/** Reactions of these messages as the caller sees them, in one snapshot. */
export async function reactionsOf(
  db: Queries,
  reader: Reader,
  message_ids: readonly number[],
): Promise<Record<string, Reaction[]>> {
  await accessOf(db, reader.chat_id, reader.user_id)
  const rows = await db.query<{ id: number; reactions: Counts; own: string[] }>(sql`
    select m.id::float8, m.reactions, array(
      select r.emoji from message_reactions r
      where r.chat_id = m.chat_id and r.message_id = m.id and r.user_id = ${reader.user_id}) as own
    ${visibleTo(reader)} and m.id = any(${message_ids}::bigint[]) and m.reactions is not null`)
  return Object.fromEntries(
    rows.map(({ id, reactions, own }) => [
      id,
      reactions.map((one) => ({ ...one, me: own.includes(one.emoji) })),
    ]),
  )
}
