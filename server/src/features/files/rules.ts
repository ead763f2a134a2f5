import { Refusal } from '../../http/refusal.ts'

/** More pixels than any camera takes: what claims to have them is made to break who opens it. */
export const PIXELS_MAX = 250_000_000
export const SQUARES = [96, 256, 640] as const

const NAME_MAX = 200
const SAFE_NAME_MAX = 80

/** NUL and its like, and what turns the order of the letters around so that a name ends as another. */
const DECEPTIVE = /[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/

/** The last part of what the client calls the file. Refuses a name that hides what it is. */
export function nameOf(given: string): string {
  const name = given.normalize('NFC').split(/[/\\]/).at(-1)!.trim()
  if (DECEPTIVE.test(given) || !given.isWellFormed() || given.includes('\ufffd'))
    throw new Refusal('invalid', {
      field: 'filename',
      error: 'The filename holds characters that do not belong in one.',
    })
  if (name === '' || /^\.+$/.test(name))
    throw new Refusal('invalid', { field: 'filename', error: 'The file needs a name.' })
  if (name.length <= NAME_MAX) return name
  const extension = /\.[^.]{1,20}$/.exec(name)?.[0] ?? ''
  return name.slice(0, NAME_MAX - extension.length).toWellFormed() + extension
}

/** A name for any storage and any tool: the end of an object's key. */
export const safeName = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/\.{2,}/g, '.')
    .slice(-SAFE_NAME_MAX)

/** Shown in place: what a browser draws or plays without running anything. */
const INLINE = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'audio/mpeg',
  'audio/ogg',
  'audio/mp4',
  'audio/wav',
  'audio/webm',
  'audio/aac',
  'audio/flac',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
])

/** Types that a browser could run are never named to it. */
const ACTIVE = /^(text\/(html|xml)|image\/svg\+xml|application\/(xhtml\+xml|xml|wasm))$/

/** What is told apart as text is UTF-8. */
const servedType = (mime_type: string) => {
  if (ACTIVE.test(mime_type)) return 'application/octet-stream'
  return mime_type.startsWith('text/') ? `${mime_type}; charset=utf-8` : mime_type
}

/** How a file is handed out (RFC 6266; RFC 8187 for names beyond ASCII). */
export function shownAs(file: { filename: string; mime_type: string }): {
  mime_type: string
  disposition: string
} {
  const { filename, mime_type } = file
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const extended = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  const name = `filename="${plain}"${plain === filename ? '' : `; filename*=UTF-8''${extended}`}`
  return {
    mime_type: servedType(mime_type),
    disposition: `${INLINE.has(mime_type) ? 'inline' : 'attachment'}; ${name}`,
  }
}

const PICTURES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif'])
/** What a preview and squares are made of. */
export const isPicture = (mime_type: string): boolean => PICTURES.has(mime_type)

/** Refuses what the operator does not want here, and pictures that no browser and we ourselves cannot show. */
export function refuseType(mime_type: string, blocked: readonly string[]): void {
  const fits = (pattern: string) =>
    pattern.endsWith('*') ? mime_type.startsWith(pattern.slice(0, -1)) : pattern === mime_type
  if (blocked.some(fits))
    throw new Refusal('unsupported_media_type', {
      field: 'file',
      error: `Files of the type ${mime_type} are not taken here.`,
    })
  if (mime_type === 'image/heic')
    throw new Refusal('unsupported_media_type', {
      field: 'file',
      error: 'HEIC pictures cannot be shown here. Send it as JPEG.',
    })
}

/** A film without a picture is a sound. */
export function refinedType(mime_type: string, facts: { has_video?: boolean; has_audio?: boolean }): string {
  const sound = facts.has_audio === true && facts.has_video !== true
  if (!sound || !/^video\/(mp4|webm|quicktime|3gpp)$/.test(mime_type)) return mime_type
  return mime_type === 'video/webm' ? 'audio/webm' : 'audio/mp4'
}

/** The squares' side that serves a wish best: the next larger one. */
export const squareFor = (size: number | undefined): (typeof SQUARES)[number] =>
  SQUARES.find((side) => side >= (size ?? 256)) ?? SQUARES[2]
