import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import sharp from 'sharp'
import { PIXELS_MAX, isPicture } from './rules.ts'

/**
 * A process that does nothing but draw: pictures of strangers are decoded apart from everything that knows a secret,
 * and what decoding takes of memory ends with it. One job a line in, one answer a line out; it ends when its parent
 * does.
 */
export interface Drawing {
  mime_type: string
  from: string
  /** Each a WebP: `square` cut to a square of that side, `within` with no side longer. */
  to: { path: string; square?: number; within?: number }[]
}

/** `placeholder`: the picture in a handful of pixels, as a data: URL. */
export type Drawn = { placeholder: string } | { error: string }

const PLACEHOLDER_SIDE = 16
const SECONDS_MAX = 25
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((name) => `VipsForeignLoad${name}`)

sharp.cache(false)
sharp.concurrency(1)
// Nothing but these formats is ever opened, whatever a file claims to be.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({ operation: LOADERS })

async function draw({ mime_type, from, to }: Drawing): Promise<Drawn> {
  if (!isPicture(mime_type)) return { error: 'not a picture' }
  const limits = { limitInputPixels: PIXELS_MAX, sequentialRead: true, failOn: 'error', pages: 1 } as const
  const opened = () => sharp(from, limits).timeout({ seconds: SECONDS_MAX }).autoOrient()
  for (const { path, square, within } of to) {
    const side = square ?? within!
    await opened()
      .resize(side, side, square ? { fit: 'cover' } : { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80 })
      .toFile(path)
  }
  const small = await opened()
    .resize(PLACEHOLDER_SIDE, PLACEHOLDER_SIDE, { fit: 'inside' })
    .webp({ quality: 30 })
    .toBuffer()
  return { placeholder: `data:image/webp;base64,${small.toString('base64')}` }
}

try {
  setPriority(10)
} catch {
  // Where that is not allowed, it draws at the priority of everybody.
}
for await (const line of createInterface({ input: process.stdin })) {
  const drawn = await draw(JSON.parse(line) as Drawing).catch((error: Error) => ({ error: error.message }))
  process.stdout.write(`${JSON.stringify(drawn)}\n`)
}
