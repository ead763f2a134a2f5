import { expect, test } from 'vitest'
import { message } from '../../testing/made.ts'
import { attachmentOf, boxOf } from './attachments.ts'
import { itemOf, pendingItem } from './turns.ts'

test.each([
  [1600, 1200, 416, 4 / 3],
  [1200, 1600, 312, 3 / 4],
  [200, 100, 200, 2],
  [20, 20, 132, 1],
  [10_000, 100, 416, 416 / 132],
  [100, 10_000, 132, 132 / 416],
  [null, null, 320, 4 / 3],
])('a picture of %s × %s gets a box %i wide', (width, height, box, ratio) => {
  expect(boxOf(width, height)).toEqual({ width: box, ratio })
})

test('a picture that moves is shown itself, another one by its preview, and a deleted one not at all', () => {
  const picture = {
    message_type: 'image' as const,
    file_id: 7,
    attachment_url: '/files/7/download',
    attachment_preview_url: '/files/7/preview',
  }
  const shown = (changes: Parameters<typeof message>[1]) =>
    attachmentOf(itemOf(message(1, { ...picture, ...changes })))?.preview_path
  expect(shown({ attachment_mime_type: 'image/jpeg' })).toBe('/files/7/preview')
  expect(shown({ attachment_mime_type: 'image/gif' })).toBe('/files/7/download')
  expect(shown({ is_deleted: true })).toBeUndefined()
})

test('what is on its way is known by what was chosen', () => {
  const parcel = {
    kind: 'voice' as const,
    filename: 'voice.webm',
    mime_type: 'audio/webm',
    size: 10,
    width: null,
    height: null,
    duration_seconds: 3,
    waveform: [1, 2],
  }
  const pending = {
    client_id: 'a-uuid',
    chat_id: 1,
    content: '',
    reply_to_message_id: null,
    reply: null,
    parcel,
    file_id: null,
    album_id: null,
    created: 1,
    state: 'waiting' as const,
    code: null,
  }
  expect(attachmentOf(pendingItem(pending, { id: 1, name: 'Mia' }))).toMatchObject({
    key: 'a-uuid',
    kind: 'voice',
    file_path: null,
    duration_seconds: 3,
    waveform: [1, 2],
  })
})
