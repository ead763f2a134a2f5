import type { ChatRow, Message } from '@messenger/contract'

/** A message as the server would send it: the second of its chat has seq 2, and so on. */
export function message(seq: number, changes: Partial<Message> = {}): Message {
  return {
    id: seq * 10,
    chat_id: 1,
    seq,
    revision: seq,
    sender_id: 1,
    sender_username: 'mia',
    sender_display_name: 'Mia',
    sender_avatar_url: null,
    content: `message ${seq}`,
    type: 'text',
    message_type: 'text',
    client_id: null,
    reply_to_message_id: null,
    reply_to_sender_name: null,
    reply_to_content: null,
    file_id: null,
    album_id: null,
    entities: [],
    reactions: [],
    is_pinned: false,
    is_edited: false,
    is_deleted: false,
    created_at: '2026-11-24T10:00:00.000Z',
    updated_at: null,
    ...changes,
  } as Message
}

export function chatRow(id: number, changes: Partial<ChatRow> = {}): ChatRow {
  return {
    id,
    type: 'group',
    title: `Chat ${id}`,
    public_name: null,
    is_pinned: false,
    is_favorite: false,
    is_archived: false,
    is_muted: false,
    unread_count: 0,
    other_user_id: null,
    other_username: null,
    other_display_name: null,
    updated_at: '2026-11-24T10:00:00.000Z',
    ...changes,
  } as ChatRow
}

/** Numbers below 1 that are the same in every run: a failure can be looked at again. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
