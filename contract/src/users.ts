import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { Id, Time, Username, nullable } from './parts.ts'

export const PublicUser = Type.Object({
  id: Id,
  username: Type.String(),
  display_name: Type.String({ description: 'the username where none was given' }),
  bio: nullable(Type.String()),
  is_admin: Type.Boolean(),
  avatar_url: nullable(Type.String()),
})
export type PublicUser = Static<typeof PublicUser>

/** What the target lets this viewer see; absent altogether for `nobody`, for a viewer without a token. */
export const UserWithPresence = Type.Object({
  ...PublicUser.properties,
  is_online: Type.Optional(nullable(Type.Boolean())),
  last_activity: Type.Optional(nullable(Time)),
  last_seen_approx: Type.Optional(
    Type.Union([
      Type.Literal('just now'),
      Type.Literal('within an hour'),
      Type.Literal('today'),
      Type.Literal('this week'),
      Type.Literal('long ago'),
    ]),
  ),
})
export type UserWithPresence = Static<typeof UserWithPresence>

export const Me = Type.Object({
  id: Id,
  username: Type.String(),
  email: Type.String(),
  display_name: Type.String(),
  bio: nullable(Type.String()),
  created_at: Time,
  is_admin: Type.Boolean(),
  avatar_url: nullable(Type.String()),
})
export type Me = Static<typeof Me>

export const getMe = endpoint({ method: 'GET', path: '/me', summary: 'The caller.', result: Me })

export const searchUsers = endpoint({
  method: 'GET',
  path: '/users/search',
  summary: 'Up to 50 active people whose username or display name contains `q`; the best match first.',
  query: Type.Object({ q: Type.Optional(Type.String({ maxLength: 200 })) }),
  result: Type.Array(PublicUser),
})

export const getUser = endpoint({
  method: 'GET',
  path: '/users/:user_id',
  summary: 'One person, with what they show of their presence to a signed-in caller.',
  caller: 'optional',
  params: Type.Object({ user_id: Id }),
  result: UserWithPresence,
  refusals: ['not_found'],
})

export const getUserByName = endpoint({
  method: 'GET',
  path: '/users/by-username/:username',
  summary: 'One person by name, whatever its case.',
  caller: 'optional',
  params: Type.Object({ username: Type.String({ maxLength: 64 }) }),
  result: UserWithPresence,
  refusals: ['not_found'],
})

export const updateUser = endpoint({
  method: 'PUT',
  path: '/users/:user_id',
  summary: 'Changes one’s own profile; fields left out stay.',
  params: Type.Object({ user_id: Id }),
  body: Type.Object({
    username: Type.Optional(nullable(Username)),
    display_name: Type.Optional(nullable(Type.String({ maxLength: limits.DISPLAY_NAME_MAX }))),
    bio: Type.Optional(nullable(Type.String({ maxLength: limits.BIO_MAX }))),
  }),
  result: Type.Object({
    id: Id,
    username: Type.String(),
    display_name: Type.String(),
    bio: nullable(Type.String()),
  }),
  refusals: ['not_allowed', 'username_taken'],
})
