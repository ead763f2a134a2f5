import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { pino } from 'pino'
import { createClient } from 'redis'
import { startRedis, type RedisServer } from '../../testing/redis.ts'
import { until } from '../../testing/until.ts'
import { openEmbeddedLimits } from './embedded.ts'
import type { Limits, Rate } from './port.ts'
import { openRedisLimits } from './redis.ts'

const log = pino({ level: 'silent' })
let redis: RedisServer
const opened: Limits[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
afterEach(async () => {
  await Promise.all(opened.splice(0).map((limits) => limits.close()))
})

async function kept(opening: Limits | Promise<Limits>) {
  const limits = await opening
  opened.push(limits)
  return limits
}
const openRedis = () => kept(openRedisLimits(redis.url, log))
const key = () => `login:${crypto.randomUUID()}`

const SLOW: Rate = { burst: 3, perSecond: 0.1 }

const twins = [
  ['embedded', () => kept(openEmbeddedLimits())],
  ['redis', openRedis],
] as const

for (const [twin, open] of twins) {
  describe(`${twin} limits`, () => {
    test('a burst passes, the next is told how long to wait', async () => {
      const limits = await open()
      const mine = key()
      for (let n = 0; n < SLOW.burst; n++) expect(await limits.take(mine, SLOW)).toBe(0)
      expect(await limits.take(mine, SLOW)).toBeWithin(9, 10.001)
      expect(await limits.take(mine, SLOW)).toBeWithin(9, 10.001)
    })

    test('of many at once exactly the burst passes', async () => {
      const limits = await open()
      const mine = key()
      const waits = await Promise.all(Array.from({ length: 50 }, () => limits.take(mine, SLOW)))
      expect(waits.filter((wait) => wait === 0)).toHaveLength(SLOW.burst)
    })

    test('waiting as long as told is enough, and a bucket never holds more than its burst', async () => {
      const limits = await open()
      const mine = key()
      const rate: Rate = { burst: 2, perSecond: 20 }
      await Promise.all([limits.take(mine, rate), limits.take(mine, rate)])
      const wait = await limits.take(mine, rate)
      expect(wait).toBeWithin(0.001, 0.051)
      await until('it passes again', async () => (await limits.take(mine, rate)) === 0)
    })

    test('keys do not touch each other', async () => {
      const limits = await open()
      const [mine, yours] = [key(), key()]
      for (let n = 0; n <= SLOW.burst; n++) await limits.take(mine, SLOW)
      expect(await limits.take(yours, SLOW)).toBe(0)
    })

    test('a forgotten bucket is full again', async () => {
      const limits = await open()
      const mine = key()
      for (let n = 0; n <= SLOW.burst; n++) await limits.take(mine, SLOW)
      await limits.forget(mine)
      expect(await limits.take(mine, SLOW)).toBe(0)
      await limits.check()
    })
  })
}

test('embedded limits hold a bounded number of buckets: the one longest unused makes room', async () => {
  const limits = await kept(openEmbeddedLimits(3))
  const once: Rate = { burst: 1, perSecond: 0.001 }
  for (const name of ['a', 'b', 'c']) await limits.take(name, once)
  expect(await limits.take('a', once)).toBeGreaterThan(0)
  await limits.take('d', once)
  expect(await limits.take('a', once)).toBeGreaterThan(0)
  expect(await limits.take('b', once)).toBe(0)
})

describe('redis limits of several nodes', () => {
  test('nodes count together', async () => {
    const [one, two] = await Promise.all([openRedis(), openRedis()])
    const mine = key()
    for (let n = 0; n < SLOW.burst; n++) expect(await [one, two][n % 2]?.take(mine, SLOW)).toBe(0)
    expect(await one.take(mine, SLOW)).toBeGreaterThan(0)
    expect(await two.take(mine, SLOW)).toBeGreaterThan(0)
    await two.forget(mine)
    expect(await one.take(mine, SLOW)).toBe(0)
  })

  test('a bucket that is full again leaves nothing in Redis', async () => {
    const limits = await openRedis()
    const mine = key()
    await limits.take(mine, { burst: 1, perSecond: 20 })
    const admin = createClient({ url: redis.url })
    await admin.connect()
    expect(await admin.keys(`*${mine}*`)).toHaveLength(1)
    await until('it is gone', async () => (await admin.keys(`*${mine}*`)).length === 0)
    await admin.close()
  })

  test('while Redis is away a limit still limits, and afterwards nodes count together again', async () => {
    const [one, two] = await Promise.all([openRedis(), openRedis()])
    await redis.kill()
    const mine = key()
    const waits = await Promise.all(Array.from({ length: 20 }, () => one.take(mine, SLOW)))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(SLOW.burst)
    await one.forget(mine)
    expect(await one.take(mine, SLOW)).toBe(0)
    await redis.restart()
    for (const limits of [one, two])
      await until('it is back', () =>
        limits.check().then(
          () => true,
          () => false,
        ),
      )
    const next = key()
    for (let n = 0; n < SLOW.burst; n++) expect(await one.take(next, SLOW)).toBe(0)
    expect(await two.take(next, SLOW)).toBeGreaterThan(0)
  })

  test('a node starts without Redis', async () => {
    await redis.kill()
    const limits = await openRedis()
    expect(await limits.check().catch((error: Error) => error.message)).toContain('cannot be reached')
    expect(await limits.take(key(), SLOW)).toBe(0)
    await redis.restart()
    await until('it is back', () =>
      limits.check().then(
        () => true,
        () => false,
      ),
    )
  })
})
