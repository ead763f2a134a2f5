import type { Entity, MessageType, SystemEvent } from '@messenger/contract'
import { json, jsonText, type JsonWriter } from '../../http/jsonWriter.ts'
import { sentAt } from './rules.ts'

/** What was attached, as it was when it was sent: a file, or a sticker's label. */
export interface Attachment {
  filename?: string
  mime_type?: string
  /** Bytes. */
  size?: number
  width?: number | null
  height?: number | null
  /** There is, or soon will be, a smaller picture of it. */
  preview?: boolean
  placeholder?: string | null
  label?: string
}

/** What a message carries beside a plain text; absent fields are null on the wire. */
export interface More {
  file_id?: number
  sticker_id?: number
  attachment?: Attachment
  duration_seconds?: number
  waveform?: number[]
  album_id?: string
  forwarded_from_chat_id?: number
  forwarded_from_message_id?: number
  forwarded_from_user_id?: number
  forwarded_from_display_name?: string
  entities?: Entity[]
  system_event?: SystemEvent
  reactions?: { emoji: string; count: number }[]
  is_pinned?: boolean
}

/** A message as it is read from the database: narrow, because the width of the rows is the price of a page. */
export interface StoredMessage {
  id: number
  chat_id: number
  seq: number
  revision: number
  sender_id: number
  client_id: string | null
  message_type: MessageType
  content: string | null
  is_edited: boolean
  /** Milliseconds since 1970. */
  updated_ms: number | null
  is_deleted: boolean
  reply_to_message_id: number | null
  /** Null for a plain text: what it does not have is not read. */
  more: More | null
}

/** The message that another one answers; `content` is null once it was deleted. */
export interface RepliedTo {
  id: number
  sender_id: number
  content: string | null
  message_type: string
}

/** What is known of a sender. */
export interface SenderRow {
  id: number
  username: string
  display_name: string
  is_admin: boolean
  avatar_url: string | null
  /** The account was deleted. */
  is_gone: boolean
}

/** What a message shows of its sender. */
export interface Sender extends SenderRow {
  /** Its part of every message, made once: a page has many messages of few people. */
  json: Uint8Array
}

const text = JSON.stringify
const flag = (value: boolean) => (value ? 'true' : 'false')

export const senderOf = (row: SenderRow): Sender => ({
  ...row,
  json: json(
    `,"sender_id":${row.id},"sender_username":${text(row.username)}` +
      `,"sender_display_name":${text(row.display_name)},"sender_is_admin":${flag(row.is_admin)}` +
      `,"sender_avatar_url":${text(row.avatar_url)}`,
  ),
})

const DELETED_ACCOUNT: Omit<SenderRow, 'id'> = {
  username: 'deleted',
  display_name: 'Deleted account',
  is_admin: false,
  avatar_url: null,
  is_gone: true,
}

/** Whoever is not to be found any more. */
export const unknownSender = (id: number): Sender => senderOf({ id, ...DELETED_ACCOUNT })

const isoOf = (ms: number) => new Date(ms).toISOString()

const REPLY_CONTENT_MAX = 200

function replyPart(
  message: StoredMessage,
  reply: RepliedTo | undefined,
  replied: Sender | undefined,
): string {
  if (message.reply_to_message_id === null) return NO_REPLY
  const id = `,"reply_to_message_id":${message.reply_to_message_id}`
  if (!reply)
    return `${id},"reply_to_content":null,"reply_to_type":null,"reply_to_sender_username":null,"reply_to_sender_name":null`
  const shown = replied ?? DELETED_ACCOUNT
  const snippet = reply.content === null ? null : reply.content.slice(0, REPLY_CONTENT_MAX).toWellFormed()
  return (
    `${id},"reply_to_content":${text(snippet)},"reply_to_type":"${reply.message_type}"` +
    `,"reply_to_sender_username":${text(shown.username)},"reply_to_sender_name":${text(shown.display_name)}`
  )
}

const NO_REPLY = ',"reply_to_message_id":null'
/** The parts of a message that a plain text does not have, before and after what every message has. */
const PLAIN_BEFORE =
  ',"sticker_id":null,"sticker_url":null,"sticker_label":null,"file_id":null,"attachment_url":null' +
  ',"attachment_filename":null,"attachment_mime_type":null,"attachment_size":null,"attachment_width":null' +
  ',"attachment_height":null,"attachment_preview_url":null,"attachment_placeholder":null' +
  ',"duration_seconds":null,"waveform":null'
const PLAIN_AFTER =
  ',"forwarded_from_chat_id":null,"forwarded_from_message_id":null,"forwarded_from_user_id":null' +
  ',"forwarded_from_display_name":null,"album_id":null,"entities":[],"system_event":null,"is_pinned":false,"reactions":[]}'
/** What follows the time of nearly every message: a text that answers nothing and was never changed. */
const PLAIN = json(
  `${PLAIN_BEFORE},"is_edited":false,"updated_at":null,"is_deleted":false${NO_REPLY}${PLAIN_AFTER}`,
)

const orNull = (value: unknown): string => (value === undefined ? 'null' : text(value))

function partsBefore(more: More): string {
  const { file_id, sticker_id, attachment: attached = {} } = more
  const [sticker, file] = [sticker_id !== undefined, file_id !== undefined]
  return (
    `,"sticker_id":${orNull(sticker_id)},"sticker_url":${sticker ? `"/stickers/${sticker_id}/image"` : 'null'}` +
    `,"sticker_label":${orNull(attached.label)}` +
    `,"file_id":${orNull(file_id)},"attachment_url":${file ? `"/files/${file_id}/download"` : 'null'}` +
    `,"attachment_filename":${orNull(attached.filename)},"attachment_mime_type":${orNull(attached.mime_type)}` +
    `,"attachment_size":${orNull(attached.size)},"attachment_width":${orNull(attached.width)}` +
    `,"attachment_height":${orNull(attached.height)}` +
    `,"attachment_preview_url":${file && attached.preview ? `"/files/${file_id}/preview"` : 'null'}` +
    `,"attachment_placeholder":${orNull(attached.placeholder)}` +
    `,"duration_seconds":${orNull(more.duration_seconds)},"waveform":${orNull(more.waveform)}`
  )
}

function partsAfter(more: More, mine: ReadonlySet<string> | undefined): string {
  const reactions = (more.reactions ?? []).map((one) => (mine ? { ...one, me: mine.has(one.emoji) } : one))
  return (
    `,"forwarded_from_chat_id":${orNull(more.forwarded_from_chat_id)}` +
    `,"forwarded_from_message_id":${orNull(more.forwarded_from_message_id)}` +
    `,"forwarded_from_user_id":${orNull(more.forwarded_from_user_id)}` +
    `,"forwarded_from_display_name":${orNull(more.forwarded_from_display_name)}` +
    `,"album_id":${orNull(more.album_id)},"entities":${text(more.entities ?? [])}` +
    `,"system_event":${orNull(more.system_event)},"is_pinned":${flag(more.is_pinned ?? false)}` +
    `,"reactions":${text(reactions)}}`
  )
}

/** Whom a message names beside its sender, as they were called when it was written. */
export const namedIn = ({ more }: StoredMessage): number[] =>
  more === null
    ? []
    : [more.forwarded_from_user_id ?? [], (more.system_event?.users ?? []).map(({ id }) => id)].flat()

/** A message in which deleted accounts have no name any more. */
export function withoutGone(
  message: StoredMessage,
  people: ReadonlyMap<number, { is_gone: boolean }>,
): StoredMessage {
  const { more } = message
  const isGone = (id: number) => people.get(id)?.is_gone === true
  if (more === null || !namedIn(message).some(isGone)) return message
  const { forwarded_from_user_id, system_event, ...rest } = more
  const { display_name: name } = DELETED_ACCOUNT
  const users = system_event?.users?.map((one) => (isGone(one.id) ? { ...one, name } : one))
  const author =
    forwarded_from_user_id === undefined
      ? {}
      : isGone(forwarded_from_user_id)
        ? { forwarded_from_display_name: name }
        : { forwarded_from_user_id }
  const event = system_event ? { system_event: { ...system_event, ...(users ? { users } : {}) } } : {}
  return { ...message, more: { ...rest, ...author, ...event } }
}

/** Who else a message speaks of, and which of its reactions are the viewer's (none in events). */
export interface Seen {
  sender: Sender
  reply?: RepliedTo | undefined
  replied?: Sender | undefined
  mine?: ReadonlySet<string> | undefined
}

const PART = {
  id: json('"id":'),
  chat: json(',"chat_id":'),
  seq: json(',"seq":'),
  revision: json(',"revision":'),
  no_client: json(',"client_id":null'),
  content: json(',"content":'),
  text: json(',"message_type":"text","created_at":'),
}

/**
 * The Message of the contract as JSON without its opening brace and `type`: the event and the answer put their own
 * `type` first. Written by hand, because it is made for every message and every row of a page.
 */
export function writeMessage(out: JsonWriter, message: StoredMessage, seen: Seen): void {
  const { id, client_id, message_type } = message
  out.part(PART.id).number(id).part(PART.chat).number(message.chat_id)
  out.part(PART.seq).number(message.seq).part(PART.revision).number(message.revision)
  if (client_id === null) out.part(PART.no_client)
  else out.partOf(`,"client_id":"${client_id}"`)
  out.part(seen.sender.json).part(PART.content).value(message.content)
  if (message_type === 'text') out.part(PART.text)
  else out.partOf(`,"message_type":"${message_type}","created_at":`)
  out.time(sentAt(id))
  if (isPlain(message)) out.part(PLAIN)
  else out.partOf(restOf(message, seen))
}

const isPlain = ({ more, updated_ms, reply_to_message_id, is_edited, is_deleted }: StoredMessage) =>
  more === null && updated_ms === null && reply_to_message_id === null && !is_edited && !is_deleted

function restOf(message: StoredMessage, { reply, replied, mine }: Seen): string {
  const { more, updated_ms } = message
  return (
    `${more ? partsBefore(more) : PLAIN_BEFORE},"is_edited":${flag(message.is_edited)}` +
    `,"updated_at":${updated_ms === null ? 'null' : `"${isoOf(updated_ms)}"`}` +
    `,"is_deleted":${flag(message.is_deleted)}${replyPart(message, reply, replied)}` +
    (more ? partsAfter(more, mine) : PLAIN_AFTER)
  )
}

export const messageBody = (message: StoredMessage, seen: Seen): string =>
  jsonText((out) => writeMessage(out, message, seen))

export const answerText = (message_type: string, body: string): string => `{"type":"${message_type}",${body}`
export const eventText = (body: string): string => `{"type":"message",${body}`
