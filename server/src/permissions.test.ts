import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import * as contract from '@messenger/contract'
import type { Endpoint } from '@messenger/contract'
import { sql } from './ports/db/port.ts'
import { until } from './testing/until.ts'
import { RULES } from './testing/permissionTable.ts'
import { asMarkdown, CALLERS, sceneFor, type Caller, type People, type Rule } from './testing/permissions.ts'
import { newWorld, statusOf, type World } from './testing/world.ts'

let world: World
let people: People

beforeAll(async () => {
  world = await newWorld()
  const names = [...CALLERS.filter((one) => one !== 'anonymous'), 'other'] as const
  const everybody = await Promise.all(names.map((name) => world.user(name.replace(' ', '_'))))
  people = Object.fromEntries(names.map((name, n) => [name, everybody[n]!])) as People
  await world.db.query(sql`update users set is_admin = true where id = ${people['site admin'].id}`)
  await world.db.query(sql`update users set is_blocked = true where id = ${people.blocked.id}`)
  // What the database said of a session is believed for a second.
  await until(
    'the block is known',
    async () => (await statusOf(world.url, contract.getMe, {}, people.blocked.tokens.access_token)) === 401,
  )
})
afterAll(() => world.close())

const nameOf = ({ method, path }: Endpoint) => `${method} ${path}`
const ENDPOINTS = Object.values(contract as Record<string, unknown>).filter(
  (value): value is Endpoint => typeof value === 'object' && value !== null && 'method' in value,
)

async function answered({ endpoint, place, ask }: Rule, caller: Caller): Promise<number> {
  const scene = await sceneFor(world, people, place, caller)
  return statusOf(world.url, endpoint, await ask(scene), scene.caller?.tokens.access_token)
}

describe('every call is answered to each kind of caller as docs/permissions.md says', () => {
  test.each(RULES.map((one) => [`${nameOf(one.endpoint)} in a ${one.place} ${one.note}`, one] as const))(
    '%s',
    async (_, one) => {
      const found: (number | null)[] = []
      for (const [n, caller] of CALLERS.entries())
        found.push(one.expected[n] === null ? null : await answered(one, caller))
      expect(Object.fromEntries(CALLERS.map((caller, n) => [caller, found[n]]))).toEqual(
        Object.fromEntries(CALLERS.map((caller, n) => [caller, one.expected[n]!])),
      )
    },
  )
})

test('no call of the contract is missing in the table', () => {
  const named = new Set(RULES.map(({ endpoint }) => nameOf(endpoint)))
  expect(ENDPOINTS.map(nameOf).filter((name) => !named.has(name))).toEqual([])
})

test('docs/permissions.md is the table', async () => {
  const page = await Bun.file(new URL('../../docs/permissions.md', import.meta.url)).text()
  expect(page, 'node_modules/.bin/bun server/src/testing/permissionPage.ts writes it').toBe(asMarkdown(RULES))
})
