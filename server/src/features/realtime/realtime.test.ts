import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  addMembers,
  leaveChat,
  logout,
  listMessages,
  sendMessage,
  updateSettings,
  type ClientFrame,
} from '@messenger/contract'
import { tellNodes } from '../../ports/bus/tell.ts'
import { sql } from '../../ports/db/port.ts'
import { until } from '../../testing/until.ts'
import { Ears, newWorld, type Person, type World } from '../../testing/world.ts'

let world: World
let ann: Person
let bob: Person
let eve: Person

beforeAll(async () => {
  world = await newWorld({ env: { CORS_ORIGINS: 'https://friend.example' } })
  ;[ann, bob, eve] = await Promise.all([world.user('ann'), world.user('bob'), world.user('eve')])
})
afterAll(() => world.close())

const stranger = async () => {
  const ears = new Ears(world.url)
  await ears.opened()
  return ears
}
const uuid = () => crypto.randomUUID()

describe('the door of the socket', () => {
  test('the first frame is auth_ok, and the socket hears all chats of its user without asking', async () => {
    const chat_id = await world.chat(ann, bob)
    const ears = await stranger()
    ears.say({ type: 'auth', token: bob.tokens.access_token })
    await ears.next('auth_ok')
    expect(ears.heard[0]).toEqual({ type: 'auth_ok', user_id: bob.id })
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'hello' } })
    expect(await ears.next('message')).toMatchObject({ content: 'hello', chat_id })
  })

  test('a token on the URL signs in as well', async () => {
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}ws?token=${ann.tokens.access_token}`)
    const first = await new Promise<string>(
      (resolve) => (socket.onmessage = (event) => resolve(String(event.data))),
    )
    expect(JSON.parse(first)).toEqual({ type: 'auth_ok', user_id: ann.id })
    socket.close()
  })

  test('whoever says nothing is sent away, and whoever the database leaves unanswered may try elsewhere', async () => {
    const silent = await stranger()
    const asking = [await stranger()]
    await world.db.transaction(async (tx) => {
      await tx.query(sql`lock table chat_members in access exclusive mode`)
      asking[0]!.say({ type: 'auth', token: ann.tokens.access_token })
      asking.push(new Ears(world.url, `?token=${bob.tokens.access_token}`))
      await until('all are closed', () => [silent, ...asking].every(({ closed }) => closed))
    })
    expect(silent.closed).toEqual({ code: 4401, reason: 'no auth' })
    for (const { closed, heard } of asking)
      expect({ closed, heard }).toEqual({ closed: { code: 1012, reason: 'unavailable' }, heard: [] })
    expect((await ann.listen()).heard[0]).toEqual({ type: 'auth_ok', user_id: ann.id })
  })

  test('whoever does not wait for auth_ok is served behind it, in order', async () => {
    const chat_id = await world.chat(ann, bob)
    const ears = await stranger()
    const { access_token: token } = ann.tokens
    for (const frame of [
      { type: 'auth', token },
      { type: 'auth', token },
      { type: 'typing', chat_id },
      { type: 'ping' },
    ])
      ears.say(frame)
    await ears.next('pong')
    expect(ears.heard[0]).toEqual({ type: 'auth_ok', user_id: ann.id })
    expect(ears.all('error')).toEqual([])
    await ears.next('typing')
    await until('both are answered', () => ears.all('auth_ok').length === 2)
  })

  test('a token on the URL and one in a frame are one presence, and the frame says whether it is active', async () => {
    const zoe = await world.user('zoe')
    await world.chat(zoe, bob)
    const bobHears = await bob.listen()
    const { access_token: token } = zoe.tokens
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}ws?token=${token}`)
    socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token, active: false }))
    const ofZoe = (event: { user_id: number }) => event.user_id === zoe.id
    expect(await bobHears.next('presence', ofZoe)).toMatchObject({ status: 'online' })
    expect(await bobHears.next('presence', ofZoe)).toMatchObject({ status: 'offline' })
    socket.close()
  })

  test('an error says its sentence under both names', async () => {
    const ears = await stranger()
    ears.say({ type: 'auth', token: 'nonsense' })
    const { message, error } = await ears.next('error')
    expect(message.length).toBeGreaterThan(0)
    expect(message).toBe(error)
  })

  test('a wrong token is told so and closed', async () => {
    for (const token of ['nonsense', ann.tokens.refresh_token, `${ann.tokens.access_token}x`]) {
      const ears = await stranger()
      ears.say({ type: 'auth', token })
      expect(await ears.next('error')).toMatchObject({ code: 'unauthorized' })
      await until('the socket is closed', () => ears.closed)
    }
  })

  test('nothing is done for a socket that has not signed in', async () => {
    const chat_id = await world.chat(ann, bob)
    const ears = await stranger()
    const frames: object[] = [
      { type: 'subscribe', chat_id },
      { type: 'typing', chat_id },
      { type: 'message', chat_id, client_id: uuid(), content: 'x' },
      { type: 'ping' },
      { type: 'presence_update', status: 'away' },
    ]
    for (const frame of frames) {
      ears.say(frame)
      expect(await ears.next('error')).toMatchObject({ code: 'unauthorized' })
    }
    expect(ears.all('pong')).toEqual([])
  })

  test('a page from elsewhere may not open a socket, a configured one may', async () => {
    const answer = (origin: string) =>
      fetch(`${world.url}ws`, {
        headers: {
          origin,
          upgrade: 'websocket',
          connection: 'Upgrade',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'sec-websocket-version': '13',
        },
      })
    expect((await answer('https://evil.example')).status).toBe(403)
    expect((await fetch(`${world.url}ws`)).status).toBe(400)
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}ws`, {
      headers: { origin: 'https://friend.example' },
    } as never)
    await new Promise((resolve) => (socket.onopen = resolve))
    socket.close()
  })
})

describe('frames', () => {
  test('bad frames are answered and the socket stays', async () => {
    const ears = await ann.listen()
    for (const text of [
      '{',
      '[]',
      'null',
      '7',
      '{"type":"dance"}',
      '{"type":["auth"]}',
      '{"type":"__proto__"}',
      '{"type":"typing","chat_id":"x"}',
      '{"type":"subscribe","chat_id":1e99}',
    ]) {
      ears.socket.send(text)
      expect((await ears.next('error')).code).toMatch(/malformed|invalid/)
    }
    const client_id = uuid()
    ears.say({ type: 'message', chat_id: 'x', client_id })
    expect(await ears.next('error')).toMatchObject({ client_id, field: 'chat_id' })
    await ears.settled()
  })

  test('subscribe confirms a chat of the user and refuses another one', async () => {
    const chat_id = await world.chat(ann, bob)
    const [annHears, eveHears] = [await ann.listen(), await eve.listen()]
    annHears.say({ type: 'subscribe', chat_id })
    expect(await annHears.next('subscribed')).toEqual({ type: 'subscribed', chat_id })
    eveHears.say({ type: 'subscribe', chat_id })
    expect(await eveHears.next('error')).toMatchObject({ code: 'not_a_member' })
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'private' } })
    await annHears.next('message')
    await eveHears.settled()
    expect(eveHears.all('message')).toEqual([])
  })

  test('a message frame is acknowledged once stored, and its repeat answers the first', async () => {
    const chat_id = await world.chat(ann, bob)
    const ears = await ann.listen()
    const frame: ClientFrame = { type: 'message', chat_id, client_id: uuid(), content: 'by socket' }
    ears.say(frame)
    const ack = await ears.next('ack')
    expect(ack).toMatchObject({ client_id: frame.client_id, message: { content: 'by socket', type: 'text' } })
    ears.say(frame)
    expect((await ears.next('ack')).message.id).toBe(ack.message.id)
    const page = await bob.call(listMessages, { params: { chat_id } })
    expect(page.filter(({ content }) => content === 'by socket')).toHaveLength(1)
    ears.say({ ...frame, client_id: uuid(), content: '' })
    expect(await ears.next('error')).toMatchObject({ code: 'empty_message' })
  })

  test('typing is heard by members, the typist too, and refused to strangers', async () => {
    const chat_id = await world.chat(ann, bob)
    const [annHears, bobHears, eveHears] = [await ann.listen(), await bob.listen(), await eve.listen()]
    annHears.say({ type: 'typing', chat_id })
    const expected = { type: 'typing', chat_id, user_id: ann.id, username: ann.username } as const
    expect(await annHears.next('typing')).toEqual(expected)
    expect(await bobHears.next('typing')).toEqual(expected)
    eveHears.say({ type: 'typing', chat_id })
    expect(await eveHears.next('error')).toMatchObject({ code: 'not_a_member' })
  })
})

describe('who hears what', () => {
  test('somebody added hears at once, somebody who left does not any more', async () => {
    const chat_id = await world.group(ann, [bob])
    const eveHears = await eve.listen()
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'before' } })
    await ann.call(addMembers, { params: { chat_id }, body: { user_ids: [eve.id] } })
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'while' } })
    const inChat = (event: { chat_id: number }) => event.chat_id === chat_id
    expect((await eveHears.next('message', inChat)).system_event?.event).toBe('members_added')
    expect(await eveHears.next('message', inChat)).toMatchObject({ content: 'while' })
    await eve.call(leaveChat, { params: { chat_id } })
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'after' } })
    await eveHears.settled()
    expect(eveHears.all('message').filter(inChat)).toHaveLength(2)
    eveHears.say({ type: 'subscribe', chat_id })
    expect(await eveHears.next('error')).toMatchObject({ code: 'not_a_member' })
  })

  test('somebody whose leaving was told before their coming hears nothing', async () => {
    const chat_id = await world.group(ann, [bob])
    const eveHears = await eve.listen()
    tellNodes(world.resources[0]!.bus, { type: 'joined', chat_id, user_ids: [eve.id, bob.id] })
    await until('nothing leads to her', async () => {
      eveHears.say({ type: 'typing', chat_id })
      await eveHears.settled()
      return eveHears.all('error').length > 0
    })
    const bobHears = await bob.listen()
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'among us' } })
    expect(await bobHears.next('message', (event) => event.chat_id === chat_id)).toBeDefined()
    await eveHears.settled()
    expect(eveHears.all('message').filter((event) => event.chat_id === chat_id)).toEqual([])
  })

  test('logging out closes the sockets of that session and no other', async () => {
    const again = await world.signIn(eve.username)
    const [one, other] = [await eve.listen(), await again.listen()]
    await again.call(logout)
    await until('the socket of the ended session is closed', () => other.closed)
    expect(other.closed!.code).toBe(4401)
    await one.settled()
    expect(one.closed).toBeNull()
    const ears = await stranger()
    ears.say({ type: 'auth', token: again.tokens.access_token })
    expect(await ears.next('error')).toMatchObject({ code: 'unauthorized' })
  })
})

describe('presence', () => {
  test('online at the first active socket, offline once after the last, never to oneself', async () => {
    const [kim, lea] = [await world.user('kim'), await world.user('lea')]
    await world.chat(kim, lea)
    const kimHears = await kim.listen()
    const leaHears = await lea.listen()
    expect(await kimHears.next('presence')).toMatchObject({ user_id: lea.id, status: 'online' })
    const second = await lea.listen()
    leaHears.close()
    second.close()
    expect(await kimHears.next('presence')).toMatchObject({ user_id: lea.id, status: 'offline' })
    expect(kimHears.all('presence')).toHaveLength(2)
    expect(kimHears.all('presence').some(({ user_id }) => user_id === kim.id)).toBe(false)
  })

  test('a reconnect inside the window announces nothing, and away counts as gone', async () => {
    const [kim, lea] = [await world.user('kim2'), await world.user('lea2')]
    await world.chat(kim, lea)
    const kimHears = await kim.listen()
    const first = await lea.listen()
    await kimHears.next('presence')
    first.close()
    const again = await lea.listen()
    again.say({ type: 'presence_update', status: 'away' })
    expect(await kimHears.next('presence')).toMatchObject({ status: 'offline' })
    again.say({ type: 'ping', active: true })
    expect(await kimHears.next('presence')).toMatchObject({ status: 'online' })
    expect(kimHears.all('presence')).toHaveLength(3)
  })

  test('approximate presence shows a bucket, and nobody shows nothing', async () => {
    const [kim, lea, max] = [await world.user('kim3'), await world.user('lea3'), await world.user('max3')]
    await Promise.all([world.chat(kim, lea), world.chat(kim, max)])
    await lea.call(updateSettings, { body: { last_seen_visibility: 'approx_only' } })
    await max.call(updateSettings, { body: { last_seen_visibility: 'nobody' } })
    const kimHears = await kim.listen()
    await max.listen()
    await lea.listen()
    expect(await kimHears.next('presence')).toEqual({
      type: 'presence',
      user_id: lea.id,
      username: lea.username,
      privacy: 'approx_only',
      last_seen_bucket: 'online',
    })
    expect(kimHears.all('presence')).toHaveLength(1)
  })
})

test('a slow reader is cut off, and others are not held up', async () => {
  const sam = await world.user('sam')
  const chat_id = await world.group(ann, [sam])
  const hears = await ann.listen()
  // A client that signs in and then reads nothing; a WebSocket of the runtime would read for us.
  const slow = await Bun.connect({
    hostname: '127.0.0.1',
    port: world.nodes[0]!.port,
    socket: { data() {} },
  })
  slow.write(
    `GET /ws?token=${sam.tokens.access_token} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
  const says = (status: string) =>
    hears.all('presence').some((one) => one.user_id === sam.id && 'status' in one && one.status === status)
  await until('the slow reader is online', () => says('online'))
  slow.pause()
  const content = 'x'.repeat(4000)
  await until('the slow reader is gone', async () => {
    await Promise.all(
      Array.from({ length: 100 }, () => ann.call(sendMessage, { params: { chat_id }, body: { content } })),
    )
    return says('offline')
  })
  await hears.settled()
  expect(hears.closed).toBeNull()
  slow.terminate()
})
