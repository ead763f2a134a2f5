import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import * as contract from '@messenger/contract'
import {
  ClientFrame,
  REFUSALS,
  createStickerPack,
  createCannedAnswer,
  health,
  openSupport,
  sendMessage,
  type Endpoint,
  type ErrorBody,
} from '@messenger/contract'
import { sql } from './ports/db/port.ts'
import { until } from './testing/until.ts'
import { call, newWorld, type Person, type World } from './testing/world.ts'

let world: World
let ann: Person
let bob: Person
let chat_id: number
let message_id: number
let pack_id: number
let root: Person
let victim: Person
let thread_id: number
let answer_id: number

beforeAll(async () => {
  world = await newWorld()
  ;[ann, bob] = [await world.user('ann'), await world.user('bob')]
  chat_id = await world.group(ann, [bob])
  pack_id = (await ann.call(createStickerPack, { body: { name: 'Fuzz' } })).id
  message_id = (await ann.call(sendMessage, { params: { chat_id }, body: { content: 'hi' } })).id
  ;[root, victim] = [await world.user('root'), await world.user('victim')]
  await world.db.query(sql`update users set is_admin = true where id = ${root.id}`)
  thread_id = (await ann.call(openSupport)).chat_id
  answer_id = (await root.call(createCannedAnswer, { body: { title: 'x', content: 'x' } })).id
})
afterAll(() => world.close())

const ENDPOINTS = Object.values(contract as Record<string, unknown>).filter(
  (value) => typeof value === 'object' && value !== null && 'method' in value,
) as Endpoint[]

/** Values that no field of any endpoint was made for, as JSON: some of them JavaScript could not even write. */
const HOSTILE = [
  'null',
  'true',
  '-1',
  '0',
  '1.5',
  '1e999',
  '9007199254740993',
  '-9223372036854775809',
  '1e308',
  '""',
  '" "',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udfff\\ud800"',
  '"%s%n"',
  '"\'; drop table users; --"',
  '"../../../etc/passwd"',
  '"<script>"',
  `"${'x'.repeat(100_000)}"`,
  '"2026-13-45T99:99:99Z"',
  '"infinity"',
  '"00000000-0000-0000-0000-000000000000"',
  '[]',
  '[null]',
  '[[]]',
  '[1e999]',
  `[${'1,'.repeat(5000)}1]`,
  '{}',
  '{"__proto__":{"is_admin":true}}',
  '{"constructor":1}',
  '{"toString":1}',
]
const HOSTILE_PATHS = [
  '0',
  '-1',
  '1.5',
  '1e3',
  '0x10',
  '9007199254740993',
  '99999999999999999999',
  'null',
  'NaN',
  'x',
  '%00',
  '%ff',
  '%F0%9F%98',
  '%E2%80%AE',
  '..%2f..%2fetc',
  '%27%3B--',
  ' ',
  '١',
]

/** A body that the endpoint would take, as far as its schema tells. */
const TAKEN: Record<string, Record<string, unknown>> = {
  'POST /auth/register': { username: 'fuzz_user', email: 'fuzz@example.org', password: 'long enough' },
  'POST /auth/login': { username: 'nobody_here', password: 'long enough' },
  'POST /auth/refresh': { refresh_token: 'x' },
  'POST /auth/password': { current: 'not the right one', new: 'long enough' },
  'POST /chats': { type: 'group', title: 'Fuzz', member_ids: [] },
  'POST /chats/:chat_id/messages': { content: 'x' },
  'PUT /chats/:chat_id/messages/:message_id': { content: 'x' },
  'POST /chats/:chat_id/messages/:message_id/reactions': { emoji: '\u{1F44D}' },
  'POST /chats/:chat_id/messages/forward': { from_chat_id: 999_999, message_ids: [1] },
  'PUT /chats/:chat_id/draft': { content: 'x' },
  'POST /chats/:chat_id/owner': { user_id: 999_999 },
  'POST /chats/:chat_id/members': { user_ids: [999_999] },
  'POST /chats/:chat_id/invites': { max_uses: 1 },
  'POST /sticker-packs': { name: 'Fuzz' },
  'PATCH /sticker-packs/:pack_id': { name: 'Fuzz' },
  'PUT /sticker-packs/order': { pack_ids: [] },
  'PUT /sticker-packs/:pack_id/order': { sticker_ids: [] },
  'POST /sticker-packs/:pack_id/stickers': { file_id: 999_999, label: 'x' },
  'PATCH /sticker-packs/:pack_id/stickers/:sticker_id': { label: 'x' },
  'POST /admin-api/claim': { token: 'x' },
  'POST /admin-api/support/send': { content: 'x', target_user_id: 1 },
  'PUT /admin-api/support/threads/:chat_id/assignee': { user_id: 1 },
  'POST /admin-api/support/answers': { title: 'x', content: 'x' },
  'PUT /admin-api/support/answers/:answer_id': { title: 'x', content: 'x' },
}
/** What would end the session that asks, or the chat or pack that is asked about. */
const ENDS = new Set([
  'POST /auth/logout',
  'DELETE /auth/sessions/:session_id',
  'DELETE /chats/:chat_id',
  'DELETE /chats/:chat_id/leave',
  'DELETE /sticker-packs/:pack_id',
])

const valid = (name: string, endpoint: Endpoint): string => {
  const admin = endpoint.caller === 'admin'
  const ids: Record<string, number> = {
    chat_id: admin ? thread_id : chat_id,
    message_id,
    user_id: (admin ? victim : bob).id,
    answer_id,
    pack_id,
  }
  return String(ids[name] ?? 999_999)
}

async function ask(endpoint: Endpoint, path: string, init: RequestInit, token: string | null): Promise<void> {
  const response = await fetch(`${world.url}api${path}`, {
    method: endpoint.method,
    ...init,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(init.headers as Record<string, string>),
    },
  })
  const text = await response.text()
  const shown = `${endpoint.method} ${path.slice(0, 120)} ${String(init.body).slice(0, 120)} → ${response.status} ${text.slice(0, 200)}`
  expect(response.status, shown).toBeLessThan(500)
  if (response.status < 400) return
  const body = JSON.parse(text) as ErrorBody
  expect(REFUSALS[body.code], shown).toBe(response.status as never)
  expect(body.error, shown).toBeString()
  expect(text, shown).not.toMatch(/\bat .*\.ts:|SELECT|select .* from/)
}

describe('no input is answered with a fault', () => {
  test.each(ENDPOINTS.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
    '%s',
    async (name, endpoint) => {
      const caller = endpoint.caller === 'admin' ? root : ann
      const token = ENDS.has(name) ? 'not a token' : caller.tokens.access_token
      const pathWith = (param: string | null, value: string) =>
        endpoint.path.replace(/:(\w+)/g, (_, one: string) => (one === param ? value : valid(one, endpoint)))
      const path = pathWith(null, '')
      const asked: Promise<void>[] = []
      for (const param of Object.keys(endpoint.params.properties))
        for (const value of HOSTILE_PATHS) asked.push(ask(endpoint, pathWith(param, value), {}, token))
      for (const query of Object.keys(endpoint.query.properties))
        for (const value of [...HOSTILE_PATHS, '', 'x'.repeat(5000), '&&&=', '%'])
          asked.push(ask(endpoint, `${path}?${query}=${value}&${query}=${value}`, {}, token))
      if (endpoint.method !== 'GET') {
        const taken = TAKEN[name] ?? {}
        for (const field of Object.keys(endpoint.body.properties))
          for (const value of HOSTILE) {
            const { [field]: _, ...rest } = taken
            const body = JSON.stringify(rest).replace(
              /}$/,
              `${Object.keys(rest).length ? ',' : ''}"${field}":${value}}`,
            )
            // Hashing a password takes a while and is not what is tried here.
            if (
              !/"password"|"new"/.test(field) &&
              name.startsWith('POST /auth/') &&
              !name.endsWith('refresh') &&
              value.length > 60
            )
              continue
            asked.push(ask(endpoint, path, { body }, token))
          }
        const bodies = [
          ...HOSTILE,
          '{',
          '{"a":',
          'undefined',
          "{'a':1}",
          '{"a":1}}',
          '[1',
          '\u{FEFF}{}',
          '\0',
          `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
        ]
        for (const body of bodies) asked.push(ask(endpoint, path, { body }, token))
        asked.push(ask(endpoint, path, { body: new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) }, token))
        for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', ''])
          asked.push(ask(endpoint, path, { body: '{}', headers: { 'content-type': type } }, token))
      }
      await Promise.all(asked)
      await ask(endpoint, path, {}, null)
      await ask(endpoint, path, {}, 'a.b.c')
      await ask(endpoint, path, {}, 'x'.repeat(10_000))
    },
  )

  test('a body of ten megabytes is refused, wherever it goes', async () => {
    const body = JSON.stringify({ content: 'x'.repeat(10 * 1024 * 1024) })
    const response = await fetch(`${world.url}api/chats/${chat_id}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ann.tokens.access_token}`, 'content-type': 'application/json' },
      body,
    })
    expect(response.status).toBe(413)
    expect(((await response.json()) as ErrorBody).code).toBe('too_large')
  })

  test('a path that is not there and a method that is not answered say so', async () => {
    for (const [path, method, status, code] of [
      ['api/nothing', 'GET', 404, 'not_found'],
      ['api/%', 'GET', 404, 'not_found'],
      ['api/chats', 'PUT', 405, 'method_not_allowed'],
      ['api/me', 'DELETE', 405, 'method_not_allowed'],
    ] as const) {
      const response = await fetch(`${world.url}${path}`, { method })
      expect([path, response.status, ((await response.json()) as ErrorBody).code]).toEqual([
        path,
        status,
        code,
      ])
      expect(response.headers.get('x-request-id')).toBeString()
      if (status === 405) expect(response.headers.get('allow')).toBeString()
    }
  })
})

describe('no frame ends the server', () => {
  const frames = Object.entries(ClientFrame).flatMap(([type, schema]) =>
    Object.keys(schema.properties).flatMap((field) =>
      HOSTILE.map((value) => {
        const others: Record<string, unknown> = {
          type,
          chat_id,
          client_id: crypto.randomUUID(),
          token: 'x',
          content: 'x',
          status: 'away',
        }
        delete others[field]
        return JSON.stringify(others).replace(/}$/, `,"${field}":${value}}`)
      }),
    ),
  )

  test('each frame with each of its fields wrong is answered, and the socket goes on or is closed', async () => {
    for (let at = 0; at < frames.length; at += 40) {
      const ears = await ann.listen()
      // More than fifty in a second would be flooding, which is tried elsewhere.
      for (const frame of frames.slice(at, at + 40)) {
        // A hostile token ends the session of the socket, as it should.
        if (ears.socket.readyState !== WebSocket.OPEN) break
        if (!frame.startsWith('{"type":"auth"'))
          ears.socket.send(frame.length > 60_000 ? frame.slice(0, 60_000) : frame)
      }
      await ears.settled()
      for (const error of ears.all('error')) expect(REFUSALS[error.code]).toBeLessThan(500)
      ears.close()
    }
  })

  test.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['half of it', '{"type":'],
    ['a list', '[1,2,3]'],
    ['a number', '42'],
    ['null', 'null'],
    ['no type', '{}'],
    ['an unknown type', '{"type":"dance"}'],
    ['a type of all objects', '{"type":"constructor"}'],
    ['bytes', new Uint8Array([0, 255, 254, 1])],
    ['deep', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ])('%s is answered with an error, and the socket stays', async (_, frame) => {
    const ears = await bob.listen()
    ears.socket.send(frame)
    expect((await ears.next('error')).code).toBeOneOf(['malformed', 'invalid'])
    await ears.settled()
    expect(ears.closed).toBeNull()
    ears.close()
  })

  test('a frame that is too large closes its own socket and no other', async () => {
    const [large, other] = [await ann.listen(), await bob.listen()]
    large.socket.send('x'.repeat(1024 * 1024))
    await until('the socket is closed', () => large.closed)
    await other.settled()
    expect(other.closed).toBeNull()
  })
})

test('the process still serves', async () => {
  expect(await call(world.url, health)).toMatchObject({ status: 'ok' })
  expect(await ann.call(sendMessage, { params: { chat_id }, body: { content: 'still here' } })).toMatchObject(
    { content: 'still here' },
  )
})
