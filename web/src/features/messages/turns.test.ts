import { expect, test } from 'vitest'
import { message } from '../../testing/made.ts'
import { group, itemOf, pendingItem } from './turns.ts'

const at = (seq: number, created_at: string, sender_id = 1) => itemOf(message(seq, { created_at, sender_id }))
const shape = (days: ReturnType<typeof group>) =>
  days.map(({ turns }) => turns.map(({ items }) => items.map(({ message: one }) => one?.seq ?? 'pending')))

test('one person’s messages within five minutes make a turn', () => {
  const items = [
    at(1, '2026-11-24T10:00:00Z'),
    at(2, '2026-11-24T10:04:00Z'),
    at(3, '2026-11-24T10:09:30Z'),
    at(4, '2026-11-24T10:09:40Z', 2),
    at(5, '2026-11-24T10:09:50Z'),
  ]
  expect(shape(group(items, null))).toEqual([[[1, 2], [3], [4], [5]]])
})

test('a day begins at the reader’s midnight', () => {
  // Berlin is an hour ahead of UTC in November.
  const items = [at(1, '2026-11-24T22:59:00Z'), at(2, '2026-11-24T23:01:00Z')]
  expect(shape(group(items, null))).toEqual([[[1]], [[2]]])
})

test('the unread line parts a turn', () => {
  const items = [at(1, '2026-11-24T10:00:00Z'), at(2, '2026-11-24T10:00:10Z')]
  const [day] = group(items, 2)
  expect(day!.turns.map(({ unread }) => unread)).toEqual([false, true])
})

test('a message keeps its key from the clock to the tick', () => {
  const pending = {
    client_id: 'a-uuid',
    chat_id: 1,
    content: 'hi',
    reply_to_message_id: null,
    reply: null,
    created: Date.parse('2026-11-24T10:00:00Z'),
    state: 'waiting' as const,
    code: null,
  }
  expect(pendingItem(pending, { id: 1, name: 'Mia' }).key).toBe(
    itemOf(message(9, { client_id: 'a-uuid' })).key,
  )
})
