import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  webp: 'image/webp',
  woff2: 'font/woff2',
  webmanifest: 'application/manifest+json',
  txt: 'text/plain; charset=utf-8',
}

/** `files`: where links to files lead, when not here. */
const policy = (files: string) =>
  `default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:${files}; ` +
  `media-src 'self' blob:${files}; connect-src 'self' ws: wss:${files}; object-src 'none'; base-uri 'none'; ` +
  `form-action 'self'; frame-ancestors 'none'`

const security = (files: string | null) => ({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'content-security-policy': policy(files === null ? '' : ` ${files}`),
  'cross-origin-opener-policy': 'same-origin',
})

/** Addresses of the web client (contract §1): each answers the one page. */
const CLIENT_PATHS =
  /^\/(app(\/.*)?|login|register|@[^/]+|u\/[^/]+|dm\/[^/]+|c\/[^/]+(\/[^/]+)?|join\/[^/]+|admin(\/.*)?)?\/?$/

/**
 * The built web client. Assets carry their hash in their name and are kept for a year; the page never is.
 * Files that the build left beside as `.br` and `.gz` are sent to those who take them.
 */
export class Pages {
  readonly #folder: string
  readonly #files: ReadonlySet<string>
  readonly #security: Record<string, string>

  constructor(folder: string, filesOrigin: string | null) {
    this.#folder = folder
    this.#security = security(filesOrigin)
    this.#files = new Set(
      existsSync(folder)
        ? readdirSync(folder, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replaceAll('\\', '/'))
        : [],
    )
  }

  /** The page or file at this path; null when there is none. */
  answer(request: Request): Response | null {
    if (request.method !== 'GET' && request.method !== 'HEAD') return null
    const { pathname } = new URL(request.url)
    if (CLIENT_PATHS.test(pathname) || pathname === '/index.html')
      return this.#files.has('/index.html') ? this.#send(request, '/index.html', 'no-cache') : notBuilt()
    if (!this.#files.has(pathname) || /\.(br|gz)$/.test(pathname)) return this.#nothing(request, pathname)
    const forever = pathname.startsWith('/assets/')
    return this.#send(request, pathname, forever ? 'public, max-age=31536000, immutable' : 'no-cache')
  }

  /** A person who came to a wrong address sees the client's own words for it; a program gets the contract's. */
  #nothing(request: Request, pathname: string): Response | null {
    const person = request.headers.get('accept')?.includes('text/html')
    if (!person || pathname.startsWith('/api/') || !this.#files.has('/index.html')) return null
    return this.#send(request, '/index.html', 'no-cache', 404)
  }

  #send(request: Request, path: string, cache: string, status = 200): Response {
    const accepted = request.headers.get('accept-encoding') ?? ''
    const encoding = (['br', 'gzip'] as const).find(
      (one) => accepted.includes(one) && this.#files.has(`${path}.${one === 'br' ? 'br' : 'gz'}`),
    )
    const file = Bun.file(
      this.#folder + path + (encoding === undefined ? '' : encoding === 'br' ? '.br' : '.gz'),
    )
    return new Response(request.method === 'HEAD' ? null : file, {
      status,
      headers: {
        'content-type': TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
        'cache-control': cache,
        vary: 'Accept-Encoding',
        ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
        ...this.#security,
      },
    })
  }
}

const notBuilt = () =>
  new Response('The web client has not been built yet: npm run build', {
    status: 503,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '10' },
  })
