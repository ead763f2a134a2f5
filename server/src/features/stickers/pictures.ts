import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUILT_IN } from './rules.ts'

const ASSETS = join(import.meta.dirname, '../../../assets/stickers')
const HEADERS = {
  'content-type': 'image/webp',
  'cache-control': 'public, max-age=31536000, immutable',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'",
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
}

/** The drawings of the built-in pack, each at an address that changes when the drawing does. */
export class Pictures {
  readonly #paths = new Map<string, string>()
  /** For the doorway: what is answered at each address. */
  readonly pages: Record<string, () => Response> = {}

  constructor() {
    for (const { label } of BUILT_IN.stickers) {
      const bytes = readFileSync(join(ASSETS, `${label}.webp`))
      const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
      const path = `/stickers/assets/${label}.${hash}.webp`
      this.#paths.set(label, path)
      const page = () => new Response(bytes, { headers: HEADERS })
      for (const prefix of ['', '/api']) this.pages[prefix + path] = page
    }
  }

  /** Beside the address that was asked: a development server passes only `/api` on. */
  address(asset: string, request: Request): string {
    const prefix = new URL(request.url).pathname.startsWith('/api/') ? '/api' : ''
    return prefix + this.#paths.get(asset)!
  }
}
