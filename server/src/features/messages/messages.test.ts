import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  deleteMessage,
  editMessage,
  leaveChat,
  listChanges,
  listMessages,
  sendMessage,
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

const send = (who: Person, chat_id: number, content: string, more: object = {}) =>
  who.call(sendMessage, { params: { chat_id }, body: { content, client_id: crypto.randomUUID(), ...more } })
const history = (who: Person, chat_id: number, query: object = {}) =>
  who.call(listMessages, { params: { chat_id }, query })
const contents = (messages: Message[]) => messages.map((message) => message.content)

describe('sending', () => {
  test('a message reaches everyone in the chat and nobody else', async () => {
    const chat_id = await world.chat(ann, bob)
    const [bobHears, eveHears] = [await bob.listen(), await eve.listen()]
    const message = await send(ann, chat_id, 'hi')
    expect(await bobHears.next('message')).toMatchObject({ id: message.id, content: 'hi' })
    await eveHears.settled()
    expect(eveHears.all('message')).toEqual([])
  })

  test('the event carries the same fields as the answer and the page', async () => {
    const chat_id = await world.chat(ann, bob)
    const hears = await bob.listen()
    const first = await send(ann, chat_id, 'first "quoted" \u{1F642} \n line')
    const answered = await send(bob, chat_id, 'reply', { reply_to_message_id: first.id })
    const { type, ...event } = await hears.next('message', ({ id }) => id === answered.id)
    expect(type).toBe('message')
    expect({ ...event, type: event.message_type }).toEqual(answered)
    expect((await history(ann, chat_id)).at(-1)).toEqual(answered)
    expect(answered).toMatchObject({
      reply_to_message_id: first.id,
      reply_to_content: first.content,
      reply_to_sender_username: ann.username,
      sender_username: bob.username,
      reactions: [],
      is_edited: false,
    })
    expect(new Date(answered.created_at).getTime()).toBeGreaterThan(Date.now() - 60_000)
  })

  test('a repeat among new ones is answered again and leaves no hole, the first time and while more are reckoned with', async () => {
    const apart = await newWorld()
    const [one, two] = [await apart.user('one'), await apart.user('two')]
    const chat_id = await apart.group(one, [two])
    const first = await send(one, chat_id, 'first')
    for (const round of [1, 2]) {
      const sent = await Promise.all([
        send(two, chat_id, `before ${round}`),
        send(one, chat_id, 'again', { client_id: first.client_id }),
        send(two, chat_id, `after ${round}`),
      ])
      expect(sent[1]).toEqual(first)
    }
    const messages = await history(one, chat_id)
    const seqs = messages.map(({ seq }) => seq).sort((a, b) => a - b)
    expect(seqs).toEqual(seqs.map((_, n) => seqs[0]! + n))
    expect(messages.filter(({ message_type }) => message_type === 'text')).toHaveLength(5)
    await apart.close()
  })

  test('the same client_id answers the first message again, also when sent at once', async () => {
    const chat_id = await world.group(ann, [bob])
    const client_id = crypto.randomUUID()
    const body = { content: 'once', client_id }
    const all = await Promise.all(
      Array.from({ length: 20 }, () => ann.call(sendMessage, { params: { chat_id }, body })),
    )
    const again = await ann.call(sendMessage, {
      params: { chat_id },
      body: { content: 'other words', client_id },
    })
    expect(new Set([...all, again].map(({ id }) => id)).size).toBe(1)
    expect(again.content).toBe('once')
    expect(await history(ann, chat_id)).toHaveLength(1)
    const other = await bob.call(sendMessage, { params: { chat_id }, body })
    expect(other.id).not.toBe(again.id)
  })

  test('seqs have no holes and ids rise when many write at once', async () => {
    const chat_id = await world.group(ann, [bob])
    await Promise.all(Array.from({ length: 300 }, (_, n) => send(n % 2 ? ann : bob, chat_id, `m${n}`)))
    const pages: Message[] = []
    for (let before: string | undefined; ;) {
      const page = await history(ann, chat_id, { limit: 100, ...(before ? { before } : {}) })
      if (page.length === 0) break
      pages.unshift(...page)
      before = String(page[0]!.id)
    }
    expect(pages.map(({ seq }) => seq)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1))
    expect(pages.map(({ revision }) => revision)).toEqual(pages.map(({ seq }) => seq))
    expect(pages.every((message, n) => n === 0 || message.id > pages[n - 1]!.id)).toBe(true)
  })

  test('events leave in the order of the history, also when a batch fails while another is behind it', async () => {
    const apart = await newWorld()
    const [one, two] = [await apart.user('one'), await apart.user('two')]
    const chat_id = await apart.group(one, [two])
    const hears = await two.listen()
    const first = await send(one, chat_id, 'first')
    const wave = (size: number, more: (n: number) => object = () => ({})) =>
      Promise.all(
        Array.from({ length: size }, (_, n) =>
          send(n % 2 ? one : two, chat_id, `m${n}`, { client_id: crypto.randomUUID(), ...more(n) }),
        ),
      )
    const heard = () => hears.all('message').map(({ seq }) => seq)

    const sent = await wave(300, (n) => (n === 21 ? { client_id: first.client_id } : {}))
    expect(sent[21]).toEqual(first)
    await until('everything is heard', () => heard().length === 300)
    expect(heard()).toEqual(Array.from({ length: 300 }, (_, n) => n + 1))

    // What was committed as its connection broke is told to nobody: a hole, and never a step back.
    const cut = wave(400)
    await until('some are heard', () => heard().length > 340)
    await apart.db.query(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where query ilike '%with asked%' and pid <> pg_backend_pid()`,
    )
    const stored = (await cut).map(({ seq }) => seq).sort((a, b) => a - b)
    expect(stored).toEqual(Array.from({ length: 400 }, (_, n) => 301 + n))
    const last = await send(one, chat_id, 'last')
    await hears.next('message', ({ id }) => id === last.id)
    expect(heard()).toEqual(heard().toSorted((a, b) => a - b))
    await apart.close()
  })

  test('a batch of sends is one statement', async () => {
    const chat_id = await world.group(ann, [bob])
    await send(ann, chat_id, 'warm')
    const count = async () => {
      const [row] = await world.db.query<{ commits: number }>(
        sql`select (xact_commit)::float8 as commits from pg_stat_database where datname = current_database()`,
      )
      return row!.commits
    }
    await world.db.query(sql`select pg_stat_force_next_flush()`)
    const before = await count()
    await Promise.all(Array.from({ length: 200 }, (_, n) => send(ann, chat_id, `m${n}`)))
    await world.db.query(sql`select pg_stat_force_next_flush()`)
    // Two hundred sends, and every one its own commit without batching.
    expect((await count()) - before).toBeLessThan(100)
  })
})

describe('who may send', () => {
  test('a stranger, a former member and nobody at all are refused', async () => {
    const chat_id = await world.group(ann, [bob, eve])
    expect((await send(eve, chat_id, 'in')).content).toBe('in')
    await eve.call(leaveChat, { params: { chat_id } })
    const dan = await world.user('dan')
    for (const who of [eve, dan])
      expect(await who.refused(sendMessage, { params: { chat_id }, body: { content: 'out' } })).toMatchObject(
        {
          status: 403,
          code: 'not_a_member',
        },
      )
    expect(
      await dan.refused(sendMessage, { params: { chat_id: 999_999_999 }, body: { content: 'x' } }),
    ).toMatchObject({ status: 403 })
    const said = (await history(ann, chat_id)).map(
      ({ content, system_event }) => content ?? system_event?.event,
    )
    expect(said).toEqual(['in', 'member_left'])
  })

  test('only owner and admins post in a channel', async () => {
    const chat_id = await world.channel(ann, [bob])
    expect((await send(ann, chat_id, 'news')).seq).toBe(1)
    expect(await bob.refused(sendMessage, { params: { chat_id }, body: { content: 'x' } })).toMatchObject({
      status: 403,
      code: 'not_allowed',
    })
  })

  test('a bad row refuses itself and not its neighbours', async () => {
    const chat_id = await world.group(ann, [bob])
    const results = await Promise.allSettled([
      send(ann, chat_id, 'good'),
      send(eve, chat_id, 'stranger'),
      send(bob, chat_id, 'reply', { reply_to_message_id: 12345 }),
      send(bob, chat_id, 'good too'),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect((await history(ann, chat_id)).map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('a reply has to be to a message of the same chat that is still there', async () => {
    const [one, other] = [await world.group(ann, [bob]), await world.group(ann, [bob])]
    const elsewhere = await send(ann, other, 'elsewhere')
    const gone = await send(ann, one, 'gone')
    await ann.call(deleteMessage, {
      params: { chat_id: one, message_id: gone.id },
      body: { for_everyone: true },
    })
    for (const reply_to_message_id of [elsewhere.id, gone.id])
      expect(
        await ann.refused(sendMessage, {
          params: { chat_id: one },
          body: { content: 'x', reply_to_message_id },
        }),
      ).toMatchObject({ status: 404, field: 'reply_to_message_id' })
  })

  test('an empty message, a type that is not known and a text that is too long are named', async () => {
    const chat_id = await world.chat(ann, bob)
    const refused = (body: object) => ann.refused(sendMessage, { params: { chat_id }, body })
    expect(await refused({})).toMatchObject({ status: 400, field: 'content' })
    expect(await refused({ content: '  \n ' })).toMatchObject({ status: 400, code: 'empty_message' })
    expect(await refused({ content: 'x'.repeat(4097) })).toMatchObject({ status: 400, field: 'content' })
    expect(await refused({ content: 'x', type: 'dance' })).toMatchObject({ status: 400, field: 'type' })
    expect(await refused({ content: 'x', client_id: 'no-uuid' })).toMatchObject({
      status: 400,
      field: 'client_id',
    })
    expect(await refused({ content: 7 })).toMatchObject({ status: 400, field: 'content' })
    expect(await refused({ file_id: 1 })).toMatchObject({ status: 404, field: 'file_id' })
    expect((await send(ann, chat_id, '\u{1F600}'.repeat(2000))).content).toHaveLength(4000)
  })
})

describe('history', () => {
  test('every cursor pages without holes or repeats', async () => {
    const chat_id = await world.group(ann, [bob])
    const sent: Message[] = []
    for (let n = 0; n < 25; n++) sent.push(await send(ann, chat_id, `m${n}`))
    const ids = (page: Message[]) => page.map(({ id }) => id)
    const all = ids(sent)
    expect(ids(await history(bob, chat_id, { limit: 10 }))).toEqual(all.slice(15))
    expect(ids(await history(bob, chat_id, { limit: 10, before: String(all[15]) }))).toEqual(all.slice(5, 15))
    expect(ids(await history(bob, chat_id, { limit: 10, after_id: all[4]! }))).toEqual(all.slice(5, 15))
    expect(ids(await history(bob, chat_id, { limit: 10, around: all[12]! }))).toEqual(all.slice(7, 17))
    const time = new Date(new Date(sent[10]!.created_at).getTime()).toISOString()
    const before = await history(bob, chat_id, { limit: 100, before: time })
    expect(before.every((message) => message.created_at < time)).toBe(true)
    expect(before.length).toBeGreaterThan(0)
    expect(await history(bob, chat_id, { limit: 1000 })).toHaveLength(25)
    expect(await history(bob, chat_id, { limit: 0 })).toHaveLength(1)
    for (const query of [{ before: 'yesterday' }, { limit: 'x' }, { around: 'x' }, { after_id: '1e99' }])
      expect(await bob.refused(listMessages, { params: { chat_id }, query: query as never })).toMatchObject({
        status: 400,
      })
    // As a form sends what nobody filled in.
    const empty = { before: '', after_id: '', around: '', limit: '' }
    expect(await history(bob, chat_id, empty)).toEqual(await history(bob, chat_id))
  })

  test('only members read it', async () => {
    const chat_id = await world.group(ann, [bob, eve])
    await send(ann, chat_id, 'secret')
    expect(contents(await history(eve, chat_id))).toEqual(['secret'])
    await eve.call(leaveChat, { params: { chat_id } })
    for (const endpoint of [listMessages, listChanges])
      expect(await eve.refused(endpoint, { params: { chat_id } })).toMatchObject({ status: 403 })
  })

  test('the newest page is right after every kind of change', async () => {
    const chat_id = await world.group(ann, [bob])
    const first = await send(ann, chat_id, 'one')
    expect(contents(await history(bob, chat_id))).toEqual(['one'])
    await send(ann, chat_id, 'two')
    expect(contents(await history(bob, chat_id))).toEqual(['one', 'two'])
    const params = { chat_id, message_id: first.id }
    await ann.call(editMessage, { params, body: { content: 'uno' } })
    expect(contents(await history(bob, chat_id))).toEqual(['uno', 'two'])
    await bob.call(deleteMessage, { params })
    expect(contents(await history(bob, chat_id))).toEqual(['two'])
    expect(contents(await history(ann, chat_id))).toEqual(['uno', 'two'])
    await ann.call(deleteMessage, { params, body: { for_everyone: true } })
    expect(contents(await history(ann, chat_id))).toEqual([null, 'two'])
  })
})

describe('editing and deleting', () => {
  test('only the sender edits, and every refusal looks alike', async () => {
    const chat_id = await world.group(ann, [bob])
    const message = await send(ann, chat_id, 'mine')
    const hears = await bob.listen()
    const params = { chat_id, message_id: message.id }
    const edited = await ann.call(editMessage, { params, body: { content: 'better' } })
    expect(edited).toMatchObject({ id: message.id, content: 'better', is_edited: true, revision: 2, seq: 1 })
    expect(await hears.next('message_updated')).toMatchObject({
      message_id: message.id,
      content: 'better',
      revision: 2,
      updated_at: edited.updated_at,
    })
    for (const [who, message_id] of [
      [bob, message.id],
      [eve, message.id],
      [ann, 12345],
    ] as const)
      expect(
        await who.refused(editMessage, { params: { chat_id, message_id }, body: { content: 'x' } }),
      ).toMatchObject({ status: 403, code: 'not_allowed' })
  })

  test('deleting for everyone leaves a tombstone without content', async () => {
    const chat_id = await world.group(ann, [bob])
    const message = await send(bob, chat_id, 'regret')
    const reply = await send(ann, chat_id, 'what?', { reply_to_message_id: message.id })
    const hears = await bob.listen()
    const params = { chat_id, message_id: message.id }
    await bob.call(deleteMessage, { params, body: { for_everyone: true } })
    expect(await hears.next('message_deleted')).toMatchObject({ message_id: message.id, revision: 3, seq: 1 })
    const { changes, revision } = await ann.call(listChanges, { params: { chat_id }, query: { after: 1 } })
    expect(revision).toBe(3)
    expect(changes.map(({ id, content, is_deleted }) => ({ id, content, is_deleted }))).toEqual([
      { id: reply.id, content: 'what?', is_deleted: false },
      { id: message.id, content: null, is_deleted: true },
    ])
    expect((await history(ann, chat_id))[1]).toMatchObject({ reply_to_content: null })
    await bob.call(deleteMessage, { params, body: { for_everyone: true } })
    expect((await ann.call(listChanges, { params: { chat_id } })).revision).toBe(3)
    const [kept] = await world.db.query<{ content: string | null }>(
      sql`select content from messages where chat_id = ${chat_id} and id = ${message.id}`,
    )
    expect(kept!.content).toBeNull()
  })

  test('others delete for everyone only as owner or admin, and nobody ranks in a direct chat', async () => {
    const group = await world.group(ann, [bob, eve])
    const direct = await world.chat(ann, bob)
    const inGroup = await send(bob, group, 'x')
    const inDirect = await send(bob, direct, 'x')
    const body = { for_everyone: true }
    expect(
      await eve.refused(deleteMessage, { params: { chat_id: group, message_id: inGroup.id }, body }),
    ).toMatchObject({ status: 403 })
    expect(
      await ann.refused(deleteMessage, { params: { chat_id: direct, message_id: inDirect.id }, body }),
    ).toMatchObject({ status: 403 })
    await ann.call(deleteMessage, { params: { chat_id: group, message_id: inGroup.id }, body })
    expect(
      await ann.refused(deleteMessage, { params: { chat_id: group, message_id: 12345 }, body }),
    ).toMatchObject({ status: 404 })
    expect(
      await eve.refused(deleteMessage, { params: { chat_id: direct, message_id: inDirect.id }, body }),
    ).toMatchObject({ status: 404 })
  })
})

describe('changes', () => {
  test('pages of changes end at the newest revision and hold each message once', async () => {
    const chat_id = await world.group(ann, [bob])
    const sent: Message[] = []
    for (let n = 0; n < 12; n++) sent.push(await send(ann, chat_id, `m${n}`))
    await ann.call(editMessage, { params: { chat_id, message_id: sent[0]!.id }, body: { content: 'new' } })
    const seen: number[] = []
    let after = 0
    for (let more = true; more;) {
      const page = await bob.call(listChanges, { params: { chat_id }, query: { after, limit: 5 } })
      seen.push(...page.changes.map(({ id }) => id))
      ;[after, more] = [page.revision, page.has_more]
    }
    expect(after).toBe(13)
    expect(seen).toEqual([...sent.slice(1), sent[0]!].map(({ id }) => id))
    expect(await bob.call(listChanges, { params: { chat_id }, query: { after } })).toEqual({
      changes: [],
      revision: 13,
      has_more: false,
    })
  })
})
