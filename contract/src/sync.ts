import { Type, type Static } from 'typebox'
import { ChatRow } from './chats.ts'
import { endpoint } from './endpoint.ts'
import { Count, Id } from './parts.ts'
import { Settings } from './settings.ts'

/** What changed for the caller alone. A chat whose row is gone was left, deleted, or the caller was removed. */
export const OwnChange = Type.Union([
  Type.Object({ kind: Type.Literal('chat'), chat_id: Id, chat: ChatRow }),
  Type.Object({ kind: Type.Literal('chat_gone'), chat_id: Id }),
  Type.Object({ kind: Type.Literal('message_hidden'), chat_id: Id, message_id: Id }),
  Type.Object({ kind: Type.Literal('settings'), settings: Settings }),
])
export type OwnChange = Static<typeof OwnChange>

export const Sync = Type.Object({
  revision: Type.Optional(Count),
  own: Type.Optional(Type.Array(OwnChange)),
  chats: Type.Optional(
    Type.Array(
      Type.Object({
        chat_id: Id,
        revision: Count,
        last_seq: Count,
        last_read_seq: Count,
        unread_count: Count,
      }),
    ),
  ),
  has_more: Type.Optional(Type.Boolean()),
  reset: Type.Optional(Type.Literal(true)),
})
export type Sync = Static<typeof Sync>

export const sync = endpoint({
  method: 'GET',
  path: '/sync',
  summary:
    'What moved since a revision of one’s own: own changes, and which chats are behind. `reset`: fetch afresh. Without `after`: the revision to go on from.',
  query: Type.Object({ after: Type.Optional(Count) }),
  result: Sync,
})
