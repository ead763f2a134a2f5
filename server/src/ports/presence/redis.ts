import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { openRedisLink, within, type RedisClient } from '../redis/link.ts'
import type { Presence } from './port.ts'

const CLAIM_MS = 30_000
const REFRESH_MS = 10_000
const ANSWER_MS = 1000
const IDS_PER_CALL = 1000

// One hash tag, so that all of it lives in one slot of a cluster. `users` holds each user's latest expiry and
// answers "who is online" by itself; `user:<id>` holds the claim of each node. The clock is that of Redis.
const USERS = '{presence}:users'
const CLOCK = `local t = redis.call('time') local now = t[1] * 1000 + math.floor(t[2] / 1000)`

/** Claims ARGV[3..] for node ARGV[1] until ARGV[2] ms from now; answers how many were offline before. */
const CLAIM = `${CLOCK}
local users, node, life, fresh = KEYS[1], ARGV[1], tonumber(ARGV[2]), 0
redis.call('zremrangebyscore', users, '-inf', now)
for i = 3, #ARGV do
  local claims = '{presence}:user:' .. ARGV[i]
  if not redis.call('zscore', users, ARGV[i]) then fresh = fresh + 1 end
  redis.call('zadd', claims, now + life, node)
  redis.call('pexpire', claims, life)
  redis.call('zadd', users, 'gt', now + life, ARGV[i])
end
return fresh`

/** Gives up the claims of node ARGV[1] on ARGV[2..]; answers how many are offline now. */
const RELEASE = `${CLOCK}
local users, node, gone = KEYS[1], ARGV[1], 0
for i = 2, #ARGV do
  local claims = '{presence}:user:' .. ARGV[i]
  redis.call('zrem', claims, node)
  redis.call('zremrangebyscore', claims, '-inf', now)
  local latest = redis.call('zrange', claims, 0, 0, 'rev', 'withscores')[2]
  if latest then
    redis.call('zadd', users, latest, ARGV[i])
  else
    redis.call('zrem', users, ARGV[i])
    gone = gone + 1
  end
end
return gone`

const ONLINE = `${CLOCK}
local found = {}
for i, latest in ipairs(redis.call('zmscore', KEYS[1], unpack(ARGV))) do
  if latest and tonumber(latest) > now then found[#found + 1] = ARGV[i] end
end
return found`

const COUNT = `${CLOCK}
return redis.call('zcount', KEYS[1], '(' .. now, '+inf')`

/**
 * Presence over all nodes. While Redis is away a node answers from what it knows itself; when it is back, also
 * empty, the node claims its users again at once.
 */
export async function openRedisPresence(url: string, log: Logger): Promise<Presence> {
  const node = randomUUID()
  const here = new Set<number>()
  /** Those who left while Redis was away: their claims are still there when only the connection was lost. */
  const owed = new Set<number>()

  const release = (client: RedisClient, user_ids: Iterable<number>) =>
    inChunks(user_ids, (ids) => run(client, RELEASE, [node, ...ids]))
  const claim = (client: RedisClient, user_ids: Iterable<number>) =>
    inChunks(user_ids, (ids) => run(client, CLAIM, [node, String(CLAIM_MS), ...ids]))

  const link = await openRedisLink(url, log, {
    name: 'presence',
    up: settle,
  })

  /** All is sent before the first answer, so an enter or leave of this moment comes after it. */
  async function settle(client: RedisClient) {
    const left = [...owed]
    owed.clear()
    try {
      await Promise.all([release(client, left), claim(client, here)])
    } catch (error) {
      for (const user_id of left) if (!here.has(user_id)) owed.add(user_id)
      throw error
    }
  }

  const refresh = setInterval(() => {
    const client = link.client()
    if (client) settle(client).catch(() => {})
  }, REFRESH_MS)
  refresh.unref()

  /** What Redis says, or what this node knows when Redis does not answer. */
  async function ask<T>(question: (client: RedisClient) => Promise<T>, otherwise: () => T): Promise<T> {
    const client = link.client()
    if (!client) return otherwise()
    try {
      return (await within(ANSWER_MS, question(client))) as T
    } catch {
      return otherwise()
    }
  }

  return {
    enter: (user_id) => {
      const known = here.has(user_id)
      here.add(user_id)
      owed.delete(user_id)
      return ask(
        async (client) => (await claim(client, [user_id])) === 1,
        () => !known,
      )
    },
    leave: (user_id) => {
      if (!here.delete(user_id)) return Promise.resolve(false)
      return ask(
        async (client) => (await release(client, [user_id])) === 1,
        () => {
          if (!here.has(user_id)) owed.add(user_id)
          return true
        },
      )
    },
    online: (user_ids) => {
      if (user_ids.length === 0) return Promise.resolve(new Set())
      return ask(
        async (client) => {
          const found = new Set<number>()
          await inChunks(user_ids, async (ids) => {
            const answer = (await client.eval(ONLINE, { keys: [USERS], arguments: ids })) as string[]
            for (const id of answer) found.add(Number(id))
            return answer.length
          })
          return found
        },
        () => new Set(user_ids.filter((id) => here.has(id))),
      )
    },
    count: () =>
      ask(
        (client) => run(client, COUNT, []),
        () => here.size,
      ),
    check: () => link.check(),
    close: async () => {
      clearInterval(refresh)
      await ask(
        (client) => release(client, here),
        () => 0,
      )
      here.clear()
      await link.close()
    },
  }
}

const run = async (client: RedisClient, script: string, args: string[]): Promise<number> =>
  Number(await client.eval(script, { keys: [USERS], arguments: args }))

/** Sends all chunks at once (one write) and adds up what they answer; a script must not hold Redis up for long. */
async function inChunks(ids: Iterable<number>, send: (ids: string[]) => Promise<number>): Promise<number> {
  const all = [...ids].map(String)
  const answers: Promise<number>[] = []
  for (let at = 0; at < all.length; at += IDS_PER_CALL) answers.push(send(all.slice(at, at + IDS_PER_CALL)))
  return (await Promise.all(answers)).reduce((sum, answer) => sum + answer, 0)
}
