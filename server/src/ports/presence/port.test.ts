import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { pino } from 'pino'
import { createClient } from 'redis'
import { startRedis, type RedisServer } from '../../testing/redis.ts'
import { until } from '../../testing/until.ts'
import { openEmbeddedPresence } from './embedded.ts'
import type { Presence } from './port.ts'
import { openRedisPresence } from './redis.ts'

const log = pino({ level: 'silent' })
let redis: RedisServer
const opened: Presence[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
afterEach(async () => {
  await Promise.all(opened.splice(0).map((presence) => presence.close()))
})

async function kept(opening: Presence | Promise<Presence>) {
  const presence = await opening
  opened.push(presence)
  return presence
}
const openRedis = () => kept(openRedisPresence(redis.url, log))

const twins = [
  ['embedded', () => kept(openEmbeddedPresence())],
  ['redis', openRedis],
] as const

for (const [twin, open] of twins) {
  describe(`${twin} presence`, () => {
    test('who enters is online until leaving, and each turn is told once', async () => {
      const presence = await open()
      expect(await presence.online([1, 2])).toEqual(new Set())
      expect(await presence.enter(1)).toBe(true)
      expect(await presence.enter(1)).toBe(false)
      expect(await presence.online([1, 2, 1])).toEqual(new Set([1]))
      expect(await presence.count()).toBe(1)
      expect(await presence.leave(1)).toBe(true)
      expect(await presence.leave(1)).toBe(false)
      expect(await presence.online([1, 2])).toEqual(new Set())
      expect(await presence.count()).toBe(0)
    })

    test('nobody asked for, nobody online', async () => {
      const presence = await open()
      await presence.enter(3)
      expect(await presence.online([])).toEqual(new Set())
    })

    test('enter and leave at once leave the last word standing', async () => {
      const presence = await open()
      await Promise.all([
        presence.enter(4),
        presence.leave(4),
        presence.enter(4),
        presence.enter(5),
        presence.leave(5),
      ])
      expect(await presence.online([4, 5])).toEqual(new Set([4]))
    })

    test('thousands are asked for at once', async () => {
      const presence = await open()
      const ids = Array.from({ length: 5000 }, (_, n) => n + 1)
      await Promise.all(ids.filter((id) => id % 2 === 0).map((id) => presence.enter(id)))
      const online = await presence.online(ids)
      expect(online.size).toBe(2500)
      expect(online.has(5000) && !online.has(4999)).toBe(true)
      expect(await presence.count()).toBe(2500)
      await presence.check()
    })
  })
}

describe('redis presence of several nodes', () => {
  test('a user is online while any node holds a claim', async () => {
    const [one, two] = await Promise.all([openRedis(), openRedis()])
    expect(await one.enter(1)).toBe(true)
    expect(await two.enter(1)).toBe(false)
    expect(await one.leave(1)).toBe(false)
    expect(await one.online([1])).toEqual(new Set([1]))
    expect(await two.leave(1)).toBe(true)
    expect(await one.online([1])).toEqual(new Set())
  })

  test('a node that closes takes its users along, and only its own', async () => {
    const [one, two] = await Promise.all([openRedis(), openRedis()])
    await Promise.all([one.enter(1), one.enter(2), two.enter(2)])
    await one.close()
    expect(await two.online([1, 2])).toEqual(new Set([2]))
    expect(await two.count()).toBe(1)
  })

  test('the claims of a node that died expire by themselves', async () => {
    const [one, two] = await Promise.all([openRedis(), openRedis()])
    await Promise.all([one.enter(1), two.enter(2)])
    const admin = createClient({ url: redis.url })
    await admin.connect()
    // What a dead node leaves behind, as if its half minute were over.
    await admin.zAdd('{presence}:users', { score: Date.now() - 1, value: '1' })
    const [claims] = await admin.keys('{presence}:user:1')
    expect(await admin.pTTL(claims ?? '')).toBeWithin(1, 30_001)
    await admin.del('{presence}:user:1')
    await admin.close()
    expect(await two.online([1, 2])).toEqual(new Set([2]))
    expect(await two.count()).toBe(1)
    expect(await two.enter(1)).toBe(true)
  })

  test('while Redis is away a node answers from what it knows, and claims its users again afterwards', async () => {
    const [one, two] = await Promise.all([openRedis(), openRedis()])
    await Promise.all([one.enter(1), one.enter(2), two.enter(3)])
    await redis.kill()
    expect(await one.enter(1)).toBe(false)
    expect(await one.enter(4)).toBe(true)
    expect(await one.leave(2)).toBe(true)
    expect(await one.online([1, 2, 3, 4])).toEqual(new Set([1, 4]))
    expect(await one.count()).toBe(2)
    await redis.restart()
    await until('all are claimed again', async () => (await two.count()) === 3 && (await one.count()) === 3)
    expect(await two.online([1, 2, 3, 4])).toEqual(new Set([1, 3, 4]))
    await one.check()
  })

  test('who left while Redis hung is offline after it woke', async () => {
    const [one, two] = await Promise.all([openRedis(), openRedis()])
    await Promise.all([one.enter(1), two.enter(2)])
    redis.hang()
    try {
      expect(await one.leave(1)).toBe(true)
      await until(
        'it is noticed',
        () =>
          one.check().then(
            () => false,
            () => true,
          ),
        8000,
      )
    } finally {
      redis.wake()
    }
    // By itself a claim ends after 30 seconds.
    await until(
      'one user is left',
      async () => (await two.count()) === 1 && !(await two.online([1])).has(1),
      8000,
    )
  })

  test('a node starts without Redis and joins the others later', async () => {
    await redis.kill()
    const one = await openRedis()
    expect(await one.check().catch((error: Error) => error.message)).toContain('cannot be reached')
    expect(await one.enter(1)).toBe(true)
    await redis.restart()
    const two = await openRedis()
    await until('the other node sees the user', async () => (await two.online([1])).has(1))
  })
})
