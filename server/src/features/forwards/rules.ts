import type { Entity, MessageType } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'

/** Whom a forward is attributed to. */
export interface Origin {
  forwarded_from_chat_id?: number
  forwarded_from_message_id?: number
  forwarded_from_user_id?: number
  forwarded_from_display_name?: string
}

/** What of a message matters for its origin. */
interface Original {
  id: number
  chat_id: number
  sender_id: number
  more: Origin | null
}

/**
 * A forward of a forward keeps the first origin. The place is told only where everybody can find it
 * (docs/decisions/0010); an author who is no longer there has no id.
 */
export function originOf(
  message: Original,
  { is_public, name }: { is_public: boolean; name: string | undefined },
): Origin {
  const { more } = message
  if (more?.forwarded_from_display_name !== undefined) {
    const {
      forwarded_from_chat_id,
      forwarded_from_message_id,
      forwarded_from_user_id,
      forwarded_from_display_name,
    } = more
    return Object.fromEntries(
      Object.entries({
        forwarded_from_chat_id,
        forwarded_from_message_id,
        forwarded_from_user_id,
        forwarded_from_display_name,
      }).filter(([, value]) => value !== undefined),
    )
  }
  return {
    ...(is_public ? { forwarded_from_chat_id: message.chat_id, forwarded_from_message_id: message.id } : {}),
    ...(name === undefined ? {} : { forwarded_from_user_id: message.sender_id }),
    forwarded_from_display_name: name ?? 'Deleted account',
  }
}

/** Links stay links; nobody is called by a forward. */
export const keptEntities = (entities: readonly Entity[] | undefined): Entity[] =>
  (entities ?? []).filter(({ type }) => type === 'link')

export function refuseForward(
  messages: readonly { message_type: MessageType }[],
  client_ids: readonly string[] | null,
): void {
  if (client_ids && client_ids.length !== messages.length)
    throw new Refusal('invalid', { field: 'client_ids', error: 'client_ids has to name each message once.' })
  if (messages.some(({ message_type }) => message_type === 'system'))
    throw new Refusal('not_allowed', {
      field: 'message_ids',
      error: 'What a chat says of itself cannot be forwarded.',
    })
}
