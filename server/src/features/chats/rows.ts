import { json, type JsonWriter } from '../../http/jsonWriter.ts'
import type { ChatPermissions, ChatType, Role, SystemEvent } from '@messenger/contract'

/** What a chat is, whoever looks at it. */
export interface FoundFrame extends Omit<ChatPermissions, 'who_may_add'> {
  id: number
  /** Another one after each change of these; of `member_count` there is none. */
  version: string
  type: ChatType
  title: string | null
  description: string | null
  public_name: string | null
  avatar_file_id: number | null
  created_ms: number
}

/** What a row of the list shows of the newest message. */
export interface Preview {
  preview_id: number | null
  preview: string | null
  preview_type: string | null
  preview_system_event: SystemEvent | null
  preview_sender_id: number | null
  preview_sender_name: string | null
}

/** A row of the chat list as it is read: one's own part, and how far the chat has come. */
export interface ListedRow {
  id: number
  /** Of the chat's frame. */
  version: string
  member_count: number
  /** When its newest message was sent; null while it has none. */
  last_ms: number | null
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
  /** This member shares how far they read. */
  shares_receipts: boolean
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

/** A part of a row that many members see alike, with its JSON made once: fields that begin with a comma. */
export interface Frame {
  version: string
  created_ms: number
  json: Uint8Array
}

export interface Newest {
  type: string | null
  sender_id: number | null
  json: Uint8Array
}

/** A row with what is the same for all who see it. */
export interface StoredRow {
  own: ListedRow
  frame: Frame
  newest: Newest
  others_read_seq: number
}

/** A row of which only the chat is known yet. */
export type FramedRow = Pick<StoredRow, 'own' | 'frame'>

const text = JSON.stringify

/** As the function of the same name in the database. */
const avatarUrl = (room: 'users' | 'chats', id: number, file_id: number | null) =>
  file_id === null ? null : `/${room}/${id}/avatar?v=${file_id}`

const iso = (ms: number) => new Date(ms).toISOString()

export const frameOf = (chat: FoundFrame): Frame => ({
  version: chat.version,
  created_ms: chat.created_ms,
  json: json(
    `,"type":"${chat.type}","name":${text(chat.title)},"title":${text(chat.title)}` +
      `,"description":${text(chat.description)},"public_name":${text(chat.public_name)}` +
      `,"avatar_url":${text(avatarUrl('chats', chat.id, chat.avatar_file_id))},"who_may_post":"${chat.who_may_post}"` +
      `,"who_may_pin":"${chat.who_may_pin}","slow_mode_seconds":${chat.slow_mode_seconds}`,
  ),
})

/** When something was last said in a chat, or when it began: what the list is sorted by. */
const movedAt = ({ own, frame }: FramedRow): number => own.last_ms ?? frame.created_ms

/** What a row shows of the chat's head: true until the chat's revision moves. */
export function newestOf(row: FramedRow, shown: Preview): Newest {
  const moved = `"${iso(movedAt(row))}"`
  const { last_ms, last_seq, revision } = row.own
  return {
    type: shown.preview_type,
    sender_id: shown.preview_sender_id,
    json: json(
      `,"updated_at":${moved},"last_message":${text(shown.preview)},"last_message_type":${text(shown.preview_type)}` +
        `,"last_system_event":${text(shown.preview_system_event)},"last_message_id":${shown.preview_id}` +
        `,"last_message_sender_id":${shown.preview_sender_id}` +
        `,"last_message_sender_name":${text(shown.preview_sender_name)}` +
        `,"last_at":${last_ms === null ? 'null' : moved},"last_seq":${last_seq},"revision":${revision}`,
    ),
  }
}

const NO_OTHER =
  '"other_user_id":null,"other_username":null,"other_display_name":null,"other_avatar_url":null,"other_is_online":null'

const draftOf = ({ draft, draft_reply_id, draft_ms }: ListedRow): string =>
  draft === null
    ? 'null'
    : `{"content":${text(draft)},"reply_to_message_id":${draft_reply_id},"updated_at":"${iso(draft_ms!)}"}`

const otherOf = (row: ListedRow, online: ReadonlySet<number>): string =>
  row.other_id === null
    ? NO_OTHER
    : `"other_user_id":${row.other_id},"other_username":${text(row.other_username)}` +
      `,"other_display_name":${text(row.other_name)}` +
      `,"other_avatar_url":${text(avatarUrl('users', row.other_id, row.other_avatar_file_id))}` +
      `,"other_is_online":${row.other_shows_presence ? online.has(row.other_id) : null}`

const marksOf = (row: ListedRow): string =>
  `,"is_favorite":${row.is_favorite},"is_muted":${row.is_muted},"is_pinned":${row.is_pinned}` +
  `,"is_archived":${row.is_archived},"is_marked_unread":${row.is_marked_unread}` +
  `,"is_support":${row.is_support},"my_role":"${row.my_role}"`

const ROLES: Role[] = ['member', 'admin', 'owner']
/** There are few ways in which a member's marks can stand: each is put together once. */
const marks = new Map<number, Uint8Array>()

function marksPart(row: ListedRow): Uint8Array {
  const { is_favorite, is_muted, is_pinned, is_archived, is_marked_unread, is_support } = row
  let key = ROLES.indexOf(row.my_role)
  for (const one of [is_favorite, is_muted, is_pinned, is_archived, is_marked_unread, is_support])
    key = key * 2 + Number(one)
  let part = marks.get(key)
  if (!part) marks.set(key, (part = json(marksOf(row))))
  return part
}

const PART = {
  begin: json('{"id":'),
  read: json(',"last_read_seq":'),
  read_id: json(',"last_read_msg_id":'),
  others_read: json(',"others_read_seq":'),
  unread: json(',"unread_count":'),
  members: json(',"member_count":'),
  nothing_else: json(`,"draft":null,${NO_OTHER}}`),
}

/** Writes the ChatRow of the contract. `online` holds those of the others who are online. */
export function writeChatRow(out: JsonWriter, row: StoredRow, online: ReadonlySet<number>): void {
  const { own, frame, newest, others_read_seq } = row
  out.part(PART.begin).number(own.id).part(frame.json).part(newest.json)
  out.part(PART.read).number(own.last_read_seq).part(PART.read_id).number(own.last_read_msg_id)
  out.part(PART.others_read).number(others_read_seq).part(PART.unread).number(own.unread_count)
  out.part(PART.members).number(own.member_count).part(marksPart(own))
  if (own.draft === null && own.other_id === null) out.part(PART.nothing_else)
  else out.partOf(`,"draft":${draftOf(own)},${otherOf(own, online)}}`)
}

/** Those whose presence these rows show. */
export function othersIn(rows: readonly StoredRow[]): number[] {
  const others: number[] = []
  for (const { own } of rows) if (own.other_id !== null && own.other_shows_presence) others.push(own.other_id)
  return others
}

/** Pinned chats, favourites, then the newest. */
export const byPlace = (one: FramedRow, other: FramedRow): number =>
  Number(other.own.is_pinned) - Number(one.own.is_pinned) ||
  Number(other.own.is_favorite) - Number(one.own.is_favorite) ||
  movedAt(other) - movedAt(one) ||
  other.own.id - one.own.id

/** Where a page of the list ends: what it is sorted by, as one opaque word. */
export const cursorOf = (row: StoredRow): string =>
  Buffer.from(
    [Number(row.own.is_pinned), Number(row.own.is_favorite), movedAt(row), row.own.id].join(','),
  ).toString('base64url')

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
