import { expect, test } from 'vitest'
import { message } from '../../testing/made.ts'
import { reactedPart, reactionsOf, toggled, withReaction } from './reactions.ts'
import { itemOf, withAlbums } from './turns.ts'

const thumbs = { emoji: '👍', count: 2, me: false }

test('giving and taking back leaves all as it was', () => {
  const given = toggled([thumbs], '👍')
  expect(given).toEqual([{ emoji: '👍', count: 3, me: true }])
  expect(toggled(given, '👍')).toEqual([thumbs])
  expect(toggled(toggled([thumbs], '🎉'), '🎉')).toEqual([thumbs])
})

test('others’ counts change nothing of what is mine, and nothing is left of what nobody gives', () => {
  const mine = [{ emoji: '👍', count: 1, me: true }]
  expect(withReaction(mine, { emoji: '👍', count: 5 })).toEqual([{ emoji: '👍', count: 5, me: true }])
  expect(withReaction(mine, { emoji: '👍', count: 0 })).toEqual([])
  expect(withReaction(mine, { emoji: '🎉', count: 0 })).toEqual(mine)
  expect(withReaction([], { emoji: '🎉', count: 1, me: true })).toEqual([{ emoji: '🎉', count: 1, me: true }])
})

test('an album shows the reactions of all its pictures, and gives them to the one that has them', () => {
  const part = (seq: number, reactions: ReturnType<typeof toggled>) =>
    itemOf(message(seq, { message_type: 'image', album_id: 'a', file_id: seq, content: null, reactions }))
  const [album] = withAlbums([
    part(1, [thumbs]),
    part(2, [{ emoji: '👍', count: 1, me: true }]),
    part(3, [{ emoji: '🎉', count: 1 }]),
  ])
  expect(reactionsOf(album!)).toEqual([
    { emoji: '👍', count: 3, me: true },
    { emoji: '🎉', count: 1, me: false },
  ])
  expect([reactedPart(album!, '👍')?.seq, reactedPart(album!, '🎉')?.seq]).toEqual([2, 3])
  expect(reactedPart(album!, '😮')?.seq).toBe(1)
})
