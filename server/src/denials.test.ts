import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import * as contract from '@messenger/contract'
import { logout, type Endpoint, type ErrorBody } from '@messenger/contract'
import { SignJWT } from 'jose'
import { sql } from './ports/db/port.ts'
import { until } from './testing/until.ts'
import { newWorld, type Person, type World } from './testing/world.ts'

let world: World
let ann: Person
const tokens: Record<string, string | null> = {}

beforeAll(async () => {
  world = await newWorld()
  ann = await world.user('ann')
  const [blocked, deleted, out] = await Promise.all(
    ['blocked', 'deleted', 'signed_out'].map((name) => world.user(name)),
  )
  await world.db.query(sql`update users set is_blocked = true where id = ${blocked!.id}`)
  await world.db.query(sql`update users set is_active = false where id = ${deleted!.id}`)
  await out!.call(logout)
  const secret = new TextEncoder().encode(world.config.jwt_secret!)
  const signed = (claims: object, seconds: number, key = secret) =>
    new SignJWT({ type: 'access', is_admin: true, sid: 1, ...claims })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(String(ann.id))
      .setIssuedAt(Math.floor(Date.now() / 1000) - 7200)
      .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
      .sign(key)
  Object.assign(tokens, {
    nobody: null,
    'a wrong token': 'not.a.token',
    'another server’s token': await signed({}, 3600, new TextEncoder().encode('x'.repeat(40))),
    'an expired token': await signed({}, -1),
    'a token of no session': await signed({ sid: 999_999 }, 3600),
    'a token of another’s session': await signed({ sid: 2 }, 3600),
    'a refresh token': ann.tokens.refresh_token,
    'somebody blocked': blocked!.tokens.access_token,
    'somebody deleted': deleted!.tokens.access_token,
    'somebody signed out': out!.tokens.access_token,
  })
  // What the database said of a session is believed for a second.
  const answered = async (token: string) =>
    (await fetch(`${world.url}api/me`, { headers: { authorization: `Bearer ${token}` } })).status
  for (const who of [blocked!, deleted!])
    await until('it is known', async () => (await answered(who.tokens.access_token)) === 401)
})
afterAll(() => world.close())

const ENDPOINTS = (
  Object.values(contract as Record<string, unknown>).filter(
    (value) => typeof value === 'object' && value !== null && 'method' in value,
  ) as Endpoint[]
).filter(({ caller }) => caller === 'user' || caller === 'admin')

const path = (endpoint: Endpoint) => endpoint.path.replace(/:\w+/g, '1')

describe('whoever is not signed in is told so, before anything is looked at', () => {
  test.each(ENDPOINTS.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
    '%s',
    async (_, endpoint) => {
      for (const [who, token] of Object.entries(tokens)) {
        const response = await fetch(`${world.url}api${path(endpoint)}`, {
          method: endpoint.method,
          headers: {
            ...(token === null ? {} : { authorization: `Bearer ${token}` }),
            ...(endpoint.method === 'GET' ? {} : { 'content-type': 'application/json' }),
          },
          ...(endpoint.method === 'GET' ? {} : { body: '{"nonsense":' }),
        })
        expect([who, response.status, ((await response.json()) as ErrorBody).code]).toEqual([
          who,
          401,
          'unauthorized',
        ])
      }
    },
  )

  test('there is somebody to deny: the same call is answered to who is signed in', async () => {
    const response = await fetch(`${world.url}api/me`, {
      headers: { authorization: `Bearer ${ann.tokens.access_token}` },
    })
    expect(response.status).toBe(200)
    expect(ENDPOINTS.length).toBeGreaterThan(35)
  })
})
