// `node scripts/stickers.mjs`: makes the pictures that are served of the drawings in server/assets/stickers.
import { createRequire } from 'node:module'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SERVER = join(dirname(dirname(fileURLToPath(import.meta.url))), 'server')
const FOLDER = join(SERVER, 'assets/stickers')
const SIZE = 512

const sharp = createRequire(join(SERVER, 'package.json'))('sharp')
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.svg'))) {
  const made = join(FOLDER, file.replace(/svg$/, 'webp'))
  const { size } = await sharp(join(FOLDER, file))
    .resize(SIZE, SIZE)
    .webp({ quality: 90, alphaQuality: 90, effort: 6 })
    .toFile(made)
  console.log(`${made}  ${(size / 1024).toFixed(1)} KB`)
}
