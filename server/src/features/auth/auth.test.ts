import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import {
  changePassword,
  endSession,
  getMe,
  listAudit,
  listSessions,
  login,
  logout,
  refresh,
  register,
} from '@messenger/contract'
import { startApp } from '../../app.ts'
import { sql } from '../../ports/db/port.ts'
import { until } from '../../testing/until.ts'
import { ApiRefusal, call, newWorld, PASSWORD, Person, type World } from '../../testing/world.ts'

let world: World
beforeAll(async () => void (world = await newWorld()))
afterAll(() => world.close())

let made = 0
const name = () => `person_${++made}`
const account = (username: string, more: object = {}) => ({
  username,
  email: `${username}@example.org`,
  password: PASSWORD,
  ...more,
})
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    (value) => {
      throw new Error(`not refused: ${JSON.stringify(value)}`)
    },
    (error: unknown) => {
      if (error instanceof ApiRefusal) return error
      throw error
    },
  )
const signUp = (body: object) => call(world.url, register, { body })
const signIn = (username: string, password = PASSWORD) =>
  call(world.url, login, { body: { username, password } })
const renew = (refresh_token: string) => call(world.url, refresh, { body: { refresh_token } })
const alive = (token: string) =>
  call(world.url, getMe, {}, token).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ApiRefusal && error.status === 401) return false
      throw error
    },
  )

describe('registering', () => {
  test('makes an account that can sign in by name or address, whatever their case', async () => {
    const username = name()
    const { id } = await signUp(account(username, { display_name: ' Mia 🌿 ' }))
    for (const given of [username, username.toUpperCase(), `${username}@EXAMPLE.org`]) {
      const tokens = await signIn(given)
      expect(tokens).toMatchObject({ user_id: id, token_type: 'Bearer', expires_in: 3600 })
      expect(await call(world.url, getMe, {}, tokens.access_token)).toMatchObject({
        id,
        username,
        display_name: 'Mia 🌿',
      })
    }
  })

  test('a name or address that is taken is named, whatever its case, and only one of twenty at once gets it', async () => {
    const username = name()
    await signUp(account(username))
    const again = await refusal(signUp(account(username.toUpperCase(), { email: 'other@example.org' })))
    expect([again.status, again.code, again.field]).toEqual([409, 'username_taken', 'username'])
    const address = await refusal(signUp(account(name(), { email: `${username}@Example.ORG` })))
    expect([address.status, address.code, address.field]).toEqual([409, 'email_taken', 'email'])
    const wanted = name()
    const racing = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        signUp(account(wanted, { email: `racer${n}_${wanted}@example.org` })),
      ),
    )
    const [winners, losers] = Map.groupBy(racing, ({ status }) => status === 'fulfilled')
      .values()
      .toArray()
      .toSorted((a, b) => a.length - b.length)
    expect(winners).toHaveLength(1)
    for (const one of losers!) expect((one as PromiseRejectedResult).reason.code).toBe('username_taken')
  })

  test.each([
    [{ username: 'ab' }, 'username'],
    [{ username: 'a'.repeat(33) }, 'username'],
    [{ username: 'with space' }, 'username'],
    [{ username: 'ünïcode' }, 'username'],
    [{ email: 'nobody' }, 'email'],
    [{ email: 'a@' }, 'email'],
    [{ email: '@example.org' }, 'email'],
    [{ email: `${'a'.repeat(250)}@example.org` }, 'email'],
    [{ password: 'short' }, 'password'],
    [{ password: 'ä'.repeat(513) }, 'password'],
    [{ password: 12345678 }, 'password'],
    [{ display_name: 'x'.repeat(65) }, 'display_name'],
    [{ display_name: 'a\0b' }, 'display_name'],
  ])('%p is refused by its name and leaves nothing behind', async (wrong, field) => {
    const body = { ...account(name()), ...wrong }
    const said = await refusal(signUp(body))
    expect([said.status, said.field]).toEqual([400, field])
    const [row] = await world.db.query<{ n: number }>(
      sql`select count(*)::int as n from users where email = ${`${made}`}`,
    )
    expect(row!.n).toBe(0)
  })

  test('six bytes of password are enough, counted in bytes', async () => {
    const username = name()
    await signUp(account(username, { password: 'жжж' }))
    expect((await signIn(username, 'жжж')).user_id).toBeNumber()
  })
})

describe('signing in', () => {
  test('a wrong name and a wrong password are answered alike', async () => {
    const username = name()
    await signUp(account(username))
    const [wrong, nobody] = [
      await refusal(signIn(username, 'not it at all')),
      await refusal(signIn('nobody_here', PASSWORD)),
    ]
    expect([wrong.status, wrong.code, wrong.message]).toEqual([401, 'wrong_credentials', nobody.message])
  })

  test('somebody blocked or deleted is refused, and so is every token they hold', async () => {
    for (const [change, status] of [
      [sql`update users set is_blocked = true where id = `, 403],
      [sql`update users set is_active = false where id = `, 401],
    ] as const) {
      const username = name()
      const person = await world.user(username)
      expect(await alive(person.tokens.access_token)).toBe(true)
      await world.db.query({ text: `${change.text}$1`, values: [person.id] })
      expect((await refusal(signIn(username))).status).toBe(status)
      // What the database said is believed for a second.
      await until('the token is refused', async () => !(await alive(person.tokens.access_token)), 3000)
      expect([401, 403]).toContain((await refusal(renew(person.tokens.refresh_token))).status)
    }
  })

  test.each([
    ['no token', undefined],
    ['nonsense', 'nonsense'],
    [
      'another secret',
      'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0eXBlIjoiYWNjZXNzIiwic2lkIjoxLCJzdWIiOiIxIiwiZXhwIjo5OTk5OTk5OTk5fQ.AAAA',
    ],
    [
      'no signature',
      'eyJhbGciOiJub25lIn0.eyJ0eXBlIjoiYWNjZXNzIiwic2lkIjoxLCJzdWIiOiIxIiwiZXhwIjo5OTk5OTk5OTk5fQ.',
    ],
  ])('%s is 401 with the scheme named', async (_, token) => {
    const response = await fetch(`${world.url}api/me`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('Bearer')
    expect(((await response.json()) as { code: string }).code).toBe('unauthorized')
  })

  test('a refresh token opens nothing, and an access token refreshes nothing', async () => {
    const person = await world.user(name())
    expect(await alive(person.tokens.refresh_token)).toBe(false)
    expect((await refusal(renew(person.tokens.access_token))).code).toBe('unauthorized')
  })
})

describe('sessions', () => {
  test('a refresh brings a new pair, and several tabs may use the old one for a minute', async () => {
    const person = await world.user(name())
    const pairs = await Promise.all(Array.from({ length: 5 }, () => renew(person.tokens.refresh_token)))
    expect(new Set(pairs.map((pair) => pair.refresh_token)).size).toBe(5)
    for (const pair of pairs) expect(await alive(pair.access_token)).toBe(true)
    expect(await renew(pairs[0]!.refresh_token)).toMatchObject({ token_type: 'Bearer' })
    expect(await person.call(listSessions)).toHaveLength(1)
  })

  test('a refresh token that is used again after its minute ends the session everywhere', async () => {
    const person = await world.user(name())
    const hears = await person.listen()
    const next = await renew(person.tokens.refresh_token)
    await world.db.query(
      sql`update refresh_tokens set used_at = used_at - interval '2 minutes' where user_id = ${person.id}`,
    )
    expect((await refusal(renew(person.tokens.refresh_token))).code).toBe('unauthorized')
    expect(await alive(next.access_token)).toBe(false)
    expect((await refusal(renew(next.refresh_token))).code).toBe('unauthorized')
    // By itself a node looks at its sockets every 15 seconds.
    await until('the socket is closed', () => hears.closed, 3000)
    expect(hears.closed?.code).toBe(4401)
  })

  test('signing out ends this session at once and no other', async () => {
    const username = name()
    const [one, other] = [await world.user(username), await world.signIn(username)]
    await one.call(logout)
    expect(await alive(one.tokens.access_token)).toBe(false)
    expect((await refusal(renew(one.tokens.refresh_token))).code).toBe('unauthorized')
    expect(await alive(other.tokens.access_token)).toBe(true)
  })

  test('one sees one’s own sessions and ends them; another’s are not there', async () => {
    const username = name()
    const [one, other, stranger] = [
      await world.user(username),
      await world.signIn(username),
      await world.user(name()),
    ]
    const sessions = await one.call(listSessions)
    expect(sessions.map(({ current }) => current).toSorted()).toEqual([false, true])
    const { id: session_id } = sessions.find(({ current }) => !current)!
    expect((await stranger.refused(endSession, { params: { session_id } })).code).toBe('not_found')
    expect(await alive(other.tokens.access_token)).toBe(true)
    await one.call(endSession, { params: { session_id } })
    expect(await alive(other.tokens.access_token)).toBe(false)
    expect((await one.refused(endSession, { params: { session_id } })).code).toBe('not_found')
  })

  test('an expired session is over, whatever its token says', async () => {
    const person = await world.user(name())
    await world.db.query(
      sql`update sessions set expires_at = now() - interval '1 second' where user_id = ${person.id}`,
    )
    expect(await alive(person.tokens.access_token)).toBe(false)
    expect((await refusal(renew(person.tokens.refresh_token))).code).toBe('unauthorized')
  })

  test('changing the password needs the old one, and ends every other session', async () => {
    const username = name()
    const [one, other] = [await world.user(username), await world.signIn(username)]
    const wrong = await one.refused(changePassword, { body: { current: 'not it', new: 'another horse' } })
    expect([wrong.status, wrong.code, wrong.field]).toEqual([403, 'wrong_password', 'current'])
    expect((await one.refused(changePassword, { body: { current: PASSWORD, new: 'tiny' } })).field).toBe(
      'new',
    )
    await one.call(changePassword, { body: { current: PASSWORD, new: 'another horse' } })
    expect([await alive(one.tokens.access_token), await alive(other.tokens.access_token)]).toEqual([
      true,
      false,
    ])
    expect((await refusal(signIn(username))).code).toBe('wrong_credentials')
    expect((await signIn(username, 'another horse')).user_id).toBe(one.id)
  })

  test('what the database keeps opens nothing', async () => {
    const person = await world.user(name())
    const rows = await world.db.query<{ password_hash: string }>(
      sql`select password_hash from users where id = ${person.id}`,
    )
    expect(rows[0]!.password_hash).toMatch(/^pbkdf2.*600000/)
    const [token] = await world.db.query<{ n: number }>(
      sql`select count(*)::int as n from refresh_tokens where encode(token_hash, 'escape') like ${`%${person.tokens.refresh_token.slice(0, 20)}%`}`,
    )
    expect(token!.n).toBe(0)
  })
})

describe('with limits', () => {
  let strict: World
  beforeAll(async () => void (strict = await newWorld({ env: { RATE_LIMITS: 'on', REGISTRATION: 'open' } })))
  afterAll(() => strict.close())

  test('guessing a password is slowed down for that account, and others go on', async () => {
    const [ann, bob] = [await strict.user('ann'), await strict.user('bob')]
    const guess = (username: string) =>
      refusal(call(strict.url, login, { body: { username, password: 'a guess' } }))
    const guesses = await Promise.all(Array.from({ length: 14 }, () => guess(ann.username)))
    const slowed = guesses.filter(({ code }) => code === 'rate_limited')
    expect(slowed.length).toBeGreaterThanOrEqual(3)
    for (const one of slowed) expect([one.status, one.retry_after! >= 1]).toEqual([429, true])
    expect(
      (await call(strict.url, login, { body: { username: bob.username, password: PASSWORD } })).user_id,
    ).toBe(bob.id)
    expect(await ann.call(getMe)).toMatchObject({ id: ann.id })
  })
})

test('registration can be closed', async () => {
  const closed = await newWorld({ env: { REGISTRATION: 'closed' } })
  try {
    const said = await refusal(call(closed.url, register, { body: account(name()) }))
    expect([said.status, said.code]).toEqual([403, 'registration_closed'])
  } finally {
    await closed.close()
  }
})

test('the first admin is made from the configuration, once, and promoted when the account is there', async () => {
  const env = { ADMIN_USERNAME: 'root_of_all', ADMIN_PASSWORD: 'correct horse' }
  const admin = await newWorld({ env, nodes: 2 })
  try {
    const signed = async () => {
      const tokens = await call(admin.url, login, { body: { username: 'root_of_all', password: PASSWORD } })
      return new Person('root_of_all', tokens, admin.url, [])
    }
    const root = await signed()
    expect(await root.call(getMe)).toMatchObject({ is_admin: true })
    const on = { actor_id: null, actor_name: 'configuration', target_id: root.id, target_name: 'root_of_all' }
    expect((await root.call(listAudit)).entries).toMatchObject([{ action: 'user_created', ...on }])

    await admin.db.query(sql`update users set is_admin = false`)
    await (await startApp(admin.resources[0]!, '/nowhere')).stop()
    expect((await (await signed()).call(listAudit)).entries).toMatchObject([
      { action: 'admin_granted', before: { is_admin: false }, after: { is_admin: true }, ...on },
      { action: 'user_created' },
    ])
  } finally {
    await admin.close()
  }
})

test('a sign-in costs two statements, and one commit with them', async () => {
  const person = await world.user(name())
  const query = spyOn(world.db, 'query')
  await signIn(person.username)
  const texts = query.mock.calls.map(([{ text }]) => text).filter((text) => /\b(users|sessions)\b/.test(text))
  query.mockRestore()
  // Outside of a transaction: `db.query` would not see its statements.
  expect(texts).toHaveLength(2)
  expect(texts[0]).toContain('password_hash')
  expect(texts[1]).toContain('insert into refresh_tokens')
})

test('a storm of logins is queued, then told to wait, and posts go on', async () => {
  const person = await world.user(name())
  const storm = await Promise.allSettled(Array.from({ length: 200 }, () => signIn(person.username)))
  const refused = storm.flatMap((one) => (one.status === 'rejected' ? [one.reason as ApiRefusal] : []))
  expect(storm.length - refused.length).toBeGreaterThan(10)
  for (const one of refused)
    expect([one.status, one.code, one.retry_after! >= 1]).toEqual([429, 'busy', true])
  expect(await alive(person.tokens.access_token)).toBe(true)
})
