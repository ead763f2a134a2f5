import { Type, type Static } from 'typebox'
import type { ChatPermissions, ChatType, Draft, Role } from './chats.ts'
import type { RefusalCode } from './errors.ts'
import { NewMessage, type Entity, type Message } from './messages.ts'
import { Id, Uuid } from './parts.ts'

/** What a client may say on `/ws`, one JSON object a frame. */
export const ClientFrame = {
  auth: Type.Object({
    type: Type.Literal('auth'),
    token: Type.String({ maxLength: 4096 }),
    active: Type.Optional(Type.Boolean()),
  }),
  subscribe: Type.Object({ type: Type.Literal('subscribe'), chat_id: Id }),
  ping: Type.Object({ type: Type.Literal('ping'), active: Type.Optional(Type.Boolean()) }),
  typing: Type.Object({ type: Type.Literal('typing'), chat_id: Id }),
  presence_update: Type.Object({
    type: Type.Literal('presence_update'),
    status: Type.Union([Type.Literal('active'), Type.Literal('away')]),
  }),
  message: Type.Object({
    ...NewMessage.properties,
    type: Type.Literal('message'),
    message_type: NewMessage.properties.type,
    chat_id: Id,
    client_id: Uuid,
  }),
} as const

export type ClientFrame = {
  [K in keyof typeof ClientFrame]: Static<(typeof ClientFrame)[K]>
}[keyof typeof ClientFrame]

/**
 * What the server says. A chat's events carry its `revision` where they change its history: the next one is kept,
 * a known one ignored, a gap answered by `GET …/changes`.
 */
export type ServerEvent =
  | { type: 'auth_ok'; user_id: number }
  | { type: 'subscribed'; chat_id: number }
  | { type: 'pong' }
  /** Events may have been lost between nodes: ask `GET /sync`. */
  | { type: 'resync' }
  | { type: 'ack'; client_id: string; message: Message }
  /** `message` and `error` hold the same sentence; `client_id` names the message that was refused; `retry_after` is in seconds. */
  | {
      type: 'error'
      message: string
      error: string
      code: RefusalCode
      client_id?: string
      field?: string
      retry_after?: number
    }
  | MessageEvent
  | {
      type: 'message_updated'
      chat_id: number
      message_id: number
      content: string | null
      entities: Entity[]
      is_edited: boolean
      updated_at: string | null
      revision: number
    }
  | {
      type: 'message_deleted'
      chat_id: number
      message_id: number
      deleted_by: number
      for_everyone: true
      revision: number
      seq: number
    }
  | {
      type: 'message_pinned'
      chat_id: number
      message_id: number
      pinned_by: number
      pinned_at: string
      revision: number
      message: Message
    }
  | { type: 'message_unpinned'; chat_id: number; message_id: number; unpinned_by: number; revision: number }
  /** `count`: how many have given this reaction now; 0 when nobody is left. */
  | {
      type: 'reaction'
      chat_id: number
      message_id: number
      user_id: number
      emoji: string
      action: 'added' | 'removed'
      count: number
      revision: number
    }
  /** To oneself alone: a message was deleted for me, on another device. */
  | { type: 'message_hidden'; chat_id: number; message_id: number }
  | {
      type: 'read_receipt'
      chat_id: number
      user_id: number
      last_read_msg_id: number | null
      last_read_seq: number
    }
  | { type: 'typing'; chat_id: number; user_id: number; username: string }
  | PresenceEvent
  | { type: 'chat_created'; chat_id: number; created_by: number; chat_type: ChatType; title?: string | null }
  | ({
      type: 'chat_updated'
      chat_id: number
      title: string | null
      description: string | null
      public_name: string | null
      avatar_url: string | null
    } & ChatPermissions)
  | { type: 'chat_deleted'; chat_id: number; deleted_by: number }
  | { type: 'chat_member_joined'; chat_id: number; user_id: number; username: string; display_name: string }
  /**
   * In place of single ones where many came at once, and in chats of more than 200, where a second's comings and goings
   * are told together. At most 200 of each are named; `member_count` says how many there are now. Whoever comes has read
   * all: where receipts are shown, the row's `others_read_seq` moves with it.
   */
  | { type: 'chat_members_changed'; chat_id: number; joined: number[]; left: number[]; member_count: number }
  | { type: 'chat_member_left'; chat_id: number; user_id: number }
  | { type: 'chat_member_role'; chat_id: number; user_id: number; role: Role }
  /** To oneself alone: favourite, mute, pin, archive, read mark or draft of a chat changed on another device. */
  | { type: 'chat_marks'; chat_id: number; marks: Partial<ChatMarks> }
  | { type: 'settings_changed' }
  /** To oneself alone: one's sticker packs changed on another device. */
  | { type: 'stickers_changed' }
  | {
      type: 'user_profile_updated'
      user_id: number
      username: string
      display_name: string
      bio: string | null
      avatar_url: string | null
    }

export interface ChatMarks {
  is_favorite: boolean
  is_muted: boolean
  is_pinned: boolean
  is_archived: boolean
  is_marked_unread: boolean
  draft: Draft | null
  last_read_seq: number
  last_read_msg_id: number | null
  unread_count: number
}

/**
 * A sent message: the Message's fields at the top level, whose own `type` gives way to the event's
 * (`message_type` stays).
 */
export type MessageEvent = Omit<Message, 'type'> & { type: 'message' }

/** `status` is absent for people who show themselves only approximately; `nobody` sends nothing. */
export type PresenceEvent =
  | { type: 'presence'; user_id: number; username: string; status: 'online' | 'offline' }
  | {
      type: 'presence'
      user_id: number
      username: string
      privacy: 'approx_only'
      last_seen_bucket: 'online' | 'recently'
    }

/** Why the server closes a socket (RFC 6455 §7.4). */
export const CLOSE = {
  unauthorized: 4401,
  flooding: 1008,
  restarting: 1012,
  too_slow: 1013,
} as const
