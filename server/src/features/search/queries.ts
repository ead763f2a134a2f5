import type { MessageType } from '@messenger/contract'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import { timeKeysOf, type Moment, type Range } from './rules.ts'

/** Rows of what is not indexed yet that one search reads at most: of a chat, and of all. */
const FRESH_CHAT_MAX = 2000
const FRESH_MAX = 4000

export interface Found {
  chat_id: number
  id: number
}

export interface Asked {
  user_id: number
  /** Null: all chats of this person. */
  chat_id: number | null
  term: string | null
  from: number | null
  type: MessageType | null
  has: 'file' | 'link' | 'image' | null
  limit: number
}

/** The chats that are searched: only those that this person is in at this moment. */
const scopeOf = ({ user_id, chat_id }: Asked): Statement =>
  chat_id === null
    ? sql`select c.* from chat_members c where c.user_id = ${user_id}`
    : sql`select c.* from chat_members c where c.user_id = ${user_id} and c.chat_id = ${chat_id}`

const listed = (parts: readonly Statement[]): Statement => parts.reduce((all, part) => sql`${all}, ${part}`)

/** The keys that a message has to have: see `search_keys`. */
const keysOf = ({ from, type, has }: Asked): Statement[] => [
  ...(from === null ? [] : [sql`${from}::bigint * 8 + 1`]),
  ...[type, has === 'image' ? has : null].flatMap((one) =>
    one === null ? [] : [sql`hashtext(${one}::text)::bigint * 8 + 3`],
  ),
  ...(has === 'file' ? [sql`4::bigint`] : has === 'link' ? [sql`5::bigint`] : []),
]

export const isNarrowed = (asked: Asked): boolean => keysOf(asked).length > 0

/** A subquery, so that a term is folded once and not for each row. */
const foldedTerm = (term: string): Statement => sql`(select search_fold(${term}))`

const fits = (asked: Asked, folded: Statement, keys: Statement): Statement => {
  const wanted = keysOf(asked)
  return sql`${asked.term === null ? sql`true` : sql`strpos(${folded}, ${foldedTerm(asked.term)}) > 0`}
    and ${wanted.length === 0 ? sql`true` : sql`${keys} @> array[${listed(wanted)}]`}`
}

/** What is true of a message `m` now, whatever the index says of it, for somebody who is in its chat as `c` says. */
const isShown = (asked: Asked): Statement => sql`
  m.seq > c.cleared_seq and not m.is_deleted
    and ${asked.term === null ? sql`true` : sql`strpos(search_fold(coalesce(m.content, '')), ${foldedTerm(asked.term)}) > 0`}
    and (c.hidden_count = 0 or not exists (
      select from messages_hidden x where x.chat_id = m.chat_id and x.user_id = c.user_id and x.message_id = m.id))`

export interface Survey {
  chats: number
  /** Messages that were ever sent in them. */
  total: number
  /** The ids that are asked for: from `low` to below `high`. */
  low: number
  high: number
  /** Whether the index knows anything that is as short as the term. */
  has_grams: boolean
  read: number
  /** Fitting messages that are not indexed yet, or not as they are now. */
  found: Found[]
}

const idOf = (moment: Moment | null): Statement =>
  moment === null
    ? sql`null::bigint`
    : 'id' in moment
      ? sql`${moment.id}::bigint`
      : sql`message_id_at(${moment.at}::timestamptz)`

/** Where there is something to search, and what of it the index does not know yet. */
export async function survey(
  db: Queries,
  asked: Asked,
  bounds: { before_id: number | null; before: Moment | null; after: Moment | null },
): Promise<Survey> {
  const { before_id, before, after } = bounds
  const later = after && 'id' in after ? sql`${idOf(after)} + 1` : idOf(after)
  const [found] = await db.query<Survey>(sql`
    with scope as materialized (
      select c.chat_id, c.user_id, c.cleared_seq, c.hidden_count, h.last_seq, h.last_message_id, h.revision,
        coalesce(s.revision, 0) as indexed
      from (${scopeOf(asked)}) c
      join chat_heads h on h.chat_id = c.chat_id
      left join message_search_marks s on s.chat_id = c.chat_id
    ),
    bounds as materialized (
      select greatest(0, ${later}) as low,
        least(max(last_message_id) + 1, ${before_id}::bigint, ${idOf(before)}) as high
      from scope
    ),
    fresh as materialized (
      select m.* from scope c cross join lateral (
        select f.* from messages f
        where f.chat_id = c.chat_id and f.revision > c.indexed order by f.revision desc limit ${FRESH_CHAT_MAX}
      ) m
      where c.revision > c.indexed
      limit ${FRESH_MAX}
    ),
    shown as (
      select m.chat_id, m.id from fresh m join scope c on c.chat_id = m.chat_id cross join bounds b
      where m.id >= b.low and m.id < b.high and ${isShown(asked)}
        and ${fits({ ...asked, term: null }, sql``, sql`search_keys(m.chat_id, m.sender_id, m.id, m.message_type, m.file_id, m.content)`)}
      order by m.id desc limit ${asked.limit}
    )
    select (select count(*) from scope)::int as chats, (select coalesce(sum(last_seq), 0) from scope)::float8 as total,
      b.low::float8, coalesce(b.high, 0)::float8 as high,
      ${asked.term === null ? sql`false` : sql`cardinality(search_grams(search_fold(${asked.term}))) > 0`} as has_grams,
      (select count(*) from fresh)::int as read,
      (select coalesce(json_agg(json_build_object('chat_id', chat_id, 'id', id)), '[]') from shown) as found
    from bounds b`)
  return found!
}

export interface Step {
  /** Rows that were read. */
  read: number
  /** The oldest of them; null without any. */
  oldest: number | null
  /** The newest that fit, up to `limit`. */
  found: Found[]
}

/** What `looked` (chat_id, id, hit) found, after a look at the messages themselves: the newest first, no more than needed. */
const step = async (db: Queries, asked: Asked, looked: Statement): Promise<Step> => {
  const [done] = await db.query<Step>(sql`
    with scope as materialized (${scopeOf(asked)}),
    looked as materialized (${looked}),
    shown as (
      select l.chat_id, l.id
      from (
        select l.id, c.chat_id, c.user_id, c.cleared_seq, c.hidden_count
        from looked l join scope c on c.chat_id = l.chat_id where l.hit order by l.id desc
      ) l
      cross join lateral (
        select from messages m, (select l.user_id, l.cleared_seq, l.hidden_count) c
        where m.chat_id = l.chat_id and m.id = l.id and ${isShown(asked)}
        offset 0
      ) m
      order by l.id desc limit ${asked.limit}
    )
    select (select count(*) from looked)::int as read, (select min(id) from looked)::float8 as oldest,
      (select coalesce(json_agg(json_build_object('chat_id', chat_id, 'id', id)), '[]') from shown) as found`)
  return done!
}

/** Reads up to `rows` indexed messages of the range in each chat and all together, the newest of a chat first. */
export const walk = (db: Queries, asked: Asked, { low, high }: Range, rows: number) =>
  step(
    db,
    asked,
    sql`
      select w.chat_id, w.id, ${fits(asked, sql`w.folded`, sql`w.keys`)} as hit
      from scope c cross join lateral (
        select i.* from message_search i
        where i.chat_id = c.chat_id and i.id >= ${low}::bigint and i.id < ${high}::bigint
        order by i.id desc limit ${rows}
      ) w
      limit ${rows}`,
  )

/** The index takes each key of a list by itself: whoever is in more chats asks for all chats, and is shown their own. */
const CHAT_KEYS_MAX = 200

/**
 * Up to `rows` messages of the range, in no order, that have every gram of the term and every key. The index is asked
 * by keys and grams alone, for which it needs no second look at a row, so `rows` bounds what is read.
 */
export const lookUp = (
  db: Queries,
  asked: Asked,
  range: Range,
  rows: number,
  { chats, has_grams }: Pick<Survey, 'chats' | 'has_grams'>,
) => {
  const { first, last, kind } = timeKeysOf(range)
  const keys = keysOf(asked)
  return step(
    db,
    asked,
    sql`
      select i.chat_id, i.id,
        i.id >= ${range.low}::bigint and i.id < ${range.high}::bigint
          and ${fits(asked, sql`i.folded`, sql`i.keys`)} as hit
      from message_search i
      where ${chats > CHAT_KEYS_MAX ? sql`true` : sql`i.keys && (select array_agg(chat_id * 8) from scope)`}
        and i.keys && array(select time * 8 + ${kind}::bigint from generate_series(${first}::bigint, ${last}::bigint) time)
        ${keys.length === 0 ? sql`` : sql`and i.keys @> array[${listed(keys)}]`}
        ${has_grams ? sql`and search_grams(i.folded) @> search_grams(${foldedTerm(asked.term!)})` : sql``}
      limit ${rows}`,
  )
}

/** Chats, and messages of one of them, that one step of the indexer takes at most. */
const CHATS_MAX = 500
const CHAT_ROWS_MAX = 1000
const SWEPT_MAX = 2000

/** The transaction that will begin next: nothing was written since a snapshot whose oldest running one it is. */
export async function nextTransaction(db: Queries): Promise<string> {
  const [now] = await db.query<{ xid: string }>(
    sql`select pg_snapshot_xmax(pg_current_snapshot())::text as xid`,
  )
  return now!.xid
}

export interface Indexed {
  rows: number
  /** About how many changes are still to come, of the chats that were looked at. */
  left: number
  /** Whether there may be more to do at once. */
  more: boolean
  /** The oldest transaction that ran when this was read: a head that moves later has it or a newer one. */
  xid: string
}

/**
 * Indexes what changed in chats whose heads moved since a transaction; null while another node does. The lane is taken in
 * a statement before, because the snapshot of one that waits for it would be older than what its last holder wrote.
 *
 * Heads and messages are of one snapshot, and revisions were given under the head's lock: all up to the head's are
 * there. A chat's rows come in the order of revisions, so those that a limit leaves out are above those it lets in. The
 * chats that rest come before those that are written to, which would not let them in.
 */
export const indexChanges = (db: Db, since: string, rows_max: number): Promise<Indexed | null> =>
  db.transaction(async (tx) => {
    const [lane] = await tx.query<{ mine: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtext('message_search')) as mine`,
    )
    if (!lane!.mine) return null
    const [done] = await tx.query<Indexed>(sql`
      with behind as materialized (
        select h.chat_id, h.revision, coalesce(s.revision, 0) as indexed
        from chat_heads h left join message_search_marks s on s.chat_id = h.chat_id
        where h.changed >= ${since}::text::xid8 and h.revision > coalesce(s.revision, 0)
        order by h.changed limit ${CHATS_MAX}
      ),
      picked as materialized (
        select m.* from behind b cross join lateral (
          select c.id, c.chat_id, c.revision, c.sender_id, c.message_type, c.file_id, c.content, c.is_deleted
          from messages c where c.chat_id = b.chat_id and c.revision > b.indexed
          order by c.revision limit ${CHAT_ROWS_MAX}
        ) m
        limit ${rows_max}::int
      ),
      kept as (
        insert into message_search as i (chat_id, id, keys, folded)
        select p.chat_id, p.id, search_keys(p.chat_id, p.sender_id, p.id, p.message_type, p.file_id, p.content),
          search_fold(coalesce(p.content, ''))
        from picked p where not p.is_deleted
        on conflict (chat_id, id) do update set keys = excluded.keys, folded = excluded.folded
          where (i.keys, i.folded) is distinct from (excluded.keys, excluded.folded)
      ),
      gone as (
        delete from message_search i using picked p where p.is_deleted and i.chat_id = p.chat_id and i.id = p.id
      ),
      counted as (select count(*) as rows from picked),
      reached as (
        select b.chat_id, coalesce(
            case when p.rows = ${CHAT_ROWS_MAX} or a.rows = ${rows_max}::int then p.revision else b.revision end, 0
          ) as revision
        from behind b cross join counted a
        left join (select chat_id, max(revision) as revision, count(*) as rows from picked group by chat_id) p
          on p.chat_id = b.chat_id
      ),
      marked as (
        insert into message_search_marks as s (chat_id, revision)
        select chat_id, revision from reached where revision > 0
        on conflict (chat_id) do update set revision = excluded.revision
      )
      select a.rows::int, (coalesce((select sum(revision - indexed) from behind), 0) - a.rows)::float8 as left,
        a.rows = ${rows_max}::int or (select count(*) from behind) = ${CHATS_MAX}
          or exists (select from picked group by chat_id having count(*) = ${CHAT_ROWS_MAX}) as more,
        pg_snapshot_xmin(pg_current_snapshot())::text as xid
      from counted a`)
    // What was inserted waits in a list that every search would have to read through.
    if (done!.rows > 0) await tx.query(sql`select gin_clean_pending_list('message_search_idx')`)
    return done!
  })

/** Forgets some messages of a chat that is gone; false when there is none. */
export async function forgetGoneChat(db: Db): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [lane] = await tx.query<{ mine: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtext('message_search')) as mine`,
    )
    if (!lane!.mine) return false
    const swept = await tx.query(sql`
      with chat as (
        select s.chat_id from message_search_marks s
        where not exists (select from chat_heads h where h.chat_id = s.chat_id) limit 1
      ),
      batch as materialized (
        select i.chat_id, i.id from message_search i where i.chat_id = (select chat_id from chat) limit ${SWEPT_MAX}
      ),
      swept as (
        delete from message_search i using batch b where i.chat_id = b.chat_id and i.id = b.id
      ),
      unmarked as (
        delete from message_search_marks s using chat
        where s.chat_id = chat.chat_id and (select count(*) from batch) < ${SWEPT_MAX}
      )
      select 1 from chat`)
    return swept.length > 0
  })
}
