import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createClient } from 'redis'

const HEARTBEAT_MS = 1000
/** A server that answers nothing for this long is treated as gone: a hung one never closes its sockets. */
const DEAF_AFTER_MS = 3000
const CONNECT_MS = 2000
const SHORTEST_BACKOFF_MS = 50
const LONGEST_BACKOFF_MS = 500

// A command while disconnected fails at once instead of being kept, and none is repeated: each port has an
// answer of its own for that. Reconnecting is a new client, so a half-dead one leaves no state behind.
const newClient = (url: string, name: string) =>
  createClient({
    url,
    RESP: 3,
    name,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 20_000,
    maintNotifications: 'disabled',
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false },
  })

export type RedisClient = ReturnType<typeof newClient>

export interface RedisLink {
  /** The connected client, or null while there is none. */
  client(): RedisClient | null
  /** Throws when Redis does not answer within a second. */
  check(): Promise<void>
  close(): Promise<void>
}

interface LinkHooks {
  /** For the log: which port this link serves. */
  name: string
  /**
   * Called on each connection before anything else is sent on it. `lostSince` is null when the very first
   * try succeeded, otherwise the last moment at which the link is known to have been whole.
   */
  up?(client: RedisClient, lostSince: Date | null): Promise<void>
}

/**
 * Keeps one connection to Redis for ever. Resolves after the first try, also when that failed: a node starts
 * without Redis and joins the others once it is there.
 */
export async function openRedisLink(url: string, log: Logger, { name, up }: LinkHooks): Promise<RedisLink> {
  let closed = false
  let live: RedisClient | null = null
  let hangUp = (_why: Error) => {}
  let whole = new Date()
  let tries = 0
  let failures = 0

  /** Holds one connection until it is lost, and throws why. */
  async function hold(tried: () => void): Promise<never> {
    const client = newClient(url, `messenger-${name}`)
    const over = new AbortController()
    // Destroying the client makes every answer still awaited fail, so nothing below waits for a dead one.
    hangUp = (why) => {
      over.abort(why)
      client.destroy()
    }
    client.on('error', hangUp)
    try {
      await within(CONNECT_MS, client.connect())
      over.signal.throwIfAborted()
      const lostSince = tries === 0 ? null : whole
      const connectedAt = new Date()
      live = client
      await within(DEAF_AFTER_MS, up?.(client, lostSince))
      whole = connectedAt
      if (failures > 0) log.info({ port: name, lost_since: lostSince }, 'Redis is reachable again')
      failures = 0
      tries++
      tried()
      for (;;) {
        const sentAt = new Date()
        await within(DEAF_AFTER_MS, client.ping())
        // Replies and published events come in order, so everything until this ping was sent has been heard.
        whole = sentAt
        await pause(HEARTBEAT_MS, undefined, { signal: over.signal })
      }
    } catch (error) {
      throw over.signal.reason ?? error
    } finally {
      live = null
      client.destroy()
    }
  }

  async function keepConnected(tried: () => void): Promise<void> {
    while (!closed) {
      try {
        await hold(tried)
      } catch (error) {
        tries++
        if (closed) break
        if (failures++ === 0) log.warn({ port: name, err: error }, 'Redis cannot be reached; trying again')
        tried()
        const rest = new AbortController()
        hangUp = () => rest.abort()
        const backoff = Math.min(LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** Math.min(failures - 1, 8))
        await pause(backoff, undefined, { signal: rest.signal }).catch(() => {})
      }
    }
  }

  let running: Promise<void> = Promise.resolve()
  await new Promise<void>((resolve) => {
    running = keepConnected(resolve)
  })

  return {
    client: () => live,
    check: async () => {
      if (!live) throw new Error('Redis cannot be reached')
      await within(1000, live.ping())
    },
    close: async () => {
      closed = true
      hangUp(new Error('closed'))
      await running
    },
  }
}

/** The answer, or an error when there is none after so long. */
export async function within<T>(ms: number, answer: Promise<T> | undefined): Promise<T | undefined> {
  if (!answer) return undefined
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer from Redis within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
    // What lost the race may still fail later; nobody waits for it any more.
    answer.catch(() => {})
  }
}
