import { describe, expect, test } from 'bun:test'
import { DELETE_FOR_EVERYONE_MS, type MessageType, type NewMessage } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import {
  fileType,
  firstIdAt,
  idBefore,
  linksIn,
  namesCalled,
  refuseDeletion,
  refuseMismatch,
  sentAt,
} from './rules.ts'

const refusalOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return [error.code, error.details.field]
    throw error
  }
  return null
}

/** The stretches of a text that are links, and those that call a name. */
const links = (text: string) => linksIn(text).map(({ offset, length }) => text.slice(offset, offset + length))
const called = (text: string) =>
  namesCalled(text, linksIn(text)).map(({ name, offset, length }) => {
    expect(text.slice(offset, offset + length).toLowerCase()).toBe(`@${name}`)
    return name
  })

describe('links', () => {
  test.each([
    ['https://example.org', ['https://example.org']],
    ['see http://a.b/c?d=e&f#g now', ['http://a.b/c?d=e&f#g']],
    ['HTTPS://EXAMPLE.ORG', ['HTTPS://EXAMPLE.ORG']],
    ['\u{1F600}\u{1F600} https://example.org/\u{1F600}', ['https://example.org/\u{1F600}']],
    ['two: https://a.b, https://c.d', ['https://a.b', 'https://c.d']],
    ['(https://a.b/c_(d))', ['https://a.b/c_(d)']],
    ['(see https://a.b/c)', ['https://a.b/c']],
    ['[https://a.b/c]', ['https://a.b/c']],
    ['“https://a.b/c”', ['https://a.b/c']],
    ['<https://a.b/c>', ['https://a.b/c']],
    ['is it https://a.b/c?!', ['https://a.b/c']],
    ['end https://a.b/c...', ['https://a.b/c']],
    ['https://', []],
    ['https://.', []],
    ['ftp://a.b javascript:alert(1) //a.b www.example.org', []],
  ])('of %p are %p', (text, found) => {
    expect(links(text)).toEqual(found)
  })
})

describe('names', () => {
  test.each([
    ['@ann', ['ann']],
    ['@Ann and @BOB_7', ['ann', 'bob_7']],
    ['(@ann), @bob! «@cat»', ['ann', 'bob', 'cat']],
    ['\u{1F600}@ann\u{1F600}', ['ann']],
    ['привет @ann, как дела', ['ann']],
    ['@ann.', ['ann']],
    ['mail ann@example.org', []],
    ['a/@ann x.@bob -@cat @@dan', []],
    ['@ann@example.org', []],
    ['@ab', []],
    [`@${'x'.repeat(33)}`, []],
    ['https://example.org/@ann', []],
    ['https://example.org/ @ann', ['ann']],
    ['@', []],
  ])('called in %p are %p', (text, found) => {
    expect(called(text)).toEqual(found)
  })

  test('stand where they stand in UTF-16 units', () => {
    expect(namesCalled('\u{1F600}\u{1F468}\u200D\u{1F469} @ann', [])).toEqual([
      { name: 'ann', offset: 8, length: 4 },
    ])
  })

  // What backtracks over these does not end before the test is given up.
  test('hostile texts cost no time', () => {
    for (const text of [
      '@'.repeat(4096),
      'a@'.repeat(2048),
      'https://'.repeat(512),
      `https://${')'.repeat(4000)}`,
    ])
      expect(namesCalled(text, linksIn(text))).toEqual([])
  })
})

describe('what does not go together', () => {
  test.each<[NewMessage, string, string | undefined]>([
    [{}, 'empty_message', 'content'],
    [{ content: ' \n\t' }, 'empty_message', 'content'],
    [{ content: 'x', type: 'system' }, 'invalid', 'type'],
    [{ file_id: 1, sticker_id: 1 }, 'invalid', 'sticker_id'],
    [{ content: 'x', type: 'sticker' }, 'invalid', 'sticker_id'],
    [{ content: 'x', type: 'voice' }, 'invalid', 'file_id'],
    [{ content: 'x', type: 'image' }, 'invalid', 'file_id'],
    [{ content: 'x', type: 'video' }, 'invalid', 'file_id'],
    [{ content: 'x', type: 'file' }, 'invalid', 'file_id'],
    [{ content: 'x', album_id: crypto.randomUUID() }, 'invalid', 'album_id'],
    [{ sticker_id: 1, album_id: crypto.randomUUID() }, 'invalid', 'album_id'],
    [{ content: 'x', waveform: [] }, 'invalid', 'waveform'],
  ])('%o is refused: %s of %s', (message, code, field) => {
    expect(refusalOf(() => refuseMismatch(message))).toEqual([code, field])
  })

  test.each<[NewMessage]>([
    [{ content: 'x' }],
    [{ content: 'x', type: 'text' }],
    [{ file_id: 1 }],
    [{ file_id: 1, content: '', type: 'voice', waveform: [1] }],
    [{ file_id: 1, album_id: crypto.randomUUID() }],
    [{ sticker_id: 1, type: 'sticker' }],
    [{ sticker_id: 1, content: null, file_id: null, album_id: null }],
  ])('%o is a message', (message) => {
    expect(refusalOf(() => refuseMismatch(message))).toBeNull()
  })
})

test.each<[MessageType | null, string, MessageType]>([
  [null, 'image/png', 'image'],
  [null, 'image/svg+xml', 'file'],
  [null, 'video/mp4', 'video'],
  [null, 'audio/ogg', 'file'],
  [null, '', 'file'],
  ['file', 'image/png', 'file'],
  ['image', 'application/pdf', 'file'],
  ['text', 'image/png', 'image'],
  ['voice', 'audio/ogg', 'voice'],
  ['voice', 'video/webm', 'voice'],
])('a file that is asked to be %p and is %p is sent as %p', (asked, mime_type, sent) => {
  expect(fileType(asked, mime_type)).toBe(sent)
})

test('a picture is no voice', () => {
  expect(refusalOf(() => fileType('voice', 'image/png'))).toEqual(['invalid', 'type'])
})

describe('deleting for everyone', () => {
  const now = Date.UTC(2026, 5, 1)
  const message = (age_ms: number) => firstIdAt(now - age_ms)
  const refusal = (asked: { is_sender: boolean; role: string; chat_type: string; age_ms: number }) =>
    refusalOf(() => refuseDeletion({ ...asked, message_id: message(asked.age_ms), now }))?.[0] ?? null
  const [young, old] = [DELETE_FOR_EVERYONE_MS, DELETE_FOR_EVERYONE_MS + 1]

  test('is the sender’s for 48 hours, and an owner’s and admin’s at any time', () => {
    const sender = { is_sender: true, role: 'member', chat_type: 'group' }
    expect([young, old].map((age_ms) => refusal({ ...sender, age_ms }))).toEqual([null, 'too_old'])
    for (const role of ['owner', 'admin'])
      for (const chat_type of ['group', 'channel'])
        expect(refusal({ is_sender: false, role, chat_type, age_ms: old })).toBeNull()
    expect(refusal({ is_sender: false, role: 'member', chat_type: 'group', age_ms: 0 })).toBe('not_allowed')
  })

  test('in a direct chat nobody ranks', () => {
    const direct = { role: 'owner', chat_type: 'direct' }
    expect(refusal({ ...direct, is_sender: false, age_ms: 0 })).toBe('not_allowed')
    expect(refusal({ ...direct, is_sender: true, age_ms: old })).toBe('too_old')
  })
})

describe('ids and times', () => {
  test('an id is when it was sent', () => {
    const now = Date.UTC(2026, 5, 1, 12, 0, 0, 7)
    expect(sentAt(firstIdAt(now))).toBe(now)
    expect(sentAt(firstIdAt(now) + 4095)).toBe(now)
    expect(sentAt(firstIdAt(now) - 1)).toBe(now - 1)
  })

  test('a page ends before an id or a time, and nothing else', () => {
    expect(idBefore('42')).toBe(42)
    expect(idBefore('2026-06-01T00:00:00.000Z')).toBe(firstIdAt(Date.UTC(2026, 5, 1)))
    expect(idBefore('2020-01-01')).toBe(0)
    for (const before of ['x', '-1', '1.5', '9999999999999999', '2026-13-45', '2026-99'])
      expect(refusalOf(() => idBefore(before))).toEqual(['invalid', 'before'])
  })
})
