import { Refusal } from '../../http/refusal.ts'
import { sql, type Queries } from '../../ports/db/port.ts'
import { claimFiles } from '../files/queries.ts'
import {
  accessOf,
  messagesOf,
  namedIn,
  sendersOf,
  withoutGone,
  type Reader,
  type StoredMessage,
} from '../messages/queries.ts'

export interface Source {
  /** In the order in which they were asked for. */
  messages: StoredMessage[]
  /** Everybody can find the chat that they are in. */
  is_public: boolean
  /** What their senders are called now; without those who are gone. */
  names: Map<number, string>
}

/** Messages as the caller sees them; refuses when one of them is not there for the caller. */
export async function sourceOf(db: Queries, reader: Reader, ids: readonly number[]): Promise<Source> {
  await accessOf(db, reader.chat_id, reader.user_id)
  const found = new Map((await messagesOf(db, reader, ids)).map((message) => [message.id, message]))
  const messages = ids.map((id) => found.get(id)).filter((message) => message !== undefined)
  if (messages.length !== ids.length) throw new Refusal('not_found', { field: 'message_ids' })
  await claimFiles(
    db,
    messages.flatMap(({ more }) => more?.file_id ?? []),
  )
  const [people, [chat]] = await Promise.all([
    sendersOf(db, [...new Set(messages.flatMap((message) => [message.sender_id, ...namedIn(message)]))]),
    db.query<{ is_public: boolean }>(
      sql`select public_name is not null as is_public from chats where id = ${reader.chat_id}`,
    ),
  ])
  const known = new Map(people.map((one) => [one.id, one]))
  const names = new Map(people.flatMap((one) => (one.is_gone ? [] : [[one.id, one.display_name] as const])))
  return {
    messages: messages.map((one) => withoutGone(one, known)),
    is_public: chat?.is_public ?? false,
    names,
  }
}

/** Whether this member has to wait after each message. */
export async function isSlowed(db: Queries, { chat_id, user_id }: Reader): Promise<boolean> {
  const slowed = await db.query(sql`
    select 1 as one from chat_members m join chats c on c.id = m.chat_id
    where m.chat_id = ${chat_id} and m.user_id = ${user_id} and m.role = 'member' and c.slow_mode_seconds > 0`)
  return slowed.length > 0
}
