import { Type, type Static } from 'typebox'
import { ChatType, Entered } from './chats.ts'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { ChatParams, Count, Id, Time, limit, nullable } from './parts.ts'

const Token = Type.String({ minLength: 1, maxLength: 64 })
const TokenParams = Type.Object({ token: Token })

export const Invite = Type.Object({
  token: Token,
  chat_id: Id,
  created_by: Id,
  created_at: Time,
  expires_at: nullable(Time),
  max_uses: nullable(Count),
  use_count: Count,
  link: Type.String({ description: 'the page that shows and takes it: `/join/<token>`' }),
})
export type Invite = Static<typeof Invite>

export const createInvite = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/invites',
  summary: 'Makes a link by which others join. Owner or admin.',
  status: 201,
  params: ChatParams,
  body: Type.Object({
    expires_at: Type.Optional(nullable(Time)),
    max_uses: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: limits.INVITE_USES_MAX }))),
  }),
  result: Invite,
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats', 'rate_limited'],
})

export const listInvites = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/invites',
  summary:
    'The live invites, the newest first; `cursor` is the last token of the page before. Owner or admin.',
  params: ChatParams,
  query: Type.Object({ limit: limit(50, limits.INVITES_PAGE_MAX), cursor: Type.Optional(Token) }),
  result: Type.Array(Invite),
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

export const revokeInvite = endpoint({
  method: 'DELETE',
  path: '/invites/:token',
  summary: 'Ends an invite; ending it again changes nothing. Owner or admin of its chat.',
  params: TokenParams,
  result: Type.Object({ revoked: Type.Literal(true) }),
  refusals: ['not_found', 'not_allowed'],
})

export const previewInvite = endpoint({
  method: 'GET',
  path: '/invites/:token/preview',
  summary: 'What a live invite leads to.',
  caller: 'public',
  params: TokenParams,
  result: Type.Object({
    chat_id: Id,
    type: ChatType,
    title: nullable(Type.String()),
    description: nullable(Type.String()),
    member_count: Count,
    avatar_url: nullable(Type.String()),
  }),
  refusals: ['not_found', 'gone', 'rate_limited'],
})

export const joinByInvite = endpoint({
  method: 'POST',
  path: '/invites/:token/join',
  summary: 'Joins by a live invite. Whoever is a member already uses nothing up, and may when it is used up.',
  params: TokenParams,
  result: Entered,
  refusals: ['not_found', 'gone', 'banned', 'rate_limited'],
})
