import { randomUUID } from 'node:crypto'
import type { StoredFile } from '@messenger/contract'
import { withFile, type FilePart } from '../../http/multipart.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Resources } from '../../ports/resources.ts'
import { factsIn, HEAD_BYTES, type Facts } from './facts.ts'
import { Flow } from './flow.ts'
import { kindOf } from './kinds.ts'
import { damaged, withoutMetadata } from './metadata.ts'
import { beginFile, bytesOf, finishFile, forgetFile, type Told } from './queries.ts'
import { storedFile } from './rows.ts'
import { isPicture, nameOf, PIXELS_MAX, refinedType, refuseType, safeName } from './rules.ts'

const MB = 1024 * 1024

const tooLarge = (max_mb: number) =>
  new Refusal('too_large', { field: 'file', error: `A file may have ${max_mb} MB here.` })
const noRoom = (quota_mb: number) =>
  new Refusal('too_large', { field: 'file', error: `There is no room left in your ${quota_mb} MB here.` })

async function* upTo(bytes: number, chunks: AsyncIterable<Uint8Array>, over: () => Refusal) {
  let left = bytes
  for await (const chunk of chunks) {
    if ((left -= chunk.length) < 0) throw over()
    yield chunk
  }
}

/** Remembers the end of what flows through, for formats that tell their length there. */
async function* remembering(chunks: AsyncIterable<Uint8Array>, tail: { bytes: Uint8Array }) {
  for await (const chunk of chunks) {
    tail.bytes =
      chunk.length >= HEAD_BYTES
        ? Uint8Array.from(chunk.subarray(-HEAD_BYTES))
        : Uint8Array.from(Buffer.concat([tail.bytes, chunk]).subarray(-HEAD_BYTES))
    yield chunk
  }
}

/** Whole numbers that the database can hold, or nothing. */
function told(size: number, mime_type: string, facts: Facts): Told {
  const { width = 0, height = 0, duration_seconds = 0 } = facts
  const sized = width > 0 && height > 0
  if (isPicture(mime_type) && !sized) throw damaged()
  if (isPicture(mime_type) && width * height > PIXELS_MAX)
    throw new Refusal('too_large', { field: 'file', error: 'The picture has too many pixels.' })
  const whole = (pixels: number) => (sized ? Math.min(Math.round(pixels), 1_000_000) : null)
  const lasts = Number.isFinite(duration_seconds) && duration_seconds > 0 && duration_seconds < 10_000_000
  return {
    size,
    mime_type: refinedType(mime_type, facts),
    width: whole(width),
    height: whole(height),
    duration_seconds: lasts ? Math.round(duration_seconds * 1000) / 1000 : null,
  }
}

/** Stores the file of a form as it flows in, and leaves nothing behind when it does not come to its end. */
export function takeFile(
  request: Request,
  uploader_id: number,
  { config, db, storage }: Resources,
): Promise<{ file: StoredFile; is_picture: boolean }> {
  const { max_file_size_mb, user_quota_mb, blocked_file_types, upload_idle } = config
  const quota = user_quota_mb > 0 ? user_quota_mb * MB : null
  const over = () => tooLarge(max_file_size_mb)

  async function take({ filename: given, chunks }: FilePart) {
    const filename = nameOf(given)
    const room = quota === null ? Infinity : quota - (await bytesOf(db, uploader_id))
    if (room <= 0) throw noRoom(user_quota_mb)
    const limited = upTo(max_file_size_mb * MB, chunks, over)
    const flow = new Flow(upTo(room, limited, () => noRoom(user_quota_mb)))
    const head = await flow.peek(HEAD_BYTES)
    const kind = kindOf(head, filename)
    refuseType(kind, blocked_file_types)
    const object_key = `uploads/${randomUUID()}_${safeName(filename)}` as const
    const id = await beginFile(db, { uploader_id, filename, mime_type: kind, object_key })
    try {
      const [facts, tail] = [{} as Facts, { bytes: new Uint8Array(0) }]
      const cleaned = withoutMetadata(kind, flow, facts)
      const body = kind.endsWith('/ogg') ? remembering(cleaned, tail) : cleaned
      const size = await storage.put(object_key, body, kind)
      const found = told(size, kind, { ...factsIn(kind, { head, tail: tail.bytes, size }), ...facts })
      refuseType(found.mime_type, blocked_file_types)
      const is_picture = isPicture(found.mime_type) && size > 0
      const file = await finishFile(db, id, found, { quota, preview: is_picture })
      if (!file) throw noRoom(user_quota_mb)
      return { file: storedFile(file), is_picture }
    } catch (error) {
      // A storage or database that is away cannot be told: then the row says what is left, and is swept.
      await storage.remove([object_key]).then(
        () => forgetFile(db, id).catch(() => undefined),
        () => undefined,
      )
      throw error
    }
  }
  return withFile(request, { bytes: max_file_size_mb * MB, over, idle_ms: upload_idle * 1000 }, take)
}
