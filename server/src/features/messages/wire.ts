import { sentAt } from './rules.ts'

/** A message as it is read from the database: narrow, because the width of the rows is the price of a page. */
export interface StoredMessage {
  id: number
  chat_id: number
  seq: number
  revision: number
  sender_id: number
  client_id: string | null
  message_type: string
  content: string | null
  is_edited: boolean
  /** Milliseconds since 1970. */
  updated_ms: number | null
  is_deleted: boolean
  reply_to_message_id: number | null
}

/** The message that another one answers; `content` is null once it was deleted. */
export interface RepliedTo {
  id: number
  sender_id: number
  content: string | null
  message_type: string
}

/** What a message shows of its sender. */
export interface Sender {
  id: number
  username: string
  display_name: string
  is_admin: boolean
  avatar_url: string | null
}

export const UNKNOWN_SENDER: Omit<Sender, 'id'> = {
  username: 'deleted',
  display_name: 'Deleted account',
  is_admin: false,
  avatar_url: null,
}

const text = JSON.stringify
const flag = (value: boolean) => (value ? 'true' : 'false')

/** The time in a message's id, as ISO 8601. */
const isoOf = (ms: number) => new Date(ms).toISOString()

const REPLY_CONTENT_MAX = 200

function replyPart(
  message: StoredMessage,
  reply: RepliedTo | undefined,
  replied: Sender | undefined,
): string {
  if (message.reply_to_message_id === null) return ',"reply_to_message_id":null'
  const id = `,"reply_to_message_id":${message.reply_to_message_id}`
  if (!reply)
    return `${id},"reply_to_content":null,"reply_to_type":null,"reply_to_sender_username":null,"reply_to_sender_name":null`
  const shown = replied ?? { id: reply.sender_id, ...UNKNOWN_SENDER }
  const snippet = reply.content === null ? null : reply.content.slice(0, REPLY_CONTENT_MAX).toWellFormed()
  return (
    `${id},"reply_to_content":${text(snippet)},"reply_to_type":"${reply.message_type}"` +
    `,"reply_to_sender_username":${text(shown.username)},"reply_to_sender_name":${text(shown.display_name)}`
  )
}

/**
 * The Message of the contract as JSON without its opening brace and `type`: the event and the answer put their own
 * `type` first. Written by hand, because it is made for every message and every row of a page.
 */
export function messageBody(
  message: StoredMessage,
  sender: Sender,
  reply?: RepliedTo,
  replied?: Sender,
): string {
  return (
    `"id":${message.id},"chat_id":${message.chat_id},"seq":${message.seq},"revision":${message.revision}` +
    `,"client_id":${message.client_id === null ? 'null' : `"${message.client_id}"`}` +
    `,"sender_id":${message.sender_id},"sender_username":${text(sender.username)}` +
    `,"sender_display_name":${text(sender.display_name)},"sender_is_admin":${flag(sender.is_admin)}` +
    `,"sender_avatar_url":${text(sender.avatar_url)},"content":${text(message.content)}` +
    `,"message_type":"${message.message_type}","created_at":"${isoOf(sentAt(message.id))}"` +
    ',"sticker_id":null,"sticker_url":null,"sticker_label":null,"file_id":null,"attachment_url":null' +
    ',"attachment_filename":null,"attachment_mime_type":null,"attachment_size":null,"attachment_width":null' +
    ',"attachment_height":null,"attachment_preview_url":null,"duration_seconds":null,"waveform":null' +
    `,"is_edited":${flag(message.is_edited)}` +
    `,"updated_at":${message.updated_ms === null ? 'null' : `"${isoOf(message.updated_ms)}"`}` +
    `,"is_deleted":${flag(message.is_deleted)}${replyPart(message, reply, replied)}` +
    ',"forwarded_from_chat_id":null,"forwarded_from_message_id":null,"forwarded_from_user_id":null' +
    ',"forwarded_from_display_name":null,"reactions":[]}'
  )
}

export const answerText = (message_type: string, body: string): string => `{"type":"${message_type}",${body}`
export const eventText = (body: string): string => `{"type":"message",${body}`
