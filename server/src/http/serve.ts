import type { BodyOf, Endpoint, ParamsOf, QueryOf, ResultOf } from '@messenger/contract'
import type { Resources } from '../ports/resources.ts'
import { checker, coercer, readBody } from './input.ts'
import { Refusal } from './refusal.ts'
import type { Caller } from './session.ts'

export interface Call<E extends Endpoint, C = Caller> {
  /** The caller; null only for endpoints with `caller: 'optional' | 'public'`. */
  me: C
  params: ParamsOf<E>
  query: QueryOf<E>
  body: BodyOf<E>
  request: Request
  /** The caller's address, looked up through trusted proxies. */
  address: string
}

/** An answer that is not the endpoint's plain status with JSON made of its result. */
export class Answer {
  readonly status: number
  /** JSON that was made already, as text or as UTF-8, or null for no body. */
  readonly json: string | Uint8Array<ArrayBuffer> | null
  readonly headers: Record<string, string>
  constructor(status: number, json: Answer['json'], headers: Record<string, string> = {}) {
    this.status = status
    this.json = json
    this.headers = headers
  }
}

export type Handler<E extends Endpoint, C> = (
  call: Call<E, C>,
  resources: Resources,
) => Promise<ResultOf<E> | Answer> | ResultOf<E> | Answer

/** An endpoint with what answers it; `app.ts` gives it to the door. */
export interface Route {
  endpoint: Endpoint
  read: (request: Request & { params: Record<string, string> }) => Input | Promise<Input>
  handler: Handler<Endpoint, Caller | null>
}

interface Input {
  params: Record<string, unknown>
  query: Record<string, unknown>
  body: unknown
}

const NOTHING: Record<string, never> = {}
const takesAnything = (schema: { properties?: object }) => Object.keys(schema.properties ?? {}).length > 0

/** Ties a handler to its endpoint. The handler sees only input that satisfies the contract. */
export function serve<E extends Endpoint>(
  endpoint: E,
  handler: Handler<E, E['caller'] extends 'user' | 'admin' ? Caller : Caller | null>,
): Route {
  const params = takesAnything(endpoint.params) ? coercer(endpoint.params) : null
  const query = takesAnything(endpoint.query) ? coercer(endpoint.query) : null
  const body = endpoint.method !== 'GET' && endpoint.takes === 'json' ? checker(endpoint.body) : null
  const read: Route['read'] = (request) => {
    const asked = params ? params(request.params) : NOTHING
    const mark = query ? request.url.indexOf('?') : -1
    const wanted = query
      ? query(mark < 0 ? NOTHING : Object.fromEntries(new URLSearchParams(request.url.slice(mark + 1))))
      : NOTHING
    if (!body) return { params: asked, query: wanted, body: NOTHING }
    return readBody(request).then((value) => {
      body(value)
      return { params: asked, query: wanted, body: value }
    })
  }
  return { endpoint, read, handler: handler as unknown as Route['handler'] }
}

/** Answers JSON with a status of its own, as 200 instead of 201. */
export const answer = (status: number, value: unknown): Answer =>
  new Answer(status, value === null ? null : JSON.stringify(value))

/** Leads elsewhere. */
export const redirect = (location: string, cache = 'no-store'): Answer =>
  new Answer(302, null, { location, 'cache-control': cache })

/** Takes one token for this caller, or refuses with the time to wait. */
export async function limited(resources: Resources, key: string, rate: { burst: number; perSecond: number }) {
  if (!resources.config.rate_limits) return
  const wait = await resources.limits.take(key, rate)
  if (wait > 0) throw new Refusal('rate_limited', { retry_after: wait })
}
