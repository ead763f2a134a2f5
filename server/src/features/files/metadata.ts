import { crc32 } from 'node:zlib'
import { Refusal } from '../../http/refusal.ts'
import type { Facts } from './facts.ts'
import type { Flow } from './flow.ts'

/** More than any camera writes about a picture. */
const EXIF_MAX = 1024 * 1024
const ORIENTATION = 0x0112

export const damaged = () =>
  new Refusal('invalid', { field: 'file', error: 'This file is damaged: it is not what it begins as.' })
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** How the picture has to be turned, 1 to 8 (Exif 2.32, a TIFF of its own); 1 when nothing says so. */
function orientationIn(tiff: Uint8Array): number {
  if (tiff.length < 14) return 1
  const bytes = view(tiff)
  const little = bytes.getUint16(0) === 0x4949
  const first = bytes.getUint32(4, little)
  if (first + 2 > tiff.length) return 1
  const entries = bytes.getUint16(first, little)
  for (let n = 0, at = first + 2; n < entries && at + 12 <= tiff.length; n++, at += 12)
    if (bytes.getUint16(at, little) === ORIENTATION) {
      const value = bytes.getUint16(at + 8, little)
      return value >= 1 && value <= 8 ? value : 1
    }
  return 1
}

/** The smallest Exif that says how a picture is turned, and nothing else. */
function exifOf(orientation: number): Buffer {
  const tiff = Buffer.alloc(26)
  tiff.write('MM\0*\0\0\0\b\0\x01', 'latin1')
  tiff.writeUInt16BE(ORIENTATION, 10)
  tiff.writeUInt16BE(3, 12)
  tiff.writeUInt32BE(1, 14)
  tiff.writeUInt16BE(orientation, 18)
  return tiff
}

const turned = (facts: Facts, orientation: number) => {
  if (orientation >= 5) [facts.width, facts.height] = [facts.height!, facts.width!]
}

/** The data between two markers: passed on up to the next one, which is left unread (ITU T.81 §B.1.1.5). */
async function* scan(flow: Flow): AsyncGenerator<Uint8Array> {
  for (let chunk = await flow.next(); chunk; chunk = await flow.next()) {
    for (let at = 0; ;) {
      const mark = chunk.indexOf(0xff, at)
      if (mark < 0) {
        yield chunk
        break
      }
      if (mark === chunk.length - 1) {
        if (mark > 0) yield chunk.subarray(0, mark)
        flow.unread(Uint8Array.of(0xff))
        if ((await flow.peek(2)).length < 2) return
        break
      }
      const code = chunk[mark + 1]!
      if (code === 0 || (code >= 0xd0 && code <= 0xd7)) at = mark + 2
      else if (code === 0xff) at = mark + 1
      else {
        if (mark > 0) yield chunk.subarray(0, mark)
        flow.unread(chunk.subarray(mark))
        return
      }
    }
  }
}

const FRAMES = new Set([0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf])
/** JFIF, ICC profile and Adobe's colour transform are needed to show the picture right. */
const KEPT_APPS = new Set([0xe0, 0xe2, 0xee])
const COMMENT = 0xfe

/** A JPEG without what its camera wrote of itself, the place and the time, and without what follows its end. */
async function* jpeg(flow: Flow, facts: Facts): AsyncGenerator<Uint8Array> {
  yield await flow.read(2)
  let orientation = 1
  for (;;) {
    const marker = await flow.read(2)
    if (marker.length < 2) return
    if (marker[0] !== 0xff) throw damaged()
    // Any number of fill bytes may stand before a marker's code.
    for (let more = marker; marker[1] === 0xff && more.length > 0;) marker.set((more = await flow.read(1)), 1)
    const code = marker[1]!
    if (code === 0xd9) {
      yield marker
      await flow.skip()
      return
    }
    if (code === 0x01 || (code >= 0xd0 && code <= 0xd8)) {
      yield marker
      continue
    }
    const size = await flow.read(2)
    const length = size.length < 2 ? 0 : view(size).getUint16(0)
    if (length < 2) throw damaged()
    const body = await flow.read(length - 2)
    if (code === 0xe1 && latin1(body.subarray(0, 6)) === 'Exif\0\0' && orientation === 1) {
      orientation = orientationIn(body.subarray(6))
      if (orientation === 1) continue
      const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exifOf(orientation)])
      yield Buffer.concat([marker, Buffer.from([0, exif.length + 2]), exif])
      continue
    }
    // An MPF index (CIPA DC-007) lists further pictures after the end, which do not stay.
    const indexed = code === 0xe2 && latin1(body.subarray(0, 4)) === 'MPF\0'
    if ((code >= 0xe0 && code <= 0xef && !KEPT_APPS.has(code)) || code === COMMENT || indexed) continue
    if (FRAMES.has(code) && body.length >= 5) {
      Object.assign(facts, { height: view(body).getUint16(1), width: view(body).getUint16(3) })
      turned(facts, orientation)
    }
    yield Buffer.concat([marker, size, body])
    if (code === 0xda) yield* scan(flow)
  }
}

const TOLD_IN_PNG = new Set(['tEXt', 'iTXt', 'zTXt', 'tIME', 'eXIf'])

function pngChunk(type: string, body: Uint8Array): Buffer {
  const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), body, Buffer.alloc(4)])
  chunk.writeUInt32BE(body.length, 0)
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4)
  return chunk
}

async function* png(flow: Flow, facts: Facts): AsyncGenerator<Uint8Array> {
  yield await flow.read(8)
  for (;;) {
    const head = await flow.read(8)
    if (head.length < 8) return
    const length = view(head).getUint32(0)
    const type = latin1(head.subarray(4))
    if (length > 0x7fffffff || !/^[A-Za-z]{4}$/.test(type)) throw damaged()
    if (TOLD_IN_PNG.has(type)) {
      const exif = type === 'eXIf' && length <= EXIF_MAX ? await flow.read(length) : null
      await flow.skip(exif ? 4 : length + 4)
      const orientation = exif ? orientationIn(exif) : 1
      turned(facts, orientation)
      if (orientation > 1) yield pngChunk('eXIf', exifOf(orientation))
      continue
    }
    yield head
    if (type === 'IHDR') {
      const body = await flow.read(length)
      if (body.length < 8) throw damaged()
      Object.assign(facts, { width: view(body).getUint32(0), height: view(body).getUint32(4) })
      yield body
      yield* flow.pass(4)
    } else yield* flow.pass(length + 4)
    if (type === 'IEND') {
      await flow.skip()
      return
    }
  }
}

/** The size of a WebP from the beginning of a chunk that tells it (RFC 9649 §2.7, RFC 6386 §9.1). */
function webpSize(type: string, body: Uint8Array): Pick<Facts, 'width' | 'height'> {
  const bytes = view(body)
  if (body.length < 10) return {}
  if (type === 'VP8X')
    return {
      width: 1 + (bytes.getUint32(4, true) & 0xffffff),
      height: 1 + (bytes.getUint32(6, true) >>> 8),
    }
  if (type === 'VP8 ')
    return { width: bytes.getUint16(6, true) & 0x3fff, height: bytes.getUint16(8, true) & 0x3fff }
  const packed = bytes.getUint32(1, true)
  return { width: 1 + (packed & 0x3fff), height: 1 + ((packed >>> 14) & 0x3fff) }
}

/** A WebP names its length at its beginning: what is taken out leaves as many zeros in a chunk that nobody reads. */
async function* webp(flow: Flow, facts: Facts): AsyncGenerator<Uint8Array> {
  const riff = await flow.read(12)
  yield riff
  for (let left = view(riff).getUint32(4, true) - 4; left > 0;) {
    const head = Buffer.from(await flow.read(8))
    if (head.length < 8) return
    const type = latin1(head.subarray(0, 4))
    const length = head.readUInt32LE(4)
    const padded = length + (length % 2)
    left -= 8 + padded
    if (type === 'EXIF' || type === 'XMP ') {
      const body = length <= EXIF_MAX ? await flow.read(padded) : null
      const tiff = body && latin1(body.subarray(0, 4)) === 'Exif' ? body.subarray(6) : body
      const orientation = type === 'EXIF' && tiff ? orientationIn(tiff) : 1
      turned(facts, orientation)
      const kept = orientation > 1 && length >= 26
      if (!kept) head.write('JUNK', 'latin1')
      yield head
      if (body) {
        body.fill(0)
        if (kept) body.set(exifOf(orientation))
        yield body
      } else
        for await (const chunk of flow.pass(padded)) {
          chunk.fill(0)
          yield chunk
        }
      continue
    }
    yield head
    if (facts.width === undefined && /^VP8[ XL]$/.test(type))
      Object.assign(facts, webpSize(type, await flow.peek(10)))
    yield* flow.pass(padded)
  }
  await flow.skip()
}

const LOOKED_INTO = new Set(['moov', 'trak', 'mdia'])
const TELLS_OF_PEOPLE = new Set(['udta', 'meta'])
const XMP = 'be7acfcb97a942e89c71999491e3afac'

function movieFact(type: string, body: Uint8Array, facts: Facts): void {
  const bytes = view(body)
  const long = body[0] === 1
  if (type === 'mvhd' && body.length >= (long ? 32 : 20)) {
    const scale = bytes.getUint32(long ? 20 : 12)
    const duration = long ? Number(bytes.getBigUint64(24)) : bytes.getUint32(16)
    if (scale > 0 && duration > 0 && duration < 2 ** 32 - 1) facts.duration_seconds = duration / scale
  }
  if (type === 'tkhd' && body.length >= (long ? 96 : 84)) {
    const end = long ? 96 : 84
    const [width, height] = [bytes.getUint16(end - 8), bytes.getUint16(end - 4)]
    const sideways = bytes.getInt32(end - 44) === 0
    if (width > 0 && height > 0)
      Object.assign(facts, sideways ? { width: height, height: width } : { width, height })
  }
  if (type === 'hdlr' && body.length >= 12) {
    const kind = latin1(body.subarray(8, 12))
    if (kind === 'vide') facts.has_video = true
    if (kind === 'soun') facts.has_audio = true
  }
}

/** Boxes (ISO/IEC 14496-12 §4.2): what tells of place and camera becomes a `free` box of zeros, as long as before. */
async function* movie(
  flow: Flow,
  facts: Facts,
  wipes: boolean,
  within = '',
  size = Infinity,
): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0;) {
    let head = Buffer.from(await flow.read(8))
    if (head.length < 8) {
      yield head
      return
    }
    const type = latin1(head.subarray(4, 8))
    let length = head.readUInt32BE(0)
    if (length === 1) {
      head = Buffer.concat([head, await flow.read(8)])
      length = head.length < 16 ? 0 : Number(head.readBigUInt64BE(8))
    } else if (length === 0) length = left
    if (length < head.length || (length > left && length !== Infinity)) throw damaged()
    const body = length - head.length
    left -= length
    const xmp = type === 'uuid' && Buffer.from(await flow.peek(16)).toString('hex') === XMP
    if (wipes && (xmp || TELLS_OF_PEOPLE.has(type))) {
      head.write('free', 4, 'latin1')
      yield head
      for await (const chunk of flow.pass(body)) {
        chunk.fill(0)
        yield chunk
      }
    } else if (LOOKED_INTO.has(type) && (type === 'moov') === (within === '')) {
      yield head
      yield* movie(flow, facts, wipes, type, body)
    } else if (/^(mvhd|tkhd|hdlr)$/.test(type) && body <= 1024) {
      const bytes = await flow.read(body)
      movieFact(type, bytes, facts)
      yield head
      yield bytes
    } else {
      yield head
      yield* flow.pass(body)
    }
  }
}

const film = (flow: Flow, facts: Facts) => movie(flow, facts, true)

const CLEANERS: Record<string, (flow: Flow, facts: Facts) => AsyncGenerator<Uint8Array>> = {
  'image/jpeg': jpeg,
  'image/png': png,
  'image/webp': webp,
  'video/mp4': film,
  'video/quicktime': film,
  'video/3gpp': film,
  // A song's words about itself are its title.
  'audio/mp4': (flow, facts) => movie(flow, facts, false),
}

/**
 * The same picture or film without place, camera, time and words of its maker, as it flows: no pixel is touched.
 * How a picture is turned stays. `facts` is filled on the way. Other files flow through as they are.
 */
export function withoutMetadata(mime_type: string, flow: Flow, facts: Facts): AsyncGenerator<Uint8Array> {
  return CLEANERS[mime_type]?.(flow, facts) ?? flow.pass()
}
