import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  getMe,
  getSettings,
  getUser,
  getUserByName,
  searchUsers,
  updateSettings,
  updateUser,
} from '@messenger/contract'
import { call, newWorld, type Person, type World } from '../../testing/world.ts'
import { until } from '../../testing/until.ts'

let world: World
let ann: Person
let bob: Person

beforeAll(async () => {
  world = await newWorld()
  ;[ann, bob] = [await world.user('ann'), await world.user('bob')]
})
afterAll(() => world.close())

const rename = (who: Person, body: object) => who.call(updateUser, { params: { user_id: who.id }, body })

describe('a profile', () => {
  test('is changed by oneself, and everybody who shares a chat hears of it', async () => {
    await world.chat(ann, bob)
    const [bobHears, stranger] = [await bob.listen(), await (await world.user('stranger')).listen()]
    expect(await rename(ann, { display_name: 'Ann Berg', bio: 'Reads. مرحبا' })).toEqual({
      id: ann.id,
      username: 'ann',
      display_name: 'Ann Berg',
      bio: 'Reads. مرحبا',
    })
    expect(await bobHears.next('user_profile_updated')).toMatchObject({
      user_id: ann.id,
      display_name: 'Ann Berg',
    })
    await stranger.settled()
    expect(stranger.all('user_profile_updated')).toEqual([])
    await rename(ann, { bio: null })
    expect(await ann.call(getMe)).toMatchObject({
      display_name: 'Ann Berg',
      bio: null,
      email: 'ann@example.org',
    })
    await rename(ann, { display_name: null })
    expect((await ann.call(getMe)).display_name).toBe('ann')
  })

  test('keeps what is null where null says nothing', async () => {
    const zoe = await world.user('zoe')
    expect(await rename(zoe, { username: null, display_name: 'Zoë', bio: null })).toMatchObject({
      username: 'zoe',
      display_name: 'Zoë',
      bio: null,
    })
  })

  test('of somebody else cannot be changed, and a taken name is refused', async () => {
    expect((await ann.refused(updateUser, { params: { user_id: bob.id }, body: { bio: 'x' } })).code).toBe(
      'not_allowed',
    )
    const taken = await ann.refused(updateUser, { params: { user_id: ann.id }, body: { username: 'BOB' } })
    expect([taken.status, taken.code, taken.field]).toEqual([409, 'username_taken', 'username'])
    for (const [field, value] of [
      ['username', 'a b'],
      ['bio', 'x'.repeat(201)],
      ['display_name', 7],
    ] as const)
      expect(
        (await ann.refused(updateUser, { params: { user_id: ann.id }, body: { [field]: value } as never }))
          .field,
      ).toBe(field)
  })

  test('shows no address to others, and nothing that is not there', async () => {
    for (const seen of [
      await bob.call(getUser, { params: { user_id: ann.id } }),
      await bob.call(getUserByName, { params: { username: 'ANN' } }),
      await call(world.url, getUser, { params: { user_id: ann.id } }),
    ]) {
      expect(seen).toMatchObject({ id: ann.id, username: 'ann' })
      expect(Object.keys(seen)).not.toContain('email')
    }
    expect((await bob.refused(getUser, { params: { user_id: 999_999 } })).code).toBe('not_found')
  })
})

describe('search', () => {
  test('finds by a part of name or username, the best match first, and takes % and _ as they are', async () => {
    const names = ['searchable', 'resea_rch', 'unlike']
    const [one, other] = await Promise.all(names.map((name) => world.user(name)))
    await rename(other!, { display_name: 'Жанна Sear%ch' })
    const find = async (q: string) => (await bob.call(searchUsers, { query: { q } })).map(({ id }) => id)
    expect(await find('sear')).toEqual([one!.id, other!.id])
    expect(await find('жан')).toEqual([other!.id])
    expect(await find('r%c')).toEqual([other!.id])
    expect(await find('a_r')).toEqual([other!.id])
    expect(await find('%')).toEqual([other!.id])
    expect(await find('')).toEqual([])
    expect(await find('nobody at all')).toEqual([])
  })

  test('does not find who was deleted', async () => {
    const gone = await world.user('soon_gone')
    await world.db.query({ text: 'update users set is_active = false where id = $1', values: [gone.id] })
    expect(await bob.call(searchUsers, { query: { q: 'soon_gone' } })).toEqual([])
    expect((await bob.refused(getUser, { params: { user_id: gone.id } })).code).toBe('not_found')
  })
})

describe('presence', () => {
  test('is shown as its owner allows: exactly, roughly, not at all, and never without an account', async () => {
    const target = await world.user('watched')
    const hears = await target.listen()
    const seen = () => bob.call(getUser, { params: { user_id: target.id } })
    await until('online', async () => (await seen()).is_online === true)
    expect(await call(world.url, getUser, { params: { user_id: target.id } })).not.toHaveProperty('is_online')
    const choose = (last_seen_visibility: 'everyone' | 'approx_only' | 'nobody') =>
      target.call(updateSettings, { body: { last_seen_visibility } })
    await choose('approx_only')
    const roughly = await seen()
    expect(roughly.is_online ?? null).toBeNull()
    expect(roughly.last_activity ?? null).toBeNull()
    expect(roughly.last_seen_approx).toBe('just now')
    await choose('nobody')
    const nothing = await seen()
    expect([
      nothing.is_online ?? null,
      nothing.last_activity ?? null,
      nothing.last_seen_approx ?? null,
    ]).toEqual([null, null, null])
    expect((await target.call(getUser, { params: { user_id: target.id } })).is_online).toBe(true)
    await choose('everyone')
    hears.close()
    await until('offline', async () => (await seen()).is_online === false, 10_000)
    expect(Date.parse((await seen()).last_activity!)).toBeGreaterThan(Date.now() - 60_000)
  })
})

describe('settings', () => {
  test('are merged, and one’s other devices hear of it', async () => {
    const hears = await ann.listen()
    const before = await ann.call(getSettings)
    await ann.call(updateSettings, { body: { theme: 'dark' } })
    await hears.next('settings_changed')
    await ann.call(updateSettings, { body: { language: 'de', read_receipts_enabled: false } })
    expect(await ann.call(getSettings)).toEqual({
      ...before,
      theme: 'dark',
      language: 'de',
      read_receipts_enabled: false,
    })
    expect((await bob.call(getSettings)).theme).toBe('system')
  })

  test.each([
    ['theme', 'pink'],
    ['language', 7],
    ['language', 'x'],
    ['last_seen_visibility', 'friends'],
    ['read_receipts_enabled', 'yes'],
    ['notifications_enabled', null],
  ])('%s: %p is refused by its name', async (field, value) => {
    const refusal = await bob.refused(updateSettings, { body: { [field]: value } as never })
    expect([refusal.status, refusal.field]).toEqual([400, field])
  })
})
