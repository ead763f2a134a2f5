import type { Entity } from '@messenger/contract'

export interface Piece {
  text: string
  /** Where it leads; null for plain text. */
  href: string | null
  /** Whom it names: somebody's id, or everyone. */
  mention: number | 'all' | null
}

const LINK = /\b(?:https?:\/\/|mailto:)[^\s<>"']+|\bwww\.[^\s<>"']+\.[^\s<>"']+/giu
const TRAILING = /[.,;:!?…)\]}»”’]+$/u

/** Where a link ends: signs at its end belong to the sentence, but a bracket that was opened inside belongs to it. */
function trimmed(link: string): string {
  const ending = TRAILING.exec(link)?.[0] ?? ''
  let text = link.slice(0, link.length - ending.length)
  for (const sign of ending) {
    const opens = sign === ')' && text.split('(').length > text.split(')').length
    if (!opens) break
    text += sign
  }
  return text
}

const plain = (text: string): Piece => ({ text, href: null, mention: null })

/** Only http, https and mailto lead anywhere; what has no scheme is a web address. */
function hrefOf(link: string): string | null {
  const href = /^[a-z][a-z0-9+.-]*:/i.test(link) ? link : `https://${link}`
  return URL.canParse(href) && /^(?:https?|mailto):/i.test(href) ? href : null
}

function withLinks(content: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const found of content.matchAll(LINK)) {
    const link = trimmed(found[0])
    const href = hrefOf(link)
    if (href === null) continue
    if (found.index > at) pieces.push(plain(content.slice(at, found.index)))
    pieces.push({ text: link, href, mention: null })
    at = found.index + link.length
  }
  if (at < content.length) pieces.push(plain(content.slice(at)))
  return pieces
}

/**
 * Splits a text into plain pieces, mentions and links. What the server marked goes first; in the rest links are found
 * here, as in a text that it has not seen yet.
 */
export function piecesOf(content: string, entities: readonly Entity[] = []): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const { type, offset, length, user_id } of [...entities].sort((a, b) => a.offset - b.offset)) {
    const end = offset + length
    if (offset < at || end > content.length) continue
    const text = content.slice(offset, end)
    pieces.push(...withLinks(content.slice(at, offset)))
    if (type === 'link') pieces.push({ text, href: hrefOf(text), mention: null })
    else pieces.push({ text, href: null, mention: type === 'mention_all' ? 'all' : (user_id ?? null) })
    at = end
  }
  pieces.push(...withLinks(content.slice(at)))
  return pieces
}

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Regional_Indicator}{2}|[#*0-9]\ufe0f?\u20e3)/u
const SHOWN_LARGE = 3
const LONGEST_EMOJI = 40

/** How many emoji a text is made of, when it is made of one to three and nothing else; otherwise 0. */
export function emojiCount(content: string): number {
  const text = content.trim()
  if (text === '' || text.length > SHOWN_LARGE * LONGEST_EMOJI) return 0
  let count = 0
  for (const { segment } of letters.segment(text)) {
    if (segment.trim() === '') continue
    if (!EMOJI.test(segment) || ++count > SHOWN_LARGE) return 0
  }
  return count
}

/** Texts longer than this are cut until they are asked for whole. */
export const LINES_SHOWN = 40

export const isLong = (content: string): boolean =>
  content.split('\n').length > LINES_SHOWN || content.length > 3000
