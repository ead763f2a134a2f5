export interface Piece {
  text: string
  /** Where it leads; null for plain text. */
  href: string | null
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

/** Splits a text into plain pieces and links. Only http, https and mailto lead anywhere. */
export function piecesOf(content: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const found of content.matchAll(LINK)) {
    const link = trimmed(found[0])
    const href = /^www\./i.test(link) ? `https://${link}` : link
    if (!URL.canParse(href)) continue
    if (found.index > at) pieces.push({ text: content.slice(at, found.index), href: null })
    pieces.push({ text: link, href })
    at = found.index + link.length
  }
  if (at < content.length) pieces.push({ text: content.slice(at), href: null })
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
