import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  deleteChat,
  deleteMessage,
  editMessage,
  leaveChat,
  removeMember,
  searchChat,
  searchMessages,
  sendMessage,
  type Message,
} from '@messenger/contract'
import { pino } from 'pino'
import { sql, type Db } from '../../ports/db/port.ts'
import { until } from '../../testing/until.ts'
import { newWorld, type Person, type World } from '../../testing/world.ts'
import { findMessages, type Search } from './finder.ts'
import { SearchIndexer } from './indexer.ts'
import { indexChanges } from './queries.ts'
import { restAfter } from './rules.ts'

let world: World
let ann: Person
let bob: Person
let eve: Person
let everybody: Person[]

beforeAll(async () => {
  world = await newWorld()
  everybody = [await world.user('ann'), await world.user('bob'), await world.user('eve')]
  ;[ann, bob, eve] = everybody as [Person, Person, Person]
})
afterAll(() => world.close())

const send = (who: Person, chat_id: number, content: string) =>
  who.call(sendMessage, { params: { chat_id }, body: { content, client_id: crypto.randomUUID() } })
const inChat = (who: Person, chat_id: number, q: string, query: object = {}) =>
  who.call(searchChat, { params: { chat_id }, query: { q, ...query } })
const everywhere = (who: Person, query: object) => who.call(searchMessages, { query })
const contents = (messages: Message[]) => messages.map(({ content }) => content)
const ids = (messages: Message[]) => messages.map(({ id }) => id)

const behind = sql`
  select h.chat_id from chat_heads h left join message_search_marks s on s.chat_id = h.chat_id
  where h.revision > coalesce(s.revision, 0)`
const indexed = (db: Db = world.db) =>
  until('everything is indexed', async () => (await db.query(behind)).length === 0)

/** Keeps every indexer out of its lane until it is let go. */
async function holdLane(db: Db): Promise<() => Promise<void>> {
  let letGo = () => {}
  let held = () => {}
  const holds = new Promise<void>((resolve) => (held = resolve))
  const done = db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(hashtext('message_search'))`)
    held()
    await new Promise<void>((resolve) => (letGo = resolve))
  })
  await holds
  return async () => {
    letGo()
    await done
  }
}

/** Many messages of one sender, as an import would bring them; `content` is SQL of their number n. */
async function fill(
  chat_id: number,
  sender_id: number,
  count: number,
  content: string,
  db: Db = world.db,
): Promise<void> {
  const from = Number(
    (
      await db.query<{ id: string }>(
        sql`select greatest(last_message_id, 0) as id from chat_heads where chat_id = ${chat_id}`,
      )
    )[0]!.id,
  )
  await db.transaction(async (tx) => {
    await tx.script(`
      insert into messages (id, chat_id, seq, revision, sender_id, content, created_at)
        select id, ${chat_id}, n, n, ${sender_id}, content, now()
        from (select greatest(${from}, message_id_at(now() - interval '200 days')) + n::bigint * 250000000 as id, n, ${content} as content
          from generate_series(1, ${count}) n) rows;
      update chat_heads set last_seq = ${count}, revision = ${count}, last_at = now(), changed = pg_current_xact_id(),
        last_message_id = (select max(id) from messages where chat_id = ${chat_id})
        where chat_id = ${chat_id};`)
  })
}

describe('who may not', () => {
  test('a stranger searches a chat in vain, and finds nothing of it among their own', async () => {
    const chat_id = await world.group(ann, [bob])
    await send(ann, chat_id, 'a secret of two')
    expect(contents(await inChat(bob, chat_id, 'secret'))).toEqual(['a secret of two'])
    for (const refused of [
      await eve.refused(searchChat, { params: { chat_id }, query: { q: 'secret' } }),
      await eve.refused(searchMessages, { query: { q: 'secret', chat_id } }),
      await eve.refused(searchChat, { params: { chat_id: 999_999 }, query: { q: 'secret' } }),
    ])
      expect(refused).toMatchObject({ status: 403, code: 'not_a_member' })
    expect(await everywhere(eve, { q: 'secret of two' })).toEqual([])
    await indexed()
    expect(await everywhere(eve, { q: 'secret of two' })).toEqual([])
  })

  test('who left or was removed finds nothing any more', async () => {
    const chat_id = await world.group(ann, [bob, eve])
    await send(ann, chat_id, 'farewell to come')
    await indexed()
    expect(await everywhere(bob, { q: 'farewell' })).toHaveLength(1)
    await bob.call(leaveChat, { params: { chat_id } })
    await ann.call(removeMember, { params: { chat_id, user_id: eve.id } })
    for (const gone of [bob, eve]) {
      expect(await everywhere(gone, { q: 'farewell' })).toEqual([])
      expect(await gone.refused(searchChat, { params: { chat_id }, query: { q: 'farewell' } })).toMatchObject(
        {
          status: 403,
        },
      )
    }
    expect(await everywhere(ann, { q: 'farewell' })).toHaveLength(1)
  })

  test('somebody blocked does not search', async () => {
    const mal = await world.user('mal')
    const chat_id = await world.chat(ann, mal)
    await send(ann, chat_id, 'before the block')
    expect(await inChat(mal, chat_id, 'before the block')).toHaveLength(1)
    await world.db.query(sql`update users set is_blocked = true where id = ${mal.id}`)
    await until('the block is known', async () => {
      const answer = await mal
        .call(searchMessages, { query: { q: 'block' } })
        .catch((error: unknown) => error)
      return (answer as { status?: number }).status === 401
    })
  })

  test('a term is needed, of 1 to 200 characters, and filters are what the contract says', async () => {
    const chat_id = await world.group(ann, [bob])
    const at = { params: { chat_id } }
    const bad: [string, object][] = [
      ['q', {}],
      ['q', { q: '' }],
      ['q', { q: '   ' }],
      ['q', { q: 'x'.repeat(201) }],
      ['before_id', { q: 'x', before_id: 'x' }],
      ['limit', { q: 'x', limit: 'x' }],
    ]
    for (const [field, query] of bad)
      expect(await ann.refused(searchChat, { ...at, query: query as never })).toMatchObject({
        status: 400,
        field,
      })
    const alsoBad: [string, object][] = [
      ['q', {}],
      ['q', { limit: 5 }],
      ['has', { has: 'money' }],
      ['type', { type: 'letter' }],
      ['before', { q: 'x', before: 'yesterday' }],
      ['after', { q: 'x', after: '2026-13-45' }],
      ['from', { q: 'x', from: -1 }],
    ]
    for (const [field, query] of alsoBad)
      expect(await ann.refused(searchMessages, { query: query as never })).toMatchObject({
        status: 400,
        field,
      })
    expect(await inChat(ann, chat_id, 'x', { limit: 5000 })).toEqual([])
  })

  test('somebody who searches without a pause is told to wait', async () => {
    const limited = await newWorld({ env: { RATE_LIMITS: 'on' } })
    const [one, other] = [await limited.user('one'), await limited.user('other')]
    const answers = await Promise.all(
      Array.from({ length: 60 }, () =>
        one.call(searchMessages, { query: { q: 'x' } }).catch((error: unknown) => error),
      ),
    )
    const refused = answers.filter((answer) => answer instanceof Error)
    expect(refused.length).toBeGreaterThan(5)
    expect(refused[0]).toMatchObject({ status: 429, code: 'rate_limited' })
    expect(await other.call(searchMessages, { query: { q: 'x' } })).toEqual([])
    await limited.close()
  })
})

describe.each(['in the second it was written', 'in the index'])('what is found, %s', (when) => {
  let letGo = () => Promise.resolve()
  beforeAll(async () => {
    if (when !== 'in the index') letGo = await holdLane(world.db)
  })
  afterAll(() => letGo())
  const settled = async () => void (when === 'in the index' && (await indexed()))

  test('any script, upper and lower case alike, words and parts of words', async () => {
    const chat_id = await world.group(ann, [bob])
    const said: [string, string[]][] = [
      [
        'Hello World, Straße 12',
        ['hello', 'WORLD', 'lo wor', 'STRASSE'.toLowerCase() + 'x', 'straße', '12', 'o'],
      ],
      ['Привет, Мир! Ёлка', ['привет', 'ПРИВЕТ', 'ивет, м', 'ёлка', 'ир']],
      ['我喜欢吃苹果和香蕉', ['苹果', '果', '喜欢吃苹', '香蕉']],
      ['猫がキーボードの上で寝ている', ['キーボード', '猫', 'の上']],
      ['مرحبا بالعالم', ['مرحبا', 'بالعا', 'با']],
      ['party 🎉🎉 time 👩‍💻', ['🎉', '🎉🎉', '👩‍💻', 'y 🎉']],
      ['ΟΔΟΣ Ερμού', ['οδος', 'ΕΡΜΟΎ']],
      ['Cafe\u0301 noir', ['café', 'CAFÉ N']],
      ['สวัสดีชาวโลก', ['สวัสดี']],
    ]
    for (const [content] of said) await send(ann, chat_id, content)
    await settled()
    for (const [content, terms] of said)
      for (const term of terms) {
        const fits = term.endsWith('x') ? [] : [content]
        const wide = said.filter(([text]) => text.toLowerCase().includes(term.toLowerCase()))
        const expected = wide.length > 1 ? wide.map(([text]) => text).reverse() : fits
        expect([term, contents(await inChat(bob, chat_id, term))]).toEqual([term, expected])
        expect([term, contents(await everywhere(bob, { q: term, chat_id }))]).toEqual([term, expected])
      }
  })

  test('percent, underscore, backslash and quotes are plain characters', async () => {
    const chat_id = await world.group(ann, [bob])
    const said = ['100% sure', '100 sure', 'snake_case', 'snakeXcase', 'back\\slash', `it's "quoted"`]
    for (const content of said) await send(ann, chat_id, content)
    await settled()
    expect(contents(await inChat(bob, chat_id, '0%'))).toEqual(['100% sure'])
    expect(contents(await inChat(bob, chat_id, '%'))).toEqual(['100% sure'])
    expect(contents(await inChat(bob, chat_id, 'e_c'))).toEqual(['snake_case'])
    expect(contents(await inChat(bob, chat_id, '_'))).toEqual(['snake_case'])
    expect(contents(await inChat(bob, chat_id, 'k\\s'))).toEqual(['back\\slash'])
    expect(contents(await inChat(bob, chat_id, `t's "q`))).toEqual([`it's "quoted"`])
    expect(contents(await inChat(bob, chat_id, '  100 '))).toEqual(['100 sure', '100% sure'])
  })

  test('an edited message is found by its new words and not by its old ones', async () => {
    const chat_id = await world.group(ann, [bob])
    const message = await send(ann, chat_id, 'the draughtsman came')
    await settled()
    expect(await inChat(bob, chat_id, 'draughtsman')).toHaveLength(1)
    const params = { chat_id, message_id: message.id }
    const edited = await ann.call(editMessage, { params, body: { content: 'the carpenter came' } })
    expect(await inChat(bob, chat_id, 'draughtsman')).toEqual([])
    expect(await inChat(bob, chat_id, 'carpenter')).toEqual([edited])
    await settled()
    expect(await inChat(bob, chat_id, 'draughtsman')).toEqual([])
    expect(await inChat(bob, chat_id, 'carpenter')).toEqual([edited])
    expect(await everywhere(bob, { q: 'carpenter', chat_id })).toEqual([edited])
  })

  test('deleted for everyone, hidden from one and cleared messages are not found', async () => {
    const chat_id = await world.group(ann, [bob])
    const direct = await world.chat(ann, bob)
    const deleted = await send(ann, chat_id, 'vanishing one')
    const hidden = await send(ann, chat_id, 'vanishing two')
    const kept = await send(ann, chat_id, 'vanishing three')
    await send(bob, direct, 'vanishing too')
    await settled()
    await ann.call(deleteMessage, {
      params: { chat_id, message_id: deleted.id },
      body: { for_everyone: true },
    })
    await bob.call(deleteMessage, { params: { chat_id, message_id: hidden.id } })
    const cleared = async () => contents(await everywhere(bob, { q: 'vanishing', chat_id: direct }))
    expect(await cleared()).toContain('vanishing too')
    await bob.call(deleteChat, { params: { chat_id: direct } })
    const check = async () => {
      expect(await inChat(bob, chat_id, 'vanishing')).toEqual([kept])
      expect(ids(await inChat(ann, chat_id, 'vanishing'))).toEqual([kept.id, hidden.id])
      expect(await cleared()).toEqual([])
      expect(contents(await everywhere(ann, { q: 'vanishing', chat_id: direct }))).toContain('vanishing too')
    }
    await check()
    await settled()
    await check()
  })

  test('chats are searched together, the newest first, and narrowed by what is asked for', async () => {
    const [one, other] = [await world.group(ann, [bob, eve]), await world.group(bob, [ann])]
    const term = `together${when.length}`
    const first = await send(ann, one, `${term} first https://example.org/page`)
    const second = await send(bob, other, `${term} second`)
    const third = await send(eve, one, `${term} third`)
    await world.db.query(sql`
      update messages set message_type = 'image', file_id = 7 where chat_id = ${other} and id = ${second.id}`)
    await world.db.query(sql`
      update messages set message_type = 'file', file_id = 8 where chat_id = ${one} and id = ${third.id}`)
    // What these columns say is written with the message; here they came later, and the index has to read them again.
    await world.db.query(sql`delete from message_search_marks where chat_id in (${one}, ${other})`)
    await world.db.query(
      sql`update chat_heads set changed = pg_current_xact_id() where chat_id in (${one}, ${other})`,
    )
    await settled()
    const found = async (query: object) => ids(await everywhere(bob, query))
    expect(await found({ q: term })).toEqual([third.id, second.id, first.id])
    expect(await found({ q: term, chat_id: one })).toEqual([third.id, first.id])
    expect(await found({ q: term, from: ann.id })).toEqual([first.id])
    expect(await found({ q: term, type: 'image' })).toEqual([second.id])
    expect(await found({ q: term, has: 'file' })).toEqual([third.id, second.id])
    expect(await found({ q: term, has: 'image' })).toEqual([second.id])
    expect(await found({ q: term, has: 'link' })).toEqual([first.id])
    expect(await found({ q: term, after: String(first.id), before: String(third.id) })).toEqual([second.id])
    expect(await found({ q: term, after: third.created_at.replace(/T.*/, '') })).toHaveLength(3)
    expect(await found({ q: term, before: '2025-06-01T00:00:00Z' })).toEqual([])
    expect(await found({ q: term, after: '2090-01-01' })).toEqual([])
    expect(await found({ from: eve.id, chat_id: one })).toEqual([third.id])
    expect(await found({ has: 'link', chat_id: one })).toEqual([first.id])
    expect(await found({ type: 'file', from: eve.id, chat_id: one })).toEqual([third.id])
    expect(await everywhere(eve, { q: term })).toHaveLength(2)
  })

  test('pages by before_id have neither gaps nor repeats', async () => {
    const chats = [
      await world.group(ann, [bob]),
      await world.group(ann, [bob]),
      await world.group(bob, [ann]),
    ]
    const term = `paged${when.length}`
    const sent: number[] = []
    for (let n = 0; n < 60; n++)
      sent.unshift((await send(ann, chats[n % 3]!, n % 4 ? `${term} number ${n}` : 'something else')).id)
    const fits = sent.filter((_, n) => (59 - n) % 4)
    await settled()
    for (const [q, limit] of [
      [term, 7],
      ['pa', 50],
    ] as const) {
      const seen: number[] = []
      for (let before_id: number | undefined; ;) {
        const page = await everywhere(ann, { q, limit, ...(before_id ? { before_id } : {}) })
        seen.push(...ids(page))
        if (page.length < limit) break
        before_id = page.at(-1)!.id
      }
      expect(seen.filter((id) => fits.includes(id))).toEqual(fits)
      expect(new Set(seen).size).toBe(seen.length)
      if (q === term) expect(seen).toEqual(fits)
    }
    const page = await inChat(bob, chats[0]!, term, { limit: 3 })
    const next = await inChat(bob, chats[0]!, term, { limit: 50, before_id: page.at(-1)!.id })
    expect([...page, ...next].map(({ chat_id }) => chat_id)).toEqual(Array(15).fill(chats[0]!))
  })
})

test('an answer is the whole message as everywhere else, with the one it replies to', async () => {
  const chat_id = await world.group(ann, [bob])
  const first = await send(ann, chat_id, 'where is the samovar?')
  const reply = await bob.call(sendMessage, {
    params: { chat_id },
    body: { content: 'the samovar is here', reply_to_message_id: first.id },
  })
  expect(await inChat(ann, chat_id, 'samovar')).toEqual([reply, first])
  await indexed()
  expect(await everywhere(ann, { q: 'SAMOVAR' })).toEqual([reply, first])
})

describe('however much there is', () => {
  const COUNT = 30_000
  const READ_MOST = 23_000
  let large: number
  let reader: Person

  beforeAll(async () => {
    reader = await world.user('reader')
    large = await world.group(ann, [reader])
    await fill(
      large,
      ann.id,
      COUNT,
      `case when n = 17 then 'the needle' when n between 100 and 9000 then 'haha old burst ' || n
        else 'common words ' || n end`,
    )
    for (let n = 0; n < 12; n++)
      await fill(await world.group(ann, [reader]), ann.id, 300, `'common words ' || n`)
    await until('everything is indexed', async () => (await world.db.query(behind)).length === 0)
    await world.db.query(sql`analyze message_search`)
  })

  const counted = sql`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
    from pg_stat_xact_user_tables where relname like 'message%'`

  /** Rows of messages and of the index that a search really reads, as PostgreSQL counts them. */
  async function rowsRead(search: Search) {
    return world.db.transaction(async (tx) => {
      const [before] = await tx.query<{ rows: number }>(counted)
      const { found, read } = await findMessages(tx, search)
      const [after] = await tx.query<{ rows: number }>(counted)
      return { found: found.length, read, rows: after!.rows - before!.rows }
    })
  }

  const asked = { from: null, type: null, has: null, before: null, after: null, before_id: null, limit: 20 }
  test('a search reads a bounded number of rows, however rare or common its term is', async () => {
    const terms: [string, number][] = [
      ['the needle', 1],
      ['nothing has this', 0],
      ['common words', 20],
      ['common', 20],
      ['on', 20],
      ['zz', 0],
      ['haha old', 20],
      ['old burst 8', 20],
      ['hahahahahahahaha', 0],
      ['words words words', 0],
    ]
    for (const chat_id of [large, null])
      for (const [term, expected] of terms) {
        const { found, rows, read } = await rowsRead({ ...asked, user_id: reader.id, chat_id, term })
        expect([term, chat_id, found]).toEqual([term, chat_id, expected])
        // Beside what the steps count: the marks of the chats, and a second look at what was found.
        expect([term, chat_id, read, rows <= READ_MOST, rows <= read + 1000]).toEqual([
          term,
          chat_id,
          read,
          true,
          true,
        ])
      }
    const filtered = await rowsRead({ ...asked, user_id: reader.id, chat_id: null, term: null, from: bob.id })
    expect(filtered.rows).toBeLessThan(8000)
  })

  test('a rare term is found at the far end of a long history, and pages lead there', async () => {
    expect(contents(await inChat(reader, large, 'NEEDLE'))).toEqual(['the needle'])
    expect(contents(await everywhere(reader, { q: 'needle' }))).toEqual(['the needle'])
    const page = await inChat(reader, large, 'old burst', { limit: 50 })
    expect(page[0]!.content).toBe('haha old burst 9000')
    const next = await inChat(reader, large, 'old burst', { limit: 50, before_id: page.at(-1)!.id })
    expect([page.at(-1)!.content, next[0]!.content]).toEqual(['haha old burst 8951', 'haha old burst 8950'])
  })
})

test('somebody in very many chats finds what is said in them, and nothing of the others', async () => {
  const busy = await world.user('busy')
  const [own, foreign] = [await world.group(ann, [busy]), await world.group(ann, [bob])]
  await world.db.query(sql`
    with made as (
      insert into chats (type, title, member_count) select 'group', 'x', 1 from generate_series(1, 300) returning id
    ), heads as (insert into chat_heads (chat_id) select id from made)
    insert into chat_members (chat_id, user_id) select id, ${busy.id} from made`)
  const mine = await send(ann, own, 'a sesquipedalian word')
  await send(ann, foreign, 'a sesquipedalian secret')
  await indexed()
  expect(await everywhere(busy, { q: 'sesquipedalian' })).toEqual([mine])
  expect(ids(await everywhere(busy, { from: ann.id }))).toEqual([mine.id])
})

describe('the indexer', () => {
  const rowsOf = (chat_id: number) =>
    world.db.query<{ id: number; folded: string }>(
      sql`select id::float8, folded from message_search where chat_id = ${chat_id} order by id`,
    )

  test('goes on where a stopped or killed one ended', async () => {
    const letGo = await holdLane(world.db)
    const chat_id = await world.group(ann, [bob])
    await fill(chat_id, ann.id, 2400, `'resumed ' || n`)
    await letGo()
    // A step as another node takes it, which dies before it commits.
    await world.db
      .transaction(async (tx) => {
        await tx.query(sql`select pg_advisory_xact_lock(hashtext('message_search'))`)
        await tx.query(sql`insert into message_search_marks (chat_id, revision) values (${chat_id}, 700)`)
        throw new Error('killed')
      })
      .catch(() => {})
    await indexed()
    expect((await rowsOf(chat_id)).map(({ folded }) => folded)).toEqual(
      Array.from({ length: 2400 }, (_, n) => `resumed ${n + 1}`),
    )
    const fresh = new SearchIndexer({ db: world.db, log: pino({ level: 'silent' }) })
    const late = await send(ann, chat_id, 'after the restart')
    await indexed()
    await fresh.close()
    expect((await rowsOf(chat_id)).at(-1)).toEqual({ id: late.id, folded: 'after the restart' })
  })

  test('of one node rests while that of another works, and all of them together index each change once', async () => {
    const two = await newWorld({ nodes: 2 })
    const [one, other] = [await two.user('one', 0), await two.user('other', 1)]
    const chats = [await two.group(one, [other]), await two.group(other, [one])]
    const letGo = await holdLane(two.db)
    expect(await indexChanges(two.db, '0', 100)).toBeNull()
    await letGo()
    const sent = await Promise.all(
      Array.from({ length: 300 }, (_, n) => send(n % 2 ? one : other, chats[n % 3 ? 0 : 1]!, `racing ${n}`)),
    )
    await Promise.all(
      sent
        .filter(({ sender_id }) => sender_id === one.id)
        .map(({ chat_id, id }, n) =>
          n % 2
            ? one.call(deleteMessage, { params: { chat_id, message_id: id }, body: { for_everyone: true } })
            : one.call(editMessage, { params: { chat_id, message_id: id }, body: { content: 'edited' } }),
        ),
    )
    await indexed(two.db)
    const differing = await two.db.query(sql`
      select m.id, i.id, m.content, i.folded
      from (select * from messages where not is_deleted) m
      full join message_search i on i.chat_id = m.chat_id and i.id = m.id
      where m.content is distinct from i.folded`)
    expect(differing).toEqual([])
    expect(await two.db.query(sql`select from message_search`)).toHaveLength(225)
    await two.close()
  })

  test('takes small steps while others write much, and large ones when they rest', async () => {
    const quiet = await newWorld()
    const { db } = quiet
    const writer = await quiet.user('writer')
    const [chat_id, later_id] = [await quiet.group(writer, []), await quiet.group(writer, [])]
    // Its own indexer would take steps as well.
    await quiet.nodes[0]!.stop()
    const letGo = await holdLane(db)
    await fill(chat_id, writer.id, 3000, `'beside ' || n`, db)
    let looks = 0
    const counting: Db = {
      ...db,
      query: (statement) => {
        if (statement.text.includes('pg_snapshot_xmax')) looks++
        return db.query(statement)
      },
    }
    const fresh = new SearchIndexer({ db: counting, log: pino({ level: 'silent' }) })
    let writing = true
    const others = (async () => {
      while (writing) await db.query(sql`update user_settings set theme = theme where user_id = ${writer.id}`)
    })()
    await until('it was seen that others write', () => looks >= 4)
    await letGo()
    const steps = (of: number) =>
      db.query<{ rows: number }>(sql`
        select count(*)::int as rows from message_search where chat_id = ${of} group by xmin order by min(id)`)
    await until('two steps were taken', async () => (await steps(chat_id)).length >= 2)
    expect((await steps(chat_id)).map(({ rows }) => rows).slice(0, 2)).toEqual([50, 50])
    writing = false
    await others
    await indexed(db)
    const letGoAgain = await holdLane(db)
    await fill(later_id, writer.id, 2000, `'afterwards ' || n`, db)
    const seen = looks
    await until('it was seen that nobody writes', () => looks >= seen + 4)
    await letGoAgain()
    await indexed(db)
    await fresh.close()
    expect((await steps(later_id)).map(({ rows }) => rows)).toEqual([1000, 1000])
    expect(await db.query(sql`select from message_search where chat_id = ${chat_id}`)).toHaveLength(3000)
    await quiet.close()
  })

  test('rests longer the less it is behind, and longest beside more than it could keep up with', () => {
    const little = { took: 40, indexed: 50, written: 50, elapsed: 400 }
    expect(restAfter(little, 0)).toBe(360)
    expect(restAfter(little, 60_000)).toBe(360)
    const much = { ...little, written: 51 }
    expect(restAfter(much, 0)).toBe(1960)
    expect(restAfter(much, 30_000)).toBeCloseTo(760)
    for (const step of [little, much]) {
      expect(restAfter(step, 150_000)).toBeCloseTo(120)
      expect(restAfter(step, 300_000)).toBe(40)
      expect(restAfter(step, 10 * 300_000)).toBe(40)
    }
  })

  test('forgets what was said in a chat that is gone', async () => {
    const chat_id = await world.group(ann, [bob])
    await send(ann, chat_id, 'soon gone')
    await indexed()
    expect(await rowsOf(chat_id)).toHaveLength(1)
    await ann.call(deleteChat, { params: { chat_id } })
    const fresh = new SearchIndexer({ db: world.db, log: pino({ level: 'silent' }) })
    await until('it is forgotten', async () => (await rowsOf(chat_id)).length === 0)
    await fresh.close()
    expect(await everywhere(ann, { q: 'soon gone' })).toEqual([])
  })
})
