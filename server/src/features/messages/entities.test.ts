import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  editMessage,
  leaveChat,
  listMessages,
  promoteMember,
  sendMessage,
  WAVEFORM_VALUES,
  type Message,
} from '@messenger/contract'
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

const send = (who: Person, chat_id: number, content: string, more: object = {}) =>
  who.call(sendMessage, { params: { chat_id }, body: { content, ...more } })
/** What a message marks, as it stands in its text. */
const marked = ({ content, entities }: Pick<Message, 'content' | 'entities'>) =>
  entities.map(({ type, offset, length, user_id }) => {
    const text = content!.slice(offset, offset + length)
    return user_id === undefined ? [type, text] : [type, text, user_id]
  })

describe('mentions', () => {
  test('members are called by name, in any case, where they stand behind emoji', async () => {
    const chat_id = await world.group(ann, [bob])
    const hears = await bob.listen()
    const sent = await send(
      ann,
      chat_id,
      '\u{1F600}\u{1F44D}\u{1F3FD} @Bob, @ANN and https://a.b/@bob (@bob)',
    )
    expect(marked(sent)).toEqual([
      ['mention', '@Bob', bob.id],
      ['mention', '@ANN', ann.id],
      ['link', 'https://a.b/@bob'],
      ['mention', '@bob', bob.id],
    ])
    expect((await hears.next('message')).entities).toEqual(sent.entities)
    const [read] = await bob.call(listMessages, { params: { chat_id } })
    expect(read).toEqual(sent)
  })

  test('whoever is not in the chat is not called: strangers, former members, nobody at all', async () => {
    const chat_id = await world.group(ann, [bob, eve])
    expect(marked(await send(bob, chat_id, '@eve @nobody_here'))).toEqual([['mention', '@eve', eve.id]])
    await eve.call(leaveChat, { params: { chat_id } })
    const dan = await world.user('dan')
    expect((await send(bob, chat_id, `@eve @${dan.username} @nobody_here`)).entities).toEqual([])
  })

  test('only owner and admins call everybody', async () => {
    const chat_id = await world.group(ann, [bob])
    expect(marked(await send(ann, chat_id, '@all @ALL'))).toEqual([
      ['mention_all', '@all'],
      ['mention_all', '@ALL'],
    ])
    expect((await send(bob, chat_id, '@all')).entities).toEqual([])
    const direct = await world.chat(ann, bob)
    expect((await send(ann, direct, '@all')).entities).toEqual([])
    await ann.call(promoteMember, { params: { chat_id, user_id: bob.id } })
    expect(marked(await send(bob, chat_id, '@all'))).toEqual([['mention_all', '@all']])
  })

  test('an edit marks anew', async () => {
    const chat_id = await world.group(ann, [bob])
    const { id } = await send(bob, chat_id, '@ann https://a.b')
    const hears = await ann.listen()
    const edit = (content: string) =>
      bob.call(editMessage, { params: { chat_id, message_id: id }, body: { content } })
    const edited = await edit('so: @bob @all')
    expect(marked(edited)).toEqual([['mention', '@bob', bob.id]])
    const { content, entities } = await hears.next('message_updated')
    expect(marked({ content, entities })).toEqual(marked(edited))
    expect((await edit('nothing')).entities).toEqual([])
    const [read] = await ann.call(listMessages, { params: { chat_id } })
    expect(read!.entities).toEqual([])
  })

  test('what is sent one after the other stays so, with names and without', async () => {
    const chat_id = await world.group(ann, [bob])
    const texts = Array.from({ length: 30 }, (_, n) => (n % 3 ? `plain ${n}` : `@bob ${n}`))
    const hears = await ann.listen()
    for (const content of texts)
      hears.say({ type: 'message', chat_id, client_id: crypto.randomUUID(), content })
    for (const _ of texts) await hears.next('ack')
    const read = await bob.call(listMessages, { params: { chat_id } })
    expect(read.map(({ content }) => content)).toEqual(texts)
  })
})

describe('what does not fit is refused by its name', () => {
  const uuid = crypto.randomUUID()
  const waveform = Array.from({ length: WAVEFORM_VALUES }, () => 50)
  test.each<[object, number, string]>([
    [{ file_id: 999_999 }, 404, 'file_id'],
    [{ sticker_id: 999_999 }, 404, 'sticker_id'],
    [{ type: 'sticker' }, 400, 'sticker_id'],
    [{ type: 'voice', content: 'x' }, 400, 'file_id'],
    [{ type: 'system', content: 'x' }, 400, 'type'],
    [{ file_id: 1, sticker_id: 1 }, 400, 'sticker_id'],
    [{ content: 'x', album_id: uuid }, 400, 'album_id'],
    [{ file_id: 1, album_id: 'x' }, 400, 'album_id'],
    [{ content: 'x', waveform }, 400, 'waveform'],
    [{ file_id: 1, waveform: waveform.slice(1) }, 400, 'waveform'],
    [{ file_id: 1, waveform: [...waveform, 50] }, 400, 'waveform'],
    [{ file_id: 1, waveform: [...waveform.slice(1), 101] }, 400, 'waveform'],
    [{ file_id: 1, waveform: [...waveform.slice(1), -1] }, 400, 'waveform'],
    [{ file_id: 1, waveform: [...waveform.slice(1), 0.5] }, 400, 'waveform'],
    [{ file_id: 1, duration_seconds: -1 }, 400, 'duration_seconds'],
    [{ file_id: 1, duration_seconds: 86_401 }, 400, 'duration_seconds'],
  ])('%p: %p %p', async (body, status, field) => {
    const chat_id = await world.chat(ann, bob)
    expect(await ann.refused(sendMessage, { params: { chat_id }, body })).toMatchObject({ status, field })
  })
})
