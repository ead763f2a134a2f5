import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import * as contract from '@messenger/contract'
import {
  blockAccount,
  claimAdmin,
  createChat,
  deleteAccount,
  deleteChat,
  getAccount,
  getChat,
  getMe,
  getStats,
  getUser,
  listAccounts,
  listAllMessages,
  listAudit,
  listChats,
  listMembers,
  listMessages,
  login,
  promoteMember,
  refresh,
  register,
  searchUsers,
  sendMessage,
  toggleAdmin,
  toggleReaction,
  unblockAccount,
  type Endpoint,
} from '@messenger/contract'
import { startApp } from '../../app.ts'
import { sql } from '../../ports/db/port.ts'
import { until } from '../../testing/until.ts'
import { call, newWorld, PASSWORD, type Person, type World } from '../../testing/world.ts'

/** Somebody with the rights of an admin, given before anyone looked. */
async function adminIn(world: World, name: string, node = 0): Promise<Person> {
  const person = await world.user(name, node)
  await world.db.query(sql`update users set is_admin = true where id = ${person.id}`)
  return person
}

const say = (who: Person, chat_id: number, content: string) =>
  who.call(sendMessage, { params: { chat_id }, body: { content } })

const ADMIN_ENDPOINTS = (
  Object.values(contract as Record<string, unknown>).filter(
    (value) => typeof value === 'object' && value !== null && 'method' in value,
  ) as Endpoint[]
).filter(({ caller }) => caller === 'admin')

describe('whoever is no admin is refused everywhere', () => {
  let world: World
  const callers: Record<string, { token: string | null; status: number; code: string }> = {}

  beforeAll(async () => {
    world = await newWorld()
    const [root, member, former, blocked] = [
      await adminIn(world, 'root'),
      await world.user('member'),
      await adminIn(world, 'former'),
      await adminIn(world, 'blocked'),
    ]
    // Their tokens say that they are admins, and a moment ago it was true.
    const fresh = await Promise.all(['former', 'blocked'].map((name) => world.signIn(name)))
    for (const who of fresh) await who.call(getStats)
    await root.call(toggleAdmin, { params: { user_id: former.id } })
    await root.call(blockAccount, { params: { user_id: blocked.id } })
    Object.assign(callers, {
      nobody: { token: null, status: 401, code: 'unauthorized' },
      'a wrong token': { token: 'not.a.token', status: 401, code: 'unauthorized' },
      'a member': { token: member.tokens.access_token, status: 403, code: 'not_allowed' },
      'a former admin': { token: fresh[0]!.tokens.access_token, status: 403, code: 'not_allowed' },
      'a blocked admin': { token: fresh[1]!.tokens.access_token, status: 401, code: 'unauthorized' },
    })
  })
  afterAll(() => world.close())

  test.each(ADMIN_ENDPOINTS.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
    '%s',
    async (_, endpoint) => {
      for (const [who, { token, status, code }] of Object.entries(callers)) {
        const response = await fetch(`${world.url}api${endpoint.path.replace(/:\w+/g, '1')}`, {
          method: endpoint.method,
          headers: {
            ...(token === null ? {} : { authorization: `Bearer ${token}` }),
            ...(endpoint.method === 'GET' ? {} : { 'content-type': 'application/json' }),
          },
          ...(endpoint.method === 'GET' ? {} : { body: '{"nonsense":' }),
        })
        const body = (await response.json()) as { code: string }
        expect([who, response.status, body.code]).toEqual([who, status, code])
      }
    },
  )

  test('there are endpoints to deny, and an admin is answered', async () => {
    expect(ADMIN_ENDPOINTS.length).toBeGreaterThan(17)
    const root = await world.signIn('root')
    expect((await root.call(getStats)).total_users).toBe(4)
  })
})

describe('an admin', () => {
  let world: World
  let root: Person
  beforeAll(async () => {
    world = await newWorld()
    root = await adminIn(world, 'root')
  })
  afterAll(() => world.close())

  test('sees figures that follow every write at once, with 14 days of zeros before', async () => {
    const before = await root.call(getStats)
    const [ann, bob] = [await world.user('stat_ann'), await world.user('stat_bob')]
    const chat_id = await world.group(ann, [bob])
    const gone = await world.channel(ann, [])
    for (let n = 0; n < 5; n++) await say(ann, chat_id, 'x')
    await say(ann, gone, 'x')
    await root.call(blockAccount, { params: { user_id: bob.id } })
    const ears = await ann.listen()
    await until(
      'presence is noted',
      async () => (await root.call(getStats)).online_now === before.online_now + 1,
    )
    const after = await root.call(getStats)
    expect(after).toMatchObject({
      total_users: before.total_users + 2,
      // Both signed in today.
      dau: before.dau + 2,
      wau: before.wau + 2,
      total_chats: before.total_chats + 2,
      total_messages: before.total_messages + 6,
      messages_today: before.messages_today + 6,
      new_users_today: before.new_users_today + 2,
      blocked_users: before.blocked_users + 1,
      online_now: before.online_now + 1,
      storage_bytes: 0,
    })
    expect(after.chats_by_type.group).toBe(before.chats_by_type.group + 1)
    for (const trend of [after.reg_trend, after.msg_trend]) {
      expect(trend).toHaveLength(14)
      expect(trend.slice(0, 13).every(({ count }) => count === 0)).toBe(true)
      expect(trend.at(-1)!.day).toBe(new Date().toISOString().slice(0, 10))
    }
    expect(after.msg_trend.at(-1)!.count).toBe(after.messages_today)
    await ann.call(deleteChat, { params: { chat_id: gone } })
    await root.call(unblockAccount, { params: { user_id: bob.id } })
    const last = await root.call(getStats)
    expect(last.total_messages).toBe(before.total_messages + 5)
    expect(last.chats_by_type.channel).toBe(before.chats_by_type.channel)
    expect(last.blocked_users).toBe(before.blocked_users)
    ears.close()
  })

  test('lists accounts by page, part of a name or address, and status', async () => {
    for (const name of ['page_1', 'page_2', 'page_3']) await world.user(name)
    const page = await root.call(listAccounts, { query: { q: 'PAGE_', per_page: 2, page: 2 } })
    expect(page).toMatchObject({ page: 2, per_page: 2, total: 3, total_pages: 2 })
    expect(page.users.map(({ username }) => username)).toEqual(['page_1'])
    expect((await root.call(listAccounts, { query: { q: 'page_2@example' } })).users).toMatchObject([
      {
        username: 'page_2',
        email: 'page_2@example.org',
        is_active: true,
        is_admin: false,
        is_blocked: false,
      },
    ])
    // `%` and `_` are plain characters.
    expect((await root.call(listAccounts, { query: { q: '%' } })).total).toBe(0)
    const admins = await root.call(listAccounts, { query: { status: 'admin' } })
    expect(admins.users.map(({ username }) => username)).toEqual(['root'])
    expect((await root.call(listAccounts, { query: { per_page: 1000 } })).per_page).toBe(100)
    expect((await root.call(listAccounts, { query: { page: 0 } })).page).toBe(1)
    expect(await root.refused(listAccounts, { query: { status: 'odd' as 'admin' } })).toMatchObject({
      status: 400,
      field: 'status',
    })
  })

  test('sees one account with its chats, counts and newest messages in the full shape', async () => {
    const [ann, bob] = [await world.user('acc_ann'), await world.user('acc_bob')]
    const [group, direct] = [await world.group(ann, [bob], 'The group'), await world.chat(ann, bob)]
    const first = await say(ann, group, 'first')
    await say(bob, group, 'between')
    const answer = await ann.call(sendMessage, {
      params: { chat_id: group },
      body: { content: 'an answer', reply_to_message_id: first.id },
    })
    const last = await say(ann, direct, 'last')
    const found = await root.call(getAccount, { params: { user_id: ann.id } })
    expect(found.user).toMatchObject({ id: ann.id, username: 'acc_ann', email: 'acc_ann@example.org' })
    expect(found.message_count).toBe(3)
    expect(found.chats).toMatchObject([
      { id: direct, type: 'direct', other_username: 'acc_bob' },
      { id: group, type: 'group', title: 'The group', role: 'owner', member_count: 2 },
    ])
    expect(found.messages).toEqual([last, answer, first] as never)
    expect(await root.refused(getAccount, { params: { user_id: 999_999 } })).toMatchObject({ status: 404 })
  })

  test('sees which reactions are their own, in whatever they read', async () => {
    const [ann, bob] = [await world.user('react_ann'), await world.user('react_bob')]
    const [shared, apart] = [await world.group(ann, [root]), await world.chat(ann, bob)]
    const react = async (who: Person, chat_id: number) => {
      const { id } = await say(ann, chat_id, 'react to this')
      await who.call(toggleReaction, { params: { chat_id, message_id: id }, body: { emoji: '\u{1F44D}' } })
    }
    await react(root, shared)
    await react(bob, apart)
    const [theirs, own] = (await root.call(getAccount, { params: { user_id: ann.id } })).messages
    expect(own!.reactions).toEqual([{ emoji: '\u{1F44D}', count: 1, me: true }])
    expect(theirs!.reactions).toEqual([{ emoji: '\u{1F44D}', count: 1, me: false }])
    const { messages } = await root.call(listAllMessages, { query: { chat_id: shared } })
    expect(messages).toMatchObject([{ reactions: own!.reactions }])
  })

  test('reads messages of anybody, the newest first, and each reading is in the audit log', async () => {
    const [ann, bob, eve] = [
      await world.user('read_ann'),
      await world.user('read_bob'),
      await world.user('read_eve'),
    ]
    const [one, other] = [await world.chat(ann, bob), await world.chat(bob, eve)]
    const sent = []
    for (let n = 0; n < 6; n++) sent.push(await say(bob, n % 2 ? one : other, `reading ${n}`))
    const newest = sent.toReversed()
    const all = await root.call(listAllMessages, { query: { per_page: 4 } })
    expect(all.messages).toEqual(newest.slice(0, 4) as never)
    const second = await root.call(listAllMessages, { query: { per_page: 4, page: 2 } })
    expect(second.messages.slice(0, 2)).toEqual(newest.slice(4) as never)
    const of = (query: object) => root.call(listAllMessages, { query })
    expect(await of({ chat_id: one })).toMatchObject({ total: 3, total_pages: 1, per_page: 50 })
    expect((await of({ chat_id: one })).messages.map(({ content }) => content)).toEqual([
      'reading 5',
      'reading 3',
      'reading 1',
    ])
    expect((await of({ chat_id: one, before_id: sent[5]!.id })).messages).toHaveLength(2)
    expect((await of({ user_id: bob.id })).messages).toEqual(newest as never)
    expect((await of({ user_id: ann.id })).messages).toEqual([])
    expect((await of({ q: 'READING 4' })).messages).toEqual([sent[4]] as never)
    expect((await of({ q: 'reading %' })).messages).toEqual([])
    const { entries } = await root.call(listAudit, { query: { action: 'messages_read', target_id: one } })
    expect(entries).toMatchObject([
      { actor_id: root.id, target_type: 'chat', after: { before_id: sent[5]!.id } },
      { actor_name: 'root' },
      { address: '127.0.0.1' },
    ])
    expect(await root.refused(listAllMessages, { query: { before_id: 5 } })).toMatchObject({
      field: 'before_id',
    })
  })

  test('blocks: sessions, sockets and refresh end at once, a sign-in is refused, and unblocking mends it', async () => {
    const eve = await world.user('block_eve')
    const ears = await eve.listen()
    await root.call(blockAccount, { params: { user_id: eve.id } })
    expect(await eve.refused(getMe)).toMatchObject({ status: 401 })
    await until('the socket is closed', () => ears.closed !== null)
    expect(ears.closed!.code).toBe(4401)
    const { refresh_token } = eve.tokens
    expect(await eve.refused(refresh, { body: { refresh_token } })).toMatchObject({ status: 401 })
    const body = { username: 'block_eve', password: PASSWORD }
    expect(await eve.refused(login, { body })).toMatchObject({ status: 403, code: 'blocked' })
    await root.call(unblockAccount, { params: { user_id: eve.id } })
    await (await world.signIn('block_eve')).call(getMe)
    // What was ended stays so.
    expect(await eve.refused(getMe)).toMatchObject({ status: 401 })
    const { entries } = await root.call(listAudit, { query: { target_id: eve.id } })
    expect(entries).toMatchObject([
      { action: 'user_unblocked', before: { is_blocked: true }, after: { is_blocked: false } },
      { action: 'user_blocked', actor_id: root.id, target_name: 'block_eve', address: '127.0.0.1' },
    ])
  })

  test('deletes: the name is free, messages stay as of a deleted account, what was owned is handed over', async () => {
    const [eve, ann, bob] = [
      await world.user('del_eve'),
      await world.user('del_ann'),
      await world.user('del_bob'),
    ]
    const [owned, joined, direct] = [
      await world.group(eve, [ann, bob]),
      await world.group(ann, [eve]),
      await world.chat(eve, ann),
    ]
    await eve.call(promoteMember, { params: { chat_id: owned, user_id: bob.id } })
    const alone = await world.group(eve, [])
    const saved = (await eve.call(createChat, { body: { member_ids: [eve.id] } })).id
    for (const chat_id of [owned, joined, direct, alone, saved]) await say(eve, chat_id, 'still here')
    const [eveHears, annHears] = [await eve.listen(), await ann.listen()]
    await root.call(deleteAccount, { params: { user_id: eve.id } })
    await until('the socket is closed', () => eveHears.closed !== null)
    expect(await annHears.next('user_profile_updated')).toMatchObject({ display_name: 'Deleted account' })
    await annHears.next('chat_member_left', (event) => event.chat_id === joined)
    expect(await annHears.next('chat_member_role')).toMatchObject({
      chat_id: owned,
      user_id: bob.id,
      role: 'owner',
    })

    for (const chat_id of [owned, joined, direct]) {
      const [message] = await ann.call(listMessages, { params: { chat_id } })
      expect(message).toMatchObject({
        content: 'still here',
        sender_id: eve.id,
        sender_display_name: 'Deleted account',
        sender_avatar_url: null,
      })
      expect(message!.sender_username).not.toContain('eve')
    }
    expect((await ann.call(getChat, { params: { chat_id: owned } })).owner_id).toBe(bob.id)
    const members = await ann.call(listMembers, { params: { chat_id: joined } })
    expect(members.map(({ id }) => id)).toEqual([ann.id])
    const rows = await ann.call(listChats)
    expect(rows.find(({ id }) => id === direct)).toMatchObject({
      other_display_name: 'Deleted account',
      other_is_online: null,
    })
    const sides = (await ann.call(getChat, { params: { chat_id: direct } })).members
    expect(sides.find(({ id }) => id === eve.id)).toMatchObject({ is_online: null })
    expect(await ann.call(searchUsers, { query: { q: 'Deleted' } })).toEqual([])
    expect(await ann.refused(getUser, { params: { user_id: eve.id } })).toMatchObject({ status: 404 })
    const chats = await world.db.query(sql`select 1 as one from chats where id in (${alone}, ${saved})`)
    expect(chats).toEqual([])
    const left = () =>
      world.db.query(sql`select 1 as one from messages where chat_id in (${alone}, ${saved})`)
    await until('their messages are swept', async () => (await left()).length === 0)

    const body = { username: 'del_eve', password: PASSWORD }
    expect(await eve.refused(login, { body })).toMatchObject({ status: 401 })
    const { refresh_token } = eve.tokens
    expect(await eve.refused(refresh, { body: { refresh_token } })).toMatchObject({ status: 401 })
    await ann.call(register, { body: { ...body, email: 'del_eve@example.org' } })
    for (const deed of [deleteAccount, blockAccount, unblockAccount, toggleAdmin])
      expect(await root.refused(deed, { params: { user_id: eve.id } })).toMatchObject({ status: 404 })
    const { users } = await root.call(listAccounts, { query: { status: 'inactive' } })
    expect(users).toMatchObject([{ id: eve.id, is_active: false, email: '' }])
  })

  test('does nothing of that to themselves, to nobody, or to the account of support', async () => {
    const [support] = await root.call(searchUsers, { query: { q: 'bh_support' } })
    for (const deed of [blockAccount, unblockAccount, deleteAccount, toggleAdmin]) {
      const on = (user_id: number) => root.refused(deed, { params: { user_id } })
      expect(await on(root.id)).toMatchObject({ status: 400, code: 'invalid', field: 'user_id' })
      expect(await on(999_999)).toMatchObject({ status: 404, code: 'not_found' })
      expect(await on(support!.id)).toMatchObject({ status: 403, code: 'not_allowed' })
    }
  })

  test('pages the audit log, which nothing can change', async () => {
    const { entries, next_before_id } = await root.call(listAudit, { query: { limit: 2 } })
    expect(entries).toHaveLength(2)
    const more = await root.call(listAudit, { query: { limit: 2, before_id: next_before_id! } })
    expect(more.entries[0]!.id).toBeLessThan(entries[1]!.id)
    expect((await root.call(listAudit, { query: { actor_id: 999_999 } })).entries).toEqual([])
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const response = await fetch(`${world.url}api/admin-api/audit`, {
        method,
        headers: { authorization: `Bearer ${root.tokens.access_token}` },
      })
      expect(response.status).toBe(405)
    }
    for (const statement of [
      sql`update audit_log set action = 'x'`,
      sql`delete from audit_log`,
      sql`truncate audit_log`,
    ])
      await expect(world.db.query(statement)).rejects.toThrow('the audit log stays as it is')
  })
})

describe('rights that move', () => {
  let world: World
  beforeAll(async () => {
    world = await newWorld()
  })
  afterAll(() => world.close())

  test('of two admins who take them from each other at once, one always stays', async () => {
    for (let round = 0; round < 10; round++) {
      const pair = [await adminIn(world, `ann_${round}`), await adminIn(world, `bob_${round}`)]
      const deed = [toggleAdmin, blockAccount, deleteAccount][round % 3]!
      const done = await Promise.allSettled(
        pair.map((who, index) => who.call(deed, { params: { user_id: pair[1 - index]!.id } })),
      )
      expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const left = await world.db.query<{ id: number }>(
        sql`select id::float8 from users where is_admin and is_active and not is_blocked`,
      )
      expect(left).toHaveLength(1)
      await world.db.query(sql`update users set is_admin = false`)
    }
  })

  test('a demotion bites at the next call, whatever the token says, and a promotion too', async () => {
    const [root, ann] = [await adminIn(world, 'move_root'), await world.user('move_ann')]
    expect(await ann.refused(getStats)).toMatchObject({ status: 403 })
    await root.call(toggleAdmin, { params: { user_id: ann.id } })
    await ann.call(getStats)
    const again = await world.signIn('move_ann')
    await again.call(getStats)
    await root.call(toggleAdmin, { params: { user_id: ann.id } })
    for (const who of [ann, again])
      expect(await who.refused(getStats)).toMatchObject({ status: 403, code: 'not_allowed' })
    expect((await root.call(listAudit, { query: { target_id: ann.id } })).entries).toMatchObject([
      { action: 'admin_revoked', before: { is_admin: true } },
      { action: 'admin_granted', after: { is_admin: true } },
    ])
  })
})

describe('the first admin', () => {
  test('is whoever opens the one-time link first, and nobody after them', async () => {
    const world = await newWorld({ nodes: 2 })
    try {
      const [ann, bob, eve] = [await world.user('ann'), await world.user('bob'), await world.user('eve')]
      const [token, other] = world.nodes.map(({ claim }) => claim!)
      expect(await eve.refused(claimAdmin, { body: { token: 'guessed' } })).toMatchObject({ status: 404 })
      await expect(call(world.url, claimAdmin, { body: { token: token! } })).rejects.toMatchObject({
        status: 401,
      })
      const kept = await world.db.query<{ text: string }>(
        sql`select encode(token_hash, 'escape') as text from admin_claims`,
      )
      expect(kept.some(({ text }) => text.includes(token!))).toBe(false)
      const done = await Promise.allSettled(
        [ann, bob].map((who) => who.call(claimAdmin, { body: { token: token! } })),
      )
      expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const first = done[0]!.status === 'fulfilled' ? ann : bob
      for (const left of [token!, other!])
        expect(await eve.refused(claimAdmin, { body: { token: left } })).toMatchObject({ status: 410 })
      expect((await first.call(listAudit)).entries).toMatchObject([
        { action: 'admin_claimed', actor_id: first.id, address: '127.0.0.1' },
      ])
      expect((await first.call(getMe)).is_admin).toBe(true)
    } finally {
      await world.close()
    }
  })
})

test('what a crash left uncounted is found by the heads of the chats at the next start', async () => {
  const world = await newWorld()
  try {
    const root = await adminIn(world, 'root')
    const chat_id = await world.group(root, [])
    for (let n = 0; n < 7; n++) await say(root, chat_id, 'x')
    expect((await root.call(getStats)).total_messages).toBe(7)
    await world.db.query(sql`update daily_counts set value = value - 3 where name = 'messages'`)
    expect((await root.call(getStats)).total_messages).toBe(4)
    const again = await Promise.all([1, 2].map(() => startApp(world.resources[0]!, '/nowhere')))
    // Two nodes find the same: it is added once.
    await until('it is found', async () => (await root.call(getStats)).total_messages === 7)
    for (const app of again) await app.stop()
    expect(await root.call(getStats)).toMatchObject({ total_messages: 7, messages_today: 7 })
  } finally {
    await world.close()
  }
})

test('reading messages can be switched off by configuration', async () => {
  const world = await newWorld({ env: { ADMIN_READS_MESSAGES: 'off' } })
  try {
    const [root, ann] = [await adminIn(world, 'root'), await world.user('ann')]
    await say(ann, (await ann.call(createChat, { body: { member_ids: [ann.id] } })).id, 'private')
    expect(await root.refused(listAllMessages)).toMatchObject({ status: 403, code: 'not_allowed' })
    const found = await root.call(getAccount, { params: { user_id: ann.id } })
    expect(found).toMatchObject({ message_count: 1, messages: [] })
    expect((await root.call(listAudit)).entries).toEqual([])
  } finally {
    await world.close()
  }
})
