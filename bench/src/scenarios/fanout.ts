import { percentile, rounded, type Figure } from '../figures.ts'
import { bareBroadcast } from '../limits.ts'
import { Listeners } from '../listeners.ts'
import { closedLoop, WARM_UP } from '../load.ts'
import { cpuSeconds, type BenchServer } from '../server.ts'

const CONTENT = 'a message of about forty characters, say'

/** Sockets of one group, each of another person. */
async function audience(server: BenchServer, count: number, first: number) {
  await server.people(first, count)
  const people = Array.from({ length: count }, (_, n) => first + n)
  const chat_id = await server.group(people)
  const tokens = people.map((person) => server.token(person))
  return { chat_id, tokens, listeners: await Listeners.open(server.port, tokens) }
}

/** By seq: when it was sent, and how long it took until the last socket heard it, in ms. */
const latenciesOf = (sent: ReadonlyMap<number, number>, listeners: Listeners): [number, number][] =>
  [...sent].flatMap(([seq, at]) => {
    const heard = listeners.heardAt(seq)
    return heard === null ? [] : [[at, heard - at]]
  })

const seqOf = (body: string) => Number(/"seq":(\d+)/.exec(body)![1])

/** One chat, 16 posts in flight, everybody hears every one of them in order. */
export async function fanout(
  server: BenchServer,
  sockets: number,
  first: number,
  seconds: number,
): Promise<Figure> {
  const limit = await bareBroadcast(sockets, Math.min(3, seconds))
  const { chat_id, tokens, listeners } = await audience(server, sockets, first)
  await server.analyze()
  const connections = await server.connect(16)
  const posted = new Map<number, number>()
  let [from, cpu, began] = [0, 0, 0]
  const measuring = Bun.sleep(WARM_UP * 1000).then(() => {
    ;[from, cpu, began] = [listeners.messages, cpuSeconds(server.pid), performance.now()]
  })
  const measured = await closedLoop(
    connections,
    (n) => server.post(chat_id, tokens[n]!, CONTENT),
    seconds,
    WARM_UP,
    (reply, sent) => {
      posted.set(seqOf(reply.body), sent)
    },
  )
  await measuring
  const took = (performance.now() - began) / 1000
  const deliveries = listeners.messages - from
  const used = cpuSeconds(server.pid) - cpu
  await Bun.sleep(300)
  const latencies = latenciesOf(posted, listeners).flatMap(([sent, took]) => (sent > began ? [took] : []))
  const { disorder, missing } = listeners
  for (const one of connections) one.close()
  await listeners.close()
  const rate = deliveries / took
  const p99 = percentile(latencies, 0.99)
  const per_million = (used / deliveries) * 1e6
  const floor =
    sockets === 1000 ? { rate: 1_200_000, p99: 40, cpu: 0.9 } : { rate: 650_000, p99: 10, cpu: Infinity }
  return {
    work: `fan-out 1 → ${sockets.toLocaleString('en')}, 16 posts in flight, stored, in order`,
    measured: `${Math.round(rate / 1000).toLocaleString('en')} k deliveries/s, p99 ${rounded(p99)} ms, ${rounded(per_million, 2)} CPU-s per million`,
    floor: sockets === 1000 ? '1,200 k, 40 ms, 0.9' : '650 k, 10 ms',
    aim: sockets === 1000 ? '2,000 k, 25 ms, 0.5' : '1,000 k, 5 ms',
    limit: `bare broadcast: ${Math.round(limit / 1000).toLocaleString('en')} k/s (× ${rounded(rate / limit, 2)})`,
    met:
      rate >= floor.rate &&
      p99 <= floor.p99 &&
      per_million <= floor.cpu &&
      disorder === 0 &&
      missing === 0 &&
      measured.failed === 0,
    values: {
      rate,
      p50: percentile(latencies, 0.5),
      p99,
      per_million,
      posts: measured.rate,
      disorder,
      missing,
      limit,
    },
  }
}

/** 200 posts a second, sent when they are due and not when the one before was answered, to 1,000 sockets. */
export async function openLoop(server: BenchServer, first: number, seconds: number): Promise<Figure> {
  const { chat_id, tokens, listeners } = await audience(server, 1000, first)
  const connections = await server.connect(32)
  const posted = new Map<number, number>()
  const every = 5
  const warm = (WARM_UP * 1000) / every
  const waiting = [...connections.keys()]
  let failed = 0
  let late = 0
  let [from, cpu] = [0, 0]
  const start = performance.now()
  const began = start + warm * every
  const pending: Promise<void>[] = []
  for (let n = 0; n < warm + seconds * (1000 / every); n++) {
    const due = start + n * every
    if (n === warm) [from, cpu] = [listeners.messages, cpuSeconds(server.pid)]
    while (performance.now() < due) await Bun.sleep(Math.max(0, due - performance.now() - 0.5))
    const at = waiting.pop()
    if (at === undefined) {
      late++
      continue
    }
    pending.push(
      connections[at]!.send(server.post(chat_id, tokens[at]!, CONTENT), true).then((reply) => {
        if (reply.status >= 300) failed++
        else posted.set(seqOf(reply.body), due)
        waiting.push(at)
      }),
    )
  }
  await Promise.all(pending)
  await Bun.sleep(300)
  const used = cpuSeconds(server.pid) - cpu
  const delivered = listeners.messages - from
  const latencies = latenciesOf(posted, listeners).filter(([sent]) => sent >= began)
  const half = began + seconds * 500
  const median = (part: [number, number][]) =>
    percentile(
      part.map(([, one]) => one),
      0.5,
    )
  const [early, later] = [
    median(latencies.filter(([sent]) => sent < half)),
    median(latencies.filter(([sent]) => sent >= half)),
  ]
  const p99 = percentile(
    latencies.map(([, one]) => one),
    0.99,
  )
  const per_million = (used / delivered) * 1e6
  const whole = listeners.messages === posted.size * 1000
  for (const one of connections) one.close()
  await listeners.close()
  return {
    work: 'open loop, 200 posts/s to 1,000 sockets',
    measured: `p99 of the last delivery ${rounded(p99)} ms, median ${rounded(early)} → ${rounded(later)} ms, ${rounded(per_million, 2)} CPU-s per million`,
    floor: '50 ms, no growing queue, 3',
    aim: '30 ms, 1.5',
    limit: '',
    met: p99 <= 50 && later <= early * 1.5 + 2 && per_million <= 3 && failed === 0 && late === 0 && whole,
    values: { p99, early, later, per_million, failed, late, delivered },
  }
}
