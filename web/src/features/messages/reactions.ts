import type { Message, Reaction } from '@messenger/contract'
import { partsOf, type Item } from './turns.ts'

/** The six that the menu of a message offers. */
export const QUICK = ['👍', '❤️', '😂', '🎉', '😮', '🙏']

/** What is true of one emoji now; `me` stays as it was when it is not told. */
export function withReaction(
  reactions: readonly Reaction[],
  { emoji, count, me }: { emoji: string; count: number; me?: boolean },
): Reaction[] {
  const known = reactions.find((one) => one.emoji === emoji)
  const told: Reaction = { emoji, count, me: me ?? known?.me ?? false }
  if (!known) return count > 0 ? [...reactions, told] : [...reactions]
  return reactions.map((one) => (one.emoji === emoji ? told : one)).filter((one) => one.count > 0)
}

/** The reactions after one of one's own was given or taken back. */
export function toggled(reactions: readonly Reaction[], emoji: string): Reaction[] {
  const known = reactions.find((one) => one.emoji === emoji)
  const me = !known?.me
  return withReaction(reactions, { emoji, count: Math.max(0, (known?.count ?? 0) + (me ? 1 : -1)), me })
}

/** Which message of an item a reaction is given to: the one of an album that has one's own, or anybody's. */
export function reactedPart(item: Item, emoji: string): Message | null {
  const all = partsOf(item).flatMap(({ message }) => (message ? [message] : []))
  const having = (own: boolean) =>
    all.find(({ reactions }) => reactions.some((one) => one.emoji === emoji && (!own || one.me)))
  return having(true) ?? having(false) ?? item.message
}

/** The reactions under a bubble; an album shows those of all its pictures together. */
export function reactionsOf(item: Item): Reaction[] {
  const all = new Map<string, Reaction>()
  for (const { message } of partsOf(item))
    for (const { emoji, count, me = false } of message?.reactions ?? []) {
      const known = all.get(emoji)
      all.set(emoji, { emoji, count: count + (known?.count ?? 0), me: me || known?.me === true })
    }
  return [...all.values()]
}
