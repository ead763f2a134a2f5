import { expect, test } from 'vitest'
import { hueOf, initialsOf } from './initials.ts'

test.each([
  ['Mia Sand', 'MS'],
  ['mia', 'M'],
  ['Anna Maria von Berg', 'AB'],
  ['first_last', 'FL'],
  ['  ', '?'],
  ['👩‍🚀 Star', '👩‍🚀S'],
  ['محمد علي', 'مع'],
  ['李雷', '李'],
])('%s: %s', (name, initials) => expect(initialsOf(name)).toBe(initials))

test('a person has one of eight colours, always the same', () => {
  expect(new Set(Array.from({ length: 100 }, (_, id) => hueOf(id)))).toEqual(
    new Set([1, 2, 3, 4, 5, 6, 7, 8]),
  )
  expect(hueOf(12)).toBe(hueOf(12))
})
