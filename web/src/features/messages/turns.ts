import type { Message } from '@messenger/contract'
import type { Pending } from '../../kept.ts'

/** Something in the timeline: a message of the server's, or one on its way. */
export interface Item {
  key: string
  sender_id: number
  sender_name: string
  /** ISO 8601. */
  at: string
  content: string | null
  message: Message | null
  pending: Pending | null
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
})

export const pendingItem = (pending: Pending, me: { id: number; name: string }): Item => ({
  key: pending.client_id,
  sender_id: me.id,
  sender_name: me.name,
  at: new Date(pending.created).toISOString(),
  content: pending.content,
  message: null,
  pending,
})

const dayOf = (iso: string): string => new Date(iso).toDateString()

/** Groups what is shown into days and turns. `unread_from` is the seq of the first unread message, if a line is due. */
export function group(items: readonly Item[], unread_from: number | null): Day[] {
  const days: Day[] = []
  let before: Item | null = null
  for (const item of items) {
    const newDay = before === null || dayOf(before.at) !== dayOf(item.at)
    if (newDay) days.push({ key: dayOf(item.at), at: item.at, turns: [] })
    const day = days.at(-1)!
    const unread = unread_from !== null && item.message?.seq === unread_from
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
