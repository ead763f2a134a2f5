import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  blockAccount,
  createChat,
  getMe,
  getStats,
  listMessages,
  login,
  refresh,
  register,
  sendMessage,
  toggleAdmin,
  type Message,
} from '@messenger/contract'
import { openPostgres } from './ports/db/postgres.ts'
import { sql, type Db } from './ports/db/port.ts'
import { startPostgres, type PostgresServer } from './testing/external.ts'
import { Follower } from './testing/follower.ts'
import { freePort } from './testing/port.ts'
import { Installation } from './testing/process.ts'
import { startRedis, type RedisServer } from './testing/redis.ts'
import { until } from './testing/until.ts'
import { ApiRefusal, call, PASSWORD, Person } from './testing/world.ts'

/** Two server processes on one PostgreSQL and one Redis. */
let postgres: PostgresServer
let redis: RedisServer
let db: Db
const installations = [new Installation(), new Installation()]
const urls: string[] = []

const environment = (port: number) => ({
  PORT: String(port),
  DATABASE_URL: postgres.url,
  REDIS_URL: redis.url,
  JWT_SECRET: 'both nodes have to know the same one',
  RATE_LIMITS: 'off',
  LOG_LEVEL: 'silent',
})
const ports: number[] = []
const startNode = (node: number) => installations[node]!.start(environment(ports[node]!))

async function user(name: string, node: number): Promise<Person> {
  const url = urls[node]!
  await call(url, register, { body: { username: name, email: `${name}@example.org`, password: PASSWORD } })
  return new Person(name, await call(url, login, { body: { username: name, password: PASSWORD } }), url, [])
}

let ann: Person
let bob: Person
let nodes: ReturnType<typeof startNode>[]

beforeAll(async () => {
  ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  db = await openPostgres(postgres.url, { max: 1 })
  ports.push(await freePort(), await freePort())
  // Both at once: the migrations run under a lock.
  nodes = [startNode(0), startNode(1)]
  urls.push(...(await Promise.all(nodes.map((node) => node.ready()))))
  ;[ann, bob] = [await user('ann', 0), await user('bob', 1)]
})

afterAll(async () => {
  await db.close()
  for (const one of installations) await one.clean()
  await Promise.all([postgres.stop(), redis.stop()])
})

const group = async () =>
  (await ann.call(createChat, { body: { type: 'group', title: 'x', member_ids: [bob.id] } })).id

async function history(chat_id: number): Promise<Message[]> {
  const all: Message[] = []
  for (let before = ''; ; before = String(all[0]!.id)) {
    const page = await ann.call(listMessages, {
      params: { chat_id },
      query: { limit: 100, ...(before ? { before } : {}) },
    })
    all.unshift(...page)
    if (page.length < 100) return all
  }
}

describe('two nodes', () => {
  test('what is said on one is heard on the other, presence and typing too', async () => {
    const chat_id = await group()
    const [annHears, bobHears] = [await ann.listen(), await bob.listen()]
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'from the first' } })
    expect(await bobHears.next('message', (event) => event.chat_id === chat_id)).toMatchObject({
      content: 'from the first',
    })
    bobHears.say({ type: 'typing', chat_id })
    expect(await annHears.next('typing')).toMatchObject({ user_id: bob.id })
    expect(await annHears.next('presence', (event) => event.user_id === bob.id)).toMatchObject({
      status: 'online',
    })
    annHears.close()
    bobHears.close()
  })

  test('a block on one ends sessions and sockets on the other before it looks by itself, and so does a demotion', async () => {
    const [root, eve] = [await user('root', 0), await user('eve', 1)]
    await db.query(sql`update users set is_admin = true where username in ('root', 'eve')`)
    const eves = eve.at(urls[1]!)
    const ears = await eves.listen()
    await until('the rights are seen', () => eves.call(getStats).then(Boolean, () => false))
    // By itself a node looks at its sockets every 15 seconds, and at a caller every second.
    const TOLD_MS = 3000
    const status = (call: Promise<unknown>) =>
      call.then(
        () => 200,
        (error: unknown) => (error instanceof ApiRefusal ? error.status : 0),
      )
    const params = { user_id: eve.id }
    await root.call(toggleAdmin, { params })
    const demoted = async () => (await status(eves.call(getStats))) === 403
    await until('the demotion is known on the other node', demoted, TOLD_MS)
    await root.call(blockAccount, { params })
    await until('the socket on the other node is closed', () => ears.closed !== null, TOLD_MS)
    expect(ears.closed!.code).toBe(4401)
    expect(await status(eves.call(getMe))).toBe(401)
    const { refresh_token } = eve.tokens
    for (const url of urls) expect(await status(call(url, refresh, { body: { refresh_token } }))).toBe(401)
  })

  test('count what both stored, to the last message', async () => {
    const root = await user('counter', 0)
    await db.query(sql`update users set is_admin = true where id = ${root.id}`)
    const chat_id = await group()
    const before = await root.call(getStats)
    await Promise.all(
      [ann, bob].flatMap((who) =>
        Array.from({ length: 25 }, () =>
          who.call(sendMessage, { params: { chat_id }, body: { content: 'x' } }),
        ),
      ),
    )
    const after = () => root.call(getStats)
    await until(
      'both have added theirs',
      async () => (await after()).total_messages >= before.total_messages + 50,
    )
    expect(await after()).toMatchObject({ messages_today: before.messages_today + 50 })
  })

  test('write to one chat at once without a hole, a repeat or a swap', async () => {
    const chat_id = await group()
    await Promise.all(
      Array.from({ length: 400 }, (_, n) =>
        (n % 2 ? ann : bob).call(sendMessage, {
          params: { chat_id },
          body: { content: `${n}`, client_id: crypto.randomUUID() },
        }),
      ),
    )
    const all = await history(chat_id)
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 400 }, (_, n) => n + 1))
    expect(all.map(({ revision }) => revision)).toEqual(all.map(({ seq }) => seq))
    expect(new Set(all.map(({ id }) => id)).size).toBe(400)
  })

  test('keep one message of those that come with the same client_id, however they race', async () => {
    const chat_id = await group()
    const again = ann.at(urls[1]!)
    const ids: number[] = []
    for (let round = 0; round < 20; round++) {
      const body = { content: 'once', client_id: crypto.randomUUID() }
      const sent = await Promise.all(
        [ann, again, ann, again].map((who) => who.call(sendMessage, { params: { chat_id }, body })),
      )
      expect(new Set(sent.map(({ id }) => id)).size).toBe(1)
      ids.push(sent[0]!.id)
    }
    expect((await history(chat_id)).map(({ id }) => id)).toEqual(ids)
  })

  test('what is said while Redis is away is heard when it is back, though nothing is said any more', async () => {
    const chat_id = await group()
    const follower = new Follower(bob, chat_id)
    const running = follower.run()
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'before' } })
    await until('bob hears', () => follower.revision === 1)
    await redis.kill()
    for (let n = 0; n < 5; n++)
      await ann.call(sendMessage, { params: { chat_id }, body: { content: `meanwhile ${n}` } })
    expect(follower.revision).toBe(1)
    await redis.restart()
    await until('bob has caught up', () => follower.revision === 6)
    follower.stop()
    await running
  })
})

describe('under a steady 200 posts a second, nothing acknowledged is lost, doubled or swapped', () => {
  const faults: [string, () => Promise<void>][] = [
    [
      'when backends are terminated again and again',
      async () => {
        for (let round = 0; round < 8; round++) {
          await db.query(
            sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = 'messenger' and backend_type = 'client backend'`,
          )
          await Bun.sleep(100)
        }
      },
    ],
    ['when PostgreSQL is restarted', () => postgres.restart()],
    [
      'when PostgreSQL is killed',
      async () => {
        await postgres.kill()
        await postgres.start()
      },
    ],
    [
      'when Redis is killed and comes back empty',
      async () => {
        await redis.kill()
        await Bun.sleep(500)
        await redis.restart()
      },
    ],
    [
      'when a node is killed and started again',
      async () => {
        nodes[0]!.child.kill('SIGKILL')
        await nodes[0]!.end()
        nodes[0] = startNode(0)
        await nodes[0].ready()
      },
    ],
  ]

  test.each(faults)('%s', async (fault, strike) => {
    const chats = [await group(), await group()]
    const followers = chats.flatMap((chat_id) => [new Follower(ann, chat_id), new Follower(bob, chat_id)])
    const running = followers.map((one) => one.run())
    const writing = followers.map((one) => one.write(20))
    await until('everybody writes', () => followers.every(({ acknowledged }) => acknowledged.length > 20))
    await strike()
    const recovered = performance.now()
    const before = followers.map(({ acknowledged }) => acknowledged.length)
    await until('everybody writes again', () =>
      followers.every(({ acknowledged }, n) => acknowledged.length > before[n]! + 20),
    )
    const again = performance.now() - recovered
    for (const one of followers) one.rest()
    await Promise.all(writing)
    const histories = await Promise.all(chats.map(history))
    const whole = (chat: number) => histories[chat]!.at(-1)!.revision
    await until('everybody has caught up', () =>
      followers.every(({ revision }, n) => revision === whole(n >> 1)),
    )
    for (const one of followers) one.stop()
    await Promise.all(running)
    console.log(`${fault}: everybody had written 20 more after ${Math.round(again)} ms`)

    for (const [n, { acknowledged, written, held }] of followers.entries()) {
      const all = histories[n >> 1]!
      expect(all.map(({ seq }) => seq)).toEqual(all.map((_, place) => place + 1))
      const known = new Map(all.map((message) => [message.id, message]))
      expect(acknowledged.filter(({ id }) => !known.has(id))).toEqual([])
      const mine = all
        .filter(({ client_id }) => written.includes(client_id!))
        .map(({ client_id }) => client_id)
      expect(mine).toEqual(written)
      expect([...held.values()].toSorted((a, b) => a.seq - b.seq).map(({ id }) => id)).toEqual(
        all.map(({ id }) => id),
      )
    }
  })
})
