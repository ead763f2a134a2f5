import type { Server, WebSocketHandler } from 'bun'
import type { Config } from '../config.ts'
import type { Door, OwnPages } from './door.ts'
import type { Pages } from './pages.ts'
import type { Route } from './serve.ts'
import { upgrade } from './upgrade.ts'

/** Each request has its own limit (`input.ts`, `multipart.ts`), and a body that nobody reads waits in its socket. */
const LARGEST_BODY = 2 ** 40
const IDLE_SECONDS = 60

interface Doorway<Data> {
  config: Config
  door: Door
  pages: Pages
  routes: readonly Route[]
  own: OwnPages
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
    routes: { ...door.routes(given.routes), ...door.pages(given.own) } as never,
    websocket: given.websocket,
    maxRequestBodySize: LARGEST_BODY,
    idleTimeout: IDLE_SECONDS,
    fetch: (request, self) => {
      const opened = upgrade(request, self, config, given.socketData)
      if (opened === undefined) return undefined
      const answer = opened ?? pages.answer(request)
      return answer ? door.named(answer, request) : door.unknown(request)
    },
    error: (error) => door.failed(error),
  })
}
