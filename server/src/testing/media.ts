import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'

type Bytes = Uint8Array<ArrayBuffer>

/** What a phone writes into a picture: who made it, and where. */
const EXIF = {
  IFD0: { Make: 'Fotofon', Model: 'Kamera-7', Software: 'telling' },
  IFD3: {
    GPSLatitudeRef: 'N',
    GPSLatitude: '52/1 31/1 12/1',
    GPSLongitudeRef: 'E',
    GPSLongitude: '13/1 24/1 18/1',
  },
}

/** A picture of a gradient, as a phone held sideways saves it. */
export async function picture(
  format: 'jpeg' | 'png' | 'webp' | 'gif' | 'avif',
  { width = 900, height = 600, orientation = 1, told = true } = {},
): Promise<Bytes> {
  const raw = Buffer.alloc(width * height * 3)
  for (let at = 0; at < raw.length; at++) raw[at] = ((at % (width * 3)) * 255) / (width * 3)
  let made = sharp(raw, { raw: { width, height, channels: 3 } }).toFormat(format)
  if (told)
    made = made
      .withExif(EXIF)
      .withMetadata({ orientation })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">Fotofon</x:xmpmeta>')
  return new Uint8Array(await made.toBuffer())
}

/** Sound or film made by ffmpeg; `extension` chooses the container. */
export function recording(extension: string, ...args: string[]): Bytes {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-media-'))
  const file = join(folder, `made.${extension}`)
  try {
    const { status, stderr, error } = spawnSync('ffmpeg', ['-v', 'error', ...args, file], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`ffmpeg made nothing: ${error?.message ?? stderr}`)
    return new Uint8Array(readFileSync(file))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=2']
export const FILM = ['-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=10:duration=2']
