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
import { ChatNews } from './features/chats/news.ts'
import { chatRoutes } from './features/chats/routes.ts'
import { sweepAll, sweepLeftOver } from './features/chats/sweep.ts'
import { inviteRoutes } from './features/invites/routes.ts'
import { forwardRoutes } from './features/forwards/routes.ts'
import { Composer } from './features/messages/composer.ts'
import { redraw } from './features/files/redraw.ts'
import { fileRoutes } from './features/files/routes.ts'
import { Studio } from './features/files/studio.ts'
import { FileWork } from './features/files/work.ts'
import { History } from './features/messages/history.ts'
import { makePartitions } from './features/messages/queries.ts'
import { messageRoutes, SENDING } from './features/messages/routes.ts'
import { Senders } from './features/messages/senders.ts'
import { answerText } from './features/messages/wire.ts'
import { MessageWriter } from './features/messages/writer.ts'
import { opsRoutes } from './features/ops/routes.ts'
import { pinRoutes } from './features/pins/routes.ts'
import { reactionRoutes } from './features/reactions/routes.ts'
import { Here } from './features/realtime/presence.ts'
import { Sockets } from './features/realtime/sockets.ts'
import { SearchIndexer } from './features/search/indexer.ts'
import { searchRoutes } from './features/search/routes.ts'
import { settingsRoutes } from './features/settings/routes.ts'
import { Pictures } from './features/stickers/pictures.ts'
import { keepBuiltIn, stickerFor } from './features/stickers/queries.ts'
import { stickerRoutes } from './features/stickers/routes.ts'
import { sweepStickers } from './features/stickers/sweep.ts'
import { supportAccount } from './features/support/queries.ts'
import { supportRoutes } from './features/support/routes.ts'
import { syncRoutes } from './features/sync/routes.ts'
import { userRoutes } from './features/users/routes.ts'
import { blobs } from './http/blobs.ts'
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
  const { config, db, bus, presence, storage, log } = resources
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
    handedOver: () => sockets.idle(),
  })
  const news = new ChatNews({ db, bus, log, announce: (...said) => writer.announce(...said) })
  const composer = new Composer(db, (sticker_id) => stickerFor(db, sticker_id))
  const pictures = new Pictures()
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

  const studio = new Studio()
  const work = new FileWork({ db, storage, studio, log })
  const shown = (places: readonly { chat_id: number; id: number }[], viewer: number) =>
    history.shown(places, viewer)
  const support_id = await supportAccount(db)
  const say = async (chat_id: number, user_id: number, content: string) => {
    const { body } = await writer.write(await composer.compose({ chat_id, user_id }, { content }))
    return JSON.parse(`{${body}`) as Message
  }

  const routes = [
    ...opsRoutes({ version: packageJson.version }),
    ...authRoutes({ sessions, passwords, news }),
    ...userRoutes,
    ...settingsRoutes,
    ...chatRoutes({ lists, news }),
    ...inviteRoutes({ news }),
    ...messageRoutes({ writer, history, composer }),
    ...fileRoutes({ studio, work, pictured: (chat, by) => news.pictured(chat, by) }),
    ...reactionRoutes,
    ...pinRoutes({
      shown: (reader, rows) => history.messages(reader, rows),
      heard: (row) => history.message(row),
      announce: (chat_id, user_id, event) => writer.announce(chat_id, user_id, event),
    }),
    ...forwardRoutes({
      send: async (sends) =>
        (await writer.writeAll(sends)).map(({ message_type, body }) => answerText(message_type, body)),
    }),
    ...stickerRoutes({ pictures, redraw: (file, to) => redraw(file, to, { storage, studio }) }),
    ...searchRoutes({ render: (found, user_id) => history.byIds(found, user_id) }),
    ...syncRoutes({ lists }),
    ...adminRoutes({
      counted: () => tally.flush(),
      shown,
      sweep: (chat_ids) => sweepAll(resources, chat_ids),
    }),
    ...auditRoutes,
    ...supportRoutes({ support_id, send: say, shown }),
  ]

  await keepBuiltIn(db)
  await ensureFirstAdmin(db, passwords, config, log)
  const claim = await newClaim(db)
  await tally.reconcile()
  const partitions = async () => {
    if (await makePartitions(db, MONTHS_AHEAD))
      log.error('messages lie beyond the last partition: is the clock right?')
  }
  await partitions()
  void sweepLeftOver(resources)
  void sweepStickers(resources)
  const upkeep = setInterval(() => {
    void sweepLeftOver(resources)
    void sweepStickers(resources)
    void tally.reconcile()
    void partitions().catch((error: unknown) => log.error({ err: error }, 'partitions could not be made'))
  }, UPKEEP_EVERY_MS)

  const indexer = new SearchIndexer({ db, log })

  const described = JSON.stringify(
    openapi(
      routes.map((route) => route.endpoint),
      packageJson.version,
    ),
  )
  const door = new Door(resources, sessions, metrics)
  const ownPages = {
    '/files/blob/*': blobs(storage),
    '/stickers/assets/*': pictures.answer,
    '/metrics': async () =>
      new Response(await metrics.registry.metrics(), {
        headers: { 'content-type': metrics.registry.contentType },
      }),
    ...documentation(described),
  }
  const server = listen({
    config,
    door,
    pages: new Pages(web, storage.origin),
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
      await indexer.close()
      const stopped = server.stop()
      await news.close()
      await sockets.close()
      await writer.drained()
      await work.close()
      await Promise.race([stopped, new Promise((late) => setTimeout(late, 3000))])
      await server.stop(true)
      await tally.close()
      await here.close()
      passwords.close()
    },
  }
}
