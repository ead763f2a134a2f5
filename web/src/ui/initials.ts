const HUES = 8

/** The colour of somebody without a picture: the same everywhere, for ever. */
export const hueOf = (id: number): number => (id % HUES) + 1

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const first = (word: string): string => [...letters.segment(word)][0]?.segment.toLocaleUpperCase() ?? ''

/** The first letters of the first and the last word. */
export function initialsOf(name: string): string {
  const words = name
    .trim()
    .split(/[\s_]+/)
    .filter(Boolean)
  if (words.length === 0) return '?'
  return words.length === 1 ? first(words[0]!) : first(words[0]!) + first(words.at(-1)!)
}
