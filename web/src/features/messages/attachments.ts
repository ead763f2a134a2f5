import type { MessageType } from '@messenger/contract'
import type { Item } from './turns.ts'

/** What a message holds beside its words, whether the server has it or it is still on its way. */
export interface Attachment {
  key: string
  kind: MessageType
  filename: string
  mime_type: string
  /** Bytes. */
  size: number
  width: number | null
  height: number | null
  /** A tiny blurred picture, as a data URL. */
  placeholder: string | null
  /** Addresses on the server; null while it is on its way. */
  file_path: string | null
  preview_path: string | null
  duration_seconds: number
  waveform: readonly number[]
}

/** The server's preview of these does not move. */
const MOVING = new Set(['image/gif', 'image/apng'])

export function attachmentOf({ key, message, pending }: Item): Attachment | null {
  if (pending?.parcel) {
    const { parcel } = pending
    return {
      ...parcel,
      key,
      placeholder: null,
      file_path: null,
      preview_path: null,
      duration_seconds: parcel.duration_seconds ?? 0,
      waveform: parcel.waveform ?? [],
    }
  }
  if (!message || message.file_id === null || message.is_deleted) return null
  const mime_type = message.attachment_mime_type ?? ''
  const file_path = message.attachment_url
  return {
    key,
    kind: message.message_type,
    filename: message.attachment_filename ?? '',
    mime_type,
    size: message.attachment_size ?? 0,
    width: message.attachment_width,
    height: message.attachment_height,
    placeholder: message.attachment_placeholder,
    file_path,
    preview_path: MOVING.has(mime_type) ? file_path : (message.attachment_preview_url ?? null),
    duration_seconds: message.duration_seconds ?? 0,
    waveform: message.waveform ?? [],
  }
}

const LONGEST = 416
const NARROWEST = 132
const UNKNOWN = { width: 320, ratio: 4 / 3 }

/** The box that is kept for a picture before it comes: its width in pixels, and width by height. */
export function boxOf(width: number | null, height: number | null): { width: number; ratio: number } {
  if (!width || !height) return UNKNOWN
  const ratio = Math.min(LONGEST / NARROWEST, Math.max(NARROWEST / LONGEST, width / height))
  const widest = ratio >= 1 ? LONGEST : LONGEST * ratio
  return { width: Math.round(Math.max(NARROWEST, Math.min(widest, width))), ratio }
}

/** How many of an album's pictures are shown; the rest is a number on the last. */
export const ALBUM_SHOWN = 5
