import { CLOSE, type ClientFrame, type ServerEvent } from '@messenger/contract'
import type { Server, ServerWebSocket, WebSocketHandler } from 'bun'
import type { Logger } from 'pino'
import { decode } from '../../http/input.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Caller, Sessions } from '../../http/session.ts'
import type { Audience, Bus } from '../../ports/bus/port.ts'
import { tell, tellNodes, type NodeEvent } from '../../ports/bus/tell.ts'
import { DatabaseUnavailable, type Db } from '../../ports/db/port.ts'
import { chatsOf, isMember } from '../chats/queries.ts'
import { clientIdIn, errorFrame, readFrame } from './frames.ts'
import { Pacing } from './pacing.ts'
import type { Here } from './presence.ts'
import { membersAmong, membershipsOf } from './queries.ts'

/** What a socket carries; small, because there are many. */
export interface SocketData {
  caller: Caller | null
  /** The token from the URL, until it was used. */
  token: string | null
  active: boolean
  /** When it was opened or, later, when it asked to sign in: ms since 1970. */
  waiting_since: number
  /** What has to wait until the socket is signed in; null once it is, and before it tries. */
  entering: Entering | null
  /** The flood bucket: tokens left and when they were counted. */
  frames: number
  counted: number
}
export type Socket = ServerWebSocket<SocketData>

interface Entering {
  /** Chats joined and left while the socket's own list was being read. */
  readonly moved: Map<number, boolean>
  /** Frames that a client sent behind its `auth` without waiting for the answer. */
  readonly held: ClientFrame[]
}

/** Sends a message frame; resolves to the message's JSON without `type`. */
export type SendFrame = (
  caller: Caller,
  frame: Extract<ClientFrame, { type: 'message' }>,
) => Promise<{ body: string; message_type: string }>

interface Deps {
  db: Db
  bus: Bus
  sessions: Sessions
  here: Here
  log: Logger
  send: SendFrame
  /** Somebody's name or rights changed: what was remembered of them is stale. */
  userChanged: (user_id: number) => void
  /** Tells the newest change of these people's chats once more, to those on this node. */
  retell: (user_ids: number[], since: Date) => Promise<{ chat_id: number; text: string }[]>
  limited: boolean
  opened: () => void
  closed: () => void
}

const UNAUTHENTICATED_MS = 10_000
/** A reader this far behind is cut off, in bytes; the hard limit is where the runtime cuts by itself. */
const BEHIND_MAX = 1024 * 1024
const BEHIND_HARD_MAX = 16 * BEHIND_MAX
/** Readers are looked at after this many published bytes. */
const LOOK_AFTER_BYTES = 256 * 1024
/** An unauthenticated socket may hold this many frames. */
const HELD_MAX = 16
const FRAME_BURST = 200
const FRAMES_PER_SECOND = 50
/** Sessions of open sockets are confirmed with the database this often, should the news of their end have been lost. */
const CONFIRM_EVERY_MS = 15_000
const CONFIRM_CHUNK = 1000
/** Nodes that come back together are heeded together. */
const RECOVER_AFTER_MS = 200

/** Signing in makes garbage: after this many, memory is given back as soon as nothing has happened for a while. */
const BURST = 500
const QUIET_MS = 1500

const PONG = '{"type":"pong"}'
const RESYNC = '{"type":"resync"}'

const clientIdOf = (frame: ClientFrame) => (frame.type === 'message' ? frame.client_id : undefined)

/** The only holder of sockets. */
export class Sockets {
  readonly #deps: Deps
  readonly #sockets = new Set<Socket>()
  readonly #byUser = new Map<number, Socket | Socket[]>()
  readonly #waiting = new Set<Socket>()
  readonly #timers: ReturnType<typeof setInterval>[]
  readonly #pacing: Pacing
  #server: Server<SocketData> | null = null
  #publishedBytes = 0
  #closing = false
  readonly #opened = { since_tidied: 0, busy: false }
  #recovering: { since: Date } | null = null
  /** Comings that are being confirmed, and whether somebody moved in that chat meanwhile. */
  readonly #confirming = new Set<{ chat_id: number; moved: boolean }>()

  constructor(deps: Deps) {
    this.#deps = deps
    this.#pacing = new Pacing({
      publish: (topic, text) => this.#server?.publish(topic, text),
      listeners: (topic) => this.#server?.subscriberCount(topic) ?? 0,
    })
    this.#timers = [
      setInterval(() => this.#closeUnauthenticated(), 1000),
      setInterval(() => this.#cutOffSlowReaders(), 200),
      setInterval(() => void this.#confirmSessions(), CONFIRM_EVERY_MS),
      setInterval(() => this.#tidyAfterBurst(), QUIET_MS),
    ]
    deps.bus.listen((audience, text) => this.#deliver(audience, text))
    deps.bus.onRecovered((since) => tellNodes(deps.bus, { type: 'lost', since: since.toISOString() }))
  }

  get open(): number {
    return this.#sockets.size
  }

  attach(server: Server<SocketData>): void {
    this.#server = server
  }

  /** A socket's beginnings, for `server.upgrade`. */
  static data(token: string | null): SocketData {
    const now = Date.now()
    return {
      caller: null,
      token,
      active: true,
      waiting_since: now,
      entering: null,
      frames: FRAME_BURST,
      counted: now,
    }
  }

  readonly handler: WebSocketHandler<SocketData> = {
    maxPayloadLength: 64 * 1024,
    idleTimeout: 120,
    backpressureLimit: BEHIND_HARD_MAX,
    closeOnBackpressureLimit: true,
    sendPings: true,
    perMessageDeflate: false,
    open: (socket) => {
      this.#sockets.add(socket)
      this.#opened.since_tidied++
      this.#opened.busy = true
      this.#deps.opened()
      if (this.#closing) return socket.close(CLOSE.restarting, 'restarting')
      const { token } = socket.data
      socket.data.token = null
      this.#waiting.add(socket)
      if (token) void this.#auth(socket, token, true)
    },
    message: (socket, data) => this.#hear(socket, data),
    close: (socket) => this.#forget(socket),
  }

  /** The loop waits for something else: what is held back for many may leave. */
  idle(): void {
    this.#pacing.idle()
  }

  /** Tells everyone that the server restarts, and waits until they are gone. */
  async close(): Promise<void> {
    this.#closing = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#pacing.close()
    for (const socket of [...this.#sockets]) socket.close(CLOSE.restarting, 'restarting')
    for (let turn = 0; this.#sockets.size > 0 && turn < 100; turn++)
      await new Promise((next) => setTimeout(next, 10))
  }

  #hear(socket: Socket, data: string | Buffer): void {
    if (this.#deps.limited && this.#floods(socket)) return socket.close(CLOSE.flooding, 'flooding')
    let frame: ClientFrame
    try {
      frame = readFrame(typeof data === 'string' ? data : decode(data))
    } catch (error) {
      return this.#say(socket, errorFrame(error, typeof data === 'string' ? clientIdIn(data) : undefined))
    }
    this.#obey(socket, frame)
  }

  #obey(socket: Socket, frame: ClientFrame): void {
    const { caller, entering } = socket.data
    if (entering && entering.held.length < HELD_MAX) return void entering.held.push(frame)
    if (entering) return this.#refuse(socket, new Refusal('unauthorized'), clientIdOf(frame))
    if (frame.type === 'auth')
      return void (caller
        ? this.#authAgain(socket, caller, frame)
        : this.#auth(socket, frame.token, frame.active ?? true))
    if (!caller) return this.#refuse(socket, new Refusal('unauthorized'), clientIdOf(frame))
    switch (frame.type) {
      case 'ping':
        if (frame.active !== undefined) this.#setActive(socket, caller, frame.active)
        socket.send(PONG)
        return
      case 'presence_update':
        return this.#setActive(socket, caller, frame.status === 'active')
      case 'typing':
        return this.#typing(socket, caller, frame.chat_id)
      case 'subscribe':
        return void this.#subscribe(socket, caller, frame.chat_id)
      case 'message':
        return void this.#message(socket, caller, frame)
    }
  }

  #floods(socket: Socket): boolean {
    const { data } = socket
    const now = Date.now()
    data.frames = Math.min(FRAME_BURST, data.frames + ((now - data.counted) / 1000) * FRAMES_PER_SECOND)
    data.counted = now
    data.frames -= 1
    return data.frames < 0
  }

  async #auth(socket: Socket, token: string, active: boolean): Promise<void> {
    const { data } = socket
    const entering: Entering = { moved: new Map(), held: [] }
    data.entering = entering
    data.waiting_since = Date.now()
    try {
      const caller = await this.#deps.sessions.callerOnce(token)
      if (!this.#sockets.has(socket)) return
      data.caller = caller
      data.active = active
      this.#remember(socket, caller.id)
      const chat_ids = new Set(await chatsOf(this.#deps.db, caller.id))
      if (!this.#sockets.has(socket)) return
      for (const [chat_id, joined] of entering.moved) {
        if (joined) chat_ids.add(chat_id)
        else chat_ids.delete(chat_id)
      }
      data.entering = null
      this.#waiting.delete(socket)
      this.#say(socket, { type: 'auth_ok', user_id: caller.id })
      for (const chat_id of chat_ids) socket.subscribe(`chat:${chat_id}`)
      for (const [chat_id, joined] of entering.moved)
        if (joined) void this.#confirmJoined(chat_id, [caller.id])
      if (data.active) this.#deps.here.arrive(caller.id)
      for (const frame of entering.held) this.#obey(socket, frame)
    } catch (error) {
      this.#turnAway(socket, error)
    }
  }

  /** A fresher token of the same person, or the frame of a client whose URL had one already. */
  async #authAgain(
    socket: Socket,
    before: Caller,
    frame: Extract<ClientFrame, { type: 'auth' }>,
  ): Promise<void> {
    try {
      const caller = await this.#deps.sessions.callerOnce(frame.token)
      if (!this.#sockets.has(socket)) return
      if (before.id !== caller.id) throw new Refusal('unauthorized')
      socket.data.caller = caller
      if (frame.active !== undefined) this.#setActive(socket, caller, frame.active)
      this.#say(socket, { type: 'auth_ok', user_id: caller.id })
    } catch (error) {
      this.#turnAway(socket, error)
    }
  }

  #turnAway(socket: Socket, error: unknown): void {
    if (error instanceof DatabaseUnavailable) return socket.close(CLOSE.restarting, 'unavailable')
    if (!(error instanceof Refusal))
      this.#deps.log.error({ err: error }, 'a socket could not be authenticated')
    this.#say(socket, errorFrame(error))
    socket.close(CLOSE.unauthorized, 'unauthorized')
  }

  #setActive(socket: Socket, caller: Caller, active: boolean): void {
    if (socket.data.active === active) return
    socket.data.active = active
    if (active) this.#deps.here.arrive(caller.id)
    else this.#deps.here.depart(caller.id)
  }

  #typing(socket: Socket, caller: Caller, chat_id: number): void {
    if (!socket.isSubscribed(`chat:${chat_id}`))
      return this.#say(socket, errorFrame(new Refusal('not_a_member')))
    tell(this.#deps.bus, `chat:${chat_id}`, {
      type: 'typing',
      chat_id,
      user_id: caller.id,
      username: caller.username,
    })
  }

  async #subscribe(socket: Socket, caller: Caller, chat_id: number): Promise<void> {
    try {
      if (!socket.isSubscribed(`chat:${chat_id}`)) {
        if (!(await isMember(this.#deps.db, chat_id, caller.id))) throw new Refusal('not_a_member')
        if (!this.#sockets.has(socket)) return
        this.#pacing.flush(`chat:${chat_id}`)
        socket.subscribe(`chat:${chat_id}`)
        void this.#confirmJoined(chat_id, [caller.id])
      }
      this.#say(socket, { type: 'subscribed', chat_id })
    } catch (error) {
      this.#refuse(socket, error)
    }
  }

  async #message(
    socket: Socket,
    caller: Caller,
    frame: Extract<ClientFrame, { type: 'message' }>,
  ): Promise<void> {
    try {
      const { body, message_type } = await this.#deps.send(caller, frame)
      socket.send(
        `{"type":"ack","client_id":${JSON.stringify(frame.client_id)},"message":{"type":"${message_type}",${body}}`,
      )
    } catch (error) {
      this.#refuse(socket, error, frame.client_id)
    }
  }

  #refuse(socket: Socket, error: unknown, client_id?: string): void {
    if (error instanceof DatabaseUnavailable) error = new Refusal('unavailable')
    else if (!(error instanceof Refusal)) this.#deps.log.error({ err: error }, 'a frame failed')
    this.#say(socket, errorFrame(error, client_id))
  }

  #say(socket: Socket, event: ServerEvent): void {
    socket.send(JSON.stringify(event))
  }

  #deliver(audience: Audience, text: string): void {
    if (audience === 'nodes') return this.#heed(JSON.parse(text) as NodeEvent)
    this.#publishedBytes += text.length
    this.#opened.busy = true
    if (audience.startsWith('user:')) this.#tellUser(Number(audience.slice(5)), text)
    else this.#pacing.publish(audience, text)
  }

  /** A person has few sockets and ten thousand people are here: a topic of each would cost more than it carries. */
  #tellUser(user_id: number, text: string): void {
    for (const socket of this.#of(user_id)) if (!socket.data.entering) socket.send(text)
  }

  /** What nodes tell each other. */
  #heed(event: NodeEvent): void {
    switch (event.type) {
      case 'joined':
        return this.#move(event.chat_id, event.user_ids, true)
      case 'left':
        return this.#move(event.chat_id, event.user_ids, false)
      case 'chat_deleted': {
        const topic = `chat:${event.chat_id}`
        this.#pacing.flush(topic)
        for (const socket of this.#sockets) {
          socket.data.entering?.moved.set(event.chat_id, false)
          if (socket.isSubscribed(topic)) socket.unsubscribe(topic)
        }
        return
      }
      case 'session_ended':
        this.#deps.sessions.doubt({ session_id: event.session_id })
        return this.#end(event.user_id, (caller) => caller.session_id === event.session_id)
      case 'sessions_ended':
        this.#deps.sessions.doubt({ user_id: event.user_id })
        return this.#end(event.user_id, (caller) => caller.session_id !== event.except)
      case 'user_changed':
        this.#deps.sessions.doubt({ user_id: event.user_id })
        return this.#deps.userChanged(event.user_id)
      case 'lost':
        return this.#recoverSoon(new Date(event.since))
    }
  }

  #move(chat_id: number, user_ids: readonly number[], joined: boolean): void {
    const topic = `chat:${chat_id}`
    for (const one of this.#confirming) if (one.chat_id === chat_id) one.moved = true
    this.#pacing.flush(topic)
    for (const user_id of user_ids)
      for (const socket of this.#of(user_id)) {
        if (socket.data.entering) socket.data.entering.moved.set(chat_id, joined)
        else if (joined) socket.subscribe(topic)
        else socket.unsubscribe(topic)
      }
    if (joined) void this.#confirmJoined(chat_id, user_ids)
  }

  /**
   * Whoever is told of as coming may have left by now, and the news of that may have come first: nodes are told after
   * the commit, each by whoever made it. Asked again as long as others move meanwhile.
   */
  async #confirmJoined(chat_id: number, user_ids: readonly number[]): Promise<void> {
    const here = user_ids.filter((user_id) => this.#of(user_id).length > 0)
    if (here.length === 0) return
    const confirming = { chat_id, moved: true }
    this.#confirming.add(confirming)
    try {
      while (confirming.moved) {
        confirming.moved = false
        const members = await membersAmong(this.#deps.db, chat_id, here)
        if (confirming.moved) continue
        for (const user_id of here)
          if (!members.has(user_id))
            for (const socket of this.#of(user_id)) socket.unsubscribe(`chat:${chat_id}`)
      }
    } catch {
      // Nobody can say: they come again and are asked for all their chats.
      for (const socket of here.flatMap((user_id) => this.#of(user_id)))
        socket.close(CLOSE.restarting, 'unavailable')
    } finally {
      this.#confirming.delete(confirming)
    }
  }

  #end(user_id: number, ends: (caller: Caller) => boolean): void {
    for (const socket of [...this.#of(user_id)])
      if (socket.data.caller && ends(socket.data.caller)) socket.close(CLOSE.unauthorized, 'session ended')
  }

  #of(user_id: number): readonly Socket[] {
    const found = this.#byUser.get(user_id)
    return found === undefined ? [] : Array.isArray(found) ? found : [found]
  }

  #remember(socket: Socket, user_id: number): void {
    const found = this.#of(user_id)
    this.#byUser.set(user_id, found.length === 0 ? socket : [...found, socket])
  }

  #forget(socket: Socket): void {
    if (!this.#sockets.delete(socket)) return
    this.#waiting.delete(socket)
    this.#deps.closed()
    const { caller, active, entering } = socket.data
    if (!caller) return
    const left = this.#of(caller.id).filter((other) => other !== socket)
    if (left.length === 0) this.#byUser.delete(caller.id)
    else this.#byUser.set(caller.id, left.length === 1 ? left[0]! : left)
    if (active && !entering && !this.#closing) this.#deps.here.depart(caller.id)
  }

  /** Who said nothing was not going to; who did waits for a database that does not answer, and may try elsewhere. */
  #closeUnauthenticated(): void {
    const before = Date.now() - UNAUTHENTICATED_MS
    for (const socket of this.#waiting) {
      if (socket.data.waiting_since >= before) continue
      if (socket.data.entering) socket.close(CLOSE.restarting, 'unavailable')
      else socket.close(CLOSE.unauthorized, 'no auth')
    }
  }

  /** A reader that cannot keep up is cut off: it reconnects and resumes from its last revision. */
  #cutOffSlowReaders(): void {
    if (this.#publishedBytes < LOOK_AFTER_BYTES) return
    this.#publishedBytes = 0
    for (const socket of this.#sockets)
      if (socket.getBufferedAmount() > BEHIND_MAX) socket.close(CLOSE.too_slow, 'too slow')
  }

  /**
   * The runtime keeps what a burst of sign-ins took, 2 KB a socket, for want of a reason to collect it. Collecting it
   * takes up to a tenth of a second: only while nobody opens a socket and nobody is told anything.
   */
  #tidyAfterBurst(): void {
    const opened = this.#opened
    if (!opened.busy && opened.since_tidied >= BURST) {
      opened.since_tidied = 0
      Bun.gc(true)
    }
    opened.busy = false
  }

  async #confirmSessions(): Promise<void> {
    const open = [...this.#sockets].filter((socket) => socket.data.caller)
    for (let at = 0; at < open.length; at += CONFIRM_CHUNK) {
      const some = open.slice(at, at + CONFIRM_CHUNK)
      try {
        const live = await this.#deps.sessions.live(some.map((socket) => socket.data.caller!.session_id))
        for (const socket of some) {
          const caller = live.get(socket.data.caller!.session_id)
          if (!caller) socket.close(CLOSE.unauthorized, 'session ended')
        }
      } catch (error) {
        this.#deps.log.warn({ err: error }, 'sessions of open sockets could not be confirmed')
        return
      }
    }
  }

  /** Every node of a bus that came back says so: they are heeded together. */
  #recoverSoon(since: Date): void {
    if (this.#recovering) {
      if (since < this.#recovering.since) this.#recovering.since = since
      return
    }
    const recovering = { since }
    this.#recovering = recovering
    setTimeout(() => {
      this.#recovering = null
      if (!this.#closing) void this.#recover(recovering.since)
    }, RECOVER_AFTER_MS)
  }

  /** Events may have been lost: who is where is read again, and every client is shown how far its chats have come. */
  async #recover(since: Date): Promise<void> {
    const user_ids = [...this.#byUser.keys()]
    try {
      const memberships = Map.groupBy(await membershipsOf(this.#deps.db, user_ids), (one) => one.user_id)
      for (const user_id of user_ids) {
        const topics = new Set(memberships.get(user_id)?.map(({ chat_id }) => `chat:${chat_id}`))
        for (const socket of this.#of(user_id)) if (!socket.data.entering) moveTo(socket, topics)
      }
      for (const { chat_id, text } of await this.#deps.retell(user_ids, since))
        this.#pacing.publish(`chat:${chat_id}`, text)
      for (const user_id of user_ids) this.#tellUser(user_id, RESYNC)
      await this.#confirmSessions()
    } catch (error) {
      this.#deps.log.warn(
        { err: error },
        'clients could not be told what they missed; they catch up at the next message',
      )
    }
  }
}

function moveTo(socket: Socket, topics: ReadonlySet<string>): void {
  for (const topic of socket.subscriptions) if (!topics.has(topic)) socket.unsubscribe(topic)
  for (const topic of topics) socket.subscribe(topic)
}
