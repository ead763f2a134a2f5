import 'fake-indexeddb/auto'
import { beforeEach, expect, test } from 'vitest'
import {
  dropPending,
  dropRow,
  forgetKept,
  keepDraft,
  keepFact,
  keepPending,
  keepRows,
  keepTimeline,
  keptDrafts,
  keptFact,
  keptOutbox,
  keptRows,
  keptTimeline,
  openKept,
  type Pending,
} from './kept.ts'
import { chatRow, message } from './testing/made.ts'

let user = 0
beforeEach(() => openKept(++user))

const pending = (client_id: string): Pending => ({
  client_id,
  chat_id: 1,
  content: 'on its way',
  reply_to_message_id: null,
  reply: null,
  parcel: null,
  file_id: null,
  album_id: null,
  created: 1,
  state: 'waiting',
  code: null,
})

const timeline = (chat_id: number, used: number) => ({
  chat_id,
  revision: 1,
  has_older: false,
  messages: [message(1, { chat_id })],
  used,
})

test('what is kept is there after a reload, for the same person and nobody else', async () => {
  await keepRows([chatRow(1), chatRow(2)])
  await keepPending(pending('a'))
  await keepDraft(1, 'half a thought')
  await keepFact('cursor', 42)
  const mine = user
  openKept(++user)
  expect([await keptRows(), await keptOutbox(), await keptDrafts(), await keptFact('cursor')]).toEqual([
    [],
    [],
    [],
    null,
  ])
  openKept(mine)
  expect((await keptRows()).map(({ id }) => id)).toEqual([1, 2])
  expect(await keptOutbox()).toEqual([pending('a')])
  expect(await keptDrafts()).toEqual([{ chat_id: 1, text: 'half a thought' }])
  expect(await keptFact('cursor')).toBe(42)
})

test('what was sent, emptied or left is kept no longer', async () => {
  await keepPending(pending('a'))
  await dropPending('a')
  await keepDraft(1, 'x')
  await keepDraft(1, '')
  await keepRows([chatRow(1)])
  await keepTimeline(timeline(1, 1))
  await dropRow(1)
  expect([await keptOutbox(), await keptDrafts(), await keptRows(), (await keptTimeline(1)) ?? null]).toEqual(
    [[], [], [], null],
  )
})

test('the list as it was fetched replaces the one that was kept', async () => {
  await keepRows([chatRow(1), chatRow(2)])
  await keepRows([chatRow(2), chatRow(3)])
  expect((await keptRows()).map(({ id }) => id)).toEqual([2, 3])
})

test('of many histories the lately used are kept', async () => {
  for (let chat_id = 1; chat_id <= 35; chat_id++) await keepTimeline(timeline(chat_id, chat_id))
  expect(await keptTimeline(5)).toBeUndefined()
  expect((await keptTimeline(6))?.messages).toHaveLength(1)
})

test('signing out leaves nothing behind', async () => {
  await keepRows([chatRow(1)])
  await forgetKept(user)
  openKept(user)
  expect(await keptRows()).toEqual([])
})
