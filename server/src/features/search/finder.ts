import type { Queries } from '../../ports/db/port.ts'
import { isNarrowed, lookUp, survey, walk, type Asked, type Found } from './queries.ts'
import { cut, wayThrough, type Moment } from './rules.ts'

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
  const way = wayThrough({ low, high, rows: ROWS / 2, total, indexed: has_grams || isNarrowed(search) })
  let read = fresh
  let floor = high
  let last = 0
  const complete = () =>
    [...byId.values()].filter(({ id }) => id >= floor).sort((a, b) => b.id - a.id || a.chat_id - b.chat_id)

  for (let left = STATEMENTS_MAX; way.length > 0 && left > 0 && read < READ_MAX; left--) {
    const range = way.pop()!
    if (range.crowded && last < ROWS / 4) {
      way.push(...cut(range))
      continue
    }
    const done =
      range.by === 'index'
        ? await lookUp(db, search, range, ROWS, has_grams)
        : await walk(db, search, range, ROWS)
    last = done.read
    read += last
    const overflowed = last >= ROWS
    const inOrder = range.by === 'walk' && search.chat_id !== null
    if (overflowed && !inOrder) {
      way.push(...cut(range))
      continue
    }
    for (const one of done.found) byId.set(`${one.chat_id}:${one.id}`, one)
    floor = overflowed ? done.oldest! : range.low
    if (overflowed) way.push({ ...range, high: floor, by: range.rest })
    if (byId.size >= search.limit && complete().length >= search.limit) break
  }
  return { chats, found: complete().slice(0, search.limit), read }
}
