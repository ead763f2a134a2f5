import { DELETE_FOR_EVERYONE_MS, type NewMessage } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'

/** Message ids hold the milliseconds since this moment in their upper 41 bits. */
export const ID_EPOCH_MS = Date.UTC(2025, 0, 1)

/** When a message was sent, in ms since 1970. */
export const sentAt = (message_id: number): number => Math.floor(message_id / 4096) + ID_EPOCH_MS

/** The first id that a message sent at this moment may have. */
export const firstIdAt = (ms: number): number => Math.max(0, Math.floor(ms) - ID_EPOCH_MS) * 4096

/** `before` is an id or an ISO time; answers the id below which the page ends. */
export function idBefore(before: string): number {
  if (/^\d{1,16}$/.test(before)) {
    const id = Number(before)
    if (Number.isSafeInteger(id)) return id
  } else if (/^\d{4}-\d{2}-\d{2}/.test(before)) {
    const ms = Date.parse(before)
    if (!Number.isNaN(ms)) return Math.min(firstIdAt(ms), Number.MAX_SAFE_INTEGER)
  }
  throw new Refusal('invalid', {
    field: 'before',
    error: 'before has to be a message id or an ISO 8601 time.',
  })
}

/** What of a new message is stored; refuses one with nothing in it. */
export function textOf(message: NewMessage): string {
  if (message.type && message.type !== 'text')
    throw new Refusal('invalid', { field: 'type', error: 'Only text messages can be sent here.' })
  for (const field of ['file_id', 'sticker_id'] as const)
    if (message[field]) throw new Refusal('not_found', { field })
  const content = message.content ?? ''
  if (content.trim() === '') throw new Refusal('empty_message', { field: 'content' })
  return content
}

/** Who may delete for everyone, and until when. In a direct chat nobody ranks above the sender. */
export function refuseDeletion(asked: {
  is_sender: boolean
  role: string
  chat_type: string
  message_id: number
  now: number
}): void {
  const ranks = asked.chat_type !== 'direct' && (asked.role === 'owner' || asked.role === 'admin')
  if (ranks) return
  if (!asked.is_sender) throw new Refusal('not_allowed')
  if (asked.now - sentAt(asked.message_id) > DELETE_FOR_EVERYONE_MS) throw new Refusal('too_old')
}
