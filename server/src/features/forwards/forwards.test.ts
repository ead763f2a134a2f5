import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  addMembers,
  deleteAccount,
  deleteChat,
  deleteMessage,
  editMessage,
  forwardMessages,
  getChatRow,
  leaveChat,
  listMessages,
  pinMessage,
  sendMessage,
  updateChat,
  updateUser,
  type Message,
} from '@messenger/contract'
import { sql } from '../../ports/db/port.ts'
import { until } from '../../testing/until.ts'
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

const send = (who: Person, chat_id: number, content = 'hi', more: object = {}) =>
  who.call(sendMessage, { params: { chat_id }, body: { content, ...more } })
const given = (chat_id: number, from_chat_id: number, message_ids: number[], client_ids?: string[]) => ({
  params: { chat_id },
  body: { from_chat_id, message_ids, ...(client_ids ? { client_ids } : {}) },
})
const forward = (who: Person, ...asked: Parameters<typeof given>) =>
  who.call(forwardMessages, given(...asked))
const refused = (who: Person, ...asked: Parameters<typeof given>) =>
  who.refused(forwardMessages, given(...asked))
const history = (who: Person, chat_id: number) =>
  who.call(listMessages, { params: { chat_id }, query: { limit: 100 } })
const origin = (message: Message) => [
  message.forwarded_from_chat_id,
  message.forwarded_from_message_id,
  message.forwarded_from_user_id,
  message.forwarded_from_display_name,
]

describe('forwarding', () => {
  test('messages arrive in the order that was asked for, as the forwarder’s, with their author', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(bob, [eve])]
    const [one, two] = [await send(ann, from, 'one'), await send(bob, from, 'two')]
    const hears = await eve.listen()
    const sent = await forward(bob, to, from, [two.id, one.id])
    expect(sent.map(({ content, sender_id, chat_id }) => [content, sender_id, chat_id])).toEqual([
      ['two', bob.id, to],
      ['one', bob.id, to],
    ])
    expect(sent.map(origin)).toEqual([
      [null, null, bob.id, bob.username],
      [null, null, ann.id, ann.username],
    ])
    expect(await history(eve, to)).toEqual(sent)
    for (const { id } of sent) {
      const { type, ...event } = await hears.next('message')
      expect({ ...event, type: event.message_type } as Message).toEqual(sent.find((one) => one.id === id)!)
      expect(type).toBe('message')
    }
  })

  test('all are stored in one commit, also while others write into the chat', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(bob, [eve])]
    const ids = (await Promise.all(Array.from({ length: 90 }, (_, n) => send(ann, from, `m${n}`)))).map(
      ({ id }) => id,
    )
    let writing = true
    const writers = Array.from({ length: 8 }, async () => {
      while (writing) await send(eve, to)
    })
    const commits: object[] = []
    for (let round = 0; round < 8; round++) {
      const sent = await forward(bob, to, from, ids)
      commits.push(
        ...(await world.db.query<{ messages: number; commits: number }>(sql`
          select count(*)::int as messages, count(distinct xmin::text)::int as commits
          from messages where chat_id = ${to} and id = any(${sent.map(({ id }) => id)}::bigint[])`)),
      )
    }
    writing = false
    await Promise.all(writers)
    expect(commits).toEqual(Array(8).fill({ messages: ids.length, commits: 1 }))
  })

  test('a file is kept from being removed while its message is forwarded, and one that is gone is not forwarded', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(bob, [eve])]
    const file = await ann.upload('kept', 'kept.txt')
    const { id } = await send(ann, from, 'look', { file_id: file.id })
    await world.db.query(sql`update files set claimed_at = now() - interval '2 hours' where id = ${file.id}`)
    await forward(bob, to, from, [id])
    expect(
      await world.db.query(
        sql`select from files where id = ${file.id} and claimed_at > now() - interval '1 minute'`,
      ),
    ).toHaveLength(1)
    await world.db.query(sql`update files set removed_at = now() where id = ${file.id}`)
    expect(await refused(bob, to, from, [id])).toMatchObject({ status: 404, field: 'message_ids' })
  })

  test('a hundred are one commit, and the same client_ids send nothing twice', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(bob, [eve])]
    const ids = (await Promise.all(Array.from({ length: 100 }, (_, n) => send(ann, from, `m${n}`)))).map(
      ({ id }) => id,
    )
    const client_ids = ids.map(() => crypto.randomUUID())
    const [first, again] = await Promise.all([
      forward(bob, to, from, ids, client_ids),
      forward(bob, to, from, ids, client_ids),
    ])
    expect(first.map(({ seq }) => seq)).toEqual(ids.map((_, n) => n + 1))
    expect(again).toEqual(first)
    expect(await forward(bob, to, from, ids, client_ids)).toEqual(first)
    expect(await history(eve, to)).toHaveLength(100)
    const [created] = await world.db.query<{ transactions: number }>(sql`
      select count(distinct xmin::text)::int as transactions from messages where chat_id = ${to}`)
    expect(created!.transactions).toBe(1)
  })

  test('a forward of a forward keeps the first author, as they were called then', async () => {
    const [one, two, three] = [
      await world.chat(ann, bob),
      await world.group(bob, [eve]),
      await world.group(eve, []),
    ]
    const first = await send(ann, one, 'said')
    const [second] = await forward(bob, two, one, [first.id])
    await ann.call(updateUser, { params: { user_id: ann.id }, body: { display_name: 'Ann Other' } })
    const [third] = await forward(eve, three, two, [second!.id])
    expect(origin(third!)).toEqual([null, null, ann.id, ann.username])
    const [anew] = await forward(bob, two, one, [first.id])
    expect(origin(anew!)).toEqual([null, null, ann.id, 'Ann Other'])
    await ann.call(updateUser, { params: { user_id: ann.id }, body: { display_name: '' } })
  })

  test('where it was said is told only of a public chat', async () => {
    const [from, to] = [await world.channel(ann, [bob]), await world.group(bob, [eve])]
    const post = await send(ann, from, 'news')
    const [before] = await forward(bob, to, from, [post.id])
    expect(origin(before!)).toEqual([null, null, ann.id, ann.username])
    await ann.call(updateChat, { params: { chat_id: from }, body: { public_name: 'the_news' } })
    const [after] = await forward(bob, to, from, [post.id])
    expect(origin(after!)).toEqual([from, post.id, ann.id, ann.username])
    const [further] = await forward(eve, await world.group(eve, []), to, [after!.id])
    expect(origin(further!)).toEqual([from, post.id, ann.id, ann.username])
  })

  test('files, voices, stickers and albums come along; calls, answers and reactions do not', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(bob, [eve])]
    const answered = await send(ann, from)
    const called = await send(ann, from, `@${bob.username} https://example.org`, {
      reply_to_message_id: answered.id,
    })
    const plain = await Promise.all(Array.from({ length: 4 }, (_, n) => send(ann, from, `caption ${n}`)))
    const [voice, sticker, ...album] = plain.map(({ id }) => id)
    const album_id = crypto.randomUUID()
    const file = await ann.upload('attached', 'a.ogg')
    // What was attached is stored with the message: uploads have tests of their own.
    await world.db.query(sql`
      update messages set message_type = 'voice', file_id = ${file.id}, duration_seconds = 1.5, waveform = '{1,2,3}',
        attachment = '{"filename":"a.ogg","mime_type":"audio/ogg","size":9}'
      where chat_id = ${from} and id = ${voice!}`)
    await world.db.query(sql`
      update messages set message_type = 'sticker', sticker_id = 3, attachment = '{"label":"grin"}', content = null
      where chat_id = ${from} and id = ${sticker!}`)
    await world.db.query(sql`
      update messages set message_type = 'image', file_id = ${file.id}, album_id = ${album_id},
        attachment = '{"filename":"a.png","mime_type":"image/png","size":9,"width":3,"height":2}'
      where chat_id = ${from} and id = any(${album}::bigint[])`)
    const asked = [called.id, voice!, sticker!, ...album]
    const sources = new Map((await history(bob, from)).map((message) => [message.id, message]))
    const sent = await forward(bob, to, from, asked)
    const kept = (message: Message) => {
      const { file_id, sticker_id, sticker_label, content, message_type, duration_seconds, waveform } =
        message
      const { attachment_filename, attachment_mime_type, attachment_size, attachment_width } = message
      return [
        [file_id, sticker_id, sticker_label, content, message_type, duration_seconds, waveform],
        [attachment_filename, attachment_mime_type, attachment_size, attachment_width],
      ]
    }
    expect(sent.map(kept)).toEqual(asked.map((id) => kept(sources.get(id)!)))
    expect(sent.map(({ message_type }) => message_type)).toEqual([
      'text',
      'voice',
      'sticker',
      'image',
      'image',
    ])
    expect(called.entities.map(({ type }) => type)).toEqual(['mention', 'link'])
    expect(sent[0]).toMatchObject({ reply_to_message_id: null, entities: [{ type: 'link' }] })
    expect(sent[3]!.album_id).toBeString()
    expect(sent[3]!.album_id).not.toBe(album_id)
    expect(sent[4]!.album_id).toBe(sent[3]!.album_id)
    expect(await history(eve, to)).toEqual(sent)
  })

  test('who deleted their account has no name left, neither in forwards nor in what a chat says of itself', async () => {
    const [dan, root] = [await world.user('dan_gone'), await world.user('root_gone')]
    const [from, to] = [await world.group(ann, [bob]), await world.group(ann, [bob])]
    const quiet = await world.group(ann, [bob])
    for (const chat_id of [from, quiet])
      await ann.call(addMembers, { params: { chat_id }, body: { user_ids: [dan.id] } })
    const row = () => bob.call(getChatRow, { params: { chat_id: quiet } })
    expect((await row()).last_system_event?.users).toEqual([{ id: dan.id, name: 'dan_gone' }])
    const { id } = await send(dan, from)
    const [sent] = await forward(ann, to, from, [id])
    expect(origin(sent!)).toEqual([null, null, dan.id, 'dan_gone'])
    expect(JSON.stringify(await history(bob, from))).toContain('dan_gone')
    expect(await history(bob, to)).toEqual([sent!])
    await world.db.query(sql`update users set is_admin = true where id = ${root.id}`)
    const admin = await world.signIn('root_gone')
    await admin.call(deleteAccount, { params: { user_id: dan.id } })
    await until('nobody is called so', async () =>
      (await Promise.all([from, to].map((chat_id) => history(bob, chat_id)))).every(
        (messages) => !JSON.stringify(messages).includes('dan_gone'),
      ),
    )
    expect((await row()).last_system_event?.users).toEqual([{ id: dan.id, name: 'Deleted account' }])
    const [kept] = await history(bob, to)
    expect(origin(kept!)).toEqual([null, null, null, 'Deleted account'])
    const [again] = await forward(ann, from, to, [kept!.id])
    expect((await history(bob, from)).at(-1)).toMatchObject({ id: again!.id, forwarded_from_user_id: null })
    const [own] = await forward(ann, to, from, [id])
    for (const late of [again!, own!]) expect(origin(late)).toEqual([null, null, null, 'Deleted account'])
  })

  test('a forwarded message is deleted by its forwarder and edited by nobody', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(bob, [eve])]
    const { id } = await send(ann, from)
    const [sent] = await forward(bob, to, from, [id])
    const params = { chat_id: to, message_id: sent!.id }
    for (const who of [ann, bob, eve])
      expect(await who.refused(editMessage, { params, body: { content: 'other words' } })).toMatchObject({
        status: 403,
      })
    await bob.call(deleteMessage, { params, body: { for_everyone: true } })
    const [stone] = await history(eve, to)
    expect([stone!.content, ...origin(stone!)]).toEqual([null, null, null, null, null])
  })
})

describe('who may forward', () => {
  test('only who is in both chats, and may post in the target', async () => {
    const [from, to] = [await world.group(ann, [bob, eve]), await world.group(ann, [bob, eve])]
    const channel = await world.channel(ann, [bob])
    const { id } = await send(ann, from)
    expect(await forward(eve, to, from, [id])).toHaveLength(1)
    await eve.call(leaveChat, { params: { chat_id: from } })
    expect(await refused(eve, to, from, [id])).toMatchObject({ status: 403, code: 'not_a_member' })
    const dan = await world.user('dan')
    const own = await world.group(dan, [])
    expect(await refused(dan, own, from, [id])).toMatchObject({ status: 403, code: 'not_a_member' })
    expect(await refused(dan, own, 999_999_999, [id])).toMatchObject({ status: 403 })
    const mine = await send(eve, to)
    expect(await refused(eve, from, to, [mine.id])).toMatchObject({ status: 403, code: 'not_a_member' })
    expect(await refused(bob, channel, from, [id])).toMatchObject({ status: 403, code: 'not_allowed' })
    expect(await forward(ann, channel, from, [id])).toHaveLength(1)
    expect(await history(dan, own)).toEqual([])
    expect(await history(bob, channel)).toHaveLength(1)
  })

  test('nothing is sent when one of them is not there: unknown, another chat’s, hidden, deleted, cleared', async () => {
    const [from, other, to] = [
      await world.chat(ann, bob),
      await world.chat(ann, eve),
      await world.group(bob, [eve]),
    ]
    const elsewhere = await send(ann, other)
    const [good, hidden, deleted] = [await send(ann, from), await send(ann, from), await send(ann, from)]
    await bob.call(deleteMessage, { params: { chat_id: from, message_id: hidden.id }, body: {} })
    await ann.call(deleteMessage, {
      params: { chat_id: from, message_id: deleted.id },
      body: { for_everyone: true },
    })
    for (const id of [12345, elsewhere.id, hidden.id, deleted.id])
      expect(await refused(bob, to, from, [good.id, id])).toMatchObject({
        status: 404,
        code: 'not_found',
        field: 'message_ids',
      })
    expect(await history(bob, to)).toEqual([])
    expect(await forward(bob, to, from, [good.id])).toHaveLength(1)
    await bob.call(deleteChat, { params: { chat_id: from }, body: {} })
    expect(await refused(bob, to, from, [good.id])).toMatchObject({ status: 404 })
  })

  test('what a chat says of itself is not forwarded, and nothing with it', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(ann, [bob])]
    const { id } = await send(ann, from)
    await ann.call(pinMessage, { params: { chat_id: from, message_id: id } })
    const said = (await history(ann, from)).at(-1)!
    expect(await refused(ann, to, from, [id, said.id])).toMatchObject({ status: 403, field: 'message_ids' })
    expect(await history(ann, to)).toEqual([])
  })

  test('slow mode lets a member forward one, and then wait', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(ann, [bob])]
    const [one, two] = [await send(ann, from), await send(ann, from)]
    await world.db.query(sql`update chats set slow_mode_seconds = 60 where id = ${to}`)
    expect(await refused(bob, to, from, [one.id, two.id])).toMatchObject({ status: 429, code: 'slow_mode' })
    expect(await forward(bob, to, from, [one.id])).toHaveLength(1)
    expect(await refused(bob, to, from, [two.id])).toMatchObject({ status: 429, code: 'slow_mode' })
    expect(await forward(ann, to, from, [one.id, two.id])).toHaveLength(2)
  })

  test('what does not fit is named', async () => {
    const [from, to] = [await world.group(ann, [bob]), await world.group(ann, [bob])]
    const { id } = await send(ann, from)
    const uuid = crypto.randomUUID()
    const wrong = [
      [{ message_ids: [] }, 'message_ids'],
      [{ message_ids: [id, id] }, 'message_ids'],
      [{ message_ids: Array.from({ length: 101 }, (_, n) => n + 1) }, 'message_ids'],
      [{ message_ids: ['x'] }, 'message_ids'],
      [{ from_chat_id: 'x' }, 'from_chat_id'],
      [{ client_ids: ['x'] }, 'client_ids'],
      [{ client_ids: [uuid, crypto.randomUUID()] }, 'client_ids'],
    ] as const
    for (const [body, field] of wrong)
      expect(
        await ann.refused(forwardMessages, {
          params: { chat_id: to },
          body: { from_chat_id: from, message_ids: [id], ...body } as never,
        }),
      ).toMatchObject({ status: 400, field })
    expect(await history(ann, to)).toEqual([])
  })
})
