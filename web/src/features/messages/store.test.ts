import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, test } from 'vitest'
import { message } from '../../testing/made.ts'
import { heard } from '../../wire.ts'
import { useSession } from '../session/store.ts'
import { useMessages, type Timeline } from './store.ts'
import { emptyWindow } from './window.ts'

const ME = 7
let chat_id = 0

/** Each test has a chat of its own: the socket's listeners outlive a store. */
beforeEach(() => {
  setActivePinia(createPinia())
  chat_id++
})

function opened(): Timeline {
  const store = useMessages()
  useSession().user_id = ME
  store.timelines.set(chat_id, {
    ...emptyWindow(),
    messages: [message(1, { chat_id }), message(2, { chat_id })],
    revision: 2,
    has_older: false,
    chat_id,
    state: 'ready',
    loading_older: false,
    loading_newer: false,
    generation: 0,
  })
  return store.timelines.get(chat_id)!
}

const reaction = (revision: number, user_id: number, emoji: string, count: number, added = true) =>
  heard({
    type: 'reaction',
    chat_id,
    message_id: 10,
    user_id,
    emoji,
    action: added ? 'added' : 'removed',
    count,
    revision,
  })

test('reactions are as they would be fetched afresh, and a repeated event changes nothing', () => {
  const timeline = opened()
  reaction(3, 1, '👍', 1)
  reaction(4, ME, '👍', 2)
  reaction(4, ME, '👍', 2)
  reaction(5, 1, '🎉', 1)
  reaction(6, 1, '👍', 1, false)
  reaction(7, 1, '🎉', 0, false)
  expect(timeline.revision).toBe(7)
  expect(timeline.messages[0]!.reactions).toEqual([{ emoji: '👍', count: 1, me: true }])
  expect(timeline.messages[1]!.reactions).toEqual([])
})

test('what another of my devices takes back is no longer mine', () => {
  const timeline = opened()
  reaction(3, ME, '👍', 2)
  reaction(4, ME, '👍', 1, false)
  expect(timeline.messages[0]!.reactions).toEqual([{ emoji: '👍', count: 1, me: false }])
})

test('an edit brings the marks of its text', () => {
  const timeline = opened()
  heard({
    type: 'message_updated',
    chat_id,
    message_id: 10,
    content: '@mia',
    entities: [{ type: 'mention', offset: 0, length: 4, user_id: 3 }],
    updated_at: '2026-11-24T10:05:00.000Z',
    is_edited: true,
    revision: 3,
  })
  expect(timeline.messages[0]).toMatchObject({
    content: '@mia',
    is_edited: true,
    entities: [{ user_id: 3 }],
  })
})

test('pinning marks the message and leads the bar; unpinning and deleting take both away', () => {
  const timeline = opened()
  const store = useMessages()
  store.pins.set(chat_id, [])
  const pin = (revision: number, seq: number) =>
    heard({
      type: 'message_pinned',
      chat_id,
      message_id: seq * 10,
      pinned_by: 1,
      pinned_at: '2026-11-24T10:05:00.000Z',
      revision,
      message: message(seq, { chat_id, is_pinned: true }),
    })
  pin(3, 1)
  pin(4, 2)
  expect(store.pins.get(chat_id)!.map((one) => one.message.seq)).toEqual([2, 1])
  expect(timeline.messages.map((one) => one.is_pinned)).toEqual([true, true])
  heard({ type: 'message_unpinned', chat_id, message_id: 20, unpinned_by: 1, revision: 5 })
  heard({
    type: 'message_deleted',
    chat_id,
    message_id: 10,
    deleted_by: 1,
    for_everyone: true,
    revision: 6,
    seq: 1,
  })
  expect(store.pins.get(chat_id)).toEqual([])
  expect(timeline.messages.map((one) => one.is_pinned)).toEqual([false, false])
})
