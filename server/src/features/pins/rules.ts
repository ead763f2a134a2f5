import type { ChatType, MessageType, Role } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'

/** Who asks, in which chat, for which message. */
export interface Asked {
  role: Role
  type: ChatType
  who_may_pin: 'members' | 'admins'
  message_type: MessageType
}

/** Both sides of a direct chat pin; elsewhere the chat says who does. What a chat says of itself stays unpinned. */
export function refusePin({ role, type, who_may_pin, message_type }: Asked): void {
  const may = type === 'direct' || who_may_pin === 'members' || role !== 'member'
  if (!may || message_type === 'system') throw new Refusal('not_allowed')
}
