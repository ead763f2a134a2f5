import type {
  BodyOf,
  Endpoint,
  ErrorBody,
  ParamsOf,
  QueryOf,
  ResultOf,
  Routes,
  StoredFile,
} from '@messenger/contract'
import { ApiError, NetworkError } from './errors.ts'

export interface Tokens {
  user_id: number
  access_token: string
  refresh_token: string
}

type Empty<T> = keyof T extends never ? true : false
type Given<E extends Endpoint> = (Empty<ParamsOf<E>> extends true
  ? { params?: never }
  : { params: ParamsOf<E> }) & {
  query?: QueryOf<E>
  body?: BodyOf<E>
}
type Rest<E extends Endpoint> = Given<E> extends { params: object } ? [Given<E>] : [Given<E>?]

const KEPT = 'messenger.session'
/** An answer that takes longer counts as none. */
const PATIENCE_MS = 10_000

let tokens: Tokens | null = read()
let refreshing: Promise<boolean> | null = null
const watchers = new Set<(tokens: Tokens | null) => void>()

function read(): Tokens | null {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? 'null') as Tokens | null
  } catch {
    return null
  }
}

export const currentTokens = (): Tokens | null => tokens

/** Keeps the session for this browser; null forgets it. Other tabs follow. */
export function keepTokens(next: Tokens | null): void {
  tokens = next
  if (next) localStorage.setItem(KEPT, JSON.stringify(next))
  else localStorage.removeItem(KEPT)
  for (const watcher of watchers) watcher(next)
}

/** Called when the session begins, is renewed or ends, in this tab or another one. */
export function watchTokens(watcher: (tokens: Tokens | null) => void): void {
  watchers.add(watcher)
}

if (typeof window !== 'undefined')
  window.addEventListener('storage', (event) => {
    if (event.key !== KEPT && event.key !== null) return
    tokens = read()
    for (const watcher of watchers) watcher(tokens)
  })

async function ask(method: string, path: string, body: unknown, token: string | null): Promise<Response> {
  const headers: Record<string, string> = {}
  if (token) headers['authorization'] = `Bearer ${token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  try {
    return await fetch(`/api${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (error) {
    throw new NetworkError(String(error))
  }
}

/** Trades the refresh token once, whoever asks and in however many tabs; false when the session is over. */
export function renew(): Promise<boolean> {
  return (refreshing ??= inOneTab(renewNow).finally(() => (refreshing = null)))
}

const inOneTab = <T>(work: () => Promise<T>): Promise<T> =>
  'locks' in navigator ? navigator.locks.request('messenger.refresh', work) : work()

async function renewNow(): Promise<boolean> {
  const mine = tokens
  const kept = read()
  if (!mine || !kept) return false
  if (kept.access_token !== mine.access_token) {
    tokens = kept
    return true
  }
  const response = await ask('POST', '/auth/refresh', { refresh_token: mine.refresh_token }, null)
  if (response.ok) {
    const { access_token, refresh_token } = (await response.json()) as Tokens
    keepTokens({ user_id: mine.user_id, access_token, refresh_token })
    return true
  }
  // Only a clear no ends the session: a server that restarts or is busy has not said one.
  if (response.status === 401 || response.status === 403) {
    keepTokens(null)
    return false
  }
  throw new ApiError(
    response.status,
    (await response.json().catch(() => ({}))) as ErrorBody,
    response.headers,
  )
}

function pathOf(route: string, params: Record<string, unknown>, query: Record<string, unknown>): string {
  const path = route
    .slice(route.indexOf(' ') + 1)
    .replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])))
  const asked = Object.entries(query).filter(([, value]) => value !== undefined)
  const search = new URLSearchParams(asked.map(([name, value]) => [name, String(value)])).toString()
  return search === '' ? path : `${path}?${search}`
}

/** The one way to the server. Throws `ApiError` or `NetworkError`; an expired token is renewed once. */
export async function call<R extends keyof Routes>(
  route: R,
  ...[given]: Rest<Routes[R]>
): Promise<ResultOf<Routes[R]>> {
  return (await exchange(route, given as Asked)).value as ResultOf<Routes[R]>
}

/** All pages of a list whose answers name the next one in `X-Next-Cursor`. */
export async function callAll<R extends keyof Routes>(
  route: R,
  query: QueryOf<Routes[R]>,
): Promise<ResultOf<Routes[R]>> {
  const all: unknown[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await exchange(route, { query: { ...query, ...(cursor ? { cursor } : {}) } })
    all.push(...(page.value as unknown[]))
    cursor = page.headers.get('x-next-cursor')
  }
  return all as ResultOf<Routes[R]>
}

const FILE_ADDRESS = /^\/files\/(\d+)\/(download|preview)$/
const ROOM_PICTURE = /^\/chats\/(\d+)\/avatar\?.*\bsize=(\d+)/

/** Where the address of a file leads for now: a link for pictures and players, which can show no token. */
export async function linkTo(path: string): Promise<string> {
  const [, chat_id, size] = ROOM_PICTURE.exec(path) ?? []
  if (chat_id !== undefined) {
    const asked = { params: { chat_id: Number(chat_id) }, query: { size: Number(size) } }
    return (await call('GET /chats/:chat_id/avatar/link', asked)).url
  }
  const [, file_id, kind] = FILE_ADDRESS.exec(path) ?? []
  const links = await call('GET /files/:file_id/link', { params: { file_id: Number(file_id) } })
  return kind === 'preview' ? (links.preview_url ?? links.url) : links.url
}

/** Bytes on their way to the server that do not move for this long are lost. */
const STALLED_MS = 30_000

interface Upload {
  bytes: Blob
  filename: string
  /** Called with how much has gone, from 0 to 1. */
  onProgress: (share: number) => void
  signal: AbortSignal
}

/** Stores a file. Throws like `call`, and the signal's reason when it was called off. */
export async function upload(asked: Upload): Promise<StoredFile> {
  let answer = await put(asked)
  if (answer.status === 401 && tokens && (await renew())) answer = await put(asked)
  if (answer.ok) return (await answer.json()) as StoredFile
  throw new ApiError(answer.status, (await answer.json().catch(() => ({}))) as ErrorBody, answer.headers)
}

/** Somebody waits for a photo with nothing else to do. */
const PHOTO_GIVEN_UP_MS = 60_000

/** Stores a photo for a person or a room; its file's id. Throws like `upload`. */
export async function storePhoto(picture: Blob): Promise<number> {
  const filename = `photo.${picture.type === 'image/webp' ? 'webp' : 'png'}`
  const signal = AbortSignal.timeout(PHOTO_GIVEN_UP_MS)
  return (await upload({ bytes: picture, filename, onProgress: () => undefined, signal })).id
}

/** By XMLHttpRequest: fetch does not tell how much has gone. */
function put({ bytes, filename, onProgress, signal }: Upload): Promise<Response> {
  return new Promise((resolve, reject) => {
    const form = new FormData()
    form.append('file', bytes, filename)
    const request = new XMLHttpRequest()
    const lost = () => reject(new NetworkError('the upload was lost'))
    let stalled = setTimeout(() => request.abort(), STALLED_MS)
    request.upload.onprogress = ({ loaded, total }) => {
      clearTimeout(stalled)
      stalled = setTimeout(() => request.abort(), STALLED_MS)
      onProgress(total > 0 ? loaded / total : 0)
    }
    request.onload = () => {
      const after = request.getResponseHeader('retry-after')
      resolve(
        new Response(request.responseText, {
          status: request.status,
          headers: after === null ? {} : { 'retry-after': after },
        }),
      )
    }
    request.onerror = lost
    request.onabort = () => (signal.aborted ? reject(signal.reason as Error) : lost())
    request.onloadend = () => clearTimeout(stalled)
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.open('POST', '/api/files')
    if (tokens) request.setRequestHeader('authorization', `Bearer ${tokens.access_token}`)
    request.send(form)
  })
}

type Asked = { params?: object; query?: object; body?: unknown } | undefined

async function exchange(route: string, given: Asked): Promise<{ value: unknown; headers: Headers }> {
  const { params = {}, query = {}, body } = given ?? {}
  const method = route.slice(0, route.indexOf(' '))
  const path = pathOf(route, params as Record<string, unknown>, query as Record<string, unknown>)
  let response = await ask(method, path, body, tokens?.access_token ?? null)
  if (response.status === 401 && tokens && !path.startsWith('/auth/login') && (await renew()))
    response = await ask(method, path, body, tokens.access_token)
  const text = await response.text().catch((error: unknown) => {
    throw new NetworkError(String(error))
  })
  const value: unknown = text === '' ? null : parsed(text)
  if (!response.ok) throw new ApiError(response.status, (value ?? {}) as Partial<ErrorBody>, response.headers)
  return { value, headers: response.headers }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
