import { expect, test } from 'vitest'
import { message } from '../../testing/made.ts'
import { firstSeq, group, itemOf, lastSeq, pendingItem, withAlbums } from './turns.ts'

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
    parcel: null,
    file_id: null,
    album_id: null,
    created: Date.parse('2026-11-24T10:00:00Z'),
    state: 'waiting' as const,
    code: null,
  }
  expect(pendingItem(pending, { id: 1, name: 'Mia' }).key).toBe(
    itemOf(message(9, { client_id: 'a-uuid' })).key,
  )
})

const picture = (seq: number, album_id: string | null, changes: Parameters<typeof message>[1] = {}) =>
  itemOf(message(seq, { message_type: 'image', album_id, file_id: seq, content: null, ...changes }))
const seqs = (items: ReturnType<typeof withAlbums>) =>
  items.map(({ album, message: one }) =>
    album.length > 0 ? album.map((part) => part.message?.seq) : one?.seq,
  )

test('pictures that were sent together make an album; its caption is said once, and others answer it', () => {
  const items = withAlbums([
    picture(1, null),
    picture(2, 'a'),
    picture(3, 'a', { content: 'At the quay' }),
    picture(4, 'b'),
    picture(5, 'c', { sender_id: 2 }),
    picture(6, 'c', { sender_id: 3 }),
  ])
  expect(seqs(items)).toEqual([1, [2, 3], 4, 5, 6])
  expect(items[1]).toMatchObject({ key: 'a', content: 'At the quay', message: { seq: 3 } })
  expect([firstSeq(items[1]!), lastSeq(items[1]!)]).toEqual([2, 3])
})

test('an album is parted by what others say, and by a deleted picture, under keys that never repeat', () => {
  const items = withAlbums([
    picture(1, 'a'),
    picture(2, 'a'),
    at(3, '2026-11-24T10:00:00Z', 2),
    picture(4, 'a'),
    picture(5, 'a'),
    picture(6, 'a', { is_deleted: true }),
    picture(7, 'a'),
  ])
  expect(seqs(items)).toEqual([[1, 2], 3, [4, 5], 6, 7])
  expect(new Set(items.map(({ key }) => key)).size).toBe(items.length)
})

test('the unread line is drawn above an album of which any picture is unread', () => {
  const [day] = group(withAlbums([picture(1, null), picture(2, 'a'), picture(3, 'a')]), 3)
  expect(day!.turns.map(({ unread }) => unread)).toEqual([false, true])
})
