import { Refusal } from '../../http/refusal.ts'
import { sql, type Queries } from '../../ports/db/port.ts'

/** Keeps a draft; refuses strangers, and an answer to what the caller does not see. Answers when it was kept. */
export async function keepDraft(
  db: Queries,
  chat_id: number,
  user_id: number,
  draft: { content: string; reply_to_message_id: number | null },
): Promise<Date> {
  const { content, reply_to_message_id: reply } = draft
  const [told] = await db.query<{ kept_at: Date | null }>(sql`
    with me as (select cleared_seq from chat_members where chat_id = ${chat_id} and user_id = ${user_id}),
    kept as (
      insert into chat_drafts (user_id, chat_id, content, reply_to_message_id)
      select ${user_id}, ${chat_id}, ${content}, ${reply}::bigint from me
      where ${reply}::bigint is null or exists (
        select from messages r
        where r.chat_id = ${chat_id} and r.id = ${reply}::bigint and r.seq > me.cleared_seq and not r.is_deleted)
      on conflict (user_id, chat_id) do update set content = excluded.content,
        reply_to_message_id = excluded.reply_to_message_id, updated_at = now()
      returning updated_at
    ),
    moved as (
      update chat_members set changed = pg_current_xact_id()
      where chat_id = ${chat_id} and user_id = ${user_id} and exists (select from kept)
    )
    select (select updated_at from kept) as kept_at from me`)
  if (!told) throw new Refusal('not_a_member')
  if (!told.kept_at) throw new Refusal('not_found', { field: 'reply_to_message_id' })
  return told.kept_at
}

/** Throws the caller's draft away; false when there was none. Refuses strangers. */
export async function dropDraft(db: Queries, chat_id: number, user_id: number): Promise<boolean> {
  const [told] = await db.query<{ dropped: boolean }>(sql`
    with gone as (delete from chat_drafts where chat_id = ${chat_id} and user_id = ${user_id} returning chat_id),
    moved as (
      update chat_members set changed = pg_current_xact_id()
      where chat_id = ${chat_id} and user_id = ${user_id} and exists (select from gone)
    )
    select exists (select from gone) as dropped
    from chat_members where chat_id = ${chat_id} and user_id = ${user_id}`)
  if (!told) throw new Refusal('not_a_member')
  return told.dropped
}
