import type { ChatPermissions, ChatRow, ChatType, Role, SystemEvent } from '@messenger/contract'

/** What a row of the list shows of the newest message. */
export interface Preview {
  preview_id: number | null
  preview: string | null
  preview_type: string | null
  preview_system_event: SystemEvent | null
  preview_sender_id: number | null
  preview_sender_name: string | null
}

/** A row of the chat list as it is read: without its preview, and without presence. */
export interface FramedRow extends Omit<ChatPermissions, 'who_may_add'> {
  id: number
  type: ChatType
  title: string | null
  description: string | null
  public_name: string | null
  avatar_file_id: number | null
  member_count: number
  updated_ms: number
  /** When there are any, the newest was sent at `updated_ms`. */
  has_messages: boolean
  last_seq: number
  revision: number
  last_read_seq: number
  last_read_msg_id: number | null
  unread_count: number
  my_role: Role
  is_favorite: boolean
  is_muted: boolean
  is_pinned: boolean
  is_archived: boolean
  is_marked_unread: boolean
  draft: string | null
  draft_reply_id: number | null
  draft_ms: number | null
  /** This member shares how far they read, in a chat that is small enough for it. */
  sees_receipts: boolean
  /** The newest message is the one that is shown: nothing was deleted after it. */
  preview_is_last: boolean
  preview_message_id: number | null
  /** This member deleted something for themselves: their preview may be another one. */
  sees_a_part: boolean
  other_id: number | null
  other_username: string | null
  other_name: string | null
  other_avatar_file_id: number | null
  other_shows_presence: boolean | null
  is_support: boolean
}

export type StoredRow = FramedRow & Preview & { others_read_seq: number }

/** As the function of the same name in the database. */
const avatarUrl = (room: 'users' | 'chats', id: number, file_id: number | null) =>
  file_id === null ? null : `/${room}/${id}/avatar?v=${file_id}`

const iso = (ms: number) => new Date(ms).toISOString()

const draftOf = ({ draft, draft_reply_id, draft_ms }: FramedRow): ChatRow['draft'] =>
  draft === null ? null : { content: draft, reply_to_message_id: draft_reply_id, updated_at: iso(draft_ms!) }

/** The row of the contract. `online` holds those of the others who are online. */
export function chatRow(row: StoredRow, online: ReadonlySet<number>): ChatRow {
  const { other_id } = row
  return {
    id: row.id,
    type: row.type,
    name: row.title,
    title: row.title,
    description: row.description,
    public_name: row.public_name,
    updated_at: iso(row.updated_ms),
    last_message: row.preview,
    last_message_type: row.preview_type,
    last_system_event: row.preview_system_event,
    last_message_id: row.preview_id,
    last_message_sender_id: row.preview_sender_id,
    last_message_sender_name: row.preview_sender_name,
    last_at: row.has_messages ? iso(row.updated_ms) : null,
    last_seq: row.last_seq,
    revision: row.revision,
    last_read_seq: row.last_read_seq,
    last_read_msg_id: row.last_read_msg_id,
    others_read_seq: row.others_read_seq,
    unread_count: row.unread_count,
    is_favorite: row.is_favorite,
    is_muted: row.is_muted,
    is_pinned: row.is_pinned,
    is_archived: row.is_archived,
    is_marked_unread: row.is_marked_unread,
    draft: draftOf(row),
    avatar_url: avatarUrl('chats', row.id, row.avatar_file_id),
    member_count: row.member_count,
    my_role: row.my_role,
    who_may_post: row.who_may_post,
    who_may_pin: row.who_may_pin,
    slow_mode_seconds: row.slow_mode_seconds,
    other_user_id: other_id,
    other_username: row.other_username,
    other_display_name: row.other_name,
    other_avatar_url: other_id === null ? null : avatarUrl('users', other_id, row.other_avatar_file_id),
    other_is_online: other_id === null || !row.other_shows_presence ? null : online.has(other_id),
    is_support: row.is_support,
  }
}

/** Pinned chats, favourites, then the newest. */
export const byPlace = (one: FramedRow, other: FramedRow): number =>
  Number(other.is_pinned) - Number(one.is_pinned) ||
  Number(other.is_favorite) - Number(one.is_favorite) ||
  other.updated_ms - one.updated_ms ||
  other.id - one.id

/** Where a page of the list ends: what it is sorted by, as one opaque word. */
export const cursorOf = (row: StoredRow): string =>
  Buffer.from([Number(row.is_pinned), Number(row.is_favorite), row.updated_ms, row.id].join(',')).toString(
    'base64url',
  )

export interface ListCursor {
  is_pinned: boolean
  is_favorite: boolean
  updated_ms: number
  id: number
}

/** Null for a word that is no cursor of ours. */
export function readCursor(cursor: string): ListCursor | null {
  const [pinned, favorite, updated_ms, id] = Buffer.from(cursor, 'base64url')
    .toString()
    .split(',')
    .map(Number)
  const whole = [pinned, favorite, updated_ms, id].every(
    (part) => part !== undefined && Number.isFinite(part),
  )
  if (!whole || !Number.isSafeInteger(id)) return null
  return { is_pinned: pinned === 1, is_favorite: favorite === 1, updated_ms: updated_ms!, id: id! }
}
