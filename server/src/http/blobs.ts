import type { Range, Storage } from '../ports/storage/port.ts'
import { Refusal } from './refusal.ts'

const SECURITY = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  // Whoever has the address may read it, and no cookie or token of ours goes with it.
  'access-control-allow-origin': '*',
}

/** The one range of the request (RFC 9110 §14); null for the whole, false for one that lies outside. */
function rangeOf(header: string | null, size: number): Range | null | false {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return null
  const [from, to] = [match[1]!, match[2]!]
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (from !== '' && to !== '' && Number(to) < Number(from)) return null
  return first >= size || first > last ? false : { first, last }
}

/** Whether the client holds it already (RFC 9110 §13). */
function unchanged(request: Request, etag: string, modified: Date): boolean {
  const tags = request.headers.get('if-none-match')
  if (tags !== null)
    return tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
  const since = Date.parse(request.headers.get('if-modified-since') ?? '')
  return since >= Math.floor(modified.getTime() / 1000) * 1000
}

/** Answers links that lead to this server: an altered or expired one is refused. */
export const blobs = (storage: Storage) => async (request: Request) => {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw new Refusal('method_not_allowed')
  const opened = storage.opened(new URL(request.url))
  if (!opened)
    throw new Refusal('not_allowed', { error: 'This link is not, or no longer, good. Ask for a new one.' })
  const { key, shown, expires } = opened
  const found = await storage.head(key)
  if (!found) throw new Refusal('not_found')
  const { size, modified } = found
  const etag = `"${size.toString(36)}-${modified.getTime().toString(36)}"`
  const headers: Record<string, string> = {
    ...SECURITY,
    'content-type': shown.mime_type,
    'content-disposition': shown.disposition,
    'accept-ranges': 'bytes',
    etag,
    'last-modified': modified.toUTCString(),
    'cache-control': `private, max-age=${Math.max(0, Math.floor((expires.getTime() - Date.now()) / 1000))}, immutable`,
  }
  if (unchanged(request, etag, modified)) return new Response(null, { status: 304, headers })
  const condition = request.headers.get('if-range')
  const whole = condition !== null && condition !== etag && condition !== modified.toUTCString()
  const range = whole ? null : rangeOf(request.headers.get('range'), size)
  if (range === false) {
    const refused = { ...SECURITY, 'content-range': `bytes */${size}` }
    return new Response(null, { status: 416, headers: refused })
  }
  if (range) headers['content-range'] = `bytes ${range.first}-${range.last}/${size}`
  headers['content-length'] = String(range ? range.last - range.first + 1 : size)
  const status = range ? 206 : 200
  if (request.method === 'HEAD' || size === 0) return new Response(null, { status, headers })
  const content = await storage.get(key, range ?? undefined)
  if (!content) throw new Refusal('not_found')
  return new Response(content, { status, headers })
}
