import { Refusal } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { UPDATED_CHAT, type UpdatedChat } from '../chats/queries.ts'
import type { Attachment, FileRow } from './rows.ts'

/** As the database writes it where a message holds it: cast at once, 2.008 would be 2.007999897003174. */
const SECONDS: Statement = sql`f.duration_seconds::text::float8 as duration_seconds`

const COLUMNS: Statement = sql`
  f.id::float8, f.filename, f.mime_type, f.object_key, f.size::float8, f.width, f.height, ${SECONDS},
  f.has_preview, f.has_squares`

const THERE: Statement = sql`f.stored_at is not null and f.removed_at is null`

/** Bytes that this person keeps here already. */
export async function bytesOf(db: Queries, user_id: number): Promise<number> {
  const [found] = await db.query<{ bytes: number }>(
    sql`select bytes::float8 from user_storage where user_id = ${user_id}`,
  )
  return found?.bytes ?? 0
}

/** A row before the first byte is stored: what a crash leaves is found by it. Nobody sees it yet. */
export async function beginFile(
  db: Queries,
  file: { uploader_id: number; filename: string; mime_type: string; object_key: string },
): Promise<number> {
  const { uploader_id, filename, mime_type, object_key } = file
  const [begun] = await db.query<{ id: number }>(sql`
    with begun as (
      insert into files (uploader_id, filename, mime_type, object_key)
      values (${uploader_id}, ${filename}, ${mime_type}, ${object_key})
      returning id
    ),
    later as (
      insert into file_jobs (file_id, kind, due_at) select id, 'check', now() + interval '24 hours' from begun
    )
    select id::float8 from begun`)
  return begun!.id
}

export interface Told {
  size: number
  mime_type: string
  width: number | null
  height: number | null
  duration_seconds: number | null
}

/** The file is whole: it counts, and can be seen. Null when it does not fit into the quota (bytes; null for none). */
export async function finishFile(
  db: Queries,
  id: number,
  told: Told,
  asked: { quota: number | null; preview: boolean },
): Promise<FileRow | null> {
  const { size, mime_type, width, height, duration_seconds } = told
  const [file] = await db.query<FileRow>(sql`
    with kept as (
      insert into user_storage as s (user_id, bytes, files)
      select uploader_id, ${size}::bigint, 1 from files where id = ${id} and ${size}::bigint <= coalesce(${asked.quota}::bigint, ${size}::bigint)
      on conflict (user_id) do update set bytes = s.bytes + excluded.bytes, files = s.files + 1
        where ${asked.quota}::bigint is null or s.bytes + excluded.bytes <= ${asked.quota}::bigint
      returning 1
    ),
    finished as (
      update files f
      set stored_at = now(), size = ${size}, mime_type = ${mime_type}, width = ${width}, height = ${height},
        duration_seconds = ${duration_seconds}
      where f.id = ${id} and exists (select from kept)
      returning f.*
    ),
    job as (insert into file_jobs (file_id, kind) select id, 'preview' from finished where ${asked.preview})
    select ${COLUMNS} from finished f`)
  return file ?? null
}

/** A file that was begun and did not come to its end. */
export const forgetFile = (db: Queries, id: number) =>
  db.query(sql`delete from files where id = ${id} and stored_at is null`)

/** A message that this person sees holds the file: they are in its chat now, it is not deleted, and not hidden from them. */
const heldFor = (user_id: number): Statement => sql`
  exists (
    select from messages m join chat_members me on me.chat_id = m.chat_id and me.user_id = ${user_id}
    where m.file_id = f.id and not m.is_deleted and m.seq > me.cleared_seq
      and (me.hidden_count = 0 or not exists (
        select from messages_hidden x
        where x.chat_id = m.chat_id and x.user_id = me.user_id and x.message_id = m.id)))`

const isAvatarFor = (user_id: number): Statement => sql`(
  exists (select from users u where u.avatar_file_id = f.id and u.is_active)
  or exists (
    select from chats c where c.avatar_file_id = f.id and (c.public_name is not null or exists (
      select from chat_members me where me.chat_id = c.id and me.user_id = ${user_id}))))`

/** The file, when this person may see it; refuses as if there were none otherwise. */
export async function fileFor(db: Queries, file_id: number, user_id: number): Promise<FileRow> {
  const [file] = await db.query<FileRow>(sql`
    select ${COLUMNS} from files f
    where f.id = ${file_id} and ${THERE}
      and (f.uploader_id = ${user_id} or ${heldFor(user_id)} or ${isAvatarFor(user_id)})`)
  if (!file) throw new Refusal('not_found')
  return file
}

/**
 * Of these files those that the sender may send, with what a message shows of them: their own, and those that a message
 * they see holds. They are kept from now on for as long as it takes to store the message.
 */
export async function attachmentFor(
  db: Queries,
  sender_id: number,
  file_ids: readonly number[],
): Promise<Map<number, Attachment>> {
  const found = await db.query<Attachment & { id: number }>(sql`
    update files f set claimed_at = now()
    where f.id = any(${file_ids}::bigint[]) and ${THERE} and (f.uploader_id = ${sender_id} or ${heldFor(sender_id)})
    returning f.id::float8, f.filename, f.mime_type, f.size::float8, f.width, f.height, ${SECONDS},
      f.has_preview or exists (select from file_jobs j where j.file_id = f.id and j.kind = 'preview') as preview,
      f.placeholder`)
  return new Map(found.map(({ id, ...attachment }) => [id, attachment]))
}

/** Keeps files that messages hold, for as long as it takes to store further ones; refuses when one is just being removed. */
export async function claimFiles(db: Queries, file_ids: readonly number[]): Promise<void> {
  if (file_ids.length === 0) return
  const kept = await db.query(sql`
    update files f set claimed_at = now() where f.id = any(${file_ids}::bigint[]) and ${THERE} returning 1 as one`)
  if (kept.length < new Set(file_ids).size) throw new Refusal('not_found', { field: 'message_ids' })
}

/** A file of this person's own, kept from now on for as long as it takes to refer to it. */
export async function ownFile(db: Queries, file_id: number, user_id: number): Promise<FileRow> {
  const [file] = await db.query<FileRow>(sql`
    update files f set claimed_at = now()
    where f.id = ${file_id} and f.uploader_id = ${user_id} and ${THERE} returning ${COLUMNS}`)
  if (!file) throw new Refusal('not_found', { field: 'file_id' })
  return file
}

export const markSquares = (db: Queries, file_id: number) =>
  db.query(sql`update files set has_squares = true where id = ${file_id}`)

/** Messages that were sent before it was made learn of it too; that is no change which anybody has to be told. */
export const markPreview = (db: Queries, file_id: number, placeholder: string) =>
  db.query(sql`
    with shown as (
      update messages set attachment = attachment || jsonb_build_object('placeholder', ${placeholder}::text)
      where file_id = ${file_id} and attachment is not null
    )
    update files set has_preview = true, placeholder = ${placeholder} where id = ${file_id}`)

/** Sets or takes away (null) somebody's own picture. */
export const setUserAvatar = (db: Queries, user_id: number, file_id: number | null) =>
  db.query(sql`update users set avatar_file_id = ${file_id}::bigint where id = ${user_id}`)

/** Sets a chat's picture, if this person is its owner or an admin; null otherwise. */
export async function setAvatarOfChat(
  db: Queries,
  chat_id: number,
  user_id: number,
  file_id: number,
): Promise<UpdatedChat | null> {
  const [chat] = await db.query<UpdatedChat>(sql`
    update chats c set avatar_file_id = ${file_id}::bigint, changed = pg_current_xact_id()
    from chat_members m
    where c.id = ${chat_id} and c.type <> 'direct' and m.chat_id = c.id and m.user_id = ${user_id}
      and m.role in ('owner', 'admin')
    returning ${UPDATED_CHAT}`)
  return chat ?? null
}

const SQUARED: Statement = sql`select f.object_key from files f`

/** The key of the file that somebody's squares were made of; refuses where there is no picture. */
export async function userSquares(db: Queries, user_id: number): Promise<string> {
  const [file] = await db.query<{ object_key: string }>(sql`
    ${SQUARED} join users u on u.avatar_file_id = f.id
    where u.id = ${user_id} and u.is_active and f.has_squares and ${THERE}`)
  if (!file) throw new Refusal('not_found')
  return file.object_key
}

/** The same of a chat: for its members, and for everybody where it has a public name. */
export async function chatSquares(db: Queries, chat_id: number, viewer: number | null): Promise<string> {
  const [file] = await db.query<{ object_key: string }>(sql`
    ${SQUARED} join chats c on c.avatar_file_id = f.id
    where c.id = ${chat_id} and f.has_squares and ${THERE} and (c.public_name is not null or exists (
      select from chat_members m where m.chat_id = c.id and m.user_id = ${viewer}::bigint))`)
  if (!file) throw new Refusal('not_found')
  return file.object_key
}

export interface Job {
  file_id: number
  kind: 'preview' | 'check'
  attempts: number
}

/**
 * Takes the job that is longest due, and lends it for a while: a node that dies with it gives it back by saying
 * nothing. `seconds` is how long.
 */
export async function takeJob(db: Queries, seconds: number): Promise<Job | null> {
  const [job] = await db.query<Job>(sql`
    update file_jobs j set due_at = now() + make_interval(secs => ${seconds}), attempts = j.attempts + 1
    from (
      select file_id, kind from file_jobs where due_at <= now() order by due_at limit 1 for update skip locked
    ) due
    where j.file_id = due.file_id and j.kind = due.kind
    returning j.file_id::float8, j.kind, j.attempts`)
  return job ?? null
}

/** One that is due again was wanted anew meanwhile, by a transaction that the job did not see: it stays. */
export const endJob = (db: Queries, { file_id, kind }: Job) =>
  db.query(sql`
    delete from file_jobs where file_id = ${file_id} and kind = ${kind} and due_at > clock_timestamp()`)

/** The file of a job, as long as it is there. */
export async function fileOfJob(db: Queries, { file_id }: Job): Promise<FileRow | null> {
  const [file] = await db.query<FileRow>(
    sql`select ${COLUMNS} from files f where f.id = ${file_id} and ${THERE}`,
  )
  return file ?? null
}

const REFERRED_TO: Statement = sql`(
  exists (select from messages m where m.file_id = f.id and not m.is_deleted)
  or exists (select from users u where u.avatar_file_id = f.id)
  or exists (select from chats c where c.avatar_file_id = f.id))`

/**
 * Takes a file out of sight when nothing refers to it; null when it stays. One that somebody is just sending, or that
 * was stored within the day and never sent, is looked at again later.
 */
export const dropUnreferenced = (db: Db, job: Job): Promise<FileRow | null> =>
  db.transaction(async (tx) => {
    const [file] = await tx.query<FileRow & { removed: boolean; referred: boolean; wait: number }>(sql`
      select ${COLUMNS}, f.removed_at is not null as removed, ${REFERRED_TO} as referred,
        ceil(extract(epoch from greatest(
          f.claimed_at + interval '1 hour',
          case when f.claimed_at is null then f.created_at + interval '24 hours' end) - now()))::float8 as wait
      from files f where f.id = ${job.file_id} for update`)
    if (!file || file.removed) return file ?? null
    if (file.referred || file.wait > 0) {
      if (file.referred) await endJob(tx, job)
      else
        await tx.query(sql`
          update file_jobs set due_at = now() + make_interval(secs => ${file.wait}), attempts = 0
          where file_id = ${job.file_id} and kind = ${job.kind}`)
      return null
    }
    await tx.query(sql`update files set removed_at = now() where id = ${job.file_id}`)
    return file
  })

/** Its objects are gone: the row follows, and its bytes are free again. */
export const eraseFile = (db: Queries, file_id: number) =>
  db.query(sql`
    with gone as (delete from files where id = ${file_id} returning uploader_id, size, stored_at)
    update user_storage s set bytes = greatest(0, s.bytes - gone.size), files = greatest(0, s.files - 1)
    from gone where s.user_id = gone.uploader_id and gone.stored_at is not null`)
