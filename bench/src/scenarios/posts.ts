import { rounded, type Figure } from '../figures.ts'
import { pgbench } from '../limits.ts'
import { closedLoop, WARM_UP } from '../load.ts'
import { FIRST_PERSON, type BenchServer } from '../server.ts'

const CONNECTIONS = 64
const CONTENT = 'a message of about forty characters, say'

/** POSTs over 64 connections into 100 and into 1,000 chats, fsync on. */
export async function posts(server: BenchServer, seconds: number): Promise<Figure[]> {
  await server.people(FIRST_PERSON, CONNECTIONS)
  const people = Array.from({ length: CONNECTIONS }, (_, n) => FIRST_PERSON + n)
  const chats: number[] = []
  for (let n = 0; n < 1000; n++) chats.push(await server.group(people))
  await server.sql.unsafe(
    'create table bench_rows (id bigserial primary key, chat_id bigint, seq bigint, sender_id bigint, content text)',
  )
  await server.analyze()
  const limit = pgbench(server, seconds)
  const tokens = people.map((one) => server.token(one))
  const figures: Figure[] = []
  for (const count of [100, 1000]) {
    const connections = await server.connect(CONNECTIONS)
    let turn = 0
    const measured = await closedLoop(
      connections,
      (n) => server.post(chats[turn++ % count]!, tokens[n]!, CONTENT),
      seconds,
      WARM_UP,
    )
    for (const one of connections) one.close()
    figures.push({
      work: `POST a message, 64 connections, ${count} chats, fsync on`,
      measured: `${Math.round(measured.rate).toLocaleString('en')}/s, p99 ${rounded(measured.p99)} ms`,
      floor: '12,000/s, 15 ms',
      aim: '18,000/s, 8 ms',
      limit:
        limit === null
          ? 'no pgbench here'
          : `pgbench, one-row INSERT: ${Math.round(limit).toLocaleString('en')}/s (× ${rounded(measured.rate / limit, 2)})`,
      met: measured.rate >= 12_000 && measured.p99 <= 15 && measured.failed === 0,
      values: { ...measured, limit: limit ?? 0 },
    })
  }
  return figures
}
