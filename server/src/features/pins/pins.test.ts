import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  deleteChat,
  deleteMessage,
  getChatRow,
  getPinnedMessage,
  leaveChat,
  listChanges,
  listMessages,
  listPinnedMessages,
  pinMessage,
  promoteMember,
  sendMessage,
  toggleReaction,
  unpinMessage,
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

const send = (who: Person, chat_id: number, content = 'hi') =>
  who.call(sendMessage, { params: { chat_id }, body: { content } })
const pin = (who: Person, chat_id: number, message_id: number) =>
  who.call(pinMessage, { params: { chat_id, message_id } })
const unpin = (who: Person, chat_id: number, message_id: number) =>
  who.call(unpinMessage, { params: { chat_id, message_id } })
const last = (who: Person, chat_id: number) => who.call(getPinnedMessage, { params: { chat_id } })
const pinned = async (who: Person, chat_id: number, query: object = {}) =>
  (await who.call(listPinnedMessages, { params: { chat_id }, query })).map(({ message }) => message.id)

describe('pinning', () => {
  test('several messages are pinned, the last one is shown, and everybody hears of it', async () => {
    const chat_id = await world.channel(ann, [bob])
    const [first, second] = [await send(ann, chat_id, 'first'), await send(ann, chat_id, 'second')]
    expect(await last(bob, chat_id)).toBeNull()
    expect(await pinned(bob, chat_id)).toEqual([])
    const [hears, outside] = [await bob.listen(), await eve.listen()]
    await pin(ann, chat_id, second.id)
    const answer = await pin(ann, chat_id, first.id)
    const message = { ...first, is_pinned: true, revision: 4 }
    expect(answer).toEqual({
      pinned_message_id: first.id,
      message,
      pinned_by: ann.id,
      pinned_at: answer.pinned_at,
    })
    expect(Math.abs(Date.parse(answer.pinned_at) - Date.now())).toBeLessThan(60_000)
    expect(await hears.next('message_pinned', ({ message_id }) => message_id === first.id)).toEqual({
      type: 'message_pinned',
      chat_id,
      message_id: first.id,
      message,
      pinned_by: ann.id,
      pinned_at: answer.pinned_at,
      revision: 4,
    })
    expect(await last(bob, chat_id)).toEqual({
      message,
      pinned_by: ann.id,
      pinned_at: answer.pinned_at,
    })
    expect(await pinned(bob, chat_id)).toEqual([first.id, second.id])
    await unpin(ann, chat_id, first.id)
    expect(await hears.next('message_unpinned')).toEqual({
      type: 'message_unpinned',
      chat_id,
      message_id: first.id,
      unpinned_by: ann.id,
      revision: 5,
    })
    expect((await last(bob, chat_id))!.message.id).toBe(second.id)
    const { changes } = await bob.call(listChanges, { params: { chat_id }, query: { after: 2 } })
    expect(changes.map(({ id, is_pinned }) => [id, is_pinned])).toEqual([
      [second.id, true],
      [first.id, false],
    ])
    await outside.settled()
    expect(outside.heard.filter(({ type }) => type.startsWith('message'))).toEqual([])
  })

  test('pinning again changes nothing, also when both do at once', async () => {
    const chat_id = await world.chat(ann, bob)
    const { id } = await send(ann, chat_id)
    const hears = await bob.listen()
    const all = await Promise.all([ann, bob, ann, bob, ann].map((who) => pin(who, chat_id, id)))
    expect(new Set(all.map(({ pinned_by, pinned_at }) => `${pinned_by} ${pinned_at}`)).size).toBe(1)
    await hears.settled()
    expect(hears.all('message_pinned')).toHaveLength(1)
    expect((await bob.call(listChanges, { params: { chat_id } })).revision).toBe(2)
    await unpin(bob, chat_id, id)
    expect(await ann.refused(unpinMessage, { params: { chat_id, message_id: id } })).toMatchObject({
      status: 404,
      code: 'not_found',
    })
  })

  test('a group says who pinned what, and that is unread for nobody', async () => {
    const chat_id = await world.group(ann, [bob])
    const { id } = await send(ann, chat_id)
    await pin(ann, chat_id, id)
    const said = (await bob.call(listMessages, { params: { chat_id } })).at(-1)!
    expect(said).toMatchObject({
      message_type: 'system',
      sender_id: ann.id,
      content: null,
      system_event: { event: 'message_pinned', message_id: id },
    })
    expect(await bob.call(getChatRow, { params: { chat_id } })).toMatchObject({
      unread_count: 1,
      last_seq: 2,
    })
    await pin(ann, chat_id, id)
    await unpin(ann, chat_id, id)
    expect((await bob.call(listMessages, { params: { chat_id } })).at(-1)!.id).toBe(said.id)
    expect(await ann.refused(pinMessage, { params: { chat_id, message_id: said.id } })).toMatchObject({
      status: 403,
      code: 'not_allowed',
    })
  })

  test('pages of pins have no hole and no repeat', async () => {
    const chat_id = await world.channel(ann, [bob])
    const ids: number[] = []
    for (let n = 0; n < 7; n++) ids.unshift((await send(ann, chat_id)).id)
    for (const id of ids.toReversed()) await pin(ann, chat_id, id)
    const seen: number[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const response: Response = await fetch(
        `${world.url}api/chats/${chat_id}/pinned-messages?limit=3${cursor && `&cursor=${cursor}`}`,
        { headers: { authorization: `Bearer ${ann.tokens.access_token}` } },
      )
      seen.push(
        ...((await response.json()) as { message: { id: number } }[]).map(({ message }) => message.id),
      )
      cursor = response.headers.get('x-next-cursor')
    }
    expect(seen).toEqual(ids)
    expect(await pinned(ann, chat_id, { limit: 1000 })).toHaveLength(7)
  })

  test('one’s own reactions are on it, and nobody else’s', async () => {
    const chat_id = await world.chat(ann, bob)
    const { id } = await send(ann, chat_id)
    await bob.call(toggleReaction, { params: { chat_id, message_id: id }, body: { emoji: '\u{1F44D}' } })
    const hears = await bob.listen()
    const mine = (await pin(bob, chat_id, id)).message.reactions
    expect(mine).toEqual([{ emoji: '\u{1F44D}', count: 1, me: true }])
    expect((await last(ann, chat_id))!.message.reactions).toEqual([{ ...mine[0]!, me: false }])
    expect((await hears.next('message_pinned')).message.reactions).toEqual([{ emoji: '\u{1F44D}', count: 1 }])
  })

  test('what is deleted for everyone is no longer pinned', async () => {
    const chat_id = await world.channel(ann, [bob])
    const [first, second] = [await send(ann, chat_id), await send(ann, chat_id)]
    for (const { id } of [first, second]) await pin(ann, chat_id, id)
    const hears = await bob.listen()
    const params = { chat_id, message_id: second.id }
    await ann.call(deleteMessage, { params, body: { for_everyone: true } })
    const { revision } = await hears.next('message_deleted')
    expect(await hears.next('message_unpinned')).toMatchObject({ message_id: second.id, revision })
    expect(await pinned(bob, chat_id)).toEqual([first.id])
    expect(await ann.refused(pinMessage, { params })).toMatchObject({ status: 404 })
    const { changes } = await bob.call(listChanges, { params: { chat_id }, query: { after: 4 } })
    expect(changes).toMatchObject([{ id: second.id, is_deleted: true, is_pinned: false }])
    await bob.call(deleteMessage, { params: { chat_id, message_id: first.id }, body: {} })
    expect([await last(bob, chat_id), (await last(ann, chat_id))!.message.id]).toEqual([null, first.id])
  })
})

describe('who may pin', () => {
  const refusedAll = async (who: Person, chat_id: number, message_id: number, refusal: object) => {
    for (const endpoint of [pinMessage, unpinMessage])
      expect(await who.refused(endpoint, { params: { chat_id, message_id } })).toMatchObject(refusal)
  }

  test('both sides of a direct chat, and one in Saved Messages', async () => {
    const [direct, saved] = [await world.chat(ann, bob), await world.chat(ann, ann)]
    const [one, own] = [await send(ann, direct), await send(ann, saved)]
    for (const who of [ann, bob]) {
      await pin(who, direct, one.id)
      await unpin(who, direct, one.id)
    }
    expect((await pin(ann, saved, own.id)).pinned_by).toBe(ann.id)
  })

  test('in groups and channels owner and admins, or every member where the chat says so', async () => {
    for (const chat_id of [await world.group(ann, [bob, eve]), await world.channel(ann, [bob, eve])]) {
      const { id } = await send(ann, chat_id)
      await pin(ann, chat_id, id)
      await refusedAll(bob, chat_id, id, { status: 403, code: 'not_allowed' })
      await ann.call(promoteMember, { params: { chat_id, user_id: bob.id } })
      await unpin(bob, chat_id, id)
      await world.db.query(sql`update chats set who_may_pin = 'members' where id = ${chat_id}`)
      expect((await pin(eve, chat_id, id)).pinned_by).toBe(eve.id)
    }
  })

  test('strangers and former members neither pin nor see what is pinned', async () => {
    const chat_id = await world.group(ann, [bob, eve])
    await world.db.query(sql`update chats set who_may_pin = 'members' where id = ${chat_id}`)
    const { id } = await send(ann, chat_id)
    expect((await pin(eve, chat_id, id)).pinned_by).toBe(eve.id)
    await eve.call(leaveChat, { params: { chat_id } })
    const dan = await world.user('dan')
    for (const who of [eve, dan]) {
      await refusedAll(who, chat_id, id, { status: 403, code: 'not_a_member' })
      for (const endpoint of [getPinnedMessage, listPinnedMessages])
        expect(await who.refused(endpoint, { params: { chat_id } })).toMatchObject({
          status: 403,
          code: 'not_a_member',
        })
    }
    await refusedAll(dan, 999_999_999, id, { status: 403 })
  })

  test('nobody pins what they do not see, and nobody sees such a pin: another chat’s, hidden, cleared', async () => {
    const dan = await world.user('dan_pins')
    const [chat_id, other] = [await world.chat(ann, dan), await world.chat(dan, eve)]
    const elsewhere = await send(dan, other)
    const [hidden, cleared] = [await send(ann, chat_id), await send(ann, chat_id)]
    await pin(ann, chat_id, hidden.id)
    await dan.call(deleteMessage, { params: { chat_id, message_id: hidden.id }, body: {} })
    for (const { id } of [elsewhere, hidden]) await refusedAll(dan, chat_id, id, { status: 404 })
    await pin(dan, chat_id, cleared.id)
    expect(await pinned(dan, chat_id)).toEqual([cleared.id])
    await dan.call(deleteChat, { params: { chat_id }, body: {} })
    await refusedAll(dan, chat_id, cleared.id, { status: 404 })
    expect([await last(dan, chat_id), await pinned(dan, chat_id)]).toEqual([null, []])
    expect(await pinned(ann, chat_id)).toEqual([cleared.id, hidden.id])
  })
})
