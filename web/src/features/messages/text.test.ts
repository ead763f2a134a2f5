import { describe, expect, test } from 'vitest'
import { emojiCount, isLong, piecesOf } from './text.ts'

const links = (text: string) =>
  piecesOf(text)
    .filter(({ href }) => href !== null)
    .map(({ text: shown, href }) => (shown === href ? shown : `${shown} → ${href}`))

describe('marks of the server', () => {
  const shown = (text: string, entities: Parameters<typeof piecesOf>[1]) =>
    piecesOf(text, entities).map(({ text: part, href, mention }) =>
      href ? `<${href}>` : mention ? `@${mention}:${part}` : part,
    )

  test('name people and everyone, and links beside them are still found', () => {
    expect(
      shown('😀 @mia and @all see www.example.org', [
        { type: 'mention', offset: 3, length: 4, user_id: 7 },
        { type: 'mention_all', offset: 12, length: 4 },
      ]),
    ).toEqual(['😀 ', '@7:@mia', ' and ', '@all:@all', ' see ', '<https://www.example.org>'])
  })

  test('make a link of an address without a scheme, and of nothing dangerous', () => {
    expect(shown('example.org', [{ type: 'link', offset: 0, length: 11 }])).toEqual(['<https://example.org>'])
    const script = 'javascript:alert(1)'
    expect(shown(script, [{ type: 'link', offset: 0, length: script.length }])).toEqual([script])
  })

  test('that lie outside or over each other change nothing of the text', () => {
    const text = 'abcdef'
    const pieces = piecesOf(text, [
      { type: 'mention', offset: 1, length: 3, user_id: 1 },
      { type: 'mention', offset: 2, length: 3, user_id: 2 },
      { type: 'mention', offset: 4, length: 90, user_id: 3 },
    ])
    expect(pieces.map((piece) => piece.text).join('')).toBe(text)
    expect(pieces.map((piece) => piece.mention)).toEqual([null, 1, null])
  })
})

describe('links', () => {
  test.each([
    ['see https://example.org.', ['https://example.org']],
    ['(https://example.org/a)', ['https://example.org/a']],
    ['https://en.wikipedia.org/wiki/Ann_(name)!', ['https://en.wikipedia.org/wiki/Ann_(name)']],
    [
      'www.example.org/x and mailto:a@b.org',
      ['www.example.org/x → https://www.example.org/x', 'mailto:a@b.org'],
    ],
    ['HTTPS://EXAMPLE.ORG', ['HTTPS://EXAMPLE.ORG']],
    ['пишите на https://пример.рф/путь, да', ['https://пример.рф/путь']],
    ['javascript:alert(1) data:text/html,x file:///etc/passwd', []],
    ['https://', []],
    ['example.org is a word', []],
  ])('%s', (text, expected) => expect(links(text)).toEqual(expected))

  test('nothing of the text is lost or added', () => {
    for (const text of [
      'a https://x.org b',
      'https://x.org',
      '',
      '<b>&amp;</b> www.a.b',
      'https://a.b,https://c.d.',
    ])
      expect(
        piecesOf(text)
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text)
  })
})

describe('one to three emoji alone are shown large', () => {
  test.each([
    ['👍', 1],
    ['👩‍👩‍👧‍👦', 1],
    ['🇩🇪 🇫🇷', 2],
    ['👋🏽❤️🎉', 3],
    ['🎉🎉🎉🎉', 0],
    ['ok 👍', 0],
    ['1', 0],
    ['#️⃣', 1],
    ['', 0],
    ['   ', 0],
  ])('%s: %i', (text, count) => expect(emojiCount(text)).toBe(count))
})

test('a long text is cut', () => {
  expect([isLong('a\n'.repeat(41)), isLong('a'.repeat(3001)), isLong('a'.repeat(3000))]).toEqual([
    true,
    true,
    false,
  ])
})
