import { percentile, rounded, type Figure } from '../figures.ts'
import { requestText } from '../http.ts'
import { FIRST_PERSON, type BenchServer } from '../server.ts'

const CHATS = 1000
const MEMBER_OF = 100
const DAYS = 365
const SEARCHES = 300
const READ_MOST = 26_000
const COMMON = ['the', 'time', 'with', 'messa', 'tomorrow', 'привет', 'о том']

/** A word of the vocabulary by its rank, in SQL: as a word of a language it is the rarer the higher its rank (Zipf). */
const WORDS = `
  create table bench_words as
    select rank, case
        when rank <= 40 then (string_to_array('the,to,and,of,in,is,it,you,that,for,on,was,with,as,are,time,we,not,this,at,have,from,can,meeting,tomorrow,message,will,all,there,привет,о,том,что,как,это,нам,завтра,встреча,明天,会议', ','))[rank]
        else translate(substr(md5('w' || rank), 1, 4 + rank % 6), '0123456789', 'ghijklmnop') end as word
    from generate_series(1, 50000) rank;
  create unique index on bench_words (rank);`

/** What people say, of 2 to 9 words. */
const PHRASES = `
  create table bench_phrases as
    select n, string_agg(w.word, ' ') as phrase
    from (
      select n, least(50000, floor(exp(random() * ln(50001))))::int as rank
      from generate_series(0, 199999) n, generate_series(1, 2 + n % 8)
    ) r join bench_words w on w.rank = r.rank group by n;
  create unique index on bench_phrases (n);
  analyze bench_phrases;`

/** Messages of a year, two phrases each, spread evenly over all chats; as the writers would have left them. */
const messages = (from: number, to: number, count: number) => `
  insert into messages (id, chat_id, seq, revision, sender_id, content, created_at)
    select message_id_at(at) + said.n % 4096, said.n % ${CHATS} + 1, said.n / ${CHATS} + 1, said.n / ${CHATS} + 1,
      said.n % ${MEMBER_OF} + ${FIRST_PERSON},
      one.phrase || ' ' || other.phrase, at
    from (select n, now() - interval '1 day' * ${DAYS} * (1 - n / ${count}::float8) as at
      from generate_series(${from}, ${to - 1}) n) said
    join bench_phrases one on one.n = said.n * 7919::bigint % 200000
    join bench_phrases other on other.n = (said.n * 104729::bigint + said.n / 1000) % 200000;`

interface Searched {
  p50: number
  p95: number
  failed: number
  empty: number
}

/** Searches one after another, as a person does them, and before that how fast the index is filled. */
export async function search(server: BenchServer, count = 2_000_000): Promise<Figure[]> {
  await server.people(FIRST_PERSON, MEMBER_OF)
  await server.sql.unsafe(WORDS)
  await server.sql.unsafe(PHRASES)
  await server.sql.unsafe(`
    insert into chats (id, type, title, owner_id, member_count)
      select n, 'group', 'Group ' || n, 1, 1 + ${MEMBER_OF} / 10 from generate_series(1, ${CHATS}) n;
    insert into chat_members (chat_id, user_id, role)
      select n, ${FIRST_PERSON - 1} + u, 'member' from generate_series(1, ${CHATS}) n, generate_series(1, ${MEMBER_OF}) u
      where (n + u) % 10 = 0 or u = 1;`)
  for (let from = 0; from < count; from += 100_000)
    await server.sql.unsafe(messages(from, Math.min(count, from + 100_000), count))
  await server.sql.unsafe('analyze messages')
  const began = performance.now()
  await server.sql.unsafe(`
    insert into chat_heads (chat_id, last_seq, revision, last_message_id, preview_message_id, last_at)
      select chat_id, max(seq), max(seq), max(id), max(id), max(created_at) from messages group by chat_id`)
  for (;;) {
    const [left] = (await server.sql.unsafe(`
      select count(*)::int as chats from chat_heads h left join message_search_marks s on s.chat_id = h.chat_id
      where h.revision > coalesce(s.revision, 0)`)) as { chats: number }[]
    if (left!.chats === 0) break
    await Bun.sleep(200)
  }
  const filled = (performance.now() - began) / 1000
  await server.analyze()
  const [sizes] = (await server.sql.unsafe(`
    select pg_relation_size('message_search_idx')::float8 / 1048576 as gin,
      pg_total_relation_size('message_search')::float8 / 1048576 as whole`)) as {
    gin: number
    whole: number
  }[]

  const words = (await server.sql.unsafe(`
    select word from bench_words where rank > 20000 and length(word) > 5 order by md5(word) limit ${SEARCHES}`)) as {
    word: string
  }[]
  const rare = words.map(({ word }) => word)
  const [connection] = await server.connect(1)
  // The second person is in every tenth chat, the first in all of them.
  const tokens = [server.token(FIRST_PERSON + 1), server.token(FIRST_PERSON)]
  const chats = (await server.sql.unsafe(
    `select chat_id::float8 as chat_id from chat_members where user_id = ${FIRST_PERSON + 1} order by chat_id limit ${MEMBER_OF}`,
  )) as { chat_id: number }[]

  const measure = async (path: (n: number) => string, token: string): Promise<Searched> => {
    const took: number[] = []
    let [failed, empty] = [0, 0]
    for (let n = -20; n < SEARCHES; n++) {
      const request = requestText('GET', `/api${path(Math.abs(n))}`, token)
      const sent = performance.now()
      const reply = await connection!.send(request, true)
      if (n >= 0) took.push(performance.now() - sent)
      if (reply.status !== 200) failed++
      if (reply.body === '[]') empty++
    }
    return { p50: percentile(took, 0.5), p95: percentile(took, 0.95), failed, empty }
  }
  const term = (all: readonly string[], n: number) => encodeURIComponent(all[n % all.length]!)
  const within = (all: readonly string[]) => (n: number) =>
    `/chats/${chats[n % chats.length]!.chat_id}/messages/search?q=${term(all, n)}`
  const over = (all: readonly string[]) => (n: number) => `/messages/search?q=${term(all, n)}`

  const figure = async (
    work: string,
    path: (n: number) => string,
    floor: number,
    whose = tokens,
  ): Promise<Figure> => {
    const found: Searched[] = []
    for (const token of whose) found.push(await measure(path, token))
    let most = 0
    for (let n = 0; n < 6; n++) {
      const before = await rowsRead(server)
      await connection!.send(requestText('GET', `/api${path(n)}`, whose.at(-1)!), true)
      most = Math.max(most, (await rowsRead(server)) - before)
    }
    const shown = found
      .map(({ p50, p95 }) => `p95 ${rounded(p95)} ms (p50 ${rounded(p50)})`)
      .join('; in all 1,000: ')
    return {
      work,
      measured: `${shown}; at most ${most.toLocaleString('en')} rows read`,
      floor: `p95 ${floor} ms, ${READ_MOST.toLocaleString('en')} rows`,
      aim: '',
      limit: '',
      met: most <= READ_MOST && found.every(({ p95, failed }) => p95 <= floor && failed === 0),
      values: { p50: found[0]!.p50, p95: found[0]!.p95, empty: found[0]!.empty, most },
    }
  }
  const short = ['a', 'on', 'ъ', 'zq', '会', '议']
  const figures = [
    await figure('search in a chat, rare words', within(rare), 50, [tokens[0]!]),
    await figure('search in a chat, common words', within(COMMON), 50, [tokens[0]!]),
    await figure('search over 100 chats, rare words', over(rare), 150),
    await figure('search over 100 chats, common words', over(COMMON), 300),
    await figure('search over 100 chats, one or two characters', over(short), 300),
  ]
  connection!.close()
  const rate = Math.round(count / filled)
  return [
    ...figures,
    {
      work: `${count.toLocaleString('en')} messages indexed behind the writes`,
      measured: `${rate.toLocaleString('en')}/s; index ${Math.round(sizes!.gin)} MB, with its rows ${Math.round(sizes!.whole)} MB`,
      floor: '5,000/s',
      aim: '14,000/s',
      limit: '',
      met: rate >= 5000,
      values: { rate, ...sizes! },
    },
  ]
}

/** Rows of messages and of the index that were read so far. */
async function rowsRead(server: BenchServer): Promise<number> {
  // Backends report what they counted once a second, when they do something.
  await Bun.sleep(1500)
  for (let n = 0; n < 8; n++) await fetch(`http://127.0.0.1:${server.port}/ready`)
  await Bun.sleep(1500)
  const [counted] = (await server.sql.unsafe(`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::float8 as rows
    from pg_stat_user_tables where relname like 'messages%' or relname = 'message_search'`)) as {
    rows: number
  }[]
  return counted!.rows
}
