import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  deleteChat,
  deleteMessage,
  leaveChat,
  listChanges,
  listMessages,
  listReactions,
  OWN_REACTIONS_MAX,
  pinMessage,
  REACTIONS_MAX,
  sendMessage,
  toggleReaction,
} from '@messenger/contract'
import { sql } from '../../ports/db/port.ts'
import { newWorld, type Person, type World } from '../../testing/world.ts'

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

const [UP, HEART, FIRE] = ['\u{1F44D}', '\u2764\uFE0F', '\u{1F525}'] as const
const send = (who: Person, chat_id: number, content = 'hi', more: object = {}) =>
  who.call(sendMessage, { params: { chat_id }, body: { content, ...more } })
const react = (who: Person, chat_id: number, message_id: number, emoji: string = UP) =>
  who.call(toggleReaction, { params: { chat_id, message_id }, body: { emoji } })
const refused = (who: Person, chat_id: number, message_id: number, emoji: string = UP) =>
  who.refused(toggleReaction, { params: { chat_id, message_id }, body: { emoji } })
const seen = (who: Person, chat_id: number, ...ids: number[]) =>
  who.call(listReactions, { params: { chat_id }, query: { message_ids: ids.join(',') } })
const newest = async (who: Person, chat_id: number) =>
  (await who.call(listMessages, { params: { chat_id } })).at(-1)!.reactions

describe('reacting', () => {
  test('a reaction is given and taken back, and everybody in the chat hears of it with its count', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    const { id } = await send(ann, chat_id)
    const [hears, outside] = [await ann.listen(), await eve.listen()]
    expect(await react(bob, chat_id, id)).toEqual({ message_id: id, emoji: UP, action: 'added' })
    expect(await hears.next('reaction')).toEqual({
      type: 'reaction',
      chat_id,
      message_id: id,
      user_id: bob.id,
      emoji: UP,
      action: 'added',
      count: 1,
      revision: 2,
    })
    await react(cat, chat_id, id)
    expect(await hears.next('reaction')).toMatchObject({ user_id: cat.id, count: 2, revision: 3 })
    expect(await react(bob, chat_id, id)).toMatchObject({ action: 'removed' })
    expect(await hears.next('reaction')).toMatchObject({ user_id: bob.id, action: 'removed', count: 1 })
    await outside.settled()
    expect(outside.all('reaction')).toEqual([])
  })

  test('they stand in the order in which they were first given, and go with the last who gave them', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    const [message, other] = [await send(ann, chat_id), await send(ann, chat_id)]
    await react(bob, chat_id, message.id, HEART)
    await react(bob, chat_id, message.id, UP)
    await react(cat, chat_id, message.id, UP)
    const given = { emoji: HEART, count: 1 }
    expect(await seen(cat, chat_id, message.id, other.id, 12345)).toEqual({
      [message.id]: [
        { ...given, me: false },
        { emoji: UP, count: 2, me: true },
      ],
    })
    await react(bob, chat_id, message.id, HEART)
    expect(await seen(bob, chat_id, message.id)).toEqual({
      [message.id]: [{ emoji: UP, count: 2, me: true }],
    })
    for (const who of [bob, cat]) await react(who, chat_id, message.id, UP)
    expect(await seen(bob, chat_id, message.id)).toEqual({})
    expect(await newest(bob, chat_id)).toEqual([])
  })

  test('racing toggles keep the counts exact', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, (_, n) => world.user(`racer_${n}`)))
    const chat_id = await world.group(ann, people)
    const { id } = await send(ann, chat_id)
    const emojis = [UP, HEART, FIRE]
    // Three of each by each: everything is given in the end, and nothing twice.
    await Promise.all(
      people.flatMap((who) => emojis.flatMap((emoji) => [1, 2, 3].map(() => react(who, chat_id, id, emoji)))),
    )
    const reactions = (await seen(people[0]!, chat_id, id))[id]!
    expect(new Map(reactions.map(({ emoji, count }) => [emoji, count]))).toEqual(
      new Map(emojis.map((emoji) => [emoji, people.length])),
    )
    const [kept] = await world.db.query<{ count: number }>(
      sql`select count(*)::int as count from message_reactions where chat_id = ${chat_id} and message_id = ${id}`,
    )
    expect(kept!.count).toBe(18)
    const { revision } = await ann.call(listChanges, { params: { chat_id } })
    expect(revision).toBe(1 + 6 * 3 * 3)
    await Promise.all(people.flatMap((who) => emojis.map((emoji) => react(who, chat_id, id, emoji))))
    expect(await seen(ann, chat_id, id)).toEqual({})
  })

  test('a message holds so many different ones, and of one person so many', async () => {
    const people = await Promise.all(Array.from({ length: 7 }, (_, n) => world.user(`giver_${n}`)))
    const chat_id = await world.group(ann, [...people, bob])
    const { id } = await send(ann, chat_id)
    const emoji = (n: number) => String.fromCodePoint(0x1f600 + n)
    for (let n = 0; n < REACTIONS_MAX; n++)
      await react(people[Math.floor(n / OWN_REACTIONS_MAX)]!, chat_id, id, emoji(n))
    expect(await refused(people[0]!, chat_id, id, emoji(10))).toMatchObject({
      status: 400,
      code: 'too_many_reactions',
      field: 'emoji',
    })
    expect(await refused(bob, chat_id, id, emoji(40))).toMatchObject({ code: 'too_many_reactions' })
    expect(await react(bob, chat_id, id, emoji(0))).toMatchObject({ action: 'added' })
    expect(await react(people[0]!, chat_id, id, emoji(1))).toMatchObject({ action: 'removed' })
    expect(await react(people[0]!, chat_id, id, emoji(10))).toMatchObject({ action: 'added' })
  })

  test('what is no reaction is named', async () => {
    const chat_id = await world.group(ann, [bob])
    const { id } = await send(ann, chat_id)
    for (const emoji of ['', ' ', 'a b', '\n', '\u0007', '\u202E', '\u{1F44D}'.repeat(9), 'x'.repeat(33)])
      expect(await refused(bob, chat_id, id, emoji)).toMatchObject({ status: 400, field: 'emoji' })
    // A family, a flag and a word of 32 bytes.
    for (const emoji of ['\u{1F468}\u200D\u{1F469}\u200D\u{1F467}', '\u{1F1FA}\u{1F1E6}', 'x'.repeat(32)])
      expect(await react(bob, chat_id, id, emoji)).toMatchObject({ emoji, action: 'added' })
  })

  test('what is asked for has to be a list of ids that is not too long', async () => {
    const chat_id = await world.group(ann, [bob])
    const many = Array.from({ length: 201 }, (_, n) => n + 1).join(',')
    for (const message_ids of ['', 'x', '1,', '1,,2', '0', '-1', '9999999999999999', many])
      expect(await bob.refused(listReactions, { params: { chat_id }, query: { message_ids } })).toMatchObject(
        { status: 400, field: 'message_ids' },
      )
    expect(
      await bob.call(listReactions, { params: { chat_id }, query: { message_ids: many.slice(4) } }),
    ).toEqual({})
  })
})

describe('who may react, and see it', () => {
  test('strangers and former members do neither', async () => {
    const chat_id = await world.group(ann, [bob, eve])
    const { id } = await send(ann, chat_id)
    expect(await react(eve, chat_id, id)).toMatchObject({ action: 'added' })
    await eve.call(leaveChat, { params: { chat_id } })
    const dan = await world.user('dan')
    for (const who of [eve, dan]) {
      expect(await refused(who, chat_id, id)).toMatchObject({ status: 403, code: 'not_a_member' })
      expect(
        await who.refused(listReactions, { params: { chat_id }, query: { message_ids: String(id) } }),
      ).toMatchObject({ status: 403, code: 'not_a_member' })
    }
    expect(await refused(dan, 999_999_999, id)).toMatchObject({ status: 403 })
    expect((await seen(ann, chat_id, id))[id]).toEqual([{ emoji: UP, count: 1, me: false }])
  })

  test('nobody reacts to what they do not see: another chat’s, hidden, cleared, deleted', async () => {
    const [chat_id, other] = [await world.chat(ann, bob), await world.group(ann, [bob])]
    const elsewhere = await send(ann, other)
    const [hidden, deleted, cleared] = [
      await send(ann, chat_id),
      await send(ann, chat_id),
      await send(ann, chat_id),
    ]
    for (const { id } of [hidden, deleted, cleared]) await react(ann, chat_id, id)
    await bob.call(deleteMessage, { params: { chat_id, message_id: hidden.id }, body: {} })
    await ann.call(deleteMessage, {
      params: { chat_id, message_id: deleted.id },
      body: { for_everyone: true },
    })
    for (const { id } of [elsewhere, hidden, deleted])
      expect(await refused(bob, chat_id, id)).toMatchObject({ status: 404 })
    expect(Object.keys(await seen(bob, chat_id, elsewhere.id, hidden.id, deleted.id, cleared.id))).toEqual([
      String(cleared.id),
    ])
    await bob.call(deleteChat, { params: { chat_id }, body: {} })
    expect(await refused(bob, chat_id, cleared.id)).toMatchObject({ status: 404 })
    expect(await seen(bob, chat_id, cleared.id)).toEqual({})
    const left = await world.db.query(
      sql`select 1 as one from message_reactions where chat_id = ${chat_id} and message_id = ${deleted.id}`,
    )
    expect(left).toEqual([])
  })

  test('what a chat says of itself is not reacted to', async () => {
    const chat_id = await world.group(ann, [bob])
    const { id } = await send(ann, chat_id)
    await ann.call(pinMessage, { params: { chat_id, message_id: id } })
    const said = (await ann.call(listMessages, { params: { chat_id } })).at(-1)!
    expect(said.message_type).toBe('system')
    expect(await refused(bob, chat_id, said.id)).toMatchObject({ status: 403, code: 'not_allowed' })
  })

  test('in a channel every reader may', async () => {
    const chat_id = await world.channel(ann, [bob])
    const { id } = await send(ann, chat_id)
    expect(await react(bob, chat_id, id)).toMatchObject({ action: 'added' })
  })
})

describe('one’s own mark', () => {
  test('is each viewer’s own on every page, whoever looked first', async () => {
    const chat_id = await world.group(ann, [bob, cat])
    const { id } = await send(ann, chat_id)
    await react(bob, chat_id, id)
    const mark = (me: boolean) => [{ emoji: UP, count: 1, me }]
    for (const order of [
      [cat, bob, ann],
      [bob, cat, bob],
      [ann, cat, bob],
    ])
      for (const who of order) expect(await newest(who, chat_id)).toEqual(mark(who === bob))
    for (const query of [{ before: String(id + 1) }, { after_id: id - 1 }, { around: id }]) {
      for (const who of [bob, cat]) {
        const [message] = await who.call(listMessages, { params: { chat_id }, query })
        expect(message!.reactions).toEqual(mark(who === bob))
      }
    }
    for (const who of [bob, cat]) {
      const { changes } = await who.call(listChanges, { params: { chat_id }, query: { after: 1 } })
      expect(changes.map(({ reactions }) => reactions)).toEqual([mark(who === bob)])
    }
    await react(bob, chat_id, id)
    await react(cat, chat_id, id)
    for (const who of [bob, cat, ann]) expect(await newest(who, chat_id)).toEqual(mark(who === cat))
  })

  test('a message that is sent again answers with it', async () => {
    const chat_id = await world.group(ann, [bob])
    const client_id = crypto.randomUUID()
    const { id } = await send(ann, chat_id, 'once', { client_id })
    await react(ann, chat_id, id)
    await react(bob, chat_id, id, HEART)
    expect((await send(ann, chat_id, 'once', { client_id })).reactions).toEqual([
      { emoji: UP, count: 1, me: true },
      { emoji: HEART, count: 1, me: false },
    ])
  })
})
