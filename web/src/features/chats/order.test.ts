import { expect, test } from 'vitest'
import { chatRow } from '../../testing/made.ts'
import { byPlace, isSaved, matches, passes, pinsIn, speaksIn } from './order.ts'

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

const may = (changes: Parameters<typeof chatRow>[1]) => {
  const row = chatRow(1, { my_role: 'member', who_may_post: 'members', who_may_pin: 'admins', ...changes })
  return [speaksIn(row), pinsIn(row)]
}

test('a member speaks and pins where the chat lets members; an owner and an admin everywhere', () => {
  expect(may({ type: 'group' })).toEqual([true, false])
  expect(may({ type: 'group', who_may_post: 'admins', who_may_pin: 'members' })).toEqual([false, true])
  expect(may({ type: 'group', who_may_post: 'admins', my_role: 'admin' })).toEqual([true, true])
  expect(may({ type: 'channel' })).toEqual([false, false])
  expect(may({ type: 'channel', my_role: 'owner' })).toEqual([true, true])
  expect(may({ type: 'direct', who_may_post: 'admins' })).toEqual([true, true])
})
