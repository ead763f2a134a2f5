import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import { ChatParams, Count, Id, NoContent, nullable } from './parts.ts'

const FileParams = Type.Object({ file_id: Id })
const Moved = Type.Null({ description: 'No body (302): `Location` is an address that needs no token.' })

export const StoredFile = Type.Object({
  id: Id,
  filename: Type.String(),
  mime_type: Type.String({ description: 'as its bytes tell' }),
  object_key: Type.String(),
  size: Count,
  url: Type.String({ description: '`/files/{id}/download`' }),
  width: Type.Optional(Count),
  height: Type.Optional(Count),
  duration_seconds: Type.Optional(Type.Number()),
})
export type StoredFile = Static<typeof StoredFile>

export const uploadFile = endpoint({
  method: 'POST',
  path: '/files',
  summary:
    'Stores one file, the first part that has a filename. What tells of place and camera is taken out of pictures and videos.',
  status: 201,
  takes: 'multipart',
  body: Type.Object({ file: Type.String({ format: 'binary' }) }),
  result: StoredFile,
  refusals: ['rate_limited', 'busy'],
})

export const downloadFile = endpoint({
  method: 'GET',
  path: '/files/:file_id/download',
  summary:
    'Leads to the file: for who stored it and for members of a chat that holds it. Pictures of people and chats are for everyone.',
  status: 302,
  params: FileParams,
  result: Moved,
  refusals: ['not_found'],
})

export const previewFile = endpoint({
  method: 'GET',
  path: '/files/:file_id/preview',
  summary: 'Leads to a small WebP of a picture, and to the file itself as long as there is none.',
  status: 302,
  params: FileParams,
  result: Moved,
  refusals: ['not_found'],
})

/** For `<img>`, `<video>` and the like, which send no token and are not to wait for a redirect at each seek. */
export const linkFile = endpoint({
  method: 'GET',
  path: '/files/:file_id/link',
  summary:
    'The addresses that `download` and `preview` lead to: good for half an hour at least, without a token.',
  params: FileParams,
  result: Type.Object({ url: Type.String(), preview_url: nullable(Type.String()) }),
  refusals: ['not_found'],
})

const AvatarSize = Type.Object({
  size: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 10_000, description: 'pixels; answered by one of 96, 256 and 640' }),
  ),
})
const AvatarUrl = Type.Object({ avatar_url: Type.String() })
const ChosenFile = Type.Object({ file_id: Id })

export const getUserAvatar = endpoint({
  method: 'GET',
  path: '/users/:user_id/avatar',
  summary: 'Leads to somebody’s picture, a square.',
  caller: 'public',
  status: 302,
  params: Type.Object({ user_id: Id }),
  query: AvatarSize,
  result: Moved,
  refusals: ['not_found'],
})

export const setAvatar = endpoint({
  method: 'PUT',
  path: '/users/me/avatar',
  summary: 'Makes a picture that the caller stored their own.',
  body: ChosenFile,
  result: AvatarUrl,
  refusals: ['not_found', 'rate_limited', 'busy'],
})

export const removeAvatar = endpoint({
  method: 'DELETE',
  path: '/users/me/avatar',
  summary: 'Takes the caller’s picture away.',
  status: 204,
  result: NoContent,
})

export const getChatAvatar = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/avatar',
  summary: 'Leads to a chat’s picture, a square: for its members, and for everyone where the chat is public.',
  caller: 'optional',
  status: 302,
  params: ChatParams,
  query: AvatarSize,
  result: Moved,
  refusals: ['not_found'],
})

/** As `linkFile`, for pictures that only members see. */
export const linkChatAvatar = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/avatar/link',
  summary: 'The address that a chat’s picture leads to: good for half an hour at least, without a token.',
  params: ChatParams,
  query: AvatarSize,
  result: Type.Object({ url: Type.String() }),
  refusals: ['not_found'],
})

export const setChatAvatar = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/avatar',
  summary: 'Gives a chat a file of the caller’s as its picture; only a picture is shown. Owner or admin.',
  params: ChatParams,
  body: ChosenFile,
  result: AvatarUrl,
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats', 'rate_limited', 'busy'],
})
