import { expect, test } from 'bun:test'
import { json, jsonBytes, jsonText, type JsonWriter } from './jsonWriter.ts'

const read = (writing: (out: JsonWriter) => void): unknown => JSON.parse(jsonText(writing))

test('numbers are written as JSON writes them', () => {
  const edges = [0, 1, 9, 10, 99, 9_999_999, 10_000_000, 10_000_001, 99_999_999_999_999]
  const larger = [100_000_000_000_000, 100_000_010_000_000, 243_147_309_973_505, 2 ** 53 - 1]
  for (const value of [...edges, ...larger, 2 ** 53, -1, -12_345_678, 0.5, 1e21, -0])
    expect(jsonText((out) => out.number(value))).toBe(JSON.stringify(value))
  expect(jsonText((out) => out.number(null))).toBe('null')
  for (let n = 0; n < 2000; n++) {
    const value = Math.floor(Math.random() * 10 ** (n % 17))
    expect(jsonText((out) => out.number(value))).toBe(String(value))
  }
})

test('moments are written as JSON writes dates, whatever the day of the one before', () => {
  const day = Date.UTC(2026, 1, 28)
  const moments = [
    0,
    day - 1,
    day,
    day + 1,
    day + 86_399_999,
    day + 86_400_000,
    Date.UTC(9999, 11, 31, 23, 59, 59, 999),
  ]
  for (const ms of [...moments, Date.UTC(10_000, 0, 1), -1, Date.UTC(1969, 6, 20), ...moments.toReversed()])
    expect(jsonText((out) => out.time(ms))).toBe(JSON.stringify(new Date(ms)))
})

test('texts keep every character, and what no text may hold is escaped', () => {
  for (const value of [
    '',
    'plain',
    'a "quoted" \\ line\n\u0000\u2028',
    'Привет',
    '\u{1F642}\u{1F468}\u200D\u{1F469}',
    'a\ud800b',
    null,
  ])
    expect(jsonText((out) => out.value(value))).toBe(JSON.stringify(value))
  expect(read((out) => out.value({ deep: [1, 'x', null] }))).toEqual({ deep: [1, 'x', null] })
})

test('an answer may be longer than any before it, and its bytes are its own', () => {
  const part = json(`"${'é'.repeat(10_000)}"`)
  const long = jsonBytes((out) => out.list(Array(300), () => out.part(part)))
  const short = jsonBytes((out) => out.list([true, false], (one) => out.flag(one)))
  expect(JSON.parse(Buffer.from(long).toString())).toEqual(Array(300).fill('é'.repeat(10_000)))
  expect(Buffer.from(short).toString()).toBe('[true,false]')
})

test('a list of nothing is empty, and one answer may be written inside of another', () => {
  expect(jsonText((out) => out.list([], () => out.flag(true)))).toBe('[]')
  const nested = (n: number): string =>
    jsonText((out) => out.list([n], () => out.partOf(n === 0 ? '0' : nested(n - 1))))
  expect(nested(3)).toBe('[[[[0]]]]')
})

test('what throws in between spoils nothing', () => {
  expect(() =>
    jsonText((out) => {
      out.partOf('{"half":')
      throw new Error('in between')
    }),
  ).toThrow('in between')
  expect(jsonText((out) => out.flag(true))).toBe('true')
})
