import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { pino } from 'pino'
import { createClient } from 'redis'
import { startRedis, type RedisServer } from '../../testing/redis.ts'
import { until } from '../../testing/until.ts'
import { openEmbeddedBus } from './embedded.ts'
import type { Audience, Bus } from './port.ts'
import { openRedisBus } from './redis.ts'

const log = pino({ level: 'silent' })
let redis: RedisServer
const opened: Bus[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
afterEach(async () => {
  await Promise.all(opened.splice(0).map((bus) => bus.close()))
})

async function hearing(opening: Bus | Promise<Bus>) {
  const bus = await opening
  opened.push(bus)
  const heard: [Audience, string][] = []
  const recoveries: Date[] = []
  bus.listen((audience, text) => heard.push([audience, text]))
  bus.onRecovered((since) => recoveries.push(since))
  return { bus, heard, recoveries }
}
const openRedis = () => hearing(openRedisBus(redis.url, log))

const twins = [
  ['embedded', () => hearing(openEmbeddedBus())],
  ['redis', openRedis],
] as const

for (const [twin, open] of twins) {
  describe(`${twin} bus`, () => {
    test('a node hears what it publishes at once, in order and once', async () => {
      const { bus, heard } = await open()
      bus.publish('chat:1', 'a')
      bus.publish('user:2', 'b')
      bus.publish('nodes', 'c')
      const all: [Audience, string][] = [
        ['chat:1', 'a'],
        ['user:2', 'b'],
        ['nodes', 'c'],
      ]
      expect(heard).toEqual(all)
      await bus.check()
      await bus.check()
      expect(heard).toEqual(all)
    })

    test('what was whole from the start recovers from nothing', async () => {
      const { bus, recoveries } = await open()
      await bus.check()
      expect(recoveries).toEqual([])
    })

    test('a closed bus hears nothing more and publishing on it throws nothing', async () => {
      const { bus, heard } = await open()
      await bus.close()
      bus.publish('chat:1', 'late')
      expect(heard).toEqual([])
    })
  })
}

describe('redis bus of several nodes', () => {
  test('every other node hears each event once, in order, as the text it was', async () => {
    const [ann, bob, eve] = await Promise.all([openRedis(), openRedis(), openRedis()])
    const texts = ['{"a":1}', '', 'two\nlines', 'user:7 3\nabc', 'смех 😀', '\u0000', ...numbers(1000)]
    for (const text of texts) ann.bus.publish('chat:9007199254740991', text)
    bob.bus.publish('user:5', 'from bob')
    const expected = texts.map((text): [Audience, string] => ['chat:9007199254740991', text])
    await until('eve heard all', () => eve.heard.length === texts.length + 1)
    await until('bob heard all', () => bob.heard.length === texts.length + 1)
    expect(eve.heard.filter(([audience]) => audience !== 'user:5')).toEqual(expected)
    expect(bob.heard).toEqual([['user:5', 'from bob'], ...expected])
  })

  test('after Redis was killed and started again nodes hear each other and know since when they missed', async () => {
    const [ann, bob] = await Promise.all([openRedis(), openRedis()])
    ann.bus.publish('chat:1', 'before')
    await until('bob heard it', () => bob.heard.length === 1)
    const lastWhole = Date.now()
    await redis.kill()
    for (const text of numbers(1000)) ann.bus.publish('chat:1', text)
    await until('it is noticed', () => refused(ann.bus))
    ann.bus.publish('chat:1', 'into the void')
    expect(ann.heard).toHaveLength(1002)
    await redis.restart()
    await until('both recovered', () => ann.recoveries.length > 0 && bob.recoveries.length > 0, 8000)
    for (const since of [...ann.recoveries, ...bob.recoveries])
      expect(since.getTime()).toBeLessThan(lastWhole)
    await Promise.all([ann.bus.check(), bob.bus.check()])
    ann.bus.publish('chat:1', 'after')
    bob.bus.publish('chat:1', 'answer')
    await until('bob heard it', () => bob.heard.some(([, text]) => text === 'after'))
    await until('ann heard it', () => ann.heard.some(([, text]) => text === 'answer'))
    expect(bob.heard.map(([, text]) => text)).not.toContain('into the void')
  })

  test('when one node alone was cut off the others learn that they missed what it said', async () => {
    const ann = await openRedis()
    const admin = createClient({ url: redis.url })
    await admin.connect()
    const [annsConnection] = (await admin.clientList()).filter((one) => one.name === 'messenger-bus')
    const bob = await openRedis()
    await admin.clientKill({ filter: 'ID', id: annsConnection?.id ?? 0 })
    ann.bus.publish('chat:1', 'perhaps lost')
    await until('bob was told', () => bob.recoveries.length > 0)
    await until('ann recovered', () => ann.recoveries.length > 0)
    await admin.close()
  })

  test('a node starts without Redis, says so, works alone and joins the others later', async () => {
    await redis.kill()
    const started = Date.now()
    const [ann, bob] = await Promise.all([openRedis(), openRedis()])
    expect(await refused(ann.bus)).toBe(true)
    ann.bus.publish('chat:1', 'alone')
    expect(ann.heard).toEqual([['chat:1', 'alone']])
    await redis.restart()
    await until('both joined', () => ann.recoveries.length > 0 && bob.recoveries.length > 0)
    expect(ann.recoveries[0]?.getTime()).toBeLessThanOrEqual(started)
    ann.bus.publish('chat:1', 'together')
    await until('bob heard it', () => bob.heard.some(([, text]) => text === 'together'))
  })

  test('a Redis that hangs is left and found again', async () => {
    const [ann, bob] = await Promise.all([openRedis(), openRedis()])
    redis.hang()
    try {
      ann.bus.publish('chat:1', 'during')
      expect(ann.heard).toHaveLength(1)
      await until('both gave it up', async () => (await gaveUp(ann.bus)) && (await gaveUp(bob.bus)), 8000)
    } finally {
      redis.wake()
    }
    await until('both recovered', () => ann.recoveries.length > 0 && bob.recoveries.length > 0)
    ann.bus.publish('chat:1', 'after')
    await until('bob heard it', () => bob.heard.some(([, text]) => text === 'after'))
  })
})

const numbers = (count: number) => Array.from({ length: count }, (_, n) => String(n))
/** Hung up, not only waiting in vain for an answer. */
const gaveUp = (bus: Bus) =>
  bus.check().then(
    () => false,
    (error: Error) => error.message.includes('cannot be reached'),
  )
const refused = (bus: Bus) =>
  bus.check().then(
    () => false,
    () => true,
  )
