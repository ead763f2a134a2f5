import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { Message, MessageType } from './messages.ts'
import { ChatParams, Id, limit } from './parts.ts'

const Moment = Type.String({ maxLength: 64, description: 'a message id or an ISO 8601 time' })
const Term = Type.String({ minLength: 1, maxLength: limits.SEARCH_TERM_MAX })

export const searchChat = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/messages/search',
  summary:
    'Messages of a chat that contain `q`, the newest first; any script, upper and lower case alike, `%` and `_` are plain characters.',
  params: ChatParams,
  query: Type.Object({
    q: Term,
    limit: limit(20, limits.SEARCH_PAGE_MAX),
    before_id: Type.Optional(Id),
  }),
  result: Type.Array(Message),
  refusals: ['not_a_member', 'rate_limited'],
})

export const searchMessages = endpoint({
  method: 'GET',
  path: '/messages/search',
  summary:
    'The same over all chats of the caller, narrowed by what is given; `q` may be left out where something else is.',
  query: Type.Object({
    q: Type.Optional(Term),
    chat_id: Type.Optional(Id),
    from: Type.Optional(Id),
    type: Type.Optional(MessageType),
    has: Type.Optional(
      Type.Union([Type.Literal('file'), Type.Literal('link'), Type.Literal('image')], {
        description: '`file`: any attachment',
      }),
    ),
    before: Type.Optional(Moment),
    after: Type.Optional(Moment),
    limit: limit(20, limits.SEARCH_PAGE_MAX),
    before_id: Type.Optional(Id),
  }),
  result: Type.Array(Message),
  refusals: ['not_a_member', 'rate_limited'],
})
