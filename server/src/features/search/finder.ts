import type { Queries } from '../../ports/db/port.ts'
import { isNarrowed, lookUp, survey, walk, type Asked, type Found } from './queries.ts'
import { nextRange, onward, wayThrough, type Moment } from './rules.ts'

/** Rows that one statement reads at most, and after how many a search ends with what it has. */
const ROWS = 2000
const READ_MAX = 20_000
const STATEMENTS_MAX = 40

export interface Search extends Asked {
  before_id: number | null
  before: Moment | null
  after: Moment | null
}

export interface Finding {
  /** Chats that were searched; 0 for somebody who is in none of them. */
  chats: number
  found: Found[]
  read: number
}

/**
 * The newest messages that fit, by statements that read a bounded number of rows each: what is not indexed yet, then
 * the index from its newest towards its oldest. What came before a range was passed is complete down to its end; the
 * search ends when that is enough. The fresh ones are read first: one that is indexed meanwhile is met twice, not never.
 */
export async function findMessages(db: Queries, search: Search): Promise<Finding> {
  const { chats, total, low, high, has_grams, read: fresh, found } = await survey(db, search, search)
  const byId = new Map(found.map((one) => [`${one.chat_id}:${one.id}`, one]))
  let way = wayThrough({ low, high, rows: ROWS, total, indexed: has_grams || isNarrowed(search) })
  let read = fresh
  const complete = () =>
    [...byId.values()].filter(({ id }) => id >= way.high).sort((a, b) => b.id - a.id || a.chat_id - b.chat_id)

  for (let left = STATEMENTS_MAX; way.high > low && left > 0 && read < READ_MAX; left--) {
    const range = nextRange(way)
    const done =
      way.by === 'index'
        ? await lookUp(db, search, range, ROWS, { chats, has_grams })
        : await walk(db, search, range, ROWS)
    read += done.read
    // Of one chat the newest rows are read, of several those that come.
    const ordered = way.by === 'walk' && search.chat_id !== null
    const overflowed = done.read >= ROWS
    if (!overflowed || ordered) for (const one of done.found) byId.set(`${one.chat_id}:${one.id}`, one)
    way = onward(way, range, {
      read: done.read,
      rows: ROWS,
      passed: overflowed && ordered ? done.oldest : null,
    })
    if (byId.size >= search.limit && complete().length >= search.limit) break
  }
  return { chats, found: complete().slice(0, search.limit), read }
}
