import packageJson from '../package.json' with { type: 'json' }
import { authRoutes } from './features/auth/routes.ts'
import { ensureFirstAdmin } from './features/auth/admin.ts'
import { liveSessions } from './features/auth/queries.ts'
import { Passwords } from './features/auth/passwords.ts'
import { ChatLists } from './features/chats/list.ts'
import { chatRoutes } from './features/chats/routes.ts'
import { History } from './features/messages/history.ts'
import { makePartitions } from './features/messages/queries.ts'
import { messageRoutes, sendOf, SENDING } from './features/messages/routes.ts'
import { Senders } from './features/messages/senders.ts'
import { MessageWriter } from './features/messages/writer.ts'
import { opsRoutes } from './features/ops/routes.ts'
import { Here } from './features/realtime/presence.ts'
import { Sockets } from './features/realtime/sockets.ts'
import { SearchIndexer } from './features/search/indexer.ts'
import { searchRoutes } from './features/search/routes.ts'
import { settingsRoutes } from './features/settings/routes.ts'
import { syncRoutes } from './features/sync/routes.ts'
import { userRoutes } from './features/users/routes.ts'
import { Door } from './http/door.ts'
import { HttpMetrics } from './http/metrics.ts'
import { openapi } from './http/openapi.ts'
import { Pages } from './http/pages.ts'
import { documentation } from './http/documentation.ts'
import { listen } from './http/listen.ts'
import { limited } from './http/serve.ts'
import { Sessions } from './http/session.ts'
import type { Resources } from './ports/resources.ts'

const MONTHS_AHEAD = 12
const PARTITIONS_EVERY_MS = 12 * 3600 * 1000

export interface App {
  url: string
  port: number
  /** Stops accepting, finishes what is in flight, closes sockets with 1012. */
  stop(): Promise<void>
}

/** The composition root: knows every room, holds no logic. `web` is the folder of the built client. */
export async function startApp(resources: Resources, web: string): Promise<App> {
  const { config, db, bus, presence, log } = resources
  const metrics = new HttpMetrics()
  const sessions = new Sessions(config.jwt_secret, (ids) => liveSessions(db, ids))
  const passwords = new Passwords()
  const senders = new Senders(db)
  const history = new History(db, senders)
  const lists = new ChatLists(db)
  const writer = new MessageWriter({ db, bus, senders, log, stored: (count) => metrics.messages.inc(count) })
  const here = new Here({ db, bus, presence, log })
  const sockets = new Sockets({
    db,
    bus,
    sessions,
    here,
    log,
    limited: config.rate_limits,
    send: async (caller, frame) => {
      await limited(resources, `send:${caller.id}`, SENDING)
      const { body } = await writer.write(
        sendOf(frame.chat_id, caller.id, { ...frame, type: frame.message_type ?? 'text' }),
      )
      return { body, message_type: 'text' }
    },
    userChanged: (user_id) => {
      senders.forget(user_id)
      lists.forget()
    },
    retell: (user_ids, since) => history.newestEvents(user_ids, since),
    opened: () => {
      metrics.sockets.inc()
      metrics.socketsOpened.inc()
    },
    closed: () => metrics.sockets.dec(),
  })

  const routes = [
    ...opsRoutes({ version: packageJson.version }),
    ...authRoutes({ sessions, passwords }),
    ...userRoutes,
    ...settingsRoutes,
    ...chatRoutes({ lists }),
    ...messageRoutes({ writer, history }),
    ...searchRoutes({ render: (found, user_id) => history.byIds(found, user_id) }),
    ...syncRoutes({ lists }),
  ]

  await ensureFirstAdmin(db, passwords, config, log)
  const partitions = async () => {
    if (await makePartitions(db, MONTHS_AHEAD))
      log.error('messages lie beyond the last partition: is the clock right?')
  }
  await partitions()
  const keepPartitions = setInterval(
    () =>
      void partitions().catch((error: unknown) => log.error({ err: error }, 'partitions could not be made')),
    PARTITIONS_EVERY_MS,
  )

  const indexer = new SearchIndexer({ db, log })

  const described = JSON.stringify(
    openapi(
      routes.map((route) => route.endpoint),
      packageJson.version,
    ),
  )
  const ownPages = {
    '/metrics': async () =>
      new Response(await metrics.registry.metrics(), {
        headers: { 'content-type': metrics.registry.contentType },
      }),
    ...documentation(described),
  }
  const server = listen({
    config,
    door: new Door(resources, sessions, metrics),
    pages: new Pages(web),
    routes,
    own: ownPages,
    websocket: sockets.handler,
    socketData: Sockets.data,
  })
  sockets.attach(server)

  return {
    url: server.url.href,
    port: server.port!,
    stop: async () => {
      clearInterval(keepPartitions)
      await indexer.close()
      const stopped = server.stop()
      await sockets.close()
      await writer.drained()
      await Promise.race([stopped, new Promise((late) => setTimeout(late, 3000))])
      await server.stop(true)
      await here.close()
      passwords.close()
    },
  }
}
