import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { Message } from './messages.ts'
import { ChatParams, Id, MessageInChat, NoContent, Time, limit, nullable } from './parts.ts'

export const Pin = Type.Object({ message: Message, pinned_at: Time, pinned_by: Id })
export type Pin = Static<typeof Pin>

export const pinMessage = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/messages/:message_id/pin',
  summary:
    'Pins a message for everyone, beside those that are: either side of a direct chat, else who may pin in the chat. Pinning again changes nothing.',
  params: MessageInChat,
  result: Type.Object({ pinned_message_id: Id, ...Pin.properties }),
  refusals: ['not_a_member', 'not_found', 'not_allowed', 'rate_limited'],
})

export const unpinMessage = endpoint({
  method: 'DELETE',
  path: '/chats/:chat_id/messages/:message_id/pin',
  summary: 'Unpins a message for everyone.',
  status: 204,
  params: MessageInChat,
  result: NoContent,
  refusals: ['not_a_member', 'not_found', 'not_allowed', 'rate_limited'],
})

export const getPinnedMessage = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/pinned-message',
  summary: 'The message that was pinned last; null when there is none.',
  params: ChatParams,
  result: nullable(Pin),
  refusals: ['not_a_member'],
})

export const listPinnedMessages = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/pinned-messages',
  summary: 'Pinned messages, the last one first. `X-Next-Cursor` of a full page leads to the next.',
  params: ChatParams,
  query: Type.Object({ limit: limit(50, limits.PINS_PAGE_MAX), cursor: Type.Optional(Id) }),
  result: Type.Array(Pin),
  refusals: ['not_a_member'],
})
