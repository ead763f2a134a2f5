/** What a file is, told from its first bytes; its name only tells kinds of documents apart that begin alike. */

const utf8 = new TextDecoder('utf-8', { fatal: true })

const TEXTS: Record<string, string> = {
  csv: 'text/csv',
  md: 'text/markdown',
  json: 'application/json',
  ics: 'text/calendar',
  vcf: 'text/vcard',
}
const OFFICE = 'application/vnd.openxmlformats-officedocument'
const ZIPPED: Record<string, string> = {
  docx: `${OFFICE}.wordprocessingml.document`,
  xlsx: `${OFFICE}.spreadsheetml.sheet`,
  pptx: `${OFFICE}.presentationml.presentation`,
  odt: 'application/vnd.oasis.opendocument.text',
  ods: 'application/vnd.oasis.opendocument.spreadsheet',
  odp: 'application/vnd.oasis.opendocument.presentation',
  epub: 'application/epub+zip',
  jar: 'application/java-archive',
  apk: 'application/vnd.android.package-archive',
}
const COMPOUND: Record<string, string> = {
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
  msi: 'application/x-msi',
}

type Teller = string | ((head: Uint8Array, extension: string) => string)

/** Beginnings as Latin-1, `?` for any byte. The first that fits tells. */
const BEGINNINGS: [string, Teller][] = [
  ['\xff\xd8\xff', 'image/jpeg'],
  ['\x89PNG\r\n\x1a\n', 'image/png'],
  ['GIF87a', 'image/gif'],
  ['GIF89a', 'image/gif'],
  ['RIFF????WEBP', 'image/webp'],
  ['RIFF????WAVE', 'audio/wav'],
  ['RIFF????AVI ', 'video/x-msvideo'],
  ['BM????\0\0\0\0', 'image/bmp'],
  ['II*\0', 'image/tiff'],
  ['MM\0*', 'image/tiff'],
  ['????ftyp', isoKind],
  ['\x1aE\xdf\xa3', (head) => (latin1(head, 0, 64).includes('webm') ? 'video/webm' : 'video/x-matroska')],
  ['OggS', oggKind],
  ['fLaC', 'audio/flac'],
  ['ID3', 'audio/mpeg'],
  ['\xff\xf1', 'audio/aac'],
  ['\xff\xf9', 'audio/aac'],
  ['\xff\xfb', 'audio/mpeg'],
  ['\xff\xfa', 'audio/mpeg'],
  ['\xff\xf3', 'audio/mpeg'],
  ['\xff\xf2', 'audio/mpeg'],
  ['#!AMR', 'audio/amr'],
  ['%PDF-', 'application/pdf'],
  ['PK\x03\x04', (_, extension) => ZIPPED[extension] ?? 'application/zip'],
  ['PK\x05\x06', 'application/zip'],
  ['\x1f\x8b', 'application/gzip'],
  ['BZh', 'application/x-bzip2'],
  ['\xfd7zXZ\0', 'application/x-xz'],
  ['7z\xbc\xaf\x27\x1c', 'application/x-7z-compressed'],
  ['Rar!\x1a\x07', 'application/vnd.rar'],
  ['(\xb5/\xfd', 'application/zstd'],
  ['MZ', 'application/x-msdownload'],
  ['\x7fELF', 'application/x-elf'],
  ['\xfe\xed\xfa\xce', 'application/x-mach-binary'],
  ['\xfe\xed\xfa\xcf', 'application/x-mach-binary'],
  ['\xce\xfa\xed\xfe', 'application/x-mach-binary'],
  ['\xcf\xfa\xed\xfe', 'application/x-mach-binary'],
  ['\xca\xfe\xba\xbe\0\0\0', (head) => (head[7]! < 40 ? 'application/x-mach-binary' : 'application/java-vm')],
  ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', (_, extension) => COMPOUND[extension] ?? 'application/x-cfb'],
  ['\0asm', 'application/wasm'],
  ['{\\rtf', 'application/rtf'],
]

const latin1 = (bytes: Uint8Array, from: number, to: number) =>
  Buffer.from(bytes.subarray(from, to)).toString('latin1')

/** ISO/IEC 14496-12 §4.3: the brands of a file of boxes. */
function isoKind(head: Uint8Array): string {
  const brand = latin1(head, 8, 12)
  const brands = latin1(head, 8, Math.min(head[3]! + head[2]! * 256, 256))
  if (brand.startsWith('avi') || (/^mi[fa]|^msf/.test(brand) && brands.includes('avi'))) return 'image/avif'
  if (/^(heic|heix|heim|heis|hevc|hevx|mif1|msf1)/.test(brand)) return 'image/heic'
  if (/^M4[ABP]/.test(brand)) return 'audio/mp4'
  if (brand === 'qt  ') return 'video/quicktime'
  return brand.startsWith('3g') ? 'video/3gpp' : 'video/mp4'
}

function oggKind(head: Uint8Array): string {
  return latin1(head, 28, 36).includes('theora') ? 'video/ogg' : 'audio/ogg'
}

const begins = (head: Uint8Array, beginning: string) =>
  head.length >= beginning.length &&
  [...beginning].every((sign, at) => sign === '?' || sign.charCodeAt(0) === head[at])

/** Text of any script; what a browser would run is told apart, so that it is never shown in place. */
function textKind(head: Uint8Array, extension: string): string | null {
  let text = ''
  // The head may end within a character.
  for (let cut = 0; cut < 4 && text === ''; cut++)
    try {
      text = utf8.decode(head.subarray(0, head.length - cut))
    } catch {
      continue
    }
  if (text === '' && head.length > 0) return null
  if (/[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(text)) return null
  if (/<svg[\s>]/i.test(text)) return 'image/svg+xml'
  if (/^\s*<(!doctype\s+html|html|head|body|script|iframe|meta|title)\b/i.test(text)) return 'text/html'
  if (/^\s*<(\?xml|[a-z!])/i.test(text)) return 'text/xml'
  if (text.startsWith('#!')) return 'text/x-shellscript'
  return TEXTS[extension] ?? 'text/plain'
}

export function kindOf(head: Uint8Array, filename: string): string {
  const extension = /\.([a-z0-9]{1,8})$/i.exec(filename)?.[1]?.toLowerCase() ?? ''
  const found = BEGINNINGS.find(([beginning]) => begins(head, beginning))
  if (found) return typeof found[1] === 'string' ? found[1] : found[1](head, extension)
  return textKind(head, extension) ?? 'application/octet-stream'
}
