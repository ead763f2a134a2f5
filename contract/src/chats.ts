import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { SystemEvent } from './messages.ts'
import {
  ChatParams,
  Count,
  Id,
  MessageInChat,
  NoContent,
  PublicName,
  Time,
  limit,
  nullable,
} from './parts.ts'

export const ChatType = Type.Union([Type.Literal('direct'), Type.Literal('group'), Type.Literal('channel')])
export type ChatType = Static<typeof ChatType>
export const Role = Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')])
export type Role = Static<typeof Role>

const ChatAndUser = Type.Object({ chat_id: Id, user_id: Id })

const Who = Type.Union([Type.Literal('members'), Type.Literal('admins')])
/** What a chat lets its members do. Its owner and admins may all of it, and slow mode is not for them. */
export const ChatPermissions = Type.Object({
  who_may_post: Who,
  who_may_add: Who,
  who_may_pin: Who,
  slow_mode_seconds: Type.Integer({
    minimum: 0,
    maximum: limits.SLOW_MODE_MAX_SECONDS,
    description: 'a member waits this long after each message; 0 is off',
  }),
})
export type ChatPermissions = Static<typeof ChatPermissions>
/** What the caller began to write in a chat, on any of their devices. */
export const Draft = Type.Object({
  content: Type.String(),
  reply_to_message_id: nullable(Id),
  updated_at: Time,
})
export type Draft = Static<typeof Draft>

/** One row of the caller's chat list. `other_*` are null but in a direct chat with somebody else. */
export const ChatRow = Type.Object({
  id: Id,
  type: ChatType,
  name: nullable(Type.String()),
  title: nullable(Type.String()),
  description: nullable(Type.String()),
  public_name: nullable(Type.String()),
  updated_at: Time,
  last_message: nullable(
    Type.String({
      description: 'the first 160 characters; a file’s name and a sticker’s label without a text',
    }),
  ),
  last_message_type: nullable(Type.String()),
  /** What the newest message says when it is a `system` one: clients have the words. */
  last_system_event: nullable(SystemEvent),
  last_message_id: nullable(Id),
  last_message_sender_id: nullable(Id),
  last_message_sender_name: nullable(Type.String()),
  last_at: nullable(Time),
  last_seq: Count,
  revision: Count,
  last_read_seq: Count,
  last_read_msg_id: nullable(Id),
  /** How far anyone else has read, of those who share it: what one's own ticks show. */
  others_read_seq: Count,
  unread_count: Count,
  is_favorite: Type.Boolean(),
  is_muted: Type.Boolean(),
  is_pinned: Type.Boolean(),
  is_archived: Type.Boolean(),
  is_marked_unread: Type.Boolean({ description: 'until the caller reads, or writes, in it' }),
  draft: nullable(Draft),
  avatar_url: nullable(Type.String()),
  member_count: Count,
  my_role: Role,
  who_may_post: ChatPermissions.properties.who_may_post,
  who_may_pin: ChatPermissions.properties.who_may_pin,
  slow_mode_seconds: ChatPermissions.properties.slow_mode_seconds,
  other_user_id: nullable(Id),
  other_username: nullable(Type.String()),
  other_display_name: nullable(Type.String()),
  other_avatar_url: nullable(Type.String()),
  other_is_online: nullable(Type.Boolean()),
  is_support: Type.Optional(Type.Boolean({ description: 'the chat with support' })),
})
export type ChatRow = Static<typeof ChatRow>

export const Member = Type.Object({
  id: Id,
  username: Type.String(),
  display_name: Type.String(),
  role: Role,
  joined_at: Time,
  avatar_url: nullable(Type.String()),
  is_online: Type.Optional(nullable(Type.Boolean())),
})
export type Member = Static<typeof Member>

export const Chat = Type.Object({
  id: Id,
  type: ChatType,
  name: nullable(Type.String()),
  title: nullable(Type.String()),
  description: nullable(Type.String()),
  public_name: nullable(Type.String()),
  owner_id: nullable(Id),
  created_at: Time,
  avatar_url: nullable(Type.String()),
  member_count: Count,
  my_role: Role,
  ...ChatPermissions.properties,
  members: Type.Array(Member, { description: 'the first 200, by the time they joined' }),
})
export type Chat = Static<typeof Chat>

export const createChat = endpoint({
  method: 'POST',
  path: '/chats',
  summary:
    'Opens a chat. A direct chat is there once for a pair (200 when it was); with oneself it is Saved Messages.',
  status: 201,
  statuses: [200],
  body: Type.Object({
    type: Type.Optional(nullable(ChatType)),
    name: Type.Optional(nullable(Type.String({ maxLength: limits.TITLE_MAX }))),
    title: Type.Optional(nullable(Type.String({ maxLength: limits.TITLE_MAX }))),
    description: Type.Optional(nullable(Type.String({ maxLength: limits.DESCRIPTION_MAX }))),
    public_name: Type.Optional(nullable(Type.Union([PublicName, Type.Literal('')]))),
    member_ids: Type.Optional(nullable(Type.Array(Id, { maxItems: limits.MEMBER_IDS_MAX }))),
  }),
  result: Type.Object({ id: Id, type: ChatType, title: Type.Optional(nullable(Type.String())) }),
  refusals: ['not_found', 'public_name_taken', 'rate_limited'],
})

export const listChats = endpoint({
  method: 'GET',
  path: '/chats',
  summary: 'The caller’s chats: pinned, then favourites, then by the newest message.',
  query: Type.Object({
    archived: Type.Optional(Type.Boolean()),
    limit: limit(limits.CHATS_PAGE_MAX, limits.CHATS_PAGE_MAX),
    cursor: Type.Optional(Type.String({ maxLength: 128 })),
  }),
  result: Type.Array(ChatRow),
})

/** As `listChats`, for one chat: what a client fetches when it hears of a chat it does not know. */
export const getChatRow = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/row',
  summary: 'The caller’s list row of one chat.',
  params: ChatParams,
  result: ChatRow,
  refusals: ['not_found'],
})

export const getChat = endpoint({
  method: 'GET',
  path: '/chats/:chat_id',
  summary: 'A chat of the caller’s with its first members.',
  params: ChatParams,
  result: Chat,
  refusals: ['not_found'],
})

export const listMembers = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/members',
  summary: 'Members by the time they joined; `cursor` is the last id of the page before.',
  params: ChatParams,
  query: Type.Object({
    limit: limit(50, limits.MEMBERS_PAGE_MAX),
    cursor: Type.Optional(Id),
    q: Type.Optional(Type.String({ maxLength: 64 })),
  }),
  result: Type.Array(Member),
  refusals: ['not_found'],
})

export const getChatByName = endpoint({
  method: 'GET',
  path: '/chats/by-name/:public_name',
  summary: 'A public chat by its name.',
  caller: 'public',
  params: Type.Object({ public_name: Type.String({ maxLength: 64 }) }),
  result: Type.Object({
    id: Id,
    type: ChatType,
    name: nullable(Type.String()),
    title: nullable(Type.String()),
    description: nullable(Type.String()),
    public_name: nullable(Type.String()),
    created_at: Time,
    member_count: Count,
  }),
  refusals: ['not_found'],
})

/** How a join ended: `already_member` says that nothing was changed by it. */
export const Entered = Type.Object({ chat_id: Id, role: Role, already_member: Type.Boolean() })
export type Entered = Static<typeof Entered>

export const joinChat = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/join',
  summary: 'Joins a chat that has a public name; joining again changes nothing.',
  params: ChatParams,
  result: Entered,
  refusals: ['not_found', 'banned', 'rate_limited'],
})

export const updateChat = endpoint({
  method: 'PATCH',
  path: '/chats/:chat_id',
  summary:
    'Changes title, description, public name (`""` clears it) or what members may do. Owner or admin. In a channel only they post.',
  params: ChatParams,
  body: Type.Object({
    title: Type.Optional(nullable(Type.String({ maxLength: limits.TITLE_MAX }))),
    description: Type.Optional(nullable(Type.String({ maxLength: limits.DESCRIPTION_MAX }))),
    public_name: Type.Optional(nullable(Type.Union([PublicName, Type.Literal('')]))),
    ...Type.Partial(ChatPermissions).properties,
  }),
  result: Type.Object({
    id: Id,
    type: ChatType,
    title: nullable(Type.String()),
    description: nullable(Type.String()),
    public_name: nullable(Type.String()),
    avatar_url: nullable(Type.String()),
    ...ChatPermissions.properties,
  }),
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats', 'public_name_taken'],
})

export const deleteChat = endpoint({
  method: 'DELETE',
  path: '/chats/:chat_id',
  summary: 'Deletes a chat: its owner for everyone; in a direct chat either side, for themselves by default.',
  status: 204,
  params: ChatParams,
  body: Type.Object({ for_everyone: Type.Optional(nullable(Type.Boolean())) }),
  result: NoContent,
  refusals: ['not_found', 'not_allowed'],
})

export const leaveChat = endpoint({
  method: 'DELETE',
  path: '/chats/:chat_id/leave',
  summary: 'Leaves a chat. The owner hands over first, unless nobody else is in it: then it is deleted.',
  status: 204,
  params: ChatParams,
  result: NoContent,
  refusals: ['not_found', 'owner_must_hand_over'],
})

export const handOver = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/owner',
  summary: 'Makes another member the owner; the caller becomes an admin. Owner only.',
  params: ChatParams,
  body: Type.Object({ user_id: Id }),
  result: Type.Object({ role: Role }),
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

export const addMembers = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/members',
  summary: 'Adds people, as `who_may_add` says; somebody banned by nobody. Answers who is new.',
  params: ChatParams,
  body: Type.Object({ user_ids: Type.Array(Id, { minItems: 1, maxItems: limits.MEMBER_IDS_MAX }) }),
  result: Type.Object({ added: Type.Array(Id) }),
  refusals: ['not_found', 'not_allowed', 'banned', 'not_for_direct_chats'],
})

export const removeMember = endpoint({
  method: 'DELETE',
  path: '/chats/:chat_id/members/:user_id',
  summary: 'Removes somebody of a lower role. Owner or admin.',
  status: 204,
  params: ChatAndUser,
  result: NoContent,
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

export const Ban = Type.Object({
  id: Id,
  username: Type.String(),
  display_name: Type.String(),
  avatar_url: nullable(Type.String()),
  banned_by: Id,
  banned_at: Time,
})
export type Ban = Static<typeof Ban>

export const listBans = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/bans',
  summary: 'Who is banned; `cursor` is the last id of the page before. Owner or admin.',
  params: ChatParams,
  query: Type.Object({ limit: limit(50, limits.BANS_PAGE_MAX), cursor: Type.Optional(Id) }),
  result: Type.Array(Ban),
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

export const banUser = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/bans/:user_id',
  summary:
    'Removes somebody of a lower role, who cannot come back by invite, public name or others; also somebody who is not there. Owner or admin.',
  status: 204,
  params: ChatAndUser,
  result: NoContent,
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

export const unbanUser = endpoint({
  method: 'DELETE',
  path: '/chats/:chat_id/bans/:user_id',
  summary: 'Lets somebody come back, who does not by that. Owner or admin.',
  status: 204,
  params: ChatAndUser,
  result: NoContent,
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

export const promoteMember = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/members/:user_id/promote',
  summary: 'Makes a member an admin. Owner only.',
  params: ChatAndUser,
  result: Type.Object({ role: Role }),
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

export const demoteMember = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/members/:user_id/demote',
  summary: 'Makes an admin a member. Owner only.',
  params: ChatAndUser,
  result: Type.Object({ role: Role }),
  refusals: ['not_found', 'not_allowed', 'not_for_direct_chats'],
})

const mark = <const M extends 'POST' | 'DELETE', const W extends string>(
  method: M,
  word: W,
  summary: string,
) =>
  endpoint({
    method,
    path: `/chats/:chat_id/${word}` as `/chats/:chat_id/${W}`,
    summary,
    status: 204,
    params: ChatParams,
    result: NoContent,
    refusals: ['not_a_member'],
  })

export const favoriteChat = mark('POST', 'favorite', 'Makes the chat a favourite of the caller’s.')
export const unfavoriteChat = mark('DELETE', 'favorite', 'Takes the favourite back.')
export const pinChat = mark('POST', 'pin', 'Pins the chat to the top of the caller’s list.')
export const unpinChat = mark('DELETE', 'pin', 'Unpins the chat.')
export const archiveChat = mark('POST', 'archive', 'Moves the chat to the caller’s archive.')
export const unarchiveChat = mark('DELETE', 'archive', 'Takes the chat out of the archive.')
export const unmuteChat = mark('DELETE', 'mute', 'Lets the chat be heard again.')
export const muteChat = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/mute',
  summary: 'Mutes the chat for the caller until a time; null or absent: for ever.',
  status: 204,
  params: ChatParams,
  body: Type.Object({ muted_until: Type.Optional(nullable(Time)) }),
  result: NoContent,
  refusals: ['not_a_member'],
})

export const markUnread = mark(
  'POST',
  'unread',
  'Marks the chat as unread for the caller, until it is read again.',
)

export const saveDraft = endpoint({
  method: 'PUT',
  path: '/chats/:chat_id/draft',
  summary: 'Keeps what the caller began to write, for all their devices. An empty one is none.',
  status: 204,
  params: ChatParams,
  body: Type.Object({
    content: Type.String({ maxLength: limits.CONTENT_MAX }),
    reply_to_message_id: Type.Optional(nullable(Id)),
  }),
  result: NoContent,
  refusals: ['not_a_member', 'not_found', 'rate_limited'],
})
export const deleteDraft = mark('DELETE', 'draft', 'Throws the draft of the chat away.')

export const markRead = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/read',
  summary: 'Moves the caller’s read mark forward to a seq, a message, or the newest. Never back.',
  status: 204,
  params: ChatParams,
  body: Type.Object({
    seq: Type.Optional(nullable(Count)),
    message_id: Type.Optional(nullable(Id)),
  }),
  result: NoContent,
  refusals: ['not_a_member'],
})

export const ReadReceipt = Type.Object({
  user_id: Id,
  last_read_msg_id: nullable(Id),
  last_read_seq: Count,
  read_at: nullable(Time),
})
export type ReadReceipt = Static<typeof ReadReceipt>

export const listReadReceipts = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/read-receipts',
  summary: 'How far the others have read, of those who share it (at most 200); [] if the caller shares none.',
  params: ChatParams,
  result: Type.Array(ReadReceipt),
  refusals: ['not_a_member'],
})

export const countReadBy = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/messages/:message_id/read-count',
  summary:
    'How many others have read one message, of those who share it, in chats of any size; 0 if the caller shares nothing.',
  params: MessageInChat,
  result: Type.Object({ read_count: Count }),
  refusals: ['not_found', 'rate_limited'],
})

export const listReadBy = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/messages/:message_id/read-by',
  summary: 'Who has read one message; chats of up to 100 members.',
  params: MessageInChat,
  result: Type.Array(Type.Object({ user_id: Id, read_at: nullable(Time) })),
  refusals: ['not_found', 'not_allowed'],
})
