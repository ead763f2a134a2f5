import { Refusal } from '../../http/refusal.ts'

/** Between a message's milliseconds and its id. */
const IDS_PER_MS = 4096
/** Ids with the same quotient are of the same week or day in `search_keys`. */
const WEEK = 2 ** 41
const DAY = 2 ** 38
/** A longer range is asked for by its weeks, a shorter one by its days. */
const DAYS_MAX = 40
/** The newest weeks that are looked up together; each further lookup goes four times as far back. */
const WEEKS_FIRST = 4
const WIDER = 4
/** A window that held too many rows is cut into the newest eighth and the rest. */
const CUT = 8
const WINDOW_LEAST = 1000 * IDS_PER_MS

/** A message id, or a time. */
export type Moment = { id: number } | { at: Date }

type Way = 'walk' | 'index'

/** Ids from `low` to below `high`, whether they are looked up in the index or walked through, and how what a walk leaves over is. */
export interface Range {
  low: number
  high: number
  by: Way
  rest: Way
  /** Together with the range after it, this one held too much. */
  crowded?: boolean
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

/** Cuts what lies before `high` into windows that widen towards the past, the oldest first. */
function widening(low: number, high: number, first: number, by: Way): Range[] {
  const ranges: Range[] = []
  for (let [end, width] = [high, first]; end > low; width *= WIDER) {
    const edge = by === 'index' ? Math.floor((end - width) / WEEK) * WEEK : end - width
    const begin = Math.max(low, edge)
    ranges.unshift({ low: begin, high: end, by, rest: 'walk' })
    end = begin
  }
  return ranges
}

/**
 * The way through `low … high`, its last range first: a window about as wide as holds `rows` of `total` messages is
 * walked in any case, because what is common is found there; the rest is looked up where there is something to look
 * up, and walked where there is not.
 */
export function wayThrough(asked: {
  low: number
  high: number
  rows: number
  total: number
  indexed: boolean
}): Range[] {
  const { low, high, rows, total, indexed } = asked
  const window = Math.max(WINDOW_LEAST, Math.floor((high * rows) / Math.max(total, rows)))
  const begin = Math.max(low, high - window)
  const rest = indexed
    ? widening(low, begin, WEEKS_FIRST * WEEK, 'index')
    : widening(low, begin, window, 'walk')
  if (high <= low) return []
  return [...rest, { low: begin, high, by: 'walk', rest: indexed ? 'index' : 'walk' }]
}

/**
 * A range that held too much, as its newest part, which comes last, and the rest: halves where the index is asked, an
 * eighth where it is walked. A day that the index cannot tell apart is walked. None when it cannot be cut.
 */
export function cut({ low, high, by, rest }: Range): Range[] {
  const [unit, parts] = by === 'index' ? [DAY, 2] : [1, CUT]
  const edge = Math.floor((high - (high - low) / parts) / unit) * unit
  const begin = edge > low ? edge : Math.floor((high - 1) / unit) * unit
  if (begin <= low) return by === 'index' ? [{ low, high, by: 'walk', rest: 'walk' }] : []
  const older: Range = { low, high: begin, by: by === 'walk' ? rest : by, rest }
  return [
    { ...older, crowded: older.by === by },
    { low: begin, high, by, rest },
  ]
}

/** The keys of a range's weeks, or of its days: `first` to `last`, with what `search_keys` adds to them. */
export function timeKeysOf({ low, high }: Range): { first: number; last: number; kind: number } {
  const [unit, kind] = (high - low) / DAY > DAYS_MAX ? [WEEK, 2] : [DAY, 6]
  return { first: Math.floor(low / unit), last: Math.floor((high - 1) / unit), kind }
}
