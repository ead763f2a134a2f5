import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { ChatParams, Count, Id, MessageInChat, NoContent, Time, Uuid, limit, nullable } from './parts.ts'

export const MessageType = Type.Union([
  Type.Literal('text'),
  Type.Literal('sticker'),
  Type.Literal('voice'),
  Type.Literal('file'),
  Type.Literal('image'),
  Type.Literal('video'),
  Type.Literal('system'),
])
export type MessageType = Static<typeof MessageType>

export const Reaction = Type.Object({
  emoji: Type.String(),
  count: Count,
  me: Type.Optional(Type.Boolean({ description: 'per viewer; absent in events' })),
})
export type Reaction = Static<typeof Reaction>

/** A stretch of `content` that means something, in UTF-16 units. Nothing else in a text is markup. */
export const Entity = Type.Object({
  type: Type.Union([Type.Literal('mention'), Type.Literal('mention_all'), Type.Literal('link')]),
  offset: Count,
  length: Type.Integer({ minimum: 1 }),
  user_id: Type.Optional(Id),
})
export type Entity = Static<typeof Entity>

const Named = Type.Object({ id: Id, name: Type.String() })

/** What a `system` message says; the sender is who did it, clients have the words. */
export const SystemEvent = Type.Object({
  event: Type.Union([
    Type.Literal('members_added'),
    Type.Literal('member_joined'),
    Type.Literal('member_left'),
    Type.Literal('member_removed'),
    Type.Literal('owner_changed'),
    Type.Literal('title_changed'),
    Type.Literal('avatar_changed'),
    Type.Literal('message_pinned'),
  ]),
  users: Type.Optional(Type.Array(Named, { description: 'whom it is about, as they were called then' })),
  title: Type.Optional(Type.String()),
  message_id: Type.Optional(Id),
})
export type SystemEvent = Static<typeof SystemEvent>

/** The one shape of a message: answers, lists, search and events alike. */
export const Message = Type.Object({
  id: Id,
  chat_id: Id,
  seq: Id,
  revision: Id,
  client_id: nullable(Uuid),
  sender_id: Id,
  sender_username: Type.String(),
  sender_display_name: Type.String(),
  sender_is_admin: Type.Boolean(),
  sender_avatar_url: nullable(Type.String()),
  content: nullable(Type.String()),
  message_type: MessageType,
  type: MessageType,
  created_at: Time,
  sticker_id: nullable(Id),
  sticker_url: nullable(Type.String()),
  sticker_label: nullable(Type.String()),
  file_id: nullable(Id),
  attachment_url: nullable(Type.String()),
  attachment_filename: nullable(Type.String()),
  attachment_mime_type: nullable(Type.String()),
  attachment_size: nullable(Count),
  attachment_width: nullable(Count),
  attachment_height: nullable(Count),
  attachment_preview_url: nullable(Type.String()),
  attachment_placeholder: nullable(Type.String({ description: 'a tiny blurred picture, as a data URL' })),
  duration_seconds: nullable(Type.Number()),
  waveform: nullable(Type.Array(Type.Integer())),
  is_edited: Type.Boolean(),
  updated_at: nullable(Time),
  is_deleted: Type.Boolean(),
  reply_to_message_id: nullable(Id),
  reply_to_content: Type.Optional(nullable(Type.String())),
  reply_to_type: Type.Optional(nullable(MessageType)),
  reply_to_sender_username: Type.Optional(nullable(Type.String())),
  reply_to_sender_name: Type.Optional(nullable(Type.String())),
  forwarded_from_chat_id: nullable(Id),
  forwarded_from_message_id: nullable(Id),
  forwarded_from_user_id: nullable(Id),
  forwarded_from_display_name: nullable(Type.String()),
  album_id: nullable(Uuid),
  entities: Type.Array(Entity),
  system_event: nullable(SystemEvent),
  is_pinned: Type.Boolean(),
  reactions: Type.Array(Reaction),
})
export type Message = Static<typeof Message>

/** What a sender gives; the same in the POST body and in the socket's `message` frame. */
export const NewMessage = Type.Object({
  content: Type.Optional(nullable(Type.String({ maxLength: limits.CONTENT_MAX }))),
  type: Type.Optional(nullable(MessageType)),
  file_id: Type.Optional(nullable(Id)),
  sticker_id: Type.Optional(nullable(Id)),
  duration_seconds: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 86_400 }))),
  waveform: Type.Optional(
    nullable(
      Type.Array(Type.Integer({ minimum: 0, maximum: limits.WAVEFORM_PEAK }), {
        minItems: limits.WAVEFORM_VALUES,
        maxItems: limits.WAVEFORM_VALUES,
        description: `${limits.WAVEFORM_VALUES} loudness values from 0 to ${limits.WAVEFORM_PEAK}`,
      }),
    ),
  ),
  album_id: Type.Optional(nullable(Uuid)),
  reply_to_message_id: Type.Optional(nullable(Id)),
  client_id: Type.Optional(nullable(Uuid)),
})
export type NewMessage = Static<typeof NewMessage>

export const sendMessage = endpoint({
  method: 'POST',
  path: '/chats/:chat_id/messages',
  summary: 'Sends a message. The same `client_id` again answers the first message (200), never a second one.',
  status: 201,
  statuses: [200],
  params: ChatParams,
  body: NewMessage,
  result: Message,
  refusals: ['not_a_member', 'not_allowed', 'not_found', 'empty_message', 'slow_mode', 'rate_limited'],
})

export const listMessages = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/messages',
  summary:
    'A page of history, the oldest first: the newest, those before an id or a time, after an id, or around one.',
  params: ChatParams,
  query: Type.Object({
    limit: limit(50, limits.MESSAGES_PAGE_MAX),
    before: Type.Optional(Type.String({ maxLength: 64, description: 'a message id or an ISO 8601 time' })),
    after_id: Type.Optional(Count),
    around: Type.Optional(Id),
  }),
  result: Type.Array(Message),
  refusals: ['not_a_member'],
})

export const Changes = Type.Object({
  changes: Type.Array(Message),
  revision: Count,
  has_more: Type.Boolean(),
})
export type Changes = Static<typeof Changes>

export const listChanges = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/changes',
  summary:
    'Every message that was sent, edited, deleted, pinned or reacted to after a revision, in the order of revisions.',
  params: ChatParams,
  query: Type.Object({ after: Type.Optional(Count), limit: limit(100, limits.CHANGES_PAGE_MAX) }),
  result: Changes,
  refusals: ['not_a_member'],
})

export const editMessage = endpoint({
  method: 'PUT',
  path: '/chats/:chat_id/messages/:message_id',
  summary: 'Changes the text of one’s own message. Anything else, an unknown id too, is refused alike.',
  params: MessageInChat,
  body: Type.Object({ content: Type.String({ maxLength: limits.CONTENT_MAX }) }),
  result: Message,
  refusals: ['not_allowed', 'empty_message', 'rate_limited'],
})

export const listEdits = endpoint({
  method: 'GET',
  path: '/chats/:chat_id/messages/:message_id/edits',
  summary: `What a message said before it was edited, the oldest first: for its sender, and for site admins (noted in the audit log; not with ADMIN_READS_MESSAGES=off). The last ${limits.EDITS_KEPT}, and none with EDIT_HISTORY=off.`,
  params: MessageInChat,
  result: Type.Array(Type.Object({ content: nullable(Type.String()), written_at: Time })),
  refusals: ['not_a_member', 'not_found', 'not_allowed'],
})

export const deleteMessage = endpoint({
  method: 'DELETE',
  path: '/chats/:chat_id/messages/:message_id',
  summary:
    'Deletes for oneself, or for everyone: the sender within 48 h, an owner or admin at any time. A tombstone stays.',
  status: 204,
  params: MessageInChat,
  body: Type.Object({ for_everyone: Type.Optional(nullable(Type.Boolean())) }),
  query: Type.Object({ for_everyone: Type.Optional(Type.Boolean()) }),
  result: NoContent,
  refusals: ['not_a_member', 'not_found', 'not_allowed', 'too_old'],
})
