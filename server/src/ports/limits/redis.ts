import type { Logger } from 'pino'
import { openRedisLink, within } from '../redis/link.ts'
import { openEmbeddedLimits } from './embedded.ts'
import type { Limits } from './port.ts'

const ANSWER_MS = 500

// The token bucket of ./embedded.ts, on the clock of Redis; a bucket that is full again expires.
const TAKE = `local t = redis.call('time') local now = t[1] * 1000 + t[2] / 1000
local burst, per_second = tonumber(ARGV[1]), tonumber(ARGV[2])
local known = redis.call('hmget', KEYS[1], 'tokens', 'at')
local tokens, wait = burst, 0
if known[1] then tokens = math.min(burst, known[1] + (now - known[2]) / 1000 * per_second) end
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / per_second end
redis.call('hset', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.3f', now))
redis.call('pexpire', KEYS[1], math.ceil((burst - tokens) / per_second * 1000) + 1)
return string.format('%.6f', wait)`

/** Buckets shared by all nodes. While Redis is away each node counts for itself: a limit never becomes none. */
export async function openRedisLimits(url: string, log: Logger): Promise<Limits> {
  const own = openEmbeddedLimits()
  const link = await openRedisLink(url, log, { name: 'limits' })
  const keyOf = (key: string) => `limit:${key}`

  return {
    take: async (key, rate) => {
      const client = link.client()
      if (!client) return own.take(key, rate)
      try {
        const arguments_ = [String(rate.burst), String(rate.perSecond)]
        return Number(
          await within(ANSWER_MS, client.eval(TAKE, { keys: [keyOf(key)], arguments: arguments_ })),
        )
      } catch {
        return own.take(key, rate)
      }
    },
    forget: async (key) => {
      await own.forget(key)
      await within(ANSWER_MS, link.client()?.del(keyOf(key))).catch(() => {})
    },
    check: () => link.check(),
    close: async () => {
      await own.close()
      await link.close()
    },
  }
}
