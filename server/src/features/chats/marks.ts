import { Refusal } from '../../http/refusal.ts'
import { sql, type Queries, type Statement } from '../../ports/db/port.ts'

export type Mark = 'is_favorite' | 'is_pinned' | 'is_archived'

const MARKS: Record<Mark, Statement> = {
  is_favorite: sql`is_favorite`,
  is_pinned: sql`is_pinned`,
  is_archived: sql`is_archived`,
}

/** Sets a mark of the caller's own; refuses strangers. */
export async function setMark(
  db: Queries,
  chat_id: number,
  user_id: number,
  mark: Mark,
  on: boolean,
): Promise<void> {
  const set = await db.query(sql`
    update chat_members set ${MARKS[mark]} = ${on}, changed = pg_current_xact_id()
    where chat_id = ${chat_id} and user_id = ${user_id} returning 1 as one`)
  if (set.length === 0) throw new Refusal('not_a_member')
}

/** `until`: a time, 'infinity' for ever, null for not muted. Answers whether it is muted now. */
export async function setMuted(
  db: Queries,
  chat_id: number,
  user_id: number,
  until: string | null,
): Promise<boolean> {
  const [set] = await db.query<{ is_muted: boolean }>(sql`
    update chat_members set muted_until = ${until}::timestamptz, changed = pg_current_xact_id()
    where chat_id = ${chat_id} and user_id = ${user_id}
    returning coalesce(muted_until > now(), false) as is_muted`)
  if (!set) throw new Refusal('not_a_member')
  return set.is_muted
}

/** Marks the chat unread for the caller until they read, or write, in it; refuses strangers. */
export async function markUnreadFor(db: Queries, chat_id: number, user_id: number): Promise<void> {
  const set = await db.query(sql`
    update chat_members set marked_unread_seq = last_read_seq, changed = pg_current_xact_id()
    where chat_id = ${chat_id} and user_id = ${user_id} returning 1 as one`)
  if (set.length === 0) throw new Refusal('not_a_member')
}
