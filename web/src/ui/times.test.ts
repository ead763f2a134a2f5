import { expect, test } from 'vitest'
import { briefly, clock, dayName, daysBetween, ending } from './times.ts'

const now = new Date('2026-11-24T15:00:00+01:00')

test('a chat’s row says the time today, the weekday this week, then the date', () => {
  const brief = (iso: string) => briefly(iso, 'en-GB', now)
  expect(brief('2026-11-24T08:05:00+01:00')).toBe('08:05')
  expect(brief('2026-11-23T23:59:00+01:00')).toBe('Mon')
  expect(brief('2026-11-18T12:00:00+01:00')).toBe('Wed')
  expect(brief('2026-11-17T12:00:00+01:00')).toBe('17 Nov')
  expect(brief('2025-11-17T12:00:00+01:00')).toBe('17 Nov 25')
  // A clock that runs ahead of ours is not a reason to show a date.
  expect(brief('2026-11-25T00:10:00+01:00')).toBe('00:10')
})

test('an end is a time today and a date on any other day', () => {
  expect(ending('2026-11-24T23:05:00+01:00', 'en-GB', now)).toBe('23:05')
  expect(ending('2026-11-25T00:05:00+01:00', 'en-GB', now)).toBe('25 Nov')
  expect(ending('2027-01-02T12:00:00+01:00', 'de', now)).toBe('2. Jan. 2027')
})

test('days are those of the calendar, also when the clocks change', () => {
  expect(daysBetween(new Date('2026-10-24T23:00:00+02:00'), new Date('2026-10-26T00:30:00+01:00'))).toBe(2)
})

test('words are those of the language', () => {
  expect(dayName('2026-11-20T12:00:00Z', 'de', now)).toBe('Freitag, 20. November')
  expect(dayName('2024-11-20T12:00:00Z', 'ru', now)).toContain('2024')
  expect(clock('2026-11-24T08:05:00+01:00', 'de')).toBe('08:05')
})
