import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  banUser,
  createInvite,
  deleteChat,
  demoteMember,
  getChatRow,
  joinByInvite,
  leaveChat,
  listInvites,
  listMessages,
  previewInvite,
  promoteMember,
  register,
  revokeInvite,
  sendMessage,
} from '@messenger/contract'
import { sql } from '../../ports/db/port.ts'
import { crowd } from '../../testing/crowd.ts'
import { type ApiRefusal, call, newWorld, PASSWORD, type Person, type World } from '../../testing/world.ts'

let world: World
let ann: Person
let bob: Person
let cat: Person
let eve: Person

beforeAll(async () => {
  world = await newWorld()
  ;[ann, bob, cat, eve] = (await Promise.all(
    ['ann', 'bob', 'cat', 'eve'].map((name) => world.user(name)),
  )) as [Person, Person, Person, Person]
})
afterAll(() => world.close())

const invite = (who: Person, chat_id: number, body: object = {}) =>
  who.call(createInvite, { params: { chat_id }, body })
const live = async (who: Person, chat_id: number, query: object = {}) =>
  (await who.call(listInvites, { params: { chat_id }, query })).map(({ token }) => token)
const join = (who: Person, token: string) => who.call(joinByInvite, { params: { token } })
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'not refused',
    (error: ApiRefusal) => `${error.status} ${error.code}`,
  )
const preview = (token: string) => call(world.url, previewInvite, { params: { token } })
const expire = (token: string) =>
  world.db.query(sql`update invites set expires_at = now() - interval '1 second' where token = ${token}`)

describe('who may invite', () => {
  test('owner and admins make, list and end invites; members, strangers and former members do not', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    await cat.call(leaveChat, { params: { chat_id } })
    const { token } = await invite(ann, chat_id)
    for (const [who, no] of [
      [bob, '403 not_allowed'],
      [cat, '404 not_found'],
      [eve, '404 not_found'],
    ] as const) {
      expect(await refusal(invite(who, chat_id))).toBe(no)
      expect(await refusal(live(who, chat_id))).toBe(no)
      expect(await refusal(who.call(revokeInvite, { params: { token } }))).toBe(no)
    }
    expect(await live(ann, chat_id)).toEqual([token])
    await ann.call(promoteMember, { params: { chat_id, user_id: bob.id } })
    const bobs = await invite(bob, chat_id)
    expect(bobs.created_by).toBe(bob.id)
    await ann.call(demoteMember, { params: { chat_id, user_id: bob.id } })
    expect(await refusal(bob.call(revokeInvite, { params: { token: bobs.token } }))).toBe('403 not_allowed')
    for (let n = 0; n < 2; n++)
      expect(await ann.call(revokeInvite, { params: { token: bobs.token } })).toEqual({ revoked: true })
    expect(await live(ann, chat_id)).toEqual([token])
  })

  test('there is nothing to invite to in a direct chat', async () => {
    const chat_id = await world.chat(ann, bob)
    expect(await refusal(invite(ann, chat_id))).toBe('400 not_for_direct_chats')
    expect(await refusal(live(ann, chat_id))).toBe('400 not_for_direct_chats')
  })

  test.each([
    [{ expires_at: '2020-01-01T00:00:00.000Z' }, 'expires_at'],
    [{ expires_at: 'tomorrow' }, 'expires_at'],
    [{ expires_at: '+100000-01-01T00:00:00.000Z' }, 'expires_at'],
    [{ expires_at: 5 }, 'expires_at'],
    [{ max_uses: 0 }, 'max_uses'],
    [{ max_uses: -1 }, 'max_uses'],
    [{ max_uses: 1.5 }, 'max_uses'],
    [{ max_uses: 'many' }, 'max_uses'],
  ])('%p is refused by its name', async (body, field) => {
    const chat_id = await world.group(ann, [])
    const no = await ann.refused(createInvite, { params: { chat_id }, body: body as never })
    expect([no.status, no.field]).toEqual([400, field])
    expect(await live(ann, chat_id)).toEqual([])
  })

  test('live invites are paged, the newest first, also when the last of a page ended meanwhile', async () => {
    const chat_id = await world.group(ann, [])
    const made: string[] = []
    for (let n = 0; n < 5; n++) made.unshift((await invite(ann, chat_id)).token)
    expect(await live(ann, chat_id, { limit: 2 })).toEqual(made.slice(0, 2))
    await ann.call(revokeInvite, { params: { token: made[1]! } })
    expect(await live(ann, chat_id, { limit: 2, cursor: made[1]! })).toEqual(made.slice(2, 4))
    const other = await world.group(ann, [])
    expect(await live(ann, other, { cursor: made[1]! })).toEqual([])
  })
})

describe('joining', () => {
  test('anyone sees what an invite leads to, joins by it and hears the chat at once', async () => {
    const chat_id = await world.group(ann, [bob], 'The garden')
    const in_a_day = new Date(Date.now() + 86_400_000).toISOString()
    const made = await invite(ann, chat_id, { expires_at: in_a_day, max_uses: 3 })
    expect(made).toEqual({
      token: made.token,
      chat_id,
      created_by: ann.id,
      created_at: made.created_at,
      expires_at: in_a_day,
      max_uses: 3,
      use_count: 0,
      link: `/join/${made.token}`,
    })
    expect(made.token).toMatch(/^[\w-]{24}$/)
    expect(await preview(made.token)).toEqual({
      chat_id,
      type: 'group',
      title: 'The garden',
      description: null,
      member_count: 2,
      avatar_url: null,
    })
    const [annHears, catHears] = [await ann.listen(), await cat.listen()]
    const here = (event: { chat_id: number }) => event.chat_id === chat_id
    expect(await join(cat, made.token)).toEqual({ chat_id, role: 'member', already_member: false })
    await ann.call(sendMessage, { params: { chat_id }, body: { content: 'welcome' } })
    expect(await catHears.next('chat_created', here)).toMatchObject({ title: 'The garden' })
    expect((await catHears.next('message', here)).system_event).toEqual({
      event: 'member_joined',
      users: [{ id: cat.id, name: 'cat' }],
    })
    expect((await catHears.next('message', here)).content).toBe('welcome')
    expect(await annHears.next('chat_member_joined', here)).toMatchObject({ user_id: cat.id })
    for (const who of [cat, ann, bob]) expect((await join(who, made.token)).already_member).toBe(true)
    expect((await ann.call(listInvites, { params: { chat_id } }))[0]!.use_count).toBe(1)
    const said = await ann.call(listMessages, { params: { chat_id } })
    expect(said.map(({ type }) => type)).toEqual(['system', 'text'])
  })

  test('an invite that never was is not found; one that was revoked, ran out or was used up is gone', async () => {
    const chat_id = await world.group(ann, [bob])
    const [revoked, expired, used] = [
      await invite(ann, chat_id),
      await invite(ann, chat_id),
      await invite(ann, chat_id, { max_uses: 1 }),
    ]
    await ann.call(revokeInvite, { params: { token: revoked.token } })
    await expire(expired.token)
    await join(cat, used.token)
    for (const { token } of [revoked, expired, used]) {
      expect(await refusal(join(eve, token))).toBe('410 gone')
      expect(await refusal(preview(token))).toBe('410 gone')
    }
    for (const token of ['nothing', '%00', 'x'.repeat(64), "' or true --"]) {
      expect(await refusal(join(eve, token))).toBeOneOf(['404 not_found', '400 invalid'])
      expect(await refusal(preview(token))).toBeOneOf(['404 not_found', '400 invalid'])
    }
    expect(await live(ann, chat_id)).toEqual([])
    // Whoever took the last use and lost the answer asks again.
    expect((await join(cat, used.token)).already_member).toBe(true)
    expect(await refusal(join(cat, revoked.token))).toBe('410 gone')
    expect((await ann.call(getChatRow, { params: { chat_id } })).member_count).toBe(3)
  })

  test('of a hundred who come at once, exactly as many get in as the invite has uses', async () => {
    const chat_id = await world.channel(ann, [])
    const { token } = await invite(ann, chat_id, { max_uses: 10 })
    const people = await crowd(world, 100)
    const ends = await Promise.all(people.map((who) => refusal(join(who, token))))
    expect(ends.filter((end) => end === 'not refused')).toHaveLength(10)
    expect(ends.filter((end) => end === '410 gone')).toHaveLength(90)
    const [stored] = await world.db.query<{ use_count: number; members: number }>(sql`
      select i.use_count, (select count(*) from chat_members where chat_id = i.chat_id)::int as members
      from invites i where token = ${token}`)
    expect(stored).toEqual({ use_count: 10, members: 11 })
    expect((await ann.call(getChatRow, { params: { chat_id } })).member_count).toBe(11)
  })

  test('one person who joins ten times at once uses it once', async () => {
    const chat_id = await world.group(ann, [])
    const { token } = await invite(ann, chat_id, { max_uses: 2 })
    const joined = await Promise.all(Array.from({ length: 10 }, () => join(bob, token)))
    expect(joined.filter(({ already_member }) => !already_member)).toHaveLength(1)
    expect((await ann.call(listInvites, { params: { chat_id } }))[0]!.use_count).toBe(1)
  })

  test('whoever is banned does not come in, and uses nothing up', async () => {
    const chat_id = await world.group(ann, [bob])
    const { token } = await invite(ann, chat_id, { max_uses: 5 })
    await ann.call(banUser, { params: { chat_id, user_id: bob.id } })
    expect(await refusal(join(bob, token))).toBe('403 banned')
    expect((await ann.call(listInvites, { params: { chat_id } }))[0]!.use_count).toBe(0)
  })

  test('the invites of a deleted chat are gone with it', async () => {
    const chat_id = await world.group(ann, [])
    const { token } = await invite(ann, chat_id)
    await ann.call(deleteChat, { params: { chat_id }, body: {} })
    expect(await refusal(join(bob, token))).toBe('404 not_found')
    expect(await refusal(preview(token))).toBe('404 not_found')
    expect(await refusal(ann.call(revokeInvite, { params: { token } }))).toBe('404 not_found')
  })
})

describe('where one registers by invite', () => {
  const person = (name: string, invite_token?: string | null) => ({
    body: {
      username: name,
      email: `${name}@example.org`,
      password: PASSWORD,
      ...(invite_token === undefined ? {} : { invite_token }),
    },
  })

  test('an account is made by a live invite alone, joins its chat, and uses it up', async () => {
    const env = { REGISTRATION: 'invite', ADMIN_USERNAME: 'root', ADMIN_PASSWORD: PASSWORD }
    const closed = await newWorld({ env })
    const root = await closed.signIn('root')
    const chat_id = await closed.group(root, [])
    const { token } = await invite(root, chat_id, { max_uses: 2 })
    const attempt = (name: string, invite_token?: string | null) =>
      refusal(call(closed.url, register, person(name, invite_token)))
    expect(await attempt('nobody')).toBe('403 registration_closed')
    expect(await attempt('nobody', null)).toBe('403 registration_closed')
    expect(await attempt('nobody', '')).toBe('404 not_found')
    expect(await attempt('nobody', 'guessed')).toBe('404 not_found')
    expect(await attempt('root', token)).toBe('409 username_taken')
    expect((await root.call(listInvites, { params: { chat_id } }))[0]!.use_count).toBe(0)
    const hears = await root.listen()
    expect(await attempt('first', token)).toBe('not refused')
    await hears.next('chat_member_joined')
    const first = await closed.signIn('first')
    expect(await first.call(getChatRow, { params: { chat_id } })).toMatchObject({ my_role: 'member' })
    expect(await join(first, token)).toMatchObject({ already_member: true })
    const late = await Promise.all(['second', 'third', 'fourth'].map((name) => attempt(name, token)))
    expect(late.toSorted()).toEqual(['410 gone', '410 gone', 'not refused'])
    const [made] = await closed.db.query<{ n: number }>(
      sql`select count(*)::int as n from users where not is_system`,
    )
    expect(made!.n).toBe(3)
    await closed.close()
  })

  test('where it is closed an invite opens nothing', async () => {
    const closed = await newWorld({ env: { REGISTRATION: 'closed' } })
    expect(await refusal(call(closed.url, register, person('nobody', 'any')))).toBe('403 registration_closed')
    await closed.close()
  })
})
