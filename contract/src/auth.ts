import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { Count, Id, NoContent, Time, Username, nullable } from './parts.ts'

/** 6–1024 bytes of UTF-8 (checked by the server); spaces around it are part of it. */
const Password = Type.String({ minLength: 1, maxLength: limits.PASSWORD_MAX_BYTES })

export const Tokens = Type.Object({
  access_token: Type.String(),
  refresh_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Count,
})
export type Tokens = Static<typeof Tokens>

export const register = endpoint({
  method: 'POST',
  path: '/auth/register',
  summary:
    'Makes an account. Names and addresses are unique whatever their case. Where one registers by invite, the account joins the chat of `invite_token`.',
  caller: 'public',
  status: 201,
  body: Type.Object({
    username: Username,
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Password,
    display_name: Type.Optional(nullable(Type.String({ maxLength: limits.DISPLAY_NAME_MAX }))),
    invite_token: Type.Optional(nullable(Type.String({ maxLength: 64 }))),
  }),
  result: Type.Object({ id: Id, username: Type.String() }),
  refusals: [
    'username_taken',
    'email_taken',
    'registration_closed',
    'not_found',
    'gone',
    'busy',
    'rate_limited',
  ],
})

export const login = endpoint({
  method: 'POST',
  path: '/auth/login',
  summary: 'Opens a session. `username` may be the email address.',
  caller: 'public',
  body: Type.Object({ username: Type.String({ maxLength: 254 }), password: Password }),
  result: Type.Object({ ...Tokens.properties, user_id: Id }),
  refusals: ['wrong_credentials', 'blocked', 'busy', 'rate_limited'],
})

export const refresh = endpoint({
  method: 'POST',
  path: '/auth/refresh',
  summary:
    'Trades a refresh token for a new pair. The old one stays good for 60 s; a later reuse ends the session.',
  caller: 'public',
  body: Type.Object({ refresh_token: Type.String({ maxLength: 4096 }) }),
  result: Tokens,
  refusals: ['unauthorized', 'blocked'],
})

export const logout = endpoint({
  method: 'POST',
  path: '/auth/logout',
  summary: 'Ends this session and closes its sockets.',
  status: 204,
  result: NoContent,
})

export const Session = Type.Object({
  id: Id,
  created_at: Time,
  last_used_at: Time,
  user_agent: Type.Union([Type.String(), Type.Null()]),
  address: Type.Union([Type.String(), Type.Null()]),
  current: Type.Boolean(),
})
export type Session = Static<typeof Session>

export const listSessions = endpoint({
  method: 'GET',
  path: '/auth/sessions',
  summary: "The caller's live sessions, the newest first (at most 100).",
  result: Type.Array(Session),
})

export const endSession = endpoint({
  method: 'DELETE',
  path: '/auth/sessions/:session_id',
  summary: 'Ends one of the caller’s own sessions and closes its sockets.',
  params: Type.Object({ session_id: Id }),
  status: 204,
  result: NoContent,
  refusals: ['not_found'],
})

export const changePassword = endpoint({
  method: 'POST',
  path: '/auth/password',
  summary: 'Changes the password and ends every other session.',
  body: Type.Object({ current: Password, new: Password }),
  status: 204,
  result: NoContent,
  refusals: ['wrong_password', 'busy', 'rate_limited'],
})
