import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { Reaction } from './messages.ts'
import { ChatParams, Id, MessageInChat } from './parts.ts'

export const toggleReaction = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/messages/:message_id/reactions',
  summary: `Adds or takes back a reaction of the caller’s: at most ${limits.OWN_REACTIONS_MAX} on a message, which holds up to ${limits.REACTIONS_MAX} different ones.`,
  params: MessageInChat,
  body: Type.Object({
    emoji: Type.String({
      minLength: 1,
      maxLength: limits.EMOJI_MAX_BYTES,
      description: `1 to ${limits.EMOJI_MAX_BYTES} bytes of UTF-8, without spaces`,
    }),
  }),
  result: Type.Object({
    message_id: Id,
    emoji: Type.String(),
    action: Type.Union([Type.Literal('added'), Type.Literal('removed')]),
  }),
  refusals: ['not_a_member', 'not_found', 'not_allowed', 'too_many_reactions', 'rate_limited'],
})

export const listReactions = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/reactions',
  summary: `Reactions of up to ${limits.REACTED_MESSAGES_MAX} messages by their ids; no key where there are none.`,
  params: ChatParams,
  query: Type.Object({
    message_ids: Type.String({
      pattern: '^\\d{1,16}(,\\d{1,16})*$',
      maxLength: limits.REACTED_MESSAGES_MAX * 17,
      description: 'ids, separated by commas',
    }),
  }),
  result: Type.Record(Type.String(), Type.Array(Reaction)),
  refusals: ['not_a_member'],
})
