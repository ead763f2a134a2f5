import type { Message } from '@messenger/contract'
import type { Pending } from '../../kept.ts'

/** Something in the timeline: a message of the server's, one on its way, or an album of both. */
export interface Item {
  key: string
  sender_id: number
  sender_name: string
  /** ISO 8601. */
  at: string
  content: string | null
  message: Message | null
  pending: Pending | null
  /** What makes an album, in its order; empty when it is none. `message` is then the one that others answer. */
  album: readonly Item[]
}

export interface Turn {
  key: string
  sender_id: number
  sender_name: string
  items: Item[]
  /** The unread line is drawn above this turn. */
  unread: boolean
}

export interface Day {
  key: string
  /** ISO 8601 of its first item. */
  at: string
  turns: Turn[]
}

/** One person's messages make a turn while they follow each other within this. */
const TURN_MS = 5 * 60_000

export const itemOf = (message: Message): Item => ({
  // A message keeps its key from the moment it was written: nothing blinks when the server confirms it.
  key: message.client_id ?? String(message.id),
  sender_id: message.sender_id,
  sender_name: message.sender_display_name,
  at: message.created_at,
  content: message.content,
  message,
  pending: null,
  album: [],
})

export const pendingItem = (pending: Pending, me: { id: number; name: string }): Item => ({
  key: pending.client_id,
  sender_id: me.id,
  sender_name: me.name,
  at: new Date(pending.created).toISOString(),
  content: pending.content || null,
  message: null,
  pending,
  album: [],
})

/** An item's own parts: those of an album, or itself. */
export const partsOf = (item: Item): readonly Item[] => (item.album.length > 0 ? item.album : [item])

/** The first and the last place in the chat that an item takes; undefined while it is on its way. */
export const firstSeq = (item: Item): number | undefined => partsOf(item)[0]!.message?.seq
export const lastSeq = (item: Item): number | undefined =>
  partsOf(item).findLast(({ message }) => message !== null)?.message?.seq

function albumOf({ message, pending }: Item): string | null {
  if (pending) return pending.parcel && isPicture(pending.parcel.kind) ? pending.album_id : null
  return message && isPicture(message.message_type) && !message.is_deleted ? message.album_id : null
}
const isPicture = (kind: string) => kind === 'image' || kind === 'video'

/** Makes one item of the pictures that were sent together. */
export function withAlbums(items: readonly Item[]): Item[] {
  const gathered: Item[] = []
  const seen = new Set<string>()
  for (let first = 0; first < items.length;) {
    const id = albumOf(items[first]!)
    let end = first + 1
    while (id && end < items.length && albumOf(items[end]!) === id && sameSender(items[first]!, items[end]!))
      end++
    const parts = items.slice(first, end)
    // Others may have spoken in between: then a second stretch of the same album follows, under a key of its own.
    gathered.push(id && parts.length > 1 ? album(seen.has(id) ? parts[0]!.key : id, parts) : parts[0]!)
    if (id) seen.add(id)
    first = end
  }
  return gathered
}

const sameSender = (one: Item, other: Item) => one.sender_id === other.sender_id

function album(key: string, parts: readonly Item[]): Item {
  const captions = parts.map(({ content }) => content).filter(Boolean)
  const main = parts.find(({ content, message }) => content && message) ?? parts[0]!
  const waiting = parts.filter(({ pending }) => pending !== null)
  return {
    ...parts[0]!,
    key,
    content: captions.length > 0 ? captions.join('\n') : null,
    message: main.message,
    pending: (waiting.find(({ pending }) => pending!.state === 'failed') ?? waiting[0])?.pending ?? null,
    album: parts,
  }
}

const dayOf = (iso: string): string => new Date(iso).toDateString()

/** Groups what is shown into days and turns. `unread_from` is the seq of the first unread message, if a line is due. */
export function group(items: readonly Item[], unread_from: number | null): Day[] {
  const days: Day[] = []
  let before: Item | null = null
  for (const item of items) {
    const newDay = before === null || dayOf(before.at) !== dayOf(item.at)
    if (newDay) days.push({ key: dayOf(item.at), at: item.at, turns: [] })
    const day = days.at(-1)!
    const unread = unread_from !== null && partsOf(item).some(({ message }) => message?.seq === unread_from)
    const together =
      !newDay &&
      !unread &&
      before!.sender_id === item.sender_id &&
      item.message?.message_type !== 'system' &&
      before!.message?.message_type !== 'system' &&
      Date.parse(item.at) - Date.parse(before!.at) < TURN_MS
    if (together) day.turns.at(-1)!.items.push(item)
    else
      day.turns.push({
        key: item.key,
        sender_id: item.sender_id,
        sender_name: item.sender_name,
        items: [item],
        unread,
      })
    before = item
  }
  return days
}
