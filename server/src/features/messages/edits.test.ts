import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  deleteChat,
  deleteMessage,
  editMessage,
  EDITS_KEPT,
  leaveChat,
  listAudit,
  listEdits,
  sendMessage,
  toggleReaction,
} from '@messenger/contract'
import { sql } from '../../ports/db/port.ts'
import { newWorld, type Person, type World } from '../../testing/world.ts'

let world: World
let ann: Person
let bob: Person
let eve: Person

beforeAll(async () => {
  world = await newWorld()
  ;[ann, bob, eve] = await Promise.all([world.user('ann'), world.user('bob'), world.user('eve')])
})
afterAll(() => world.close())

const send = (who: Person, chat_id: number, content: string) =>
  who.call(sendMessage, { params: { chat_id }, body: { content } })
const edit = (who: Person, chat_id: number, message_id: number, content: string) =>
  who.call(editMessage, { params: { chat_id, message_id }, body: { content } })
const edits = (who: Person, chat_id: number, message_id: number) =>
  who.call(listEdits, { params: { chat_id, message_id } })
const refused = (who: Person, chat_id: number, message_id: number) =>
  who.refused(listEdits, { params: { chat_id, message_id } })

/** The same person as a site admin: what the last token said is believed for a second. */
async function siteAdmin(name: string): Promise<Person> {
  const { id, username } = await world.user(name)
  await world.db.query(sql`update users set is_admin = true where id = ${id}`)
  return world.signIn(username)
}

describe('what a message said before', () => {
  test('is kept with the times at which it was written', async () => {
    const chat_id = await world.group(ann, [bob])
    const sent = await send(ann, chat_id, 'one')
    expect(await edits(ann, chat_id, sent.id)).toEqual([])
    const second = await edit(ann, chat_id, sent.id, 'two')
    await bob.call(toggleReaction, { params: { chat_id, message_id: sent.id }, body: { emoji: '\u{1F44D}' } })
    await edit(ann, chat_id, sent.id, 'three')
    expect(await edits(ann, chat_id, sent.id)).toEqual([
      { content: 'one', written_at: sent.created_at },
      { content: 'two', written_at: second.updated_at! },
    ])
  })

  test('is shown to its sender and to site admins, and to nobody else', async () => {
    const [admin, outside] = [await siteAdmin('admin_in'), await siteAdmin('admin_out')]
    const chat_id = await world.group(ann, [bob, eve, admin])
    const { id } = await send(bob, chat_id, 'one')
    await edit(bob, chat_id, id, 'two')
    for (const who of [bob, admin, outside])
      expect((await edits(who, chat_id, id)).map(({ content }) => content)).toEqual(['one'])
    for (const who of [ann, eve])
      expect(await refused(who, chat_id, id)).toMatchObject({ status: 403, code: 'not_allowed' })
    const dan = await world.user('dan')
    await bob.call(leaveChat, { params: { chat_id } })
    for (const who of [bob, dan])
      expect(await refused(who, chat_id, id)).toMatchObject({ status: 403, code: 'not_a_member' })
    expect(await refused(dan, 999_999_999, id)).toMatchObject({ status: 403 })
    expect(await refused(outside, 999_999_999, id)).toMatchObject({ status: 404 })
  })

  test('is read by a site admin with a line in the audit log, but for what is their own', async () => {
    const admin = await siteAdmin('admin_noted')
    const [chat_id, own_chat] = [await world.chat(ann, bob), await world.chat(admin, bob)]
    const [sent, own] = [await send(ann, chat_id, 'one'), await send(admin, own_chat, 'one')]
    await edit(ann, chat_id, sent.id, 'two')
    await edit(admin, own_chat, own.id, 'two')
    expect(await edits(admin, chat_id, sent.id)).toHaveLength(1)
    expect(await edits(admin, own_chat, own.id)).toHaveLength(1)
    expect((await admin.call(listAudit, { query: { actor_id: admin.id } })).entries).toMatchObject([
      { action: 'messages_read', target_type: 'chat', target_id: chat_id, after: { edits_of: sent.id } },
    ])
    await ann.call(deleteMessage, { params: { chat_id, message_id: sent.id }, body: { for_everyone: true } })
    expect(await refused(admin, chat_id, sent.id)).toMatchObject({ status: 404 })
  })

  test('is not read by site admins where they read no messages', async () => {
    const closed = await newWorld({ env: { ADMIN_READS_MESSAGES: 'off' } })
    try {
      const [cat, dog] = [await closed.user('cat'), await closed.user('dog')]
      await closed.db.query(sql`update users set is_admin = true where id = ${dog.id}`)
      const admin = await closed.signIn('dog')
      const saved = await closed.chat(cat, cat)
      const { id } = await send(cat, saved, 'one')
      await edit(cat, saved, id, 'two')
      expect(await refused(admin, saved, id)).toMatchObject({ status: 403, code: 'not_a_member' })
      const shared = await closed.group(cat, [dog])
      const seen = await send(cat, shared, 'one')
      expect(await refused(admin, shared, seen.id)).toMatchObject({ status: 403, code: 'not_allowed' })
      expect((await admin.call(listAudit)).entries).toEqual([])
    } finally {
      await closed.close()
    }
  })

  test('is not found by another chat’s id, nor of what was hidden or cleared', async () => {
    const [chat_id, other] = [await world.chat(ann, bob), await world.chat(ann, eve)]
    const [hidden, cleared] = [await send(ann, chat_id, 'one'), await send(ann, chat_id, 'one')]
    const elsewhere = await send(ann, other, 'elsewhere')
    for (const { id } of [hidden, cleared]) await edit(ann, chat_id, id, 'two')
    expect(await edits(ann, chat_id, hidden.id)).toHaveLength(1)
    await ann.call(deleteMessage, { params: { chat_id, message_id: hidden.id }, body: {} })
    for (const id of [elsewhere.id, hidden.id, 12345])
      expect(await refused(ann, chat_id, id)).toMatchObject({ status: 404 })
    await ann.call(deleteChat, { params: { chat_id }, body: {} })
    expect(await refused(ann, chat_id, cleared.id)).toMatchObject({ status: 404 })
  })

  test('goes with the message', async () => {
    const chat_id = await world.group(ann, [bob])
    const { id } = await send(bob, chat_id, 'secret')
    await edit(bob, chat_id, id, 'harmless')
    await bob.call(deleteMessage, { params: { chat_id, message_id: id }, body: { for_everyone: true } })
    expect(await refused(bob, chat_id, id)).toMatchObject({ status: 404 })
    const left = await world.db.query(sql`select 1 as one from message_edits where chat_id = ${chat_id}`)
    expect(left).toEqual([])
  })

  test('does not grow without end', async () => {
    const chat_id = await world.group(ann, [bob])
    const { id } = await send(ann, chat_id, '0')
    for (let n = 1; n <= EDITS_KEPT + 3; n++) await edit(ann, chat_id, id, String(n))
    const kept = await edits(ann, chat_id, id)
    expect(kept.map(({ content }) => content)).toEqual(
      Array.from({ length: EDITS_KEPT }, (_, n) => String(n + 3)),
    )
  })

  test('is not kept with EDIT_HISTORY=off', async () => {
    const other = await newWorld({ env: { EDIT_HISTORY: 'off' } })
    const [cat, dan] = [await other.user('cat'), await other.user('dan')]
    const chat_id = await other.chat(cat, dan)
    const { id } = await send(cat, chat_id, 'one')
    await edit(cat, chat_id, id, 'two')
    expect(await edits(cat, chat_id, id)).toEqual([])
    expect(await other.db.query(sql`select 1 as one from message_edits`)).toEqual([])
    await other.close()
  })
})
