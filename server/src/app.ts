import type { Message } from '@messenger/contract'
import packageJson from '../package.json' with { type: 'json' }
import { newClaim } from './features/admin/claim.ts'
import { adminRoutes } from './features/admin/routes.ts'
import { Tally } from './features/admin/tally.ts'
import { auditRoutes } from './features/audit/routes.ts'
import { authRoutes } from './features/auth/routes.ts'
import { ensureFirstAdmin } from './features/auth/admin.ts'
import { liveSessions } from './features/auth/queries.ts'
import { Passwords } from './features/auth/passwords.ts'
import { ChatLists } from './features/chats/list.ts'
import { chatRoutes } from './features/chats/routes.ts'
import { Composer } from './features/messages/composer.ts'
import { History } from './features/messages/history.ts'
import { makePartitions } from './features/messages/queries.ts'
import { messageRoutes, SENDING } from './features/messages/routes.ts'
import { Senders } from './features/messages/senders.ts'
import { MessageWriter } from './features/messages/writer.ts'
import { opsRoutes } from './features/ops/routes.ts'
import { Here } from './features/realtime/presence.ts'
import { Sockets } from './features/realtime/sockets.ts'
import { settingsRoutes } from './features/settings/routes.ts'
import { supportAccount } from './features/support/queries.ts'
import { supportRoutes } from './features/support/routes.ts'
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
const UPKEEP_EVERY_MS = 12 * 3600 * 1000

export interface App {
  url: string
  port: number
  /** Opens the room of the first admin to whoever shows it; null when there is one. */
  claim: string | null
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
  const tally = new Tally(db, log)
  const writer = new MessageWriter({
    db,
    bus,
    senders,
    log,
    stored: (sends) => {
      metrics.messages.inc(sends.length)
      tally.stored(sends)
    },
  })
  const composer = new Composer({ db, file: async () => null, sticker: async () => null })
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
      const { message_type: type, chat_id, ...message } = frame
      const send = await composer.compose({ chat_id, user_id: caller.id }, { ...message, type: type ?? null })
      return writer.write(send)
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

  const shown = (places: readonly { chat_id: number; id: number }[]) => history.shown(places)
  const support_id = await supportAccount(db)
  const say = async (chat_id: number, user_id: number, content: string) => {
    const { body } = await writer.write(await composer.compose({ chat_id, user_id }, { content }))
    return JSON.parse(`{${body}`) as Message
  }

  const routes = [
    ...opsRoutes({ version: packageJson.version }),
    ...authRoutes({ sessions, passwords }),
    ...userRoutes,
    ...settingsRoutes,
    ...chatRoutes({ lists }),
    ...messageRoutes({ writer, history, composer }),
    ...syncRoutes({ lists }),
    ...adminRoutes({ counted: () => tally.flush(), shown }),
    ...auditRoutes,
    ...supportRoutes({ support_id, send: say, shown }),
  ]

  await ensureFirstAdmin(db, passwords, config, log)
  const claim = await newClaim(db)
  await tally.reconcile()
  const partitions = async () => {
    if (await makePartitions(db, MONTHS_AHEAD))
      log.error('messages lie beyond the last partition: is the clock right?')
  }
  await partitions()
  const upkeep = setInterval(() => {
    void tally.reconcile()
    void partitions().catch((error: unknown) => log.error({ err: error }, 'partitions could not be made'))
  }, UPKEEP_EVERY_MS)

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
    claim,
    stop: async () => {
      clearInterval(upkeep)
      const stopped = server.stop()
      await sockets.close()
      await writer.drained()
      await Promise.race([stopped, new Promise((late) => setTimeout(late, 3000))])
      await server.stop(true)
      await tally.close()
      await here.close()
      passwords.close()
    },
  }
}
