import { expect, test } from 'vitest'
import { chatRow } from '../../testing/made.ts'
import { byPlace, isSaved, matches, passes } from './order.ts'

test('chats are sorted as the server sorts: pinned, favourites, newest, id', () => {
  const rows = [
    chatRow(1, { updated_at: '2026-11-24T12:00:00.000Z' }),
    chatRow(2, { is_pinned: true }),
    chatRow(3, { is_favorite: true }),
    chatRow(4, { is_pinned: true, is_favorite: true }),
    chatRow(5),
    chatRow(6),
  ]
  expect(rows.sort(byPlace).map(({ id }) => id)).toEqual([4, 2, 3, 1, 6, 5])
})

test('filters pass what they name', () => {
  const row = chatRow(1, { type: 'channel', unread_count: 2 })
  expect(
    (['all', 'unread', 'direct', 'group', 'channel'] as const).filter((one) => passes(row, one)),
  ).toEqual(['all', 'unread', 'channel'])
})

test('a chat is found by any of its names, whatever their case', () => {
  const row = chatRow(1, {
    type: 'direct',
    title: null,
    other_display_name: 'Ёжик Straße',
    other_username: 'hedgehog',
  })
  expect(['ёЖ', 'STRASSE', 'straße', 'HEDGE', 'fox'].map((words) => matches(row, words))).toEqual([
    true,
    false,
    true,
    true,
    false,
  ])
})

test('Saved Messages is the direct chat with nobody else', () => {
  expect(
    [chatRow(1, { type: 'direct' }), chatRow(2, { type: 'direct', other_user_id: 7 }), chatRow(3)].map(
      isSaved,
    ),
  ).toEqual([true, false, false])
})
