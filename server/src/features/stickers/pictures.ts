import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../../http/refusal.ts'
import { BUILT_IN } from './rules.ts'

const ASSETS = join(import.meta.dirname, '../../../assets/stickers')
const SERVED_AT = '/stickers/assets/'
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
  readonly #names = new Map<string, string>()
  readonly #drawings = new Map<string, Buffer<ArrayBuffer>>()

  constructor() {
    for (const { label } of BUILT_IN.stickers) {
      const drawing = readFileSync(join(ASSETS, `${label}.webp`))
      const name = `${label}.${createHash('sha256').update(drawing).digest('hex').slice(0, 12)}.webp`
      this.#names.set(label, name)
      this.#drawings.set(name, drawing)
    }
  }

  /** Beside the address that was asked: a development server passes only `/api` on. */
  address(asset: string, request: Request): string {
    const prefix = new URL(request.url).pathname.startsWith('/api/') ? '/api' : ''
    return `${prefix}${SERVED_AT}${this.#names.get(asset)!}`
  }

  answer = (request: Request): Response => {
    const { pathname } = new URL(request.url)
    const drawing = this.#drawings.get(pathname.slice(pathname.indexOf(SERVED_AT) + SERVED_AT.length))
    if (!drawing) throw new Refusal('not_found')
    return new Response(drawing, { headers: HEADERS })
  }
}
