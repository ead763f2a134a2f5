import { Refusal } from '../../http/refusal.ts'

/** Between a message's milliseconds and its id. */
const IDS_PER_MS = 4096
/** Ids with the same quotient are of the same week or day in `search_keys`. */
const WEEK = 2 ** 41
const DAY = 2 ** 38
/** A longer range is asked for by its weeks, a shorter one by its days. */
const DAYS_MAX = 40
/** What the index is asked for first; each further range is at most so many times as wide as the one before. */
const FIRST_LOOK = 4 * WEEK
const WIDER = 16
const NARROWER = 4
const WIDTH_LEAST = 1000 * IDS_PER_MS

/** Transactions a second from which on others need the database more than the index does. */
const BUSY_PER_SECOND = 50
/** Messages that one step of the indexer takes at most: alone, and beside others who write. */
const STEP = { alone: 4000, beside: 50 }
/**
 * Its share of the time beside others who write: where `first` is enough for what they write, where it is not, and once
 * it is behind for so many milliseconds.
 */
const SHARE = { first: 1 / 10, least: 1 / 50, most: 1 / 2, after_ms: 300_000 }

/** A message id, or a time. */
export type Moment = { id: number } | { at: Date }

/** Ids from `low` to below `high`. */
export interface Range {
  low: number
  high: number
}

/** Where a search is on its way from `high` down to `low`. */
export interface Way extends Range {
  /** Whether the next range is looked up in the index, or walked through. */
  by: 'index' | 'walk'
  /** Whether there is something that the index can be asked for. */
  indexed: boolean
  width: number
  /** Down to here it is walked, whatever is indexed; above `high` for the first range alone. */
  walked_to: number
  /** Down to here some range held too much: none is wider than the one before. */
  crowded_to: number
}

/** What was typed, without the spaces around it; null when nothing was. */
export function termOf(q: string | undefined): string | null {
  if (q === undefined) return null
  const term = q.trim()
  if (term === '') throw new Refusal('invalid', { field: 'q', error: 'q has to hold more than spaces.' })
  return term
}

export function momentOf(field: 'before' | 'after', text: string | undefined): Moment | null {
  if (text === undefined) return null
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return { id: Number(text) }
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : null
  if (at && !Number.isNaN(at.getTime())) return { at }
  throw new Refusal('invalid', { field, error: `${field} has to be a message id or an ISO 8601 time.` })
}

/**
 * The beginning: a range about as wide as holds half of `rows` among `total` messages is walked in any case, because what
 * is common is found there.
 */
export function wayThrough(asked: Range & { rows: number; total: number; indexed: boolean }): Way {
  const { low, high, rows, total, indexed } = asked
  const width = Math.max(WIDTH_LEAST, Math.floor((high * rows) / 2 / Math.max(total, rows)))
  return { low, high, by: 'walk', indexed, width, walked_to: high, crowded_to: high }
}

/** What is read next; a range of the index begins with a day. */
export function nextRange({ low, high, by, width }: Way): Range {
  const begin = by === 'index' ? Math.floor((high - width) / DAY) * DAY : high - Math.ceil(width)
  return { low: Math.max(low, begin), high }
}

/**
 * The way after a range in which `read` rows were found, which is too much when it is `rows` of them: then a narrower one
 * is tried, and a single day is walked. Where rows come in order, `passed` is how far they reach all the same.
 */
export function onward(
  way: Way,
  range: Range,
  seen: { read: number; rows: number; passed: number | null },
): Way {
  const { read, rows, passed } = seen
  if (read >= rows && passed === null) {
    const wide = range.high - range.low
    const narrower = { ...way, crowded_to: Math.min(way.crowded_to, range.low), width: wide / NARROWER }
    if (way.by === 'walk' || wide > DAY) return narrower
    return { ...narrower, by: 'walk', walked_to: range.low }
  }
  const high = passed ?? range.low
  const crowded = high > way.crowded_to
  if (way.by === 'walk' && way.indexed && high <= way.walked_to) {
    // How much was walked through at the very beginning says nothing of how much the index holds.
    const first = way.walked_to >= range.high
    return { ...way, high, by: 'index', width: crowded && !first ? DAY : FIRST_LOOK }
  }
  const fitting = rows / 2 / Math.max(1, read)
  const width = way.width * Math.min(crowded ? 1 : WIDER, Math.max(1 / NARROWER, fitting))
  return { ...way, high, width }
}

/** The keys of a range's weeks, or of its days: `first` to `last`, with what `search_keys` adds to them. */
export function timeKeysOf({ low, high }: Range): { first: number; last: number; kind: number } {
  const [unit, kind] = (high - low) / DAY > DAYS_MAX ? [WEEK, 2] : [DAY, 6]
  return { first: Math.floor(low / unit), last: Math.floor((high - 1) / unit), kind }
}

export const isBusy = (transactions: number, ms: number): boolean =>
  transactions * 1000 > BUSY_PER_SECOND * ms

export const stepOf = (busy: boolean): number => (busy ? STEP.beside : STEP.alone)

/** A step of the indexer, and what others wrote since the one before; times in milliseconds. */
export interface Step {
  took: number
  indexed: number
  written: number
  /** Since the end of the step before. */
  elapsed: number
}

/**
 * How long the indexer rests after a step beside others who write, in milliseconds. A burst that it would fall behind
 * anyway is let through; what lasts is indexed along, because a search reads only so much that is not indexed.
 */
export function restAfter({ took, indexed, written, elapsed }: Step, behind_ms: number): number {
  const keeps_up = written * took <= SHARE.first * indexed * elapsed
  const share = Math.max(keeps_up ? SHARE.first : SHARE.least, (SHARE.most * behind_ms) / SHARE.after_ms)
  return took * (1 / Math.min(SHARE.most, share) - 1)
}
