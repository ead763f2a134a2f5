/** Dates and times as the reader's language writes them. `now` is passed so that tests can choose it. */
const DAY_MS = 86_400_000

const formats = new Map<string, Intl.DateTimeFormat>()
/** The reader's own region where their browser names one for this language: in Britain an English day has 24 hours. */
const regional = (language: string): string =>
  navigator.languages.find((one) => one.split('-')[0] === language) ?? language

function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + JSON.stringify(options)
  let made = formats.get(key)
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(regional(language), options)))
  return made
}

const midnight = (date: Date): number =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()

/** Whole days between two moments, by the calendar. */
export const daysBetween = (earlier: Date, later: Date): number =>
  Math.round((midnight(later) - midnight(earlier)) / DAY_MS)

export const clock = (iso: string, language: string): string =>
  format(language, { hour: '2-digit', minute: '2-digit' }).format(new Date(iso))

/** The year where it is not this one. */
const otherYear = <Y extends 'numeric' | '2-digit'>(date: Date, now: Date, year: Y): { year?: Y } =>
  date.getFullYear() === now.getFullYear() ? {} : { year }

/** For a chat's row: the time today, the weekday this week, then the date. */
export function briefly(iso: string, language: string, now = new Date()): string {
  const date = new Date(iso)
  const days = daysBetween(date, now)
  if (days <= 0) return clock(iso, language)
  if (days < 7) return format(language, { weekday: 'short' }).format(date)
  const year = otherYear(date, now, '2-digit')
  return format(language, { day: 'numeric', month: 'short', ...year }).format(date)
}

/** When something ends: the time today, else the date. */
export function ending(iso: string, language: string, now = new Date()): string {
  const date = new Date(iso)
  if (daysBetween(now, date) === 0) return clock(iso, language)
  const year = otherYear(date, now, 'numeric')
  return format(language, { day: 'numeric', month: 'short', ...year }).format(date)
}

/** For the line between days; today and yesterday are the caller's words. */
export function dayName(iso: string, language: string, now = new Date()): string {
  const date = new Date(iso)
  const year = otherYear(date, now, 'numeric')
  return format(language, { weekday: 'long', day: 'numeric', month: 'long', ...year }).format(date)
}

export const exactly = (iso: string, language: string): string =>
  format(language, { dateStyle: 'full', timeStyle: 'medium' }).format(new Date(iso))
