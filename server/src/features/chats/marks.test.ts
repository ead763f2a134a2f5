import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  deleteChat,
  deleteDraft,
  deleteMessage,
  getChatRow,
  leaveChat,
  listChats,
  markRead,
  markUnread,
  saveDraft,
  sendMessage,
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

const send = (who: Person, chat_id: number) =>
  who.call(sendMessage, { params: { chat_id }, body: { content: 'hi' } })
const row = (who: Person, chat_id: number) => who.call(getChatRow, { params: { chat_id } })
const draft = (who: Person, chat_id: number, content: string, reply_to_message_id?: number | null) =>
  who.call(saveDraft, {
    params: { chat_id },
    body: { content, ...(reply_to_message_id === undefined ? {} : { reply_to_message_id }) },
  })

describe('a chat that is marked unread', () => {
  const unread = async (chat_id: number) => (await row(bob, chat_id)).is_marked_unread

  test('stays so until it is read, on every device, and moves no read mark', async () => {
    const chat_id = await world.group(ann, [bob])
    await send(ann, chat_id)
    await bob.call(markRead, { params: { chat_id }, body: {} })
    const [hears, annHears] = [await bob.listen(), await ann.listen()]
    await bob.call(markUnread, { params: { chat_id } })
    expect(await hears.next('chat_marks')).toMatchObject({ chat_id, marks: { is_marked_unread: true } })
    expect(await row(bob, chat_id)).toMatchObject({
      is_marked_unread: true,
      unread_count: 0,
      last_read_seq: 1,
    })
    expect((await row(ann, chat_id)).is_marked_unread).toBe(false)
    await bob.call(markRead, { params: { chat_id }, body: {} })
    expect(await hears.next('chat_marks')).toMatchObject({ chat_id, marks: { is_marked_unread: false } })
    expect(await unread(chat_id)).toBe(false)
    await annHears.settled()
    expect(annHears.all('chat_marks')).toEqual([])
    expect(annHears.all('read_receipt')).toEqual([])
  })

  test('stays so when somebody writes, and ends when one reads on or writes', async () => {
    const chat_id = await world.group(ann, [bob])
    await send(ann, chat_id)
    await bob.call(markUnread, { params: { chat_id } })
    await send(ann, chat_id)
    expect(await unread(chat_id)).toBe(true)
    await bob.call(markRead, { params: { chat_id }, body: { seq: 1 } })
    expect(await unread(chat_id)).toBe(false)
    await bob.call(markUnread, { params: { chat_id } })
    await bob.call(markRead, { params: { chat_id }, body: { seq: 1 } })
    expect(await unread(chat_id)).toBe(false)
    await bob.call(markUnread, { params: { chat_id } })
    await send(bob, chat_id)
    expect(await unread(chat_id)).toBe(false)
  })

  test('is a member’s to mark', async () => {
    const chat_id = await world.group(ann, [bob, eve])
    await eve.call(markUnread, { params: { chat_id } })
    expect((await row(eve, chat_id)).is_marked_unread).toBe(true)
    await eve.call(leaveChat, { params: { chat_id } })
    const dan = await world.user('dan_marks')
    for (const who of [eve, dan])
      expect(await who.refused(markUnread, { params: { chat_id } })).toMatchObject({
        status: 403,
        code: 'not_a_member',
      })
  })
})

describe('a draft', () => {
  test('is one’s own on every device, and nobody else’s', async () => {
    const chat_id = await world.group(ann, [bob])
    const { id } = await send(ann, chat_id)
    const [hears, annHears] = [await bob.listen(), await ann.listen()]
    await draft(bob, chat_id, 'I th', id)
    const { marks } = await hears.next('chat_marks')
    expect(marks.draft).toMatchObject({ content: 'I th', reply_to_message_id: id })
    expect((await row(bob, chat_id)).draft).toEqual(marks.draft!)
    const listed = await bob.call(listChats)
    expect(listed.filter((one) => one.draft !== null).map((one) => [one.id, one.draft])).toEqual([
      [chat_id, marks.draft!],
    ])
    expect((await row(ann, chat_id)).draft).toBeNull()
    await draft(bob, chat_id, ' I think\n', null)
    expect((await row(bob, chat_id)).draft).toMatchObject({
      content: ' I think\n',
      reply_to_message_id: null,
    })
    await annHears.settled()
    expect(annHears.all('chat_marks')).toEqual([])
  })

  test('ends when it is thrown away or emptied; throwing nothing away tells nobody', async () => {
    const chat_id = await world.group(ann, [bob])
    const hears = await bob.listen()
    await bob.call(deleteDraft, { params: { chat_id } })
    await draft(bob, chat_id, ' ')
    await hears.settled()
    expect(hears.all('chat_marks')).toEqual([])
    for (const end of [() => bob.call(deleteDraft, { params: { chat_id } }), () => draft(bob, chat_id, '')]) {
      await draft(bob, chat_id, 'x')
      expect((await hears.next('chat_marks')).marks.draft).toMatchObject({ content: 'x' })
      await end()
      expect((await hears.next('chat_marks')).marks).toEqual({ draft: null })
      expect((await row(bob, chat_id)).draft).toBeNull()
    }
  })

  test('is a member’s to keep, and goes when they leave, clear or lose the chat', async () => {
    const [group, gone, direct] = [
      await world.group(ann, [bob, eve]),
      await world.group(ann, [eve]),
      await world.chat(ann, eve),
    ]
    await send(ann, direct)
    for (const chat_id of [group, gone, direct]) {
      await draft(eve, chat_id, 'x')
      expect((await row(eve, chat_id)).draft).not.toBeNull()
    }
    await eve.call(leaveChat, { params: { chat_id: group } })
    await eve.call(deleteChat, { params: { chat_id: direct }, body: {} })
    await ann.call(deleteChat, { params: { chat_id: gone }, body: {} })
    expect(await world.db.query(sql`select 1 as one from chat_drafts where user_id = ${eve.id}`)).toEqual([])
    const dan = await world.user('dan_drafts')
    for (const who of [eve, dan]) {
      const refusal = { status: 403, code: 'not_a_member' }
      expect(
        await who.refused(saveDraft, { params: { chat_id: group }, body: { content: 'x' } }),
      ).toMatchObject(refusal)
      expect(await who.refused(deleteDraft, { params: { chat_id: group } })).toMatchObject(refusal)
    }
  })

  test('answers only what one sees, and is as long as a message', async () => {
    const [chat_id, other] = [await world.group(ann, [bob]), await world.group(ann, [])]
    const [elsewhere, deleted] = [await send(ann, other), await send(ann, chat_id)]
    await ann.call(deleteMessage, {
      params: { chat_id, message_id: deleted.id },
      body: { for_everyone: true },
    })
    for (const reply_to_message_id of [elsewhere.id, deleted.id, 12345])
      expect(
        await bob.refused(saveDraft, { params: { chat_id }, body: { content: 'x', reply_to_message_id } }),
      ).toMatchObject({ status: 404, field: 'reply_to_message_id' })
    for (const body of [{ content: 'x'.repeat(4097) }, { content: 7 }, {}])
      expect(await bob.refused(saveDraft, { params: { chat_id }, body: body as never })).toMatchObject({
        status: 400,
        field: 'content',
      })
    expect((await row(bob, chat_id)).draft).toBeNull()
    await draft(bob, chat_id, '\u{1F600}'.repeat(2048))
    expect((await row(bob, chat_id)).draft!.content).toHaveLength(4096)
  })
})
