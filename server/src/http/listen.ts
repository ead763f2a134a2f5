import type { Server, WebSocketHandler } from 'bun'
import type { Config } from '../config.ts'
import type { Door } from './door.ts'
import type { Pages } from './pages.ts'
import type { Route } from './serve.ts'
import { upgrade } from './upgrade.ts'

/** Each request has its own limit (`input.ts`, `multipart.ts`), and a body that nobody reads waits in its socket. */
const LARGEST_BODY = Number.MAX_SAFE_INTEGER
const IDLE_SECONDS = 60

interface Doorway<Data> {
  config: Config
  door: Door
  pages: Pages
  routes: readonly Route[]
  /** Pages of our own, by path. */
  own: Record<string, unknown>
  websocket: WebSocketHandler<Data>
  /** What a socket knows from its first moment on. */
  socketData: (token: string | null) => Data
}

/** Opens the one port of the messenger: the API, the sockets, the built client. */
export function listen<Data>(given: Doorway<Data>): Server<Data> {
  const { config, door, pages } = given
  return Bun.serve<Data>({
    hostname: config.host,
    port: config.port,
    routes: { ...door.routes(given.routes), ...given.own } as never,
    websocket: given.websocket,
    maxRequestBodySize: LARGEST_BODY,
    idleTimeout: IDLE_SECONDS,
    fetch: (request, self) => {
      const opened = upgrade(request, self, config, given.socketData)
      return opened === null ? (pages.answer(request) ?? door.unknown(request)) : opened
    },
    error: (error) => door.failed(error),
  })
}
