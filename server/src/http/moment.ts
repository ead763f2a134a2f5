/** The last moment that everybody who reads a time can write down again. */
const LAST_MS = Date.UTC(9999, 11, 31)

/** A time of RFC 3339, or a day; one without an offset is UTC. Null when it is neither, or before 1970. */
export function momentOf(text: string): Date | null {
  const written = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/i.exec(text)
  if (!written) return null
  const [, time, , , offset] = written
  const ms = Date.parse(time && !offset ? `${text}Z` : text)
  return ms >= 0 && ms <= LAST_MS ? new Date(ms) : null
}
