import { Type, type Static } from 'typebox'
import { FoundMessages, page, perPage } from './admin.ts'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { ChatParams, Count, Id, NoContent, Time, nullable } from './parts.ts'

export const openSupport = endpoint({
  method: 'POST',
  path: '/support',
  summary: 'The caller’s chat with support; made when it is not there.',
  result: Type.Object({ chat_id: Id }),
  refusals: ['not_found', 'rate_limited'],
})

const SupportUser = Type.Object({
  id: Id,
  username: Type.String(),
  display_name: Type.String(),
  avatar_url: nullable(Type.String()),
  chat_id: nullable(Type.Integer({ ...Id, description: 'their chat with support, where there is one' })),
})

export const listSupportUsers = endpoint({
  method: 'GET',
  path: '/admin-api/support/users',
  summary: 'Up to 50 people to whom support may write; `q` is a part of a name.',
  caller: 'admin',
  query: Type.Object({ q: Type.Optional(Type.String({ maxLength: 200 })) }),
  result: Type.Object({ users: Type.Array(SupportUser) }),
})

/** One person's conversation with support, as the staff sees it. */
export const SupportThread = Type.Object({
  chat_id: Id,
  user_id: Id,
  username: Type.String(),
  display_name: Type.String(),
  avatar_url: nullable(Type.String()),
  last_message: nullable(Type.String({ description: 'the first 160 characters' })),
  last_message_type: nullable(Type.String()),
  last_from_staff: Type.Boolean(),
  last_at: nullable(Time),
  unread_count: Type.Integer({ minimum: 0, description: 'what no member of the staff has read' }),
  assignee_id: nullable(Id),
  assignee_name: nullable(Type.String()),
})
export type SupportThread = Static<typeof SupportThread>

const ThreadFilter = Type.Union([
  Type.Literal('all'),
  Type.Literal('unread'),
  Type.Literal('mine'),
  Type.Literal('unassigned'),
])
export type ThreadFilter = Static<typeof ThreadFilter>

const ThreadQuery = Type.Object({ page, per_page: perPage(50), filter: Type.Optional(ThreadFilter) })

export const listSupportThreads = endpoint({
  method: 'GET',
  path: '/admin-api/support/threads',
  summary: 'The inbox: conversations with support in which something was said, the newest first.',
  caller: 'admin',
  query: ThreadQuery,
  result: Type.Object({
    threads: Type.Array(SupportThread),
    page: Count,
    per_page: Count,
    unread_threads: Type.Integer({
      minimum: 0,
      description: 'how many wait for the staff, of the first 1,000',
    }),
  }),
})

export const listSupportChats = endpoint({
  method: 'GET',
  path: '/admin-api/support/chats',
  summary: 'Every chat with support, the newest first; as the inbox, with those in which nothing was said.',
  caller: 'admin',
  query: ThreadQuery,
  result: Type.Object({ chats: Type.Array(SupportThread), page: Count, per_page: Count }),
})

export const listSupportMessages = endpoint({
  method: 'GET',
  path: '/admin-api/support/messages',
  summary: 'What was said with support, the newest first: in one chat, with one person, or with everybody.',
  caller: 'admin',
  query: Type.Object({
    page,
    per_page: perPage(50),
    chat_id: Type.Optional(Id),
    user_id: Type.Optional(Id),
    before_id: Type.Optional(
      Type.Integer({ ...Id, description: 'with chat_id or user_id: only those before it' }),
    ),
  }),
  result: FoundMessages,
  refusals: ['not_found'],
})

export const sendSupport = endpoint({
  method: 'POST',
  path: '/admin-api/support/send',
  summary: 'Writes to one person as support, by their id or in their chat with support.',
  caller: 'admin',
  status: 201,
  body: Type.Object({
    content: Type.String({ maxLength: limits.CONTENT_MAX }),
    target_user_id: Type.Optional(nullable(Id)),
    chat_id: Type.Optional(nullable(Id)),
  }),
  result: Type.Object({ id: Id, chat_id: Id, created_at: Time }),
  refusals: ['empty_message', 'not_found'],
})

export const readSupportThread = endpoint({
  method: 'POST',
  path: '/admin-api/support/threads/:chat_id/read',
  summary: 'Marks a conversation read for the whole staff.',
  caller: 'admin',
  status: 204,
  params: ChatParams,
  result: NoContent,
  refusals: ['not_found'],
})

export const assignSupportThread = endpoint({
  method: 'PUT',
  path: '/admin-api/support/threads/:chat_id/assignee',
  summary: 'Says which admin looks after a conversation; null for nobody.',
  caller: 'admin',
  status: 204,
  params: ChatParams,
  body: Type.Object({ user_id: nullable(Id) }),
  result: NoContent,
  refusals: ['not_found'],
})

export const CannedAnswer = Type.Object({
  id: Id,
  title: Type.String(),
  content: Type.String(),
  updated_at: Time,
})
export type CannedAnswer = Static<typeof CannedAnswer>

const AnswerBody = Type.Object({
  title: Type.String({ minLength: 1, maxLength: limits.TITLE_MAX }),
  content: Type.String({ minLength: 1, maxLength: limits.CONTENT_MAX }),
})
const AnswerParams = Type.Object({ answer_id: Id })

export const listCannedAnswers = endpoint({
  method: 'GET',
  path: '/admin-api/support/answers',
  summary: 'The canned answers by title, at most 200.',
  caller: 'admin',
  result: Type.Array(CannedAnswer),
})

export const createCannedAnswer = endpoint({
  method: 'POST',
  path: '/admin-api/support/answers',
  summary: 'Keeps an answer for later.',
  caller: 'admin',
  status: 201,
  body: AnswerBody,
  result: CannedAnswer,
})

export const updateCannedAnswer = endpoint({
  method: 'PUT',
  path: '/admin-api/support/answers/:answer_id',
  summary: 'Changes a canned answer.',
  caller: 'admin',
  params: AnswerParams,
  body: AnswerBody,
  result: CannedAnswer,
  refusals: ['not_found'],
})

export const deleteCannedAnswer = endpoint({
  method: 'DELETE',
  path: '/admin-api/support/answers/:answer_id',
  summary: 'Removes a canned answer.',
  caller: 'admin',
  status: 204,
  params: AnswerParams,
  result: NoContent,
  refusals: ['not_found'],
})
