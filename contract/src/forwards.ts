import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { Message } from './messages.ts'
import { ChatParams, Id, Uuid, nullable } from './parts.ts'

export const forwardMessages = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/messages/forward',
  summary:
    'Sends messages of another chat of the caller’s here, in the given order: all of them or none. The same `client_ids` again answer the first messages again.',
  params: ChatParams,
  body: Type.Object({
    from_chat_id: Id,
    message_ids: Type.Array(Id, { minItems: 1, maxItems: limits.FORWARDS_MAX, uniqueItems: true }),
    client_ids: Type.Optional(
      nullable(
        Type.Array(Uuid, {
          minItems: 1,
          maxItems: limits.FORWARDS_MAX,
          uniqueItems: true,
          description: 'one for each message',
        }),
      ),
    ),
  }),
  result: Type.Array(Message),
  refusals: ['not_a_member', 'not_allowed', 'not_found', 'slow_mode', 'rate_limited'],
})
