import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  addMembers,
  assignSupportThread,
  createCannedAnswer,
  createChat,
  deleteAccount,
  deleteCannedAnswer,
  deleteChat,
  getChatRow,
  listAudit,
  listCannedAnswers,
  listChats,
  listMessages,
  listSupportChats,
  listSupportMessages,
  listSupportThreads,
  listSupportUsers,
  openSupport,
  readSupportThread,
  searchUsers,
  sendMessage,
  sendSupport,
  updateCannedAnswer,
  type ErrorBody,
} from '@messenger/contract'
import { startApp } from '../../app.ts'
import { sql } from '../../ports/db/port.ts'
import { newWorld, PASSWORD, type Person, type World } from '../../testing/world.ts'

let world: World
let root: Person
let support_id: number

beforeAll(async () => {
  world = await newWorld()
  root = await world.user('root')
  await world.db.query(sql`update users set is_admin = true where id = ${root.id}`)
  support_id = (await root.call(searchUsers, { query: { q: 'bh_support' } }))[0]!.id
})
afterAll(() => world.close())

const say = (who: Person, chat_id: number, content: string) =>
  who.call(sendMessage, { params: { chat_id }, body: { content } })

describe('somebody who needs help', () => {
  test('opens one chat named Support, however often and in whichever way', async () => {
    const ann = await world.user('open_ann')
    const ears = await ann.listen()
    const ids = await Promise.all(Array.from({ length: 5 }, () => ann.call(openSupport)))
    const direct = await ann.call(createChat, { body: { type: 'direct', member_ids: [support_id] } })
    expect(new Set([...ids.map(({ chat_id }) => chat_id), direct.id]).size).toBe(1)
    expect(await ears.next('chat_created')).toMatchObject({ chat_id: direct.id, chat_type: 'direct' })
    expect(await ann.call(getChatRow, { params: { chat_id: direct.id } })).toMatchObject({
      is_support: true,
      type: 'direct',
      other_user_id: support_id,
      other_username: 'bh_support',
      other_display_name: 'Support',
    })
    const bob = await world.user('open_bob')
    const other = await world.chat(ann, bob)
    const rows = await ann.call(listChats)
    expect(rows.find(({ id }) => id === other)).toMatchObject({ is_support: false })
    ears.close()
  })

  test('deletes the chat for oneself, and not what the staff has of it', async () => {
    const ann = await world.user('gone_ann')
    const { chat_id } = await ann.call(openSupport)
    await say(ann, chat_id, 'it is broken')
    const params = { chat_id }
    expect(await ann.refused(deleteChat, { params, body: { for_everyone: true } })).toMatchObject({
      status: 403,
      code: 'not_allowed',
      field: 'for_everyone',
    })
    await ann.call(deleteChat, { params, body: {} })
    expect(await ann.call(listMessages, { params })).toEqual([])
    expect((await root.call(listSupportMessages, { query: { chat_id } })).messages).toMatchObject([
      { content: 'it is broken' },
    ])
  })

  test('is written to no more once their account was deleted; what they said stays', async () => {
    const ann = await world.user('left_ann')
    const { chat_id } = await ann.call(openSupport)
    await say(ann, chat_id, 'delete me, please')
    await root.call(deleteAccount, { params: { user_id: ann.id } })
    for (const [field, to] of [
      ['chat_id', { chat_id }],
      ['target_user_id', { target_user_id: ann.id }],
    ] as const)
      expect(await root.refused(sendSupport, { body: { content: 'done', ...to } })).toMatchObject({
        status: 404,
        field,
      })
    expect((await root.call(listSupportMessages, { query: { chat_id } })).messages).toMatchObject([
      { content: 'delete me, please', sender_display_name: 'Deleted account' },
    ])
  })

  test('is written to by the staff and hears it at once, in a chat that comes by itself', async () => {
    const ann = await world.user('hear_ann')
    const ears = await ann.listen()
    const body = { content: 'How can we help? https://example.org', target_user_id: ann.id }
    const sent = await root.call(sendSupport, { body })
    expect(await ears.next('chat_created')).toMatchObject({ chat_id: sent.chat_id })
    expect(await ears.next('message')).toMatchObject({
      ...sent,
      content: body.content,
      sender_id: support_id,
      sender_display_name: 'Support',
      entities: [{ type: 'link' }],
    })
    const again = await root.call(sendSupport, { body: { content: 'Still there?', chat_id: sent.chat_id } })
    expect(again.chat_id).toBe(sent.chat_id)
    expect(await ann.call(listMessages, { params: { chat_id: sent.chat_id } })).toHaveLength(2)
    const { entries } = await root.call(listAudit, { query: { action: 'support_sent', target_id: ann.id } })
    expect(entries).toMatchObject([
      { actor_id: root.id, target_name: 'hear_ann', after: { chat_id: sent.chat_id } },
      {},
    ])
    // Who of the staff wrote is theirs to know.
    expect(JSON.stringify(ears.heard)).not.toContain('root')
    ears.close()
  })
})

describe('the inbox', () => {
  test('has a thread per person, unread for the whole staff until one of them reads or answers', async () => {
    const [ann, bob] = [await world.user('box_ann'), await world.user('box_bob')]
    const of = async (who: Person) => (await who.call(openSupport)).chat_id
    const [anns, bobs] = [await of(ann), await of(bob)]
    const quiet = await of(await world.user('box_quiet'))
    await say(ann, anns, 'first')
    await say(ann, anns, 'second')
    await say(bob, bobs, 'hello')
    const threads = async (filter?: 'unread' | 'mine' | 'unassigned') =>
      (await root.call(listSupportThreads, { query: { ...(filter ? { filter } : {}) } })).threads
    expect((await threads()).slice(0, 2)).toMatchObject([
      { chat_id: bobs, user_id: bob.id, display_name: 'box_bob', unread_count: 1, last_message: 'hello' },
      { chat_id: anns, unread_count: 2, last_message: 'second', last_from_staff: false, assignee_id: null },
    ])
    expect((await threads()).map(({ chat_id }) => chat_id)).not.toContain(quiet)
    expect((await root.call(listSupportChats)).chats.map(({ chat_id }) => chat_id)).toContain(quiet)
    const { unread_threads } = await root.call(listSupportThreads)

    const ears = await bob.listen()
    await root.call(readSupportThread, { params: { chat_id: bobs } })
    expect(await ears.next('read_receipt')).toMatchObject({
      chat_id: bobs,
      user_id: support_id,
      last_read_seq: 1,
    })
    await root.call(sendSupport, { body: { content: 'an answer', chat_id: anns } })
    expect((await threads('unread')).map(({ chat_id }) => chat_id)).not.toContainEqual(anns)
    expect(await root.call(listSupportThreads)).toMatchObject({ unread_threads: unread_threads - 2 })
    expect((await threads())[0]).toMatchObject({ chat_id: anns, unread_count: 0, last_from_staff: true })

    await root.call(assignSupportThread, { params: { chat_id: anns }, body: { user_id: root.id } })
    expect(await threads('mine')).toMatchObject([
      { chat_id: anns, assignee_id: root.id, assignee_name: 'root' },
    ])
    expect((await threads('unassigned')).map(({ chat_id }) => chat_id)).not.toContain(anns)
    await root.call(assignSupportThread, { params: { chat_id: anns }, body: { user_id: null } })
    expect(await threads('mine')).toEqual([])
    const { entries } = await root.call(listAudit, { query: { action: 'support_assigned', target_id: anns } })
    expect(entries).toMatchObject([
      { before: { assignee_id: root.id }, after: { assignee_id: null } },
      { before: { assignee_id: null }, after: { assignee_id: root.id } },
    ])
    ears.close()
  })

  test('shows what was said, of one person or of all, in the full shape', async () => {
    const [ann, bob] = [await world.user('said_ann'), await world.user('said_bob')]
    const { chat_id } = await ann.call(openSupport)
    const first = await say(ann, chat_id, 'one')
    const second = await say(bob, (await bob.call(openSupport)).chat_id, 'two')
    await say(ann, await world.chat(ann, bob), 'between us')
    const all = await root.call(listSupportMessages, { query: { per_page: 2 } })
    expect(all.messages).toEqual([second, first])
    const of = (query: object) => root.call(listSupportMessages, { query })
    expect(await of({ user_id: ann.id })).toMatchObject({ messages: [first], total: 1, total_pages: 1 })
    expect((await of({ chat_id })).messages).toEqual([first])
    expect((await of({ chat_id, before_id: first.id })).messages).toEqual([])
    const { users } = await root.call(listSupportUsers, { query: { q: 'said_' } })
    expect(users).toMatchObject([{ id: ann.id, chat_id }, { id: bob.id }])
    expect((await root.call(listSupportUsers)).users.map(({ id }) => id)).not.toContain(support_id)
  })

  test('is no way into anybody else’s chat', async () => {
    const [ann, bob] = [await world.user('way_ann'), await world.user('way_bob')]
    const chat_id = await world.chat(ann, bob)
    const params = { chat_id }
    const nothing = { status: 404, code: 'not_found' }
    expect(await root.refused(sendSupport, { body: { content: 'x', chat_id } })).toMatchObject(nothing)
    expect(await root.refused(listSupportMessages, { query: { chat_id } })).toMatchObject(nothing)
    expect(await root.refused(listSupportMessages, { query: { user_id: ann.id } })).toMatchObject(nothing)
    expect(await root.refused(readSupportThread, { params })).toMatchObject(nothing)
    expect(await root.refused(assignSupportThread, { params, body: { user_id: root.id } })).toMatchObject(
      nothing,
    )
    const thread = { params: { chat_id: (await ann.call(openSupport)).chat_id } }
    for (const user_id of [ann.id, 999_999])
      expect(await root.refused(assignSupportThread, { ...thread, body: { user_id } })).toMatchObject({
        ...nothing,
        field: 'user_id',
      })
  })

  test('refuses to write to nobody, to itself, to two at once, or nothing', async () => {
    const ann = await world.user('bad_ann')
    const refused = (body: object) => root.refused(sendSupport, { body: { content: 'x', ...body } })
    expect(await refused({})).toMatchObject({ status: 400, field: 'target_user_id' })
    expect(await refused({ target_user_id: ann.id, chat_id: 1 })).toMatchObject({ status: 400 })
    expect(await refused({ target_user_id: ann.id, content: ' ' })).toMatchObject({ code: 'empty_message' })
    for (const target_user_id of [999_999, support_id])
      expect(await refused({ target_user_id })).toMatchObject({ status: 404, field: 'target_user_id' })
    expect(await refused({ chat_id: 999_999 })).toMatchObject({ status: 404, field: 'chat_id' })
  })
})

test('canned answers are kept, changed and removed, each in the audit log', async () => {
  const made = await root.call(createCannedAnswer, { body: { title: 'Hello', content: 'Good day!' } })
  const params = { answer_id: made.id }
  expect(await root.call(listCannedAnswers)).toEqual([made])
  const changed = await root.call(updateCannedAnswer, { params, body: { title: 'Hi', content: 'Hi!' } })
  expect(changed).toMatchObject({ id: made.id, title: 'Hi', content: 'Hi!' })
  await root.call(deleteCannedAnswer, { params })
  expect(await root.call(listCannedAnswers)).toEqual([])
  expect(await root.refused(deleteCannedAnswer, { params })).toMatchObject({ status: 404 })
  expect(await root.refused(createCannedAnswer, { body: { title: ' ', content: 'x' } })).toMatchObject({
    status: 400,
    field: 'title',
  })
  const { entries } = await root.call(listAudit, { query: { target_type: 'answer', target_id: made.id } })
  expect(entries.map(({ action }) => action)).toEqual([
    'support_answer_deleted',
    'support_answer_changed',
    'support_answer_created',
  ])
  expect(entries[1]).toMatchObject({ before: { title: 'Hello' }, after: { title: 'Hi' } })
})

describe('the account of support', () => {
  test('is one that nobody can sign in to or take, and that joins no group', async () => {
    for (const password of ['', PASSWORD, 'bh_support'])
      for (const username of ['bh_support', 'Support']) {
        const response = await fetch(`${world.url}api/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username, password }),
        })
        expect(response.status).toBeOneOf([400, 401])
      }
    const response = await fetch(`${world.url}api/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'BH_Support', email: 'x@example.org', password: PASSWORD }),
    })
    expect(((await response.json()) as ErrorBody).code).toBe('username_taken')
    const ann = await world.user('take_ann')
    const chat_id = await world.group(ann, [])
    const body = { user_ids: [support_id] }
    expect(await ann.refused(addMembers, { params: { chat_id }, body })).toMatchObject({ status: 404 })
    for (const type of ['group', 'channel'] as const)
      expect(
        await ann.refused(createChat, { body: { type, title: 'x', member_ids: [support_id] } }),
      ).toMatchObject({ status: 404 })
  })

  test('is made beside a person who had its name before, and once however many nodes start', async () => {
    const other = await newWorld()
    try {
      // As a database from before there was support: a person has the name.
      await other.db.query(sql`delete from users where is_system`)
      const squatter = await other.user('bh_support')
      const resources = other.resources[0]!
      const apps = await Promise.all([startApp(resources, '/nowhere'), startApp(resources, '/nowhere')])
      for (const app of apps) await app.stop()
      const found = await other.db.query<{ username: string }>(
        sql`select username from users where is_system`,
      )
      expect(found).toEqual([{ username: 'bh-support' }])
      expect((await squatter.call(listChats)).length).toBe(0)
    } finally {
      await other.close()
    }
  })
})
