import type { Server } from 'bun'
import type { Resources } from '../ports/resources.ts'
import { DatabaseUnavailable } from '../ports/db/port.ts'
import { StorageUnavailable } from '../ports/storage/port.ts'
import type { HttpMetrics } from './metrics.ts'
import { Proxies } from './proxies.ts'
import { Refusal } from './refusal.ts'
import { Answer, type Route } from './serve.ts'
import type { Caller, Sessions } from './session.ts'

type BunRequest = Request & { params: Record<string, string> }
type Methods = Record<string, (request: BunRequest, server: Server<unknown>) => Response | Promise<Response>>

const process_prefix = Math.random().toString(36).slice(2, 8)
let requests = 0

/** Unique enough to find a request in the logs of all nodes. */
const requestId = () => `${process_prefix}-${(++requests).toString(36)}`

interface Refused {
  headers?: Record<string, string>
  /** The path of the route that was asked. */
  pattern?: string
}

/** What the log calls a request: never a path with a token in it, which whoever reads the log could use. */
const loggedPath = (request: Request, pattern = '') =>
  pattern.includes(':token') ? pattern : new URL(request.url).pathname

/** Pages of our own that are no endpoints of the contract, by path. */
export type OwnPages = Record<string, (request: Request) => Response | Promise<Response>>

const answerOf = async (page: OwnPages[string], request: Request) => page(request)

/**
 * The doorway: every route at the root and under `/api`, the caller, the answer or the refusal, its id, its metrics.
 */
export class Door {
  readonly #resources: Resources
  readonly #sessions: Sessions
  readonly #metrics: HttpMetrics
  readonly #origins: ReadonlySet<string>
  readonly #proxies: Proxies
  readonly #methods = new Map<string, string[]>()

  constructor(resources: Resources, sessions: Sessions, metrics: HttpMetrics) {
    this.#resources = resources
    this.#sessions = sessions
    this.#metrics = metrics
    this.#origins = new Set(resources.config.cors_origins)
    this.#proxies = new Proxies(resources.config.trusted_proxies)
  }

  /** The table for `Bun.serve({ routes })`. */
  routes(routes: readonly Route[]): Record<string, Methods> {
    const table: Record<string, Methods> = {}
    for (const route of routes) {
      const { method, path } = route.endpoint
      const observe = this.#metrics.route(method, path)
      const handle = (request: BunRequest, server: Server<unknown>) =>
        this.#handle(route, observe, request, server)
      for (const prefix of ['', '/api']) (table[prefix + path] ??= {})[method] = handle
    }
    return this.#closed(table)
  }

  /** The same for pages of our own: refusals, metrics and what every answer carries are as a route's. */
  pages(own: OwnPages): Record<string, Methods> {
    const table: Record<string, Methods> = {}
    for (const [path, page] of Object.entries(own)) {
      const observe = this.#metrics.route('GET', path)
      const GET = async (request: BunRequest) => {
        const started = performance.now()
        const response = await answerOf(page, request).catch((error: unknown) =>
          this.refuse(error, request, requestId()),
        )
        observe(response.status, (performance.now() - started) / 1000)
        return this.named(response, request)
      }
      for (const prefix of ['', '/api']) table[prefix + path] = { GET }
    }
    return this.#closed(table)
  }

  /** Gives an answer that no route made what every answer carries. */
  named(response: Response, request: Request): Response {
    if (!response.headers.has('x-request-id')) response.headers.set('x-request-id', requestId())
    for (const [name, value] of Object.entries(this.cors(request))) response.headers.set(name, value)
    return response
  }

  /** Answers the methods that a path has nothing for. */
  #closed(table: Record<string, Methods>): Record<string, Methods> {
    for (const [path, methods] of Object.entries(table)) {
      const allowed = Object.keys(methods)
      this.#methods.set(path, allowed)
      const refuse = (request: BunRequest) =>
        request.method === 'OPTIONS'
          ? this.options(request)
          : this.refuse(new Refusal('method_not_allowed'), request, requestId(), {
              headers: { allow: allowed.join(', ') },
            })
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])
        if (!(method === 'HEAD' && methods['GET'])) methods[method] ??= refuse
    }
    return table
  }

  /** What no route answers. */
  unknown(request: Request): Response {
    if (request.method === 'OPTIONS') return this.options(request)
    return this.refuse(new Refusal('not_found'), request, requestId())
  }

  options(request: Request): Response {
    return new Response(null, {
      status: 204,
      headers: {
        ...this.cors(request),
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
        'access-control-allow-headers': 'authorization, content-type',
        'access-control-max-age': '600',
        'x-request-id': requestId(),
      },
    })
  }

  cors(request: Request): Record<string, string> {
    const origin = request.headers.get('origin')
    if (!origin || !(this.#origins.has(origin) || this.#origins.has('*'))) return {}
    return {
      'access-control-allow-origin': origin,
      vary: 'Origin',
      'access-control-expose-headers': 'X-Request-Id, Retry-After, X-Next-Cursor',
    }
  }

  /** The caller's, looked up through trusted proxies; '' when the connection is gone. */
  address(request: Request, server: Server<unknown>): string {
    const peer = server.requestIP(request)?.address ?? ''
    return this.#proxies.clientOf(peer, request.headers.get('x-forwarded-for'))
  }

  async #handle(
    route: Route,
    observe: (status: number, seconds: number) => void,
    request: BunRequest,
    server: Server<unknown>,
  ): Promise<Response> {
    const id = requestId()
    const started = performance.now()
    let response: Response
    try {
      const me = await this.#caller(route.endpoint.caller, request)
      const input = await route.read(request)
      const address = () => this.address(request, server)
      // Looked up by those who ask: most do not.
      const call = {
        me,
        ...input,
        request,
        get address() {
          return address()
        },
      }
      const result = await route.handler(call as never, this.#resources)
      response = this.#answer(route, result, request, id)
    } catch (error) {
      response = this.refuse(error, request, id, { pattern: route.endpoint.path })
    }
    observe(response.status, (performance.now() - started) / 1000)
    return response
  }

  #caller(kind: Route['endpoint']['caller'], request: Request): Caller | null | Promise<Caller | null> {
    if (kind === 'public') return null
    const header = request.headers.get('authorization')
    if (header === null && kind === 'optional') return null
    const token = header?.startsWith('Bearer ') ? header.slice(7) : null
    if (!token) throw new Refusal('unauthorized')
    const caller = this.#sessions.caller(token)
    if (kind !== 'admin') return caller
    return caller instanceof Promise ? caller.then(admin) : admin(caller)
  }

  #answer(route: Route, result: unknown, request: Request, id: string): Response {
    const given = result instanceof Answer ? result : null
    const status = given?.status ?? route.endpoint.status
    const json = given ? given.json : status === 204 ? null : JSON.stringify(result)
    const headers: Record<string, string> = { 'x-request-id': id, 'cache-control': 'no-store' }
    if (json !== null) headers['content-type'] = 'application/json; charset=utf-8'
    if (given) Object.assign(headers, given.headers)
    if (this.#origins.size) Object.assign(headers, this.cors(request))
    return new Response(sendable(json), { status, headers })
  }

  /** What the runtime could not even hand to a route. */
  failed(error: unknown): Response {
    return this.refuse(error, new Request('http://unread/'), requestId())
  }

  refuse(error: unknown, request: Request, id: string, { headers = {}, pattern }: Refused = {}): Response {
    const refusal = this.#refusal(error, request, id, pattern)
    return new Response(JSON.stringify(refusal.body()), {
      status: refusal.status,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
        'x-request-id': id,
        ...refusal.headers(),
        ...this.cors(request),
        ...headers,
      },
    })
  }

  #refusal(error: unknown, request: Request, id: string, pattern: string | undefined): Refusal {
    if (error instanceof Refusal) return error
    const path = loggedPath(request, pattern)
    if (error instanceof DatabaseUnavailable) {
      this.#resources.log.warn(
        { request_id: id, method: request.method, path, err: error },
        'the database did not answer',
      )
      return new Refusal('unavailable', { retry_after: 1 })
    }
    if (error instanceof StorageUnavailable) {
      this.#resources.log.warn({ request_id: id, method: request.method, path, err: error }, error.message)
      return new Refusal('unavailable', {
        retry_after: 5,
        error: 'The storage for files cannot be reached right now.',
      })
    }
    this.#resources.log.error(
      { request_id: id, method: request.method, path, err: error },
      'a request failed',
    )
    return new Refusal('internal')
  }
}

/** The rights are those of the live account: what the token says of them may be an hour old. */
function admin(caller: Caller): Caller {
  if (!caller.is_admin) throw new Refusal('not_allowed')
  return caller
}

/** What leaves in one write together with its headers: the runtime's own buffer, less room for them. */
const WHOLE_MAX = 15 * 1024

/**
 * A larger body that comes later than its request's own turn is sent by Bun 1.4.5 with a system call for each header
 * and separator, 19 in all. As a direct stream that holds all of it until it ends it takes one (docs/decisions/0005).
 */
function sendable(json: Answer['json']): ConstructorParameters<typeof Response>[0] {
  if (json === null || json.length < WHOLE_MAX) return json
  const source = {
    type: 'direct',
    pull(controller: ReadableStreamDirectController) {
      void controller.write(json)
      void controller.end()
    },
  }
  const bytes_max = typeof json === 'string' ? json.length * 3 : json.length
  return new ReadableStream(source as unknown as ConstructorParameters<typeof ReadableStream>[0], {
    highWaterMark: bytes_max + 1,
  })
}
