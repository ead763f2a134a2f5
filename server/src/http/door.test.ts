import { createInvite, createStickerPack, listChats, sendMessage, updateSettings } from '@messenger/contract'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { pino } from 'pino'
import { sql } from '../ports/db/port.ts'
import { ApiRefusal, newWorld, type Person, type World } from '../testing/world.ts'

const FRIEND = 'https://friend.example'
const OWN = ['metrics', 'openapi.json', 'docs']

let world: World
let ann: Person

beforeAll(async () => {
  world = await newWorld({ env: { CORS_ORIGINS: FRIEND } })
  ann = await world.user('ann')
})
afterAll(() => world.close())

const ask = (path: string, method = 'GET', headers: Record<string, string> = {}) =>
  fetch(`${world.url}${path}`, { method, headers })

test('every answer carries its id, whoever gave it', async () => {
  const paths = ['', 'app', 'assets/nothing.js', 'nothing', 'ws', 'health', 'me', ...OWN]
  for (const path of paths)
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const { headers } = await ask(path, method)
      expect([path, method, headers.get('x-request-id')]).toEqual([path, method, expect.any(String)])
    }
})

test('pages of our own answer at the root and under /api, to those who read', async () => {
  for (const path of OWN.flatMap((name) => [name, `api/${name}`])) {
    expect([path, (await ask(path)).status]).toEqual([path, 200])
    expect([path, (await ask(path, 'HEAD')).status]).toEqual([path, 200])
    const refused = await ask(path, 'POST')
    expect([path, refused.status, refused.headers.get('allow')]).toEqual([path, 405, 'GET'])
  }
})

test('OPTIONS is answered 204 everywhere, and a configured origin may read what pages it', async () => {
  for (const path of ['', 'nothing', 'ws', 'chats', ...OWN])
    expect([path, (await ask(path, 'OPTIONS', { origin: FRIEND })).status]).toEqual([path, 204])
  for (const path of ['health', 'openapi.json', 'nothing', 'ws']) {
    const { headers } = await ask(path, 'GET', { origin: FRIEND })
    expect([path, headers.get('access-control-allow-origin')]).toEqual([path, FRIEND])
    expect(headers.get('access-control-expose-headers')).toContain('X-Next-Cursor')
    const stranger = await ask(path, 'GET', { origin: 'https://evil.example' })
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('an answer says how long it is, also a long one and one in any script', async () => {
  const bob = await world.user('bob')
  const chat_id = await world.chat(bob, bob)
  const headers = { authorization: `Bearer ${bob.tokens.access_token}` }
  for (const content of ['short', 'a \u{1F642} Привет '.repeat(200), 'б'.repeat(4000), 'x'.repeat(4000)])
    for (let n = 0; n < 3; n++) await bob.call(sendMessage, { params: { chat_id }, body: { content } })
  for (const path of [
    `chats/${chat_id}/messages`,
    `chats/${chat_id}/changes`,
    'chats',
    'openapi.json',
    'me',
  ]) {
    const answer = await ask(path, 'GET', headers)
    const body = await answer.arrayBuffer()
    expect([path, answer.status, Number(answer.headers.get('content-length'))]).toEqual([
      path,
      200,
      body.byteLength,
    ])
    expect(JSON.parse(Buffer.from(body).toString())).toBeTruthy()
    expect((await ask(path, 'HEAD', headers)).status).toBe(200)
  }
})

test('a body that is too large is refused in JSON, however large it is', async () => {
  const body = Buffer.alloc(20 * 1024 * 1024, '[')
  const response = await fetch(`${world.url}auth/login`, { method: 'POST', body })
  expect(response.status).toBe(413)
  expect(await response.json()).toMatchObject({ code: 'too_large', error: expect.any(String) })
})

test('a page size is clamped whenever it is a number, however it is written', async () => {
  for (const limit of ['0', '-7', '1.5', '1e3', '+10', '2e999', '-2e999', '9'.repeat(30)])
    expect(await ann.call(listChats, { query: { limit: limit as never } })).toEqual([])
  for (const limit of ['x', '1x', 'NaN', 'Infinity', '0x10', '--1'])
    expect(await ann.refused(listChats, { query: { limit: limit as never } })).toMatchObject({
      status: 400,
      field: 'limit',
    })
})

test('a word that is none of a closed list is answered with the list', async () => {
  const refusal = await ann.refused(updateSettings, { body: { theme: 'pink' as never } })
  expect(refusal).toBeInstanceOf(ApiRefusal)
  expect(refusal.message).toContain('theme has to be one of light, dark, system.')
})

test('what fails is written down by its path, and a token in it is left out', async () => {
  const said: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) })
  const failing = await newWorld({ log })
  try {
    const bob = await failing.user('bob')
    const chat_id = await failing.group(bob, [])
    const { token: invite } = await bob.call(createInvite, { params: { chat_id } })
    const { id, token: pack } = await bob.call(createStickerPack, { body: { name: 'Whales' } })
    await failing.db.query(sql`alter table invites rename to mislaid_invites`)
    await failing.db.query(sql`alter table sticker_packs rename to mislaid_packs`)
    const authorization = `Bearer ${bob.tokens.access_token}`
    const asked = [
      ['DELETE', `/invites/${invite}`, '/invites/:token'],
      ['GET', `/invites/${invite}/preview`, '/invites/:token/preview'],
      ['POST', `/api/invites/${invite}/join`, '/invites/:token/join'],
      ['GET', `/sticker-packs/by-token/${pack}`, '/sticker-packs/by-token/:token'],
      ['POST', `/api/sticker-packs/by-token/${pack}/add?x=1`, '/sticker-packs/by-token/:token/add'],
      ['DELETE', `/api/sticker-packs/${id}`, `/api/sticker-packs/${id}`],
    ] as const
    for (const [method, path] of asked) {
      const response = await fetch(new URL(path, failing.url), { method, headers: { authorization } })
      expect([path, response.status]).toEqual([path, 500])
    }
    const lines = said.map((line) => JSON.parse(line) as { msg: string; method: string; path: string })
    expect(lines.map(({ msg, method, path }) => [msg, method, path])).toEqual(
      asked.map(([method, , logged]) => ['a request failed', method, logged]),
    )
    for (const token of [invite, pack!]) expect(said.join('')).not.toContain(token)
  } finally {
    await failing.close()
  }
})
