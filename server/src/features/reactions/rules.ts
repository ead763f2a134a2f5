import { EMOJI_MAX_BYTES, OWN_REACTIONS_MAX, REACTED_MESSAGES_MAX, REACTIONS_MAX } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'

/** How often each reaction was given to a message, in the order in which they first were. */
export type Counts = readonly { emoji: string; count: number }[]

export interface Toggled {
  action: 'added' | 'removed'
  /** How many have given this reaction now. */
  count: number
  reactions: Counts
}

const SPACE_OR_CONTROL = /[\s\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

export function refuseEmoji(emoji: string): void {
  if (Buffer.byteLength(emoji) <= EMOJI_MAX_BYTES && !SPACE_OR_CONTROL.test(emoji)) return
  throw new Refusal('invalid', {
    field: 'emoji',
    error: `emoji has to be 1 to ${EMOJI_MAX_BYTES} bytes without spaces.`,
  })
}

/** Refuses what would be too many different reactions: taking one back is always possible. */
export function toggled(counts: Counts, own: readonly string[], emoji: string): Toggled {
  const before = counts.find((one) => one.emoji === emoji)?.count ?? 0
  const added = !own.includes(emoji)
  if (added && (own.length >= OWN_REACTIONS_MAX || (before === 0 && counts.length >= REACTIONS_MAX)))
    throw new Refusal('too_many_reactions', { field: 'emoji' })
  const count = before + (added ? 1 : -1)
  const reactions =
    before === 0
      ? [...counts, { emoji, count }]
      : counts.flatMap((one) => (one.emoji !== emoji ? one : count > 0 ? { emoji, count } : []))
  return { action: added ? 'added' : 'removed', count, reactions }
}

/** Ids of a list such as `1,2`. */
export function idsOf(list: string): number[] {
  const ids = [...new Set(list.split(',').map(Number))]
  if (ids.length > REACTED_MESSAGES_MAX || !ids.every((id) => Number.isSafeInteger(id) && id > 0))
    throw new Refusal('invalid', {
      field: 'message_ids',
      error: `message_ids has to be 1 to ${REACTED_MESSAGES_MAX} message ids, separated by commas.`,
    })
  return ids
}
