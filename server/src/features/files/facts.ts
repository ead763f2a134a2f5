/** What a file tells about itself; what it does not tell is absent. */
export interface Facts {
  width?: number
  height?: number
  duration_seconds?: number
  has_video?: boolean
  has_audio?: boolean
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Matroska (RFC 9559): ids of the elements that are looked into or at. */
const EBML = {
  segment: 0x18538067,
  info: 0x1549a966,
  scale: 0x2ad7b1,
  duration: 0x4489,
  tracks: 0x1654ae6b,
  entry: 0xae,
  kind: 0x83,
  video: 0xe0,
  width: 0xb0,
  height: 0xba,
}
const INTO = new Set([EBML.segment, EBML.info, EBML.tracks, EBML.entry, EBML.video])

function webm(head: Uint8Array): Facts {
  const facts: Facts = {}
  let [scale, duration] = [1_000_000, 0]
  const number = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  /** A number whose first byte tells its length (RFC 8794 §4); null beyond the head. */
  const varint = (at: number, keepMarker: boolean) => {
    const first = head[at] ?? 0
    const length = Math.clz32(first) - 23
    if (first === 0 || at + length > head.length) return null
    const bytes = head.slice(at, at + length)
    if (!keepMarker) bytes[0]! &= 0xff >> length
    const unknown = !keepMarker && bytes.every((byte, n) => byte === (n === 0 ? 0xff >> length : 0xff))
    return { value: unknown ? Infinity : number(bytes), end: at + length }
  }
  for (let at = 0; at < head.length;) {
    const id = varint(at, true)
    const size = id && varint(id.end, false)
    if (!id || !size) break
    at = size.end
    if (INTO.has(id.value)) continue
    const bytes = head.subarray(at, at + Math.min(size.value, 8))
    if (bytes.length < Math.min(size.value, 8)) break
    if (id.value === EBML.scale) scale = number(bytes)
    if (id.value === EBML.duration)
      duration = size.value === 4 ? view(bytes).getFloat32(0) : view(bytes).getFloat64(0)
    if (id.value === EBML.kind && bytes[0] === 1) facts.has_video = true
    if (id.value === EBML.kind && bytes[0] === 2) facts.has_audio = true
    if (id.value === EBML.width) facts.width = number(bytes)
    if (id.value === EBML.height) facts.height = number(bytes)
    at += size.value
  }
  return duration > 0 ? { ...facts, duration_seconds: (duration * scale) / 1e9 } : facts
}

/** Ogg (RFC 3533): the last page tells how many samples there were, the first one (RFC 7845 §5.1) how many do not count. */
function ogg(head: Uint8Array, tail: Uint8Array): Facts {
  const at = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength).lastIndexOf('OggS')
  const start = Buffer.from(head.subarray(28, 64))
  if (at < 0 || at + 14 > tail.length || head.length < 64) return { has_audio: true }
  const samples = Number(view(tail).getBigInt64(at + 6, true))
  const opus = start.toString('latin1', 0, 8) === 'OpusHead'
  const vorbis = start.toString('latin1', 1, 7) === 'vorbis'
  if (!opus && !vorbis) return {}
  const [rate, before] = opus ? [48_000, start.readUInt16LE(10)] : [start.readUInt32LE(12), 0]
  return {
    has_audio: true,
    ...(rate > 0 && samples > before ? { duration_seconds: (samples - before) / rate } : {}),
  }
}

function wav(head: Uint8Array, size: number): Facts {
  const bytes = view(head)
  for (let at = 12, rate = 0; at + 16 <= head.length;) {
    const chunk = Buffer.from(head.subarray(at, at + 4)).toString('latin1')
    const length = bytes.getUint32(at + 4, true)
    if (chunk === 'fmt ') rate = bytes.getUint32(at + 16, true)
    if (chunk === 'data')
      return rate > 0 ? { has_audio: true, duration_seconds: Math.min(length, size - at - 8) / rate } : {}
    at += 8 + length + (length % 2)
  }
  return {}
}

const MP3_KBITS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const MP3_KBITS_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const MP3_HERTZ = [44_100, 48_000, 32_000]

/** MPEG audio, layer III: from the count of frames in a Xing header, else as if every frame were like the first. */
function mp3(head: Uint8Array, size: number): Facts {
  let at = 0
  if (Buffer.from(head.subarray(0, 3)).toString('latin1') === 'ID3')
    at = 10 + ((head[6]! << 21) | (head[7]! << 14) | (head[8]! << 7) | head[9]!)
  while (at + 4 < head.length && !(head[at] === 0xff && (head[at + 1]! & 0xe6) === 0xe2)) at++
  if (at + 200 > head.length) return {}
  const [version, rates] = [(head[at + 1]! >> 3) & 3, head[at + 2]!]
  const first = version === 3
  const kbits = (first ? MP3_KBITS : MP3_KBITS_2)[rates >> 4] ?? 0
  const hertz = (MP3_HERTZ[(rates >> 2) & 3] ?? 0) / (first ? 1 : version === 2 ? 2 : 4)
  if (kbits === 0 || hertz === 0) return {}
  const mono = head[at + 3]! >> 6 === 3
  const xing = at + 4 + (first ? (mono ? 17 : 32) : mono ? 9 : 17)
  const counted = /^(Xing|Info)$/.test(Buffer.from(head.subarray(xing, xing + 4)).toString('latin1'))
  const duration_seconds =
    counted && head[xing + 7]! & 1
      ? (view(head).getUint32(xing + 8) * (first ? 1152 : 576)) / hertz
      : ((size - at) * 8) / (kbits * 1000)
  return { has_audio: true, duration_seconds }
}

function flac(head: Uint8Array): Facts {
  if (head.length < 26) return {}
  const bytes = view(head)
  const rate = bytes.getUint32(18) >>> 12
  const samples = (head[21]! & 15) * 2 ** 32 + bytes.getUint32(22)
  return { has_audio: true, ...(rate > 0 && samples > 0 ? { duration_seconds: samples / rate } : {}) }
}

/** ISO/IEC 23008-12 §6.5.3: the largest of the sizes that the pictures of the file have. */
function avif(head: Uint8Array): Facts {
  const all = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  const facts = { width: 0, height: 0 }
  for (let at = all.indexOf('ispe'); at >= 0 && at + 16 <= all.length; at = all.indexOf('ispe', at + 4)) {
    const [width, height] = [all.readUInt32BE(at + 8), all.readUInt32BE(at + 12)]
    if (width * height > facts.width * facts.height) Object.assign(facts, { width, height })
  }
  return facts.width > 0 ? facts : {}
}

/** As much of a file's beginning and end as is looked at. */
export const HEAD_BYTES = 64 * 1024

/** What head and tail tell; the formats of `metadata.ts` are read as they flow. */
export function factsIn(
  mime_type: string,
  file: { head: Uint8Array; tail: Uint8Array; size: number },
): Facts {
  const { head, tail, size } = file
  if (head.length < 26) return {}
  const bytes = view(head)
  switch (mime_type) {
    case 'image/gif':
      return { width: bytes.getUint16(6, true), height: bytes.getUint16(8, true) }
    case 'image/bmp':
      return { width: bytes.getInt32(18, true), height: Math.abs(bytes.getInt32(22, true)) }
    case 'image/avif':
      return avif(head)
    case 'video/webm':
    case 'video/x-matroska':
      return webm(head)
    case 'audio/ogg':
    case 'video/ogg':
      return ogg(head, tail)
    case 'audio/wav':
      return wav(head, size)
    case 'audio/mpeg':
      return mp3(head, size)
    case 'audio/flac':
      return flac(head)
    default:
      return {}
  }
}
