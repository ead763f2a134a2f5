import type { Server } from 'bun'
import type { Config } from '../config.ts'
import { Refusal } from './refusal.ts'

/** A browser says where a page came from; only our own pages and configured ones may open a socket. */
function originAllowed(request: Request, config: Pick<Config, 'cors_origins' | 'public_url'>): boolean {
  const origin = request.headers.get('origin')
  if (origin === null || config.cors_origins.includes('*') || config.cors_origins.includes(origin))
    return true
  let from: URL
  try {
    from = new URL(origin)
  } catch {
    return false
  }
  return from.host === request.headers.get('host') || from.origin === config.public_url
}

/** Opens `/ws`; null for any other path. `undefined` as a response is Bun's sign that the socket was taken over. */
export function upgrade<Data>(
  request: Request,
  server: Server<Data>,
  config: Pick<Config, 'cors_origins' | 'public_url'>,
  data: (token: string | null) => Data,
): Response | null | undefined {
  const url = new URL(request.url)
  if (url.pathname !== '/ws' && url.pathname !== '/api/ws') return null
  if (request.method === 'OPTIONS') return null
  if (!originAllowed(request, config)) return refused(new Refusal('origin_not_allowed'))
  if (server.upgrade(request, { data: data(url.searchParams.get('token')) } as never)) return undefined
  return refused(new Refusal('invalid', { error: 'This address is for WebSockets.' }))
}

const refused = (refusal: Refusal) =>
  new Response(JSON.stringify(refusal.body()), {
    status: refusal.status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  })
