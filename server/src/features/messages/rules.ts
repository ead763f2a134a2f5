import { DELETE_FOR_EVERYONE_MS, type Entity, type MessageType, type NewMessage } from '@messenger/contract'
import { momentOf } from '../../http/moment.ts'
import { Refusal } from '../../http/refusal.ts'

/** Message ids hold the milliseconds since this moment in their upper 41 bits. */
export const ID_EPOCH_MS = Date.UTC(2025, 0, 1)

/** When a message was sent, in ms since 1970. */
export const sentAt = (message_id: number): number => Math.floor(message_id / 4096) + ID_EPOCH_MS

/** The first id that a message sent at this moment may have. */
export const firstIdAt = (ms: number): number => Math.max(0, Math.floor(ms) - ID_EPOCH_MS) * 4096

/** `before` is an id or an ISO time; answers the id below which the page ends. */
export function idBefore(before: string): number {
  if (/^\d{1,16}$/.test(before)) {
    const id = Number(before)
    if (Number.isSafeInteger(id)) return id
  } else {
    const moment = momentOf(before)
    if (moment) return Math.min(firstIdAt(moment.getTime()), Number.MAX_SAFE_INTEGER)
  }
  throw new Refusal('invalid', {
    field: 'before',
    error: 'before has to be a message id or an ISO 8601 time.',
  })
}

/** A link as it stands in a text; what ends a sentence does not belong to it. */
const LINK = /https?:\/\/[^\s<>"]+/gi
const AFTER_LINK = /[.,:;!?'»”’)\]}]+$/
/** Not within an address (`a@b`), a path or a longer word. */
const MENTION = /(?<![\w@./-])@([A-Za-z0-9_]{3,32})(?![\w@])/g

export const ALL = 'all'

/** Links of a text, with the brackets that belong to them: `(https://a.b/c_(d))` is a link that ends `_(d)`. */
export function linksIn(content: string): Entity[] {
  return [...content.matchAll(LINK)].flatMap(({ 0: found, index: offset }) => {
    let link = found
    for (let end = AFTER_LINK.exec(link); end; end = AFTER_LINK.exec(link)) {
      const shorter = link.slice(0, -1)
      if (link.endsWith(')') && count(link, '(') >= count(link, ')')) break
      link = shorter
    }
    return link.length > 'https://'.length ? [{ type: 'link' as const, offset, length: link.length }] : []
  })
}

const count = (text: string, sign: string): number => text.split(sign).length - 1

export interface CalledName {
  /** In lower case. */
  name: string
  offset: number
  length: number
}

/** Names called with `@` outside of links, where they stand. */
export function namesCalled(content: string, links: readonly Entity[]): CalledName[] {
  const linked = (at: number) => links.some(({ offset, length }) => at >= offset && at < offset + length)
  return [...content.matchAll(MENTION)].flatMap(({ 0: found, 1: name, index: offset }) =>
    linked(offset) ? [] : [{ name: name!.toLowerCase(), offset, length: found.length }],
  )
}

/** What a file is sent as: what was asked where the file is of that kind, otherwise what it is. */
export function fileType(asked: MessageType | null | undefined, mime_type: string): MessageType {
  const kind = mime_type.split('/')[0]
  if (asked === 'file') return 'file'
  if (asked === 'voice') {
    if (kind !== 'audio' && mime_type !== 'video/webm' && mime_type !== 'video/mp4')
      throw new Refusal('invalid', { field: 'type', error: 'A voice message needs a sound file.' })
    return 'voice'
  }
  if (kind === 'image' && mime_type !== 'image/svg+xml') return 'image'
  return kind === 'video' ? 'video' : 'file'
}

/** As exact as the database keeps it (`real`, FLT_DIG is 6): what is answered at once is what is read later. */
export const secondsOf = ({ duration_seconds }: NewMessage): number | undefined =>
  duration_seconds == null ? undefined : Number(duration_seconds.toPrecision(6))

/** Refuses a message of nothing, and fields that do not go together. */
export function refuseMismatch(message: NewMessage): void {
  const { type, content, file_id, sticker_id, waveform, album_id } = message
  const mismatch = (field: string, error: string) => new Refusal('invalid', { field, error })
  if (type === 'system') throw mismatch('type', 'Only the server writes system messages.')
  if (file_id && sticker_id) throw mismatch('sticker_id', 'A message has a file or a sticker, not both.')
  if (type === 'sticker' && !sticker_id) throw mismatch('sticker_id', 'sticker_id is required.')
  if (type && type !== 'text' && type !== 'sticker' && !file_id)
    throw mismatch('file_id', 'file_id is required.')
  if (!file_id && album_id) throw mismatch('album_id', 'Only files make an album.')
  if (!file_id && waveform) throw mismatch('waveform', 'Only a voice message has a waveform.')
  if (!file_id && !sticker_id && (content ?? '').trim() === '')
    throw new Refusal('empty_message', { field: 'content' })
}

/** Who may delete for everyone, and until when. In a direct chat nobody ranks above the sender. */
export function refuseDeletion(asked: {
  is_sender: boolean
  role: string
  chat_type: string
  message_id: number
  now: number
}): void {
  const ranks = asked.chat_type !== 'direct' && (asked.role === 'owner' || asked.role === 'admin')
  if (ranks) return
  if (!asked.is_sender) throw new Refusal('not_allowed')
  if (asked.now - sentAt(asked.message_id) > DELETE_FOR_EVERYONE_MS) throw new Refusal('too_old')
}
