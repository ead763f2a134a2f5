import { rounded, type Figure } from '../figures.ts'
import { requestText } from '../http.ts'
import { closedLoop, type Measured } from '../load.ts'
import type { BenchServer } from '../server.ts'

const CONNECTIONS = 16
const shown = (one: Measured) => `${Math.round(one.rate).toLocaleString('en')}/s`

/** Pages of history, the list of chats, and a sync with nothing new; `select 1` through the same door is the limit. */
export async function reads(server: BenchServer, first: number, seconds: number): Promise<Figure[]> {
  await server.people(first, 3)
  const [reader, writer, rested] = [first, first + 1, first + 2]
  const small = await server.group([writer, reader])
  const large = await server.group([writer, reader])
  const backlog: number[] = []
  for (let n = 0; n < 98; n++) backlog.push(await server.group([writer, reader]))
  const quiet: number[] = []
  for (let n = 0; n < 100; n++) quiet.push(await server.group([writer, rested]))
  await server.fill([small, ...backlog], writer, 10_000)
  await server.fill([large], writer, 1_000_000)
  await server.fill(quiet, writer, 1)
  await server.sql.unsafe(
    `update chat_members m set last_read_seq = 1 from chat_heads h where h.chat_id = m.chat_id and m.user_id = ${rested}`,
  )
  await server.analyze()
  const token = server.token(reader)
  const connections = await server.connect(CONNECTIONS)
  const measure = (next: () => string) => closedLoop(connections, next, seconds)
  const get = (path: string, as = token) => requestText('GET', `/api${path}`, as)

  const ids = new Map<number, number[]>()
  for (const chat_id of [small, large]) {
    const rows = (await server.sql.unsafe(
      `select id::float8 as id from messages where chat_id = ${chat_id} and seq > 60 and seq % 97 = 0 order by random() limit 5000`,
    )) as { id: number }[]
    ids.set(
      chat_id,
      rows.map(({ id }) => id),
    )
  }
  const page = (chat_id: number) => {
    const all = ids.get(chat_id)!
    let n = 0
    return () => get(`/chats/${chat_id}/messages?limit=50&before=${all[n++ % all.length]}`)
  }
  const ready = await measure(() => requestText('GET', '/ready', null))
  const pageSmall = await measure(page(small))
  const pageLarge = await measure(page(large))
  const newest = await measure(() => get(`/chats/${small}/messages?limit=50`))
  const newestLarge = await measure(() => get(`/chats/${large}/messages?limit=50`))
  const listed = await measure(() => get('/chats'))
  const listedRested = await measure(() => get('/chats', server.token(rested)))
  const { revision } = JSON.parse((await connections[0]!.send(get('/sync'), true)).body) as {
    revision: number
  }
  const synced = await measure(() => get(`/sync?after=${revision}`))
  for (const one of connections) one.close()

  const alike = (one: Measured, other: Measured) => one.rate / other.rate
  const limit = `GET /ready (three checks): ${shown(ready)}`
  return [
    {
      work: '50 messages before any one, chat of 10,000',
      measured: `${shown(pageSmall)}; of 1,000,000: ${shown(pageLarge)} (× ${rounded(alike(pageLarge, pageSmall), 2)})`,
      floor: '3,000/s, ± 20 %',
      aim: '10,000/s',
      limit,
      met:
        pageSmall.rate >= 3000 &&
        alike(pageLarge, pageSmall) >= 0.8 &&
        pageSmall.failed + pageLarge.failed === 0,
      values: { small: pageSmall.rate, large: pageLarge.rate, p99: pageSmall.p99 },
    },
    {
      work: '50 newest while nobody writes',
      measured: `${shown(newest)}; of 1,000,000: ${shown(newestLarge)} (× ${rounded(alike(newestLarge, newest), 2)})`,
      floor: '8,000/s, ± 20 %',
      aim: '10,000/s',
      limit,
      met: newest.rate >= 8000 && alike(newestLarge, newest) >= 0.8 && newest.failed === 0,
      values: { small: newest.rate, large: newestLarge.rate, p99: newest.p99 },
    },
    {
      work: 'GET /chats, 100 chats with 10,000 unread each',
      measured: `${shown(listed)}; with none unread ${shown(listedRested)} (× ${rounded(alike(listed, listedRested), 2)})`,
      floor: '1,500/s, ± 20 %',
      aim: '2,500/s',
      limit,
      met: listed.rate >= 1500 && alike(listed, listedRested) >= 0.8 && listed.failed === 0,
      values: { backlog: listed.rate, rested: listedRested.rate, p99: listed.p99 },
    },
    {
      work: 'GET /sync with nothing new',
      measured: shown(synced),
      floor: '5,000/s',
      aim: '',
      limit,
      met: synced.rate >= 5000 && synced.failed === 0,
      values: { ...synced },
    },
  ]
}
