import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  addMembers,
  archiveChat,
  CHATS_PAGE_MAX,
  createChat,
  deleteChat,
  deleteMessage,
  demoteMember,
  favoriteChat,
  getChat,
  getChatByName,
  getChatRow,
  handOver,
  joinChat,
  leaveChat,
  listChats,
  listMembers,
  listMessages,
  listReadBy,
  listReadReceipts,
  markRead,
  muteChat,
  pinChat,
  promoteMember,
  removeMember,
  sendMessage,
  unarchiveChat,
  unfavoriteChat,
  unmuteChat,
  unpinChat,
  updateChat,
  updateSettings,
  type ChatRow,
} from '@messenger/contract'
import { pino } from 'pino'
import { sql } from '../../ports/db/port.ts'
import { until } from '../../testing/until.ts'
import { type ApiRefusal, call, newWorld, type Person, type World } from '../../testing/world.ts'
import { deleteChatFor } from './deletion.ts'
import { sweepLeftOver } from './sweep.ts'

let world: World
let ann: Person
let bob: Person
let cat: Person
let eve: Person

beforeAll(async () => {
  world = await newWorld()
  ;[ann, bob, cat, eve] = await Promise.all([
    world.user('ann'),
    world.user('bob'),
    world.user('cat'),
    world.user('eve'),
  ])
})
afterAll(() => world.close())

const send = (who: Person, chat_id: number, content = 'hi') =>
  who.call(sendMessage, { params: { chat_id }, body: { content } })
const row = (who: Person, chat_id: number) => who.call(getChatRow, { params: { chat_id } })
const list = (who: Person, query: object = {}) => who.call(listChats, { query })
const idsOf = (rows: readonly ChatRow[]) => rows.map(({ id }) => id)
const roles = async (who: Person, chat_id: number) =>
  Object.fromEntries((await who.call(listMembers, { params: { chat_id } })).map(({ id, role }) => [id, role]))

describe('opening', () => {
  test('a direct chat is the same whoever opens it, and however many at once', async () => {
    const [one, other] = [await world.user('direct_one'), await world.user('direct_other')]
    const opened = await Promise.all(
      [one, other, one, other, one].map((who) =>
        who.call(createChat, { body: { member_ids: [who === one ? other.id : one.id] } }),
      ),
    )
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1)
    expect(await row(one, opened[0]!.id)).toMatchObject({
      type: 'direct',
      title: null,
      other_user_id: other.id,
      other_username: other.username,
      member_count: 2,
      unread_count: 0,
    })
  })

  test('Saved Messages is a direct chat with oneself', async () => {
    const { id } = await ann.call(createChat, { body: { type: 'direct', member_ids: [ann.id] } })
    await send(ann, id, 'a note')
    expect(await row(ann, id)).toMatchObject({
      type: 'direct',
      other_user_id: null,
      member_count: 1,
      unread_count: 0,
    })
    expect((await ann.call(createChat, { body: { member_ids: [ann.id] } })).id).toBe(id)
    expect(await bob.refused(getChat, { params: { chat_id: id } })).toMatchObject({ code: 'not_found' })
  })

  test('everybody in a new group hears of it, and hears at once what is said in it', async () => {
    const [bobHears, eveHears] = [await bob.listen(), await eve.listen()]
    const body = { type: 'group' as const, title: ' Plans ', member_ids: [bob.id, ann.id, bob.id] }
    const { id: chat_id } = await ann.call(createChat, { body })
    expect(await bobHears.next('chat_created', (event) => event.chat_id === chat_id)).toMatchObject({
      created_by: ann.id,
      chat_type: 'group',
      title: 'Plans',
    })
    await send(ann, chat_id, 'welcome')
    expect(await bobHears.next('message', (event) => event.chat_id === chat_id)).toMatchObject({
      content: 'welcome',
    })
    await eveHears.settled()
    expect(eveHears.heard.filter((event) => 'chat_id' in event && event.chat_id === chat_id)).toEqual([])
    expect(await roles(ann, chat_id)).toEqual({ [ann.id]: 'owner', [bob.id]: 'member' })
  })

  test.each([
    [{ type: 'group' }, 'title'],
    [{ type: 'group', title: '   ' }, 'title'],
    [{ type: 'channel', title: 'x'.repeat(129) }, 'title'],
    [{ type: 'direct' }, 'member_ids'],
    [{ type: 'direct', member_ids: [1, 2, 3] }, 'member_ids'],
    [{ type: 'group', title: 'x', member_ids: [0] }, 'member_ids'],
    [{ type: 'group', title: 'x', member_ids: 'all' }, 'member_ids'],
    [{ type: 'group', title: 'x', public_name: 'a b' }, 'public_name'],
    [{ type: 'team', title: 'x' }, 'type'],
    [{ type: 'group', title: 'x\ud800' }, 'title'],
  ])('%p is refused by its name', async (body, field) => {
    const before = (await list(ann)).length
    const refusal = await ann.refused(createChat, { body: body as never })
    expect([refusal.status, refusal.field?.split(/[.[]/)[0]]).toEqual([400, field])
    expect((await list(ann)).length).toBe(before)
  })

  test('people who are not there cannot be added, and nothing is made', async () => {
    const before = (await list(ann)).length
    const refusal = await ann.refused(createChat, {
      body: { type: 'group', title: 'x', member_ids: [bob.id, 999_999] },
    })
    expect(refusal.status).toBeOneOf([400, 404])
    expect((await list(ann)).length).toBe(before)
    expect((await ann.refused(createChat, { body: { member_ids: [999_999] } })).status).toBeOneOf([400, 404])
  })
})

describe('who may see and change a chat', () => {
  test('to strangers and former members there is nothing', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    await cat.call(leaveChat, { params: { chat_id } })
    for (const who of [eve, cat]) {
      const params = { chat_id }
      const refusals = await Promise.all([
        who.refused(getChat, { params }),
        who.refused(getChatRow, { params }),
        who.refused(listMembers, { params }),
        who.refused(updateChat, { params, body: { title: 'mine' } }),
        who.refused(deleteChat, { params, body: {} }),
        who.refused(leaveChat, { params }),
        who.refused(joinChat, { params }),
        who.refused(addMembers, { params, body: { user_ids: [who.id] } }),
        who.refused(removeMember, { params: { chat_id, user_id: ann.id } }),
        who.refused(promoteMember, { params: { chat_id, user_id: who.id } }),
        who.refused(demoteMember, { params: { chat_id, user_id: bob.id } }),
        who.refused(handOver, { params, body: { user_id: bob.id } }),
      ])
      expect(refusals.map(({ code }) => code)).toEqual(refusals.map(() => 'not_found'))
      const marks = await Promise.all([
        who.refused(markRead, { params, body: {} }),
        who.refused(pinChat, { params }),
        who.refused(favoriteChat, { params }),
        who.refused(archiveChat, { params }),
        who.refused(muteChat, { params, body: {} }),
        who.refused(listReadReceipts, { params }),
        who.refused(listMessages, { params }),
      ])
      expect(marks.map(({ code }) => code)).toEqual(marks.map(() => 'not_a_member'))
      expect(idsOf(await list(who))).not.toContain(chat_id)
    }
    expect(await roles(ann, chat_id)).toEqual({ [ann.id]: 'owner', [bob.id]: 'member' })
  })

  test('members add people to a group, only owner and admins to a channel', async () => {
    const [group, channel] = [await world.group(ann, [bob]), await world.channel(ann, [bob])]
    const add = (who: Person, chat_id: number, user: Person) => ({
      params: { chat_id },
      body: { user_ids: [user.id] },
    })
    expect(await bob.call(addMembers, add(bob, group, cat))).toEqual({ added: [cat.id] })
    expect(await bob.call(addMembers, add(bob, group, cat))).toEqual({ added: [] })
    expect((await bob.refused(addMembers, add(bob, channel, cat))).code).toBe('not_allowed')
    await ann.call(promoteMember, { params: { chat_id: channel, user_id: bob.id } })
    expect(await bob.call(addMembers, add(bob, channel, cat))).toEqual({ added: [cat.id] })
    const direct = await world.chat(ann, bob)
    expect((await ann.refused(addMembers, add(ann, direct, cat))).code).toBe('not_for_direct_chats')
  })

  test('only the owner promotes, demotes and hands over; owner and admins remove those below them', async () => {
    const chat_id = await world.group(ann, [bob, cat, eve])
    const at = (user: Person) => ({ params: { chat_id, user_id: user.id } })
    expect((await bob.refused(promoteMember, at(bob))).code).toBe('not_allowed')
    expect((await bob.refused(removeMember, at(cat))).code).toBe('not_allowed')
    await ann.call(promoteMember, at(bob))
    await ann.call(promoteMember, at(cat))
    expect((await bob.refused(demoteMember, at(cat))).code).toBe('not_allowed')
    expect((await bob.refused(removeMember, at(cat))).code).toBe('not_allowed')
    expect((await bob.refused(removeMember, at(ann))).code).toBe('not_allowed')
    expect((await bob.refused(handOver, { params: { chat_id }, body: { user_id: bob.id } })).code).toBeOneOf([
      'not_allowed',
      'invalid',
    ])
    await bob.call(removeMember, at(eve))
    await ann.call(demoteMember, at(cat))
    await ann.call(handOver, { params: { chat_id }, body: { user_id: bob.id } })
    expect(await roles(ann, chat_id)).toEqual({ [ann.id]: 'admin', [bob.id]: 'owner', [cat.id]: 'member' })
    expect((await ann.refused(handOver, { params: { chat_id }, body: { user_id: ann.id } })).code).toBeOneOf([
      'not_allowed',
      'invalid',
    ])
  })

  test('two owners at once cannot come about', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    await Promise.allSettled([
      ann.call(handOver, { params: { chat_id }, body: { user_id: bob.id } }),
      ann.call(handOver, { params: { chat_id }, body: { user_id: cat.id } }),
    ])
    expect(Object.values(await roles(ann, chat_id)).filter((role) => role === 'owner')).toHaveLength(1)
  })

  test('the owner hands over before leaving; the last one deletes by leaving', async () => {
    const chat_id = await world.group(ann, [bob])
    expect((await ann.refused(leaveChat, { params: { chat_id } })).code).toBe('owner_must_hand_over')
    await ann.call(handOver, { params: { chat_id }, body: { user_id: bob.id } })
    await ann.call(leaveChat, { params: { chat_id } })
    await bob.call(leaveChat, { params: { chat_id } })
    expect((await bob.refused(getChat, { params: { chat_id } })).code).toBe('not_found')
    const [left] = await world.db.query<{ n: number }>(
      sql`select count(*)::int as n from chats where id = ${chat_id}`,
    )
    expect(left!.n).toBe(0)
  })

  test('title, description and link are changed by owner and admins, and everybody hears', async () => {
    const chat_id = await world.channel(ann, [bob])
    const hears = await bob.listen()
    const params = { chat_id }
    expect((await bob.refused(updateChat, { params, body: { title: 'Mine' } })).code).toBe('not_allowed')
    await ann.call(updateChat, {
      params,
      body: { title: 'News', description: 'All of it', public_name: 'all_the_news' },
    })
    expect(await hears.next('chat_updated', (event) => event.chat_id === chat_id)).toEqual({
      type: 'chat_updated',
      chat_id,
      title: 'News',
      description: 'All of it',
      public_name: 'all_the_news',
      avatar_url: null,
      who_may_post: 'admins',
      who_may_add: 'admins',
      who_may_pin: 'admins',
      slow_mode_seconds: 0,
    })
    const other = await world.channel(ann, [])
    const taken = await ann.refused(updateChat, {
      params: { chat_id: other },
      body: { public_name: 'ALL_the_news' },
    })
    expect([taken.status, taken.code, taken.field]).toEqual([409, 'public_name_taken', 'public_name'])
    await ann.call(updateChat, { params, body: { public_name: '' } })
    expect((await row(ann, chat_id)).public_name).toBeNull()
    expect((await ann.refused(updateChat, { params, body: { title: '  ' } })).field).toBe('title')
    const direct = await world.chat(ann, bob)
    expect((await ann.refused(updateChat, { params: { chat_id: direct }, body: { title: 'x' } })).code).toBe(
      'not_for_direct_chats',
    )
  })

  test('a public chat is found and joined by anyone, a private one by nobody', async () => {
    const chat_id = await world.channel(ann, [])
    await ann.call(updateChat, { params: { chat_id }, body: { public_name: 'open_door' } })
    expect(await call(world.url, getChatByName, { params: { public_name: 'Open_Door' } })).toMatchObject({
      id: chat_id,
      member_count: 1,
    })
    const hears = await ann.listen()
    expect(await eve.call(joinChat, { params: { chat_id } })).toEqual({
      chat_id,
      role: 'member',
      already_member: false,
    })
    expect(await eve.call(joinChat, { params: { chat_id } })).toEqual({
      chat_id,
      role: 'member',
      already_member: true,
    })
    expect(await hears.next('chat_member_joined', (event) => event.chat_id === chat_id)).toMatchObject({
      user_id: eve.id,
    })
    expect(hears.all('chat_member_joined').filter((event) => event.chat_id === chat_id)).toHaveLength(1)
    await ann.call(updateChat, { params: { chat_id }, body: { public_name: '' } })
    expect((await cat.refused(joinChat, { params: { chat_id } })).code).toBe('not_found')
    expect(
      await call(world.url, getChatByName, { params: { public_name: 'open_door' } }).catch(
        (error: ApiRefusal) => error.code,
      ),
    ).toBe('not_found')
  })

  test('a hundred people who join at once are counted as a hundred', async () => {
    const chat_id = await world.channel(ann, [])
    await ann.call(updateChat, { params: { chat_id }, body: { public_name: 'the_crowd' } })
    const crowd = await Promise.all(Array.from({ length: 8 }, (_, n) => world.user(`crowd${n}`)))
    await Promise.all(
      crowd.flatMap((one) => [1, 2, 3].map(() => one.call(joinChat, { params: { chat_id } }))),
    )
    expect((await row(ann, chat_id)).member_count).toBe(9)
    await Promise.all(crowd.map((one) => one.call(leaveChat, { params: { chat_id } })))
    expect((await row(ann, chat_id)).member_count).toBe(1)
  })

  test('whoever is removed hears of it, and of nothing after it', async () => {
    const chat_id = await world.group(ann, [bob])
    const hears = await bob.listen()
    await ann.call(removeMember, { params: { chat_id, user_id: bob.id } })
    expect(await hears.next('chat_member_left', (event) => event.chat_id === chat_id)).toMatchObject({
      user_id: bob.id,
    })
    await send(ann, chat_id, 'behind his back')
    await hears.settled()
    expect(hears.all('message').filter((event) => event.chat_id === chat_id)).toEqual([])
    expect((await bob.refused(sendMessage, { params: { chat_id }, body: { content: 'x' } })).code).toBe(
      'not_a_member',
    )
  })

  test('a deleted chat is gone for everybody, with all that was in it', async () => {
    const chat_id = await world.group(ann, [bob])
    await send(ann, chat_id)
    const hears = await bob.listen()
    expect((await bob.refused(deleteChat, { params: { chat_id }, body: {} })).code).toBe('not_allowed')
    await ann.call(deleteChat, { params: { chat_id }, body: { for_everyone: true } })
    expect(await hears.next('chat_deleted', (event) => event.chat_id === chat_id)).toMatchObject({
      deleted_by: ann.id,
    })
    for (const who of [ann, bob])
      expect((await who.refused(getChat, { params: { chat_id } })).code).toBe('not_found')
    const left = async () =>
      (
        await world.db.query<{ n: number }>(
          sql`select count(*)::int as n from messages where chat_id = ${chat_id}`,
        )
      )[0]!.n
    await until('its messages are gone', async () => (await left()) === 0, 3000)
  })

  test('what a node that was stopped left of a deleted chat goes at the next start', async () => {
    const [chat_id, other] = [await world.group(ann, [bob]), await world.group(ann, [bob])]
    for (const id of [chat_id, other]) await send(ann, id)
    await deleteChatFor(world.db, chat_id, ann.id, () => undefined)
    const left = () => world.db.query(sql`select from messages where chat_id in (${chat_id}, ${other})`)
    expect(await left()).toHaveLength(2)
    await sweepLeftOver({ db: world.db, log: pino({ level: 'silent' }) })
    expect(await left()).toHaveLength(1)
    expect(await bob.call(listMessages, { params: { chat_id: other } })).toHaveLength(1)
  })

  test('a direct chat that is deleted for oneself is empty, stays with the other, and comes back with the next message', async () => {
    const [one, other] = [await world.user('clears'), await world.user('keeps')]
    const chat_id = await world.chat(one, other)
    await send(other, chat_id, 'old')
    await one.call(deleteChat, { params: { chat_id }, body: {} })
    expect(idsOf(await list(one))).not.toContain(chat_id)
    expect(await other.call(listMessages, { params: { chat_id } })).toHaveLength(1)
    await send(other, chat_id, 'new')
    expect(await row(one, chat_id)).toMatchObject({ last_message: 'new', unread_count: 1 })
    expect((await one.call(listMessages, { params: { chat_id } })).map(({ content }) => content)).toEqual([
      'new',
    ])
  })
})

describe('the list', () => {
  test('is sorted by pinned, favourite, newest, and pages without a hole or a repeat', async () => {
    const owner = await world.user('lister')
    const chats: number[] = []
    for (let n = 0; n < 7; n++) {
      chats.push(await world.group(owner, [bob], `Chat ${n}`))
      await send(bob, chats[n]!, `message ${n}`)
    }
    await owner.call(favoriteChat, { params: { chat_id: chats[1]! } })
    await owner.call(pinChat, { params: { chat_id: chats[3]! } })
    const sorted = [3, 1, 6, 5, 4, 2, 0].map((n) => chats[n]!)
    expect(idsOf(await list(owner))).toEqual(sorted)
    const paged: number[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const response: Response = await fetch(
        `${world.url}api/chats?limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
        { headers: { authorization: `Bearer ${owner.tokens.access_token}` } },
      )
      paged.push(...idsOf((await response.json()) as ChatRow[]))
      cursor = response.headers.get('x-next-cursor')
    }
    expect(paged).toEqual(sorted)
    await owner.call(archiveChat, { params: { chat_id: chats[6]! } })
    expect(idsOf(await list(owner))).not.toContain(chats[6])
    expect(idsOf(await list(owner, { archived: true }))).toEqual([chats[6]!])
  })

  test('of more chats than a page holds begins with the right ones all the same', async () => {
    const owner = await world.user('collector')
    const chats: number[] = []
    for (let n = 0; n <= CHATS_PAGE_MAX; n++) chats.push(await world.group(owner, []))
    await owner.call(favoriteChat, { params: { chat_id: chats[0]! } })
    const page = idsOf(await list(owner))
    expect(page).toHaveLength(CHATS_PAGE_MAX)
    expect(page).toEqual([chats[0]!, ...chats.slice(2).reverse()])
  })

  test('marks are one’s own, and one’s other devices hear of them', async () => {
    const chat_id = await world.group(ann, [bob])
    const hears = await ann.listen()
    const params = { chat_id }
    for (const [on, off, mark] of [
      [pinChat, unpinChat, 'is_pinned'],
      [favoriteChat, unfavoriteChat, 'is_favorite'],
      [archiveChat, unarchiveChat, 'is_archived'],
      [muteChat, unmuteChat, 'is_muted'],
    ] as const) {
      for (const [deed, is] of [
        [on, true],
        [on, true],
        [off, false],
      ] as const) {
        await ann.call(deed as typeof pinChat, { params })
        expect((await row(ann, chat_id))[mark]).toBe(is)
        expect(await hears.next('chat_marks', (event) => event.chat_id === chat_id)).toMatchObject({
          marks: { [mark]: is },
        })
      }
      expect((await row(bob, chat_id))[mark]).toBe(false)
    }
    await ann.call(muteChat, { params, body: { muted_until: new Date(Date.now() - 1000).toISOString() } })
    expect((await row(ann, chat_id)).is_muted).toBe(false)
    for (const muted_until of [
      'tomorrow',
      '1',
      '+275760-09-13T00:00:00Z',
      '-000001-01-01T00:00:00Z',
      '2030-13-01',
    ])
      expect(await ann.refused(muteChat, { params, body: { muted_until } })).toMatchObject({
        status: 400,
        field: 'muted_until',
      })
    for (const muted_until of [
      '2099-01-01',
      '2099-01-01T00:00:00.000000',
      '2099-01-01 00:00:00+02:00',
      '9999-12-30T23:59:59Z',
    ])
      await ann.call(muteChat, { params, body: { muted_until } })
    expect((await row(ann, chat_id)).is_muted).toBe(true)
  })

  test('costs the same few statements and rows with a backlog of a thousand as with none', async () => {
    const chat_id = await world.group(ann, [bob])
    await Promise.all(Array.from({ length: 1000 }, (_, n) => send(ann, chat_id, `m${n}`)))
    const [plan] = await world.db.query<{ 'QUERY PLAN': [{ Plan: object }] }>(sql`
      explain (analyze, format json, costs off, timing off)
      select h.last_seq - m.last_read_seq - case when h.last_uncounted_seq > m.last_read_seq then (
        select count(*) from message_uncounted t where t.chat_id = m.chat_id and t.seq > m.last_read_seq) else 0 end
      from chat_members m join chat_heads h on h.chat_id = m.chat_id where m.chat_id = ${chat_id} and m.user_id = ${bob.id}`)
    expect(JSON.stringify(plan)).not.toContain('"Relation Name":"messages')
    expect((await row(bob, chat_id)).unread_count).toBe(1000)
  })
})

describe('reading', () => {
  test('unread counts what others said since, and neither one’s own nor what was deleted', async () => {
    const chat_id = await world.group(ann, [bob])
    const unread = async () => (await row(bob, chat_id)).unread_count
    await send(ann, chat_id)
    const second = await send(ann, chat_id)
    await send(ann, chat_id)
    expect(await unread()).toBe(3)
    await ann.call(deleteMessage, {
      params: { chat_id, message_id: second.id },
      body: { for_everyone: true },
    })
    expect(await unread()).toBe(2)
    await bob.call(markRead, { params: { chat_id }, body: { seq: 1 } })
    expect(await unread()).toBe(1)
    await bob.call(markRead, { params: { chat_id }, body: {} })
    expect(await unread()).toBe(0)
    await send(ann, chat_id)
    await send(bob, chat_id, 'sending reads what came before')
    expect(await unread()).toBe(0)
    const hidden = await send(ann, chat_id)
    await bob.call(deleteMessage, {
      params: { chat_id, message_id: hidden.id },
      body: { for_everyone: false },
    })
    expect(await unread()).toBe(0)
  })

  test('the mark moves forward only, whatever comes in whichever order', async () => {
    const chat_id = await world.group(ann, [bob])
    for (let n = 0; n < 5; n++) await send(ann, chat_id)
    await Promise.all(
      [5, 2, 4, 1, 3].map((seq) => bob.call(markRead, { params: { chat_id }, body: { seq } })),
    )
    expect(await row(bob, chat_id)).toMatchObject({ last_read_seq: 5, unread_count: 0 })
    await bob.call(markRead, { params: { chat_id }, body: { seq: 999_999 } })
    expect((await row(bob, chat_id)).last_read_seq).toBe(5)
  })

  test('receipts are heard by those who share theirs, and shown to nobody else', async () => {
    const [one, other] = [await world.user('shares'), await world.user('hides')]
    const chat_id = await world.group(ann, [one, other])
    const message = await send(ann, chat_id)
    await other.call(updateSettings, { body: { read_receipts_enabled: false } })
    const hears = await ann.listen()
    await other.call(markRead, { params: { chat_id }, body: {} })
    await one.call(markRead, { params: { chat_id }, body: { message_id: message.id } })
    expect(await hears.next('read_receipt', (event) => event.chat_id === chat_id)).toMatchObject({
      user_id: one.id,
      last_read_msg_id: message.id,
      last_read_seq: 1,
    })
    await hears.settled()
    expect(hears.all('read_receipt').filter((event) => event.user_id === other.id)).toEqual([])
    const ids = async (who: Person) =>
      (await who.call(listReadReceipts, { params: { chat_id } }))
        .filter((one_) => one_.last_read_seq > 0)
        .map(({ user_id }) => user_id)
    expect(await ids(ann)).toEqual([one.id])
    expect(await ids(other)).toEqual([])
    expect((await row(ann, chat_id)).others_read_seq).toBe(1)
    const readers = await ann.call(listReadBy, { params: { chat_id, message_id: message.id } })
    expect(readers.map(({ user_id }) => user_id)).toEqual([one.id])
    expect((await eve.refused(listReadBy, { params: { chat_id, message_id: message.id } })).code).toBe(
      'not_found',
    )
  })
})

test('members are paged and searched', async () => {
  const people = await Promise.all(Array.from({ length: 6 }, (_, n) => world.user(`member_of_six_${n}`)))
  const chat_id = await world.group(ann, people)
  const all: number[] = []
  for (let cursor: number | undefined; ;) {
    const page = await ann.call(listMembers, {
      params: { chat_id },
      query: { limit: 3, ...(cursor ? { cursor } : {}) },
    })
    all.push(...page.map(({ id }) => id))
    if (page.length < 3) break
    cursor = page.at(-1)!.id
  }
  expect(all.toSorted()).toEqual([ann.id, ...people.map(({ id }) => id)].toSorted())
  const found = await ann.call(listMembers, { params: { chat_id }, query: { q: 'SIX_3' } })
  expect(found.map(({ id }) => id)).toEqual([people[3]!.id])
})
