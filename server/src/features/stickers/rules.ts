/** The packs that every server has. Ids are for ever: messages point at them. */
export const BUILT_IN = {
  id: 1,
  name: 'Emojis',
  stickers: [
    { id: 1, label: 'grin' },
    { id: 2, label: 'lol' },
    { id: 3, label: 'heart' },
    { id: 4, label: 'like' },
    { id: 5, label: 'party' },
    { id: 6, label: 'cry' },
    { id: 7, label: 'cool' },
    { id: 8, label: 'fire' },
  ],
} as const

/** Ids of people's stickers begin here, far above the built-in ones. */
const FIRST_MADE = 2 ** 32

/** An id that nobody can guess: 52 of 64 random bits. */
export const stickerIdOf = (random: bigint): number =>
  Math.max(FIRST_MADE, Number(BigInt.asUintN(52, random)))
