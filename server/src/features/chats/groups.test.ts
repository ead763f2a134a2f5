import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import {
  addMembers,
  banUser,
  countReadBy,
  createInvite,
  demoteMember,
  getChat,
  getChatRow,
  handOver,
  joinByInvite,
  joinChat,
  leaveChat,
  listBans,
  listChanges,
  listMembers,
  listMessages,
  listReadBy,
  listReadReceipts,
  markRead,
  promoteMember,
  removeMember,
  sendMessage,
  unbanUser,
  updateChat,
  updateSettings,
  type BodyOf,
} from '@messenger/contract'
import { sql } from '../../ports/db/port.ts'
import { peopleOf, seat } from '../../testing/crowd.ts'
import { type ApiRefusal, newWorld, type Person, type World } from '../../testing/world.ts'

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

const send = (who: Person, chat_id: number, content = 'hi', more: object = {}) =>
  who.call(sendMessage, { params: { chat_id }, body: { content, ...more } })
const row = (who: Person, chat_id: number) => who.call(getChatRow, { params: { chat_id } })
const change = (who: Person, chat_id: number, body: BodyOf<typeof updateChat>) =>
  who.call(updateChat, { params: { chat_id }, body })
const add = (who: Person, chat_id: number, ...people: { id: number }[]) =>
  who.call(addMembers, { params: { chat_id }, body: { user_ids: people.map(({ id }) => id) } })
const about = (chat_id: number, who: { id: number }) => ({ params: { chat_id, user_id: who.id } })
const said = async (who: Person, chat_id: number) =>
  (await who.call(listMessages, { params: { chat_id } })).map(
    ({ system_event, sender_id, content }) => system_event && { ...system_event, by: sender_id, content },
  )
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'not refused',
    (error: ApiRefusal) => `${error.status} ${error.code}`,
  )

describe('what a group says of itself', () => {
  test('who was added, left, was removed, owns it now, and what it is called', async () => {
    const chat_id = await world.group(ann, [bob])
    await add(bob, chat_id, cat, eve)
    await cat.call(leaveChat, { params: { chat_id } })
    await ann.call(removeMember, about(chat_id, eve))
    await change(ann, chat_id, { title: 'Renamed' })
    await change(ann, chat_id, { title: 'Renamed', description: 'Not a new title' })
    await ann.call(promoteMember, about(chat_id, bob))
    await ann.call(handOver, { params: { chat_id }, body: { user_id: bob.id } })
    const [a, b] = [ann.id, bob.id]
    const named = (who: Person) => ({ id: who.id, name: who.username })
    expect(await said(ann, chat_id)).toEqual([
      { event: 'members_added', users: [named(cat), named(eve)], by: b, content: null },
      { event: 'member_left', users: [named(cat)], by: cat.id, content: null },
      { event: 'member_removed', users: [named(eve)], by: a, content: null },
      { event: 'title_changed', title: 'Renamed', by: a, content: null },
      { event: 'owner_changed', users: [named(bob)], by: a, content: null },
    ])
  })

  test('it is the newest in the list, and unread for nobody', async () => {
    const chat_id = await world.group(ann, [bob])
    await send(ann, chat_id, 'hello')
    await change(ann, chat_id, { title: 'Anew' })
    expect(await row(bob, chat_id)).toMatchObject({
      last_message: null,
      last_message_type: 'system',
      last_system_event: { event: 'title_changed', title: 'Anew' },
      last_message_sender_name: 'ann',
      last_seq: 2,
      unread_count: 1,
    })
    // Whoever changes a title has not read the chat by that.
    expect((await row(bob, chat_id)).others_read_seq).toBe(1)
    await bob.call(markRead, { params: { chat_id }, body: { seq: 1 } })
    expect((await row(bob, chat_id)).unread_count).toBe(0)
    await send(ann, chat_id, 'more')
    expect(await row(bob, chat_id)).toMatchObject({
      last_message: 'more',
      last_system_event: null,
      unread_count: 1,
    })
  })

  test('a channel tells nobody who reads it, and a large group not each of them', async () => {
    const channel = await world.channel(ann, [bob])
    await add(ann, channel, cat)
    await cat.call(leaveChat, { params: { chat_id: channel } })
    await ann.call(handOver, { params: { chat_id: channel }, body: { user_id: bob.id } })
    await change(bob, channel, { title: 'Newer news' })
    expect((await said(ann, channel)).map((one) => one?.event)).toEqual(['title_changed'])
    const group = await world.group(ann, [bob])
    await seat(world, group, await peopleOf(world, 200))
    await add(ann, group, cat)
    await cat.call(leaveChat, { params: { chat_id: group } })
    expect(await said(ann, group)).toEqual([])
  })

  test('nobody else may write such a message', async () => {
    const chat_id = await world.group(ann, [])
    const body = { content: 'x', type: 'system' as const }
    expect((await ann.refused(sendMessage, { params: { chat_id }, body })).code).toBe('invalid')
  })
})

test('a list shows at once what became of a chat, also to whoever has looked at it before', async () => {
  const chat_id = await world.group(ann, [bob])
  const changes: BodyOf<typeof updateChat>[] = [
    { title: 'Renamed' },
    { description: 'What it is about' },
    { public_name: 'looked_at_before' },
    { who_may_post: 'admins' },
    { who_may_pin: 'members' },
    { slow_mode_seconds: 10 },
    { description: null, public_name: null },
  ]
  for (const body of changes) {
    const before = await row(bob, chat_id)
    await change(ann, chat_id, body)
    expect(before).not.toMatchObject(body)
    expect(await row(bob, chat_id)).toMatchObject(body)
  }
  await add(ann, chat_id, cat)
  expect(await row(bob, chat_id)).toMatchObject({ member_count: 3, title: 'Renamed' })
})

describe('what members may', () => {
  test('owner and admins say it, everybody hears it, others are refused', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    const told = {
      who_may_post: 'admins',
      who_may_add: 'admins',
      who_may_pin: 'members',
      slow_mode_seconds: 30,
    } as const
    expect(await refusal(change(bob, chat_id, { who_may_post: 'admins' }))).toBe('403 not_allowed')
    expect(await refusal(change(eve, chat_id, { slow_mode_seconds: 5 }))).toBe('404 not_found')
    expect(await row(bob, chat_id)).toMatchObject({
      who_may_post: 'members',
      who_may_pin: 'admins',
      slow_mode_seconds: 0,
    })
    const hears = await bob.listen()
    expect(await change(ann, chat_id, told)).toMatchObject({ ...told, title: 'A group' })
    expect(await hears.next('chat_updated', (event) => event.chat_id === chat_id)).toMatchObject(told)
    expect(await bob.call(getChat, { params: { chat_id } })).toMatchObject(told)
    const { who_may_add: _, ...shown } = told
    expect(await row(bob, chat_id)).toMatchObject(shown)
    expect(await refusal(send(bob, chat_id))).toBe('403 not_allowed')
    expect(await refusal(add(bob, chat_id, eve))).toBe('403 not_allowed')
    await send(ann, chat_id)
    await ann.call(promoteMember, about(chat_id, bob))
    await send(bob, chat_id)
    expect(await add(bob, chat_id, eve)).toEqual({ added: [eve.id] })
    await ann.call(demoteMember, about(chat_id, bob))
    expect(await refusal(send(bob, chat_id))).toBe('403 not_allowed')
    await change(ann, chat_id, { who_may_post: 'members', slow_mode_seconds: 0 })
    await send(bob, chat_id)
  })

  test('in a channel its owner and admins post, and nobody is let to', async () => {
    const chat_id = await world.channel(ann, [bob])
    const no = await ann.refused(updateChat, { params: { chat_id }, body: { who_may_post: 'members' } })
    expect([no.status, no.field]).toEqual([400, 'who_may_post'])
    expect(await refusal(change(bob, chat_id, { who_may_post: 'members' }))).toBe('403 not_allowed')
    expect(await refusal(send(bob, chat_id))).toBe('403 not_allowed')
    await change(ann, chat_id, { who_may_add: 'members' })
    expect(await add(bob, chat_id, cat)).toEqual({ added: [cat.id] })
  })

  test.each([
    [{ who_may_post: 'all' }, 'who_may_post'],
    [{ who_may_add: null }, 'who_may_add'],
    [{ who_may_pin: 1 }, 'who_may_pin'],
    [{ slow_mode_seconds: -1 }, 'slow_mode_seconds'],
    [{ slow_mode_seconds: 86_401 }, 'slow_mode_seconds'],
    [{ slow_mode_seconds: 1.5 }, 'slow_mode_seconds'],
  ])('%p is refused by its name', async (body, field) => {
    const chat_id = await world.group(ann, [])
    const no = await ann.refused(updateChat, { params: { chat_id }, body: body as never })
    expect([no.status, no.field]).toEqual([400, field])
  })

  test('in a direct chat there is nothing to allow', async () => {
    const chat_id = await world.chat(ann, bob)
    expect(await refusal(change(ann, chat_id, { slow_mode_seconds: 5 }))).toBe('400 not_for_direct_chats')
  })
})

describe('slow mode', () => {
  test('lets a member send once, says how long to wait, and is not for owner and admins', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    await ann.call(promoteMember, about(chat_id, cat))
    await change(ann, chat_id, { slow_mode_seconds: 60 })
    const client_id = crypto.randomUUID()
    const first = await send(bob, chat_id, 'one', { client_id })
    const no = await bob.refused(sendMessage, { params: { chat_id }, body: { content: 'two' } })
    expect([no.status, no.code]).toEqual([429, 'slow_mode'])
    expect(no.retry_after).toBeWithin(50, 61)
    // It was sent: asking again is not sending again.
    expect((await send(bob, chat_id, 'one', { client_id })).id).toBe(first.id)
    for (const who of [ann, ann, cat, cat]) await send(who, chat_id)
    await world.db.query(sql`
      update chat_members set last_sent_at = now() - interval '61 seconds'
      where chat_id = ${chat_id} and user_id = ${bob.id}`)
    await send(bob, chat_id, 'later')
    const ears = await bob.listen()
    ears.say({ type: 'message', chat_id, client_id: crypto.randomUUID(), content: 'by socket' })
    const error = await ears.next('error')
    expect(error.code).toBe('slow_mode')
    expect(error.retry_after).toBeWithin(50, 61)
    await change(ann, chat_id, { slow_mode_seconds: 0 })
    await send(bob, chat_id)
  })

  test('is not escaped by leaving and coming back', async () => {
    const chat_id = await world.group(ann, [bob])
    await change(ann, chat_id, { slow_mode_seconds: 60 })
    await send(bob, chat_id)
    await bob.call(leaveChat, { params: { chat_id } })
    await add(ann, chat_id, bob, cat)
    expect(await refusal(send(bob, chat_id))).toBe('429 slow_mode')
    await send(cat, chat_id)
  })

  test('holds for many that come at once, and refuses nobody else’s', async () => {
    const [slow, plain] = [await world.group(ann, [bob, cat]), await world.group(ann, [bob])]
    await change(ann, slow, { slow_mode_seconds: 60 })
    const many = (who: Person, chat_id: number) =>
      Array.from({ length: 20 }, () => refusal(send(who, chat_id)))
    const [bobs, cats, anns, elsewhere] = await Promise.all(
      [many(bob, slow), many(cat, slow), many(ann, slow), many(bob, plain)].map((sent) => Promise.all(sent)),
    )
    for (const ends of [bobs!, cats!]) {
      expect(ends.filter((end) => end === 'not refused')).toHaveLength(1)
      expect(ends.filter((end) => end === '429 slow_mode')).toHaveLength(19)
    }
    for (const ends of [anns!, elsewhere!]) expect(ends).toEqual(ends.map(() => 'not refused'))
  })

  test('one message that is sent many times at once is sent once, and every time answered', async () => {
    const chat_id = await world.group(ann, [bob])
    await change(ann, chat_id, { slow_mode_seconds: 60 })
    const client_id = crypto.randomUUID()
    const all = await Promise.all(Array.from({ length: 10 }, () => send(bob, chat_id, 'once', { client_id })))
    expect(new Set(all.map(({ id }) => id)).size).toBe(1)
  })
})

describe('bans', () => {
  test('owner and admins ban those below them; others do not, and there is nobody to ban in a direct chat', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    const ban = (who: Person, whom: { id: number }) => refusal(who.call(banUser, about(chat_id, whom)))
    const lift = (who: Person, whom: { id: number }) => refusal(who.call(unbanUser, about(chat_id, whom)))
    const bans = (who: Person) => refusal(who.call(listBans, { params: { chat_id } }))
    expect(await ban(bob, cat)).toBe('403 not_allowed')
    expect([await lift(bob, cat), await bans(bob)]).toEqual(['403 not_allowed', '403 not_allowed'])
    expect([await ban(eve, cat), await lift(eve, cat), await bans(eve)]).toEqual(
      Array(3).fill('404 not_found'),
    )
    await ann.call(promoteMember, about(chat_id, bob))
    expect(await ban(bob, ann)).toBe('403 not_allowed')
    expect(await ban(bob, bob)).toBe('403 not_allowed')
    expect(await ban(ann, ann)).toBe('403 not_allowed')
    expect(await ban(ann, { id: 999_999 })).toBe('404 not_found')
    expect(await lift(ann, cat)).toBe('404 not_found')
    expect(await ban(bob, cat)).toBe('not refused')
    expect(await ban(ann, bob)).toBe('not refused')
    expect([await ban(bob, eve), await bans(bob)]).toEqual(['404 not_found', '404 not_found'])
    const direct = await world.chat(ann, bob)
    expect(await refusal(ann.call(banUser, about(direct, bob)))).toBe('400 not_for_direct_chats')
    expect(await refusal(ann.call(listBans, { params: { chat_id: direct } }))).toBe(
      '400 not_for_direct_chats',
    )
  })

  test('whoever is banned is out at once, and comes back by no door until it is lifted', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    await change(ann, chat_id, { public_name: 'open_to_all' })
    const { token } = await ann.call(createInvite, { params: { chat_id }, body: {} })
    const [bobHears, catHears] = [await bob.listen(), await cat.listen()]
    await ann.call(banUser, about(chat_id, bob))
    await ann.call(banUser, about(chat_id, bob))
    expect(await bobHears.next('chat_member_left')).toMatchObject({ chat_id, user_id: bob.id })
    expect((await catHears.next('message')).system_event).toMatchObject({ event: 'member_removed' })
    await send(ann, chat_id, 'behind his back')
    await bobHears.settled()
    expect(bobHears.all('message').filter((event) => event.chat_id === chat_id)).toEqual([])
    expect(catHears.all('chat_member_left')).toHaveLength(1)
    expect(await refusal(row(bob, chat_id))).toBe('404 not_found')
    expect(await refusal(bob.call(listChanges, { params: { chat_id } }))).toBe('403 not_a_member')
    expect(await refusal(bob.call(joinChat, { params: { chat_id } }))).toBe('403 banned')
    expect(await refusal(bob.call(joinByInvite, { params: { token } }))).toBe('403 banned')
    const added = await ann.refused(addMembers, { params: { chat_id }, body: { user_ids: [eve.id, bob.id] } })
    expect([added.status, added.code, added.field]).toEqual([403, 'banned', 'user_ids'])
    expect((await row(ann, chat_id)).member_count).toBe(2)
    await ann.call(unbanUser, about(chat_id, bob))
    expect(await refusal(row(bob, chat_id))).toBe('404 not_found')
    expect(await bob.call(joinChat, { params: { chat_id } })).toMatchObject({ already_member: false })
  })

  test('somebody who never was there can be banned too; who is banned is paged', async () => {
    const chat_id = await world.channel(ann, [])
    const ids = await peopleOf(world, 5)
    for (const id of ids) await ann.call(banUser, about(chat_id, { id }))
    const page = (query: object) => ann.call(listBans, { params: { chat_id }, query })
    const first = await page({ limit: 2 })
    expect(first[0]).toMatchObject({
      id: ids[0]!,
      display_name: 'Person 1',
      banned_by: ann.id,
      avatar_url: null,
    })
    await ann.call(unbanUser, about(chat_id, { id: ids[1]! }))
    expect((await page({ limit: 2, cursor: ids[1]! })).map(({ id }) => id)).toEqual(ids.slice(2, 4))
    expect(await page({ cursor: ids[4]! })).toEqual([])
    expect(await said(ann, chat_id)).toEqual([])
  })
})

describe('a chat of ten thousand', () => {
  let channel: number
  let group: number
  let ids: number[]
  beforeAll(async () => {
    ids = await peopleOf(world, 10_000)
    ;[channel, group] = [await world.channel(ann, [bob]), await world.group(ann, [bob])]
    for (const chat_id of [channel, group]) await seat(world, chat_id, ids)
    await world.db.query(sql`analyze users, chat_members`)
  })

  test('is listed in pages without a hole or a repeat, also when the last of a page has left', async () => {
    const all: number[] = []
    for (let cursor: number | undefined; ;) {
      const page = await ann.call(listMembers, {
        params: { chat_id: channel },
        query: { limit: 1000, ...(cursor ? { cursor } : {}) },
      })
      expect(page.length).toBeLessThanOrEqual(200)
      all.push(...page.map(({ id }) => id))
      if (page.length < 200) break
      cursor = page.at(-1)!.id
    }
    expect(all).toHaveLength(10_002)
    expect(new Set(all).size).toBe(10_002)
    const cursor = ids[500]!
    await ann.call(removeMember, about(channel, { id: cursor }))
    const page = await ann.call(listMembers, { params: { chat_id: channel }, query: { limit: 3, cursor } })
    expect(page.map(({ id }) => id)).toEqual(ids.slice(501, 504))
    const chat = await ann.call(getChat, { params: { chat_id: channel } })
    expect([chat.members.length, chat.member_count]).toEqual([200, 10_001])
  })

  test('is searched by any part of a name', async () => {
    const found = await ann.call(listMembers, { params: { chat_id: channel }, query: { q: 'PERSON 999' } })
    expect(found.map(({ display_name }) => display_name).slice(0, 2)).toEqual(['Person 999', 'Person 9990'])
    expect(await ann.call(listMembers, { params: { chat_id: channel }, query: { q: '%' } })).toEqual([])
  })

  test('a page is read from an index, and no more of it than is shown', async () => {
    const query = spyOn(world.db, 'query')
    await ann.call(listMembers, { params: { chat_id: channel }, query: { limit: 50, cursor: ids[5000]! } })
    const statement = query.mock.calls
      .map(([one]) => one)
      .find(({ text }) => text.includes('order by m.joined_at'))!
    query.mockRestore()
    const [plan] = await world.db.query<{ 'QUERY PLAN': [{ Plan: object }] }>({
      text: `explain (analyze, format json, costs off, timing off) ${statement.text}`,
      values: statement.values,
    })
    const text = JSON.stringify(plan)
    expect(text).toContain('"Index Name":"chat_members_joined_idx"')
    for (const [, rows] of text.matchAll(/"Actual Rows":([\d.]+)/g))
      expect(Number(rows)).toBeLessThanOrEqual(50)
  })

  test('a post costs the statements that a message in a direct chat costs', async () => {
    const direct = await world.chat(ann, bob)
    const statements = async (chat_id: number) => {
      await send(ann, chat_id)
      const asked = [world.db, ...world.db.lines].map((one) => spyOn(one, 'query'))
      await send(ann, chat_id)
      const texts = asked.flatMap(({ mock }) =>
        mock.calls.map(([{ text }]) => text.trim().replace(/\s+/g, ' ')),
      )
      for (const one of asked) one.mockRestore()
      return texts.filter((text) => !text.includes('from sessions s'))
    }
    const cost = await statements(direct)
    expect(cost).toHaveLength(1)
    expect(await statements(channel)).toEqual(cost)
  })

  test('somebody is mentioned in it by name', async () => {
    const name = `@${bob.username}`
    const { entities } = await send(ann, group, `hello ${name}`)
    expect(entities).toEqual([{ type: 'mention', offset: 6, length: name.length, user_id: bob.id }])
  })

  test('nobody is told of each one who reads, and receipts stay few', async () => {
    const message = await send(ann, group)
    const hears = await ann.listen()
    await bob.call(markRead, { params: { chat_id: group }, body: {} })
    await hears.settled()
    expect(hears.all('read_receipt')).toEqual([])
    await world.db.query(sql`update chat_members set last_read_seq = ${message.seq} where chat_id = ${group}`)
    const receipts = await ann.call(listReadReceipts, { params: { chat_id: group } })
    expect(receipts.length).toBeLessThanOrEqual(200)
    const params = { chat_id: group, message_id: message.id }
    expect(await refusal(ann.call(listReadBy, { params }))).toBe('403 not_allowed')
    expect(await ann.call(countReadBy, { params })).toEqual({ read_count: 10_001 })
    await bob.call(updateSettings, { body: { read_receipts_enabled: false } })
    expect(await ann.call(countReadBy, { params })).toEqual({ read_count: 10_000 })
    expect(await bob.call(countReadBy, { params })).toEqual({ read_count: 0 })
    expect(await refusal(eve.call(countReadBy, { params }))).toBe('404 not_found')
    await bob.call(updateSettings, { body: { read_receipts_enabled: true } })
  })

  test('who comes and goes is told together, to those who come and go at once', async () => {
    const [hears, catHears] = [await bob.listen(), await cat.listen()]
    const here = (event: { chat_id: number }) => event.chat_id === group
    await add(ann, group, cat, eve)
    await eve.call(leaveChat, { params: { chat_id: group } })
    await catHears.next('chat_created', here)
    const told = await hears.next('chat_members_changed', here)
    expect(told).toEqual({
      type: 'chat_members_changed',
      chat_id: group,
      joined: [cat.id],
      left: [eve.id],
      member_count: 10_003,
    })
    await ann.call(removeMember, about(group, cat))
    await catHears.next('chat_member_left', here)
    expect([...hears.all('chat_member_joined'), ...hears.all('chat_member_left')].filter(here)).toEqual([])
  })
})

test('two hundred who are added at once are one event, a few are one each', async () => {
  const chat_id = await world.group(ann, [bob])
  const hears = await bob.listen()
  const ids = await peopleOf(world, 190)
  await add(ann, chat_id, ...ids.map((id) => ({ id })))
  const told = await hears.next('chat_members_changed', (event) => event.chat_id === chat_id)
  expect([told.joined.toSorted(), told.left, told.member_count]).toEqual([ids.toSorted(), [], 192])
  await add(ann, chat_id, cat, eve)
  await hears.next('chat_member_joined', (event) => event.user_id === eve.id)
  expect(hears.all('chat_members_changed')).toHaveLength(1)
  expect(hears.all('chat_member_joined').filter((event) => event.chat_id === chat_id)).toHaveLength(2)
})
