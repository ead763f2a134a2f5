import { describe, expect, test } from 'vitest'
import { emojiCount, isLong, piecesOf } from './text.ts'

const links = (text: string) =>
  piecesOf(text)
    .filter(({ href }) => href !== null)
    .map(({ text: shown, href }) => (shown === href ? shown : `${shown} → ${href}`))

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
