import {
  createChat,
  login,
  register,
  type BodyOf,
  type ClientFrame,
  type Endpoint,
  type ErrorBody,
  type ParamsOf,
  type QueryOf,
  type RefusalCode,
  type ResultOf,
  type ServerEvent,
  type StoredFile,
} from '@messenger/contract'
import { rmSync } from 'node:fs'
import { pino, type Logger } from 'pino'
import { startApp, type App } from '../app.ts'
import { readConfig, type Config } from '../config.ts'
import { openEmbeddedBus } from '../ports/bus/embedded.ts'
import { openRedisBus } from '../ports/bus/redis.ts'
import type { Db, Queries } from '../ports/db/port.ts'
import { openPostgres } from '../ports/db/postgres.ts'
import { openEmbeddedLimits } from '../ports/limits/embedded.ts'
import { openRedisLimits } from '../ports/limits/redis.ts'
import { openEmbeddedPresence } from '../ports/presence/embedded.ts'
import { openStorage } from '../ports/open.ts'
import { openRedisPresence } from '../ports/presence/redis.ts'
import type { Resources } from '../ports/resources.ts'
import { freshDatabase, scratchFolder } from './postgres.ts'
import { until } from './until.ts'

export const PASSWORD = 'correct horse'

type Empty<T> = keyof T extends never ? true : false
type Given<E extends Endpoint> = (Empty<ParamsOf<E>> extends true
  ? { params?: ParamsOf<E> }
  : { params: ParamsOf<E> }) & { query?: QueryOf<E>; body?: BodyOf<E> }

/** What the server said no with. */
export class ApiRefusal extends Error {
  readonly status: number
  readonly code: RefusalCode
  readonly field: string | undefined
  readonly retry_after: number | null
  constructor(status: number, body: ErrorBody, retry_after: string | null) {
    super(`${status} ${body.code}: ${body.error}`)
    this.status = status
    this.code = body.code
    this.field = body.field
    this.retry_after = retry_after === null ? null : Number(retry_after)
  }
}

const pathOf = (endpoint: Endpoint, params: Record<string, unknown> = {}) =>
  endpoint.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])))

interface Asked {
  params?: object
  query?: object
  /** Sent as JSON; a form as it is. */
  body?: object
}

/** Asks as any client does; a redirection is an answer and not followed. */
function ask(url: string, endpoint: Endpoint, { params, query, body }: Asked, token?: string) {
  const words = new URLSearchParams(
    Object.entries(query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
  )
  const json = body !== undefined && !(body instanceof FormData)
  return fetch(`${url}api${pathOf(endpoint, params as never)}${words.size ? `?${words}` : ''}`, {
    method: endpoint.method,
    redirect: 'manual',
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(json ? { 'content-type': 'application/json' } : {}),
    },
    ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : (body as FormData) }),
  })
}

/** The status of an answer, whatever it is. */
export async function statusOf(
  url: string,
  endpoint: Endpoint,
  given: Asked,
  token?: string,
): Promise<number> {
  const response = await ask(url, endpoint, given, token)
  await response.arrayBuffer()
  return response.status
}

/** A call as any client makes it; refusals are thrown as `ApiRefusal`. */
export async function call<E extends Endpoint>(
  url: string,
  endpoint: E,
  given: Asked = {},
  token?: string,
): Promise<ResultOf<E>> {
  const response = await ask(url, endpoint, given, token)
  const text = await response.text()
  const value = (text === '' ? null : JSON.parse(text)) as ResultOf<E>
  if (!response.ok)
    throw new ApiRefusal(response.status, value as ErrorBody, response.headers.get('retry-after'))
  return value
}

type EventType = ServerEvent['type']
type EventOf<T extends EventType> = Extract<ServerEvent, { type: T }>

/** A socket as a client holds it. */
export class Ears {
  readonly heard: ServerEvent[] = []
  readonly socket: WebSocket
  closed: { code: number; reason: string } | null = null
  readonly #taken = new Set<ServerEvent>()

  constructor(url: string, query = '') {
    this.socket = new WebSocket(`${url.replace(/^http/, 'ws')}ws${query}`)
    this.socket.onmessage = (event) => void this.heard.push(JSON.parse(String(event.data)) as ServerEvent)
    this.socket.onclose = ({ code, reason }) => void (this.closed = { code, reason })
  }

  async opened(): Promise<void> {
    await this.#until('the socket opens', () => this.socket.readyState === WebSocket.OPEN)
  }

  /** A socket that is closed is not waited for: it hears nothing any more. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    await until(what, () => {
      const met = condition()
      if (!met && this.closed) throw new Error(`closed with ${this.closed.code} before ${what}`)
      return met
    })
  }

  say(frame: ClientFrame | object): void {
    this.socket.send(JSON.stringify(frame))
  }

  /** The next event of this type that no earlier call took, waited for. */
  async next<T extends EventType>(
    type: T,
    matches: (event: EventOf<T>) => boolean = () => true,
  ): Promise<EventOf<T>> {
    const find = () =>
      this.heard.find(
        (event) => event.type === type && !this.#taken.has(event) && matches(event as EventOf<T>),
      )
    await this.#until(`the socket hears ${type}`, () => find() !== undefined)
    const event = find()!
    this.#taken.add(event)
    return event as EventOf<T>
  }

  all<T extends EventType>(type: T): EventOf<T>[] {
    return this.heard.filter((event): event is EventOf<T> => event.type === type)
  }

  /** Everything that was published before this call has arrived when it resolves. */
  async settled(): Promise<void> {
    const pongs = this.all('pong').length
    await new Promise((turn) => setTimeout(turn, 25))
    this.say({ type: 'ping' })
    await this.#until('the socket answers a ping', () => this.all('pong').length > pongs)
  }

  close(): void {
    this.socket.close()
  }
}

type Body = NonNullable<RequestInit['body']>

/** Somebody with an account and a session, speaking to one node. */
export class Person {
  readonly id: number
  readonly username: string
  readonly tokens: ResultOf<typeof login>
  readonly url: string
  readonly #ears: Ears[]

  constructor(username: string, tokens: ResultOf<typeof login>, url: string, ears: Ears[]) {
    this.id = tokens.user_id
    this.username = username
    this.tokens = tokens
    this.url = url
    this.#ears = ears
  }

  call<E extends Endpoint>(
    endpoint: E,
    ...[given]: Given<E> extends { params: object } ? [Given<E>] : [Given<E>?]
  ) {
    return call(this.url, endpoint, given as object, this.tokens.access_token)
  }

  /** The refusal of a call that has to be refused. */
  async refused<E extends Endpoint>(
    endpoint: E,
    ...[given]: Given<E> extends { params: object } ? [Given<E>] : [Given<E>?]
  ): Promise<ApiRefusal> {
    const result = await call(this.url, endpoint, given as object, this.tokens.access_token).then(
      (value) => value,
      (error: unknown) => error,
    )
    if (result instanceof ApiRefusal) return result
    throw new Error(`${endpoint.method} ${endpoint.path} was not refused: ${JSON.stringify(result)}`)
  }

  /** A form as a browser sends it, with one file or what is given instead. */
  post(form: Body, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}api/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.tokens.access_token}`, ...headers },
      body: form,
    })
  }

  /** A stored file; refusals are thrown as `ApiRefusal`. */
  async upload(content: string | Uint8Array<ArrayBuffer>, filename: string): Promise<StoredFile> {
    const form = new FormData()
    form.append('file', new Blob([content]), filename)
    const response = await this.post(form)
    const value: unknown = await response.json()
    if (!response.ok)
      throw new ApiRefusal(response.status, value as ErrorBody, response.headers.get('retry-after'))
    return value as StoredFile
  }

  /** Where a redirect leads, as an address that can be fetched; the status of anything else. */
  async leads(path: string): Promise<string | number> {
    const response = await fetch(`${this.url}api${path}`, {
      headers: { authorization: `Bearer ${this.tokens.access_token}` },
      redirect: 'manual',
    })
    const location = response.headers.get('location')
    return response.status === 302 && location ? new URL(location, this.url).href : response.status
  }

  /** An authenticated socket. */
  async listen(options: { active?: boolean } = {}): Promise<Ears> {
    const ears = new Ears(this.url)
    this.#ears.push(ears)
    await ears.opened()
    ears.say({ type: 'auth', token: this.tokens.access_token, ...options })
    await ears.next('auth_ok')
    return ears
  }

  /** The same person on another node. */
  at(url: string): Person {
    return new Person(this.username, this.tokens, url, this.#ears)
  }
}

export interface WorldOptions {
  /** Environment of every node, as an operator would set it. */
  env?: Record<string, string>
  redis_url?: string
  nodes?: number
  /** Instead of one that says nothing. */
  log?: Logger
}

/** A whole server (or several nodes) on a fresh database, spoken to as a client. */
export class World {
  readonly db: TestDb
  readonly nodes: App[]
  readonly resources: TestResources[]
  readonly #drop: () => Promise<void>
  readonly #ears: Ears[] = []

  constructor(nodes: App[], resources: TestResources[], drop: () => Promise<void>) {
    this.nodes = nodes
    this.db = resources[0]!.db
    this.resources = resources
    this.#drop = drop
  }

  get url(): string {
    return this.nodes[0]!.url
  }

  get config(): Config {
    return this.resources[0]!.config
  }

  /** Registers and signs in. A username is unique in a world; the name given is its beginning. */
  async user(name: string, node = 0): Promise<Person> {
    const url = this.nodes[node]!.url
    const username = name.length < 3 ? `${name}___` : name
    await call(url, register, { body: { username, email: `${username}@example.org`, password: PASSWORD } })
    return this.signIn(username, node)
  }

  async signIn(username: string, node = 0): Promise<Person> {
    const url = this.nodes[node]!.url
    const tokens = await call(url, login, { body: { username, password: PASSWORD } })
    return new Person(username, tokens, url, this.#ears)
  }

  /** A direct chat. */
  async chat(one: Person, other: Person): Promise<number> {
    return (await one.call(createChat, { body: { type: 'direct', member_ids: [other.id] } })).id
  }

  async group(owner: Person, members: Person[], title = 'A group'): Promise<number> {
    const body = { type: 'group' as const, title, member_ids: members.map((member) => member.id) }
    return (await owner.call(createChat, { body })).id
  }

  async channel(owner: Person, members: Person[], title = 'A channel'): Promise<number> {
    const body = { type: 'channel' as const, title, member_ids: members.map((member) => member.id) }
    return (await owner.call(createChat, { body })).id
  }

  async close(): Promise<void> {
    for (const ears of this.#ears) ears.close()
    await Promise.all(this.nodes.map((node) => node.stop()))
    for (const { db, bus, presence, limits, storage } of this.resources)
      await Promise.all([db.close(), bus.close(), presence.close(), limits.close(), storage.close()])
    await this.#drop()
  }
}

/** Its pool and its lines: all that takes statements. */
interface TestDb extends Db {
  readonly lines: Queries[]
}

async function openTestDb(url: string): Promise<TestDb> {
  const db = await openPostgres(url, { max: 6 })
  const lines: Queries[] = []
  const line = () => {
    const opened = db.line()
    lines.push(opened)
    return opened
  }
  return { ...db, line, lines }
}

type TestResources = Resources & { readonly db: TestDb }

async function openTestResources(
  url: string,
  data_dir: string,
  options: WorldOptions,
): Promise<TestResources> {
  const log = options.log ?? pino({ level: process.env['TEST_LOG'] ?? 'silent' })
  const config = readConfig({
    PORT: '0',
    DATA_DIR: data_dir,
    DATABASE_URL: url,
    JWT_SECRET: 'a secret that only tests know, 32+',
    RATE_LIMITS: 'off',
    ...(options.redis_url ? { REDIS_URL: options.redis_url } : {}),
    ...options.env,
  })
  const { redis_url } = options
  const complete = { ...config, jwt_secret: config.jwt_secret! }
  return {
    config: complete,
    log,
    storage: await openStorage(complete, log),
    db: await openTestDb(url),
    bus: redis_url ? await openRedisBus(redis_url, log) : openEmbeddedBus(),
    presence: redis_url ? await openRedisPresence(redis_url, log) : openEmbeddedPresence(),
    limits: redis_url ? await openRedisLimits(redis_url, log) : openEmbeddedLimits(),
  }
}

export async function newWorld(options: WorldOptions = {}): Promise<World> {
  const { url, drop } = await freshDatabase()
  const data_dir = scratchFolder()
  const resources = await Promise.all(
    Array.from({ length: options.nodes ?? 1 }, () => openTestResources(url, data_dir, options)),
  )
  const nodes = await Promise.all(resources.map((one) => startApp(one, '/nowhere')))
  return new World(nodes, resources, async () => {
    await drop()
    rmSync(data_dir, { recursive: true, force: true })
  })
}
