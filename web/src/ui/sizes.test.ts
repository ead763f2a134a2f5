import { expect, test } from 'vitest'
import { endingOf, lengthOf, sizeOf, splitName } from './sizes.ts'

test.each([
  [0, '0 bytes'],
  [900, '900 bytes'],
  [2048, '2 kB'],
  [4_404_019, '4.2 MB'],
  [250 * 1024 * 1024, '250 MB'],
  [3 * 1024 ** 4, '3,072 GB'],
])('%i bytes are %s', (bytes, words) => {
  expect(sizeOf(bytes, 'en')).toBe(words)
})

test('a length is minutes and seconds', () => {
  expect([0.4, 42, 59.6, 61, 3600].map(lengthOf)).toEqual(['0:00', '0:42', '1:00', '1:01', '60:00'])
})

test('a long name is cut before its ending, a short one nowhere, and no letter in two', () => {
  expect(splitName('Harbour-Festival-Stage-Plan-v3-final.pdf')).toEqual({
    head: 'Harbour-Festival-Stage-Plan-v3-',
    tail: 'final.pdf',
  })
  expect(splitName('notes.txt')).toEqual({ head: 'notes.txt', tail: '' })
  const { head, tail } = splitName('😀'.repeat(30))
  expect([head, tail].every((part) => part.isWellFormed())).toBe(true)
})

test('an icon shows a short ending only', () => {
  expect(['plan.pdf', 'a.tar.gz', 'photo.jpeg', 'x.numbers', 'README', '.env'].map(endingOf)).toEqual([
    'PDF',
    'GZ',
    'JPEG',
    '',
    '',
    'ENV',
  ])
})
