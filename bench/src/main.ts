import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { table, type Figure } from './figures.ts'
import { fanout, openLoop } from './scenarios/fanout.ts'
import { logins } from './scenarios/logins.ts'
import { memory } from './scenarios/memory.ts'
import { posts } from './scenarios/posts.ts'
import { reads } from './scenarios/reads.ts'
import { search } from './scenarios/search.ts'
import { start } from './scenarios/start.ts'
import { BenchServer, FIRST_PERSON, pin } from './server.ts'

const RESULTS = join(import.meta.dir, '../results/latest.json')

const on = async (measure: (server: BenchServer) => Promise<Figure | Figure[]>, pinned = true) => {
  const server = await BenchServer.start(pinned)
  try {
    return await measure(server)
  } finally {
    await server.stop()
  }
}

const SCENARIOS: Record<string, (seconds: number) => Promise<Figure | Figure[]>> = {
  posts: (seconds) => on((server) => posts(server, seconds)),
  'fanout-1000': (seconds) => on((server) => fanout(server, 1000, FIRST_PERSON, seconds)),
  'fanout-100': (seconds) => on((server) => fanout(server, 100, FIRST_PERSON, seconds)),
  'open-loop': (seconds) => on((server) => openLoop(server, FIRST_PERSON, seconds)),
  reads: (seconds) => on((server) => reads(server, FIRST_PERSON, Math.min(4, seconds))),
  search: () => on((server) => search(server, messages)),
  logins: (seconds) => on((server) => logins(server, FIRST_PERSON, seconds), false),
  memory: () => memory(),
  start: () => start(),
}

const asked = process.argv.slice(2).filter((one) => !one.startsWith('--'))
const seconds = Number(/--seconds=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 8)
const messages = Number(/--messages=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 2_000_000)
const unknown = asked.filter((name) => !(name in SCENARIOS))
if (unknown.length > 0) {
  console.error(`No such scenario: ${unknown.join(', ')}. There are: ${Object.keys(SCENARIOS).join(', ')}.`)
  process.exit(2)
}

// The client shares its core with the database; the server has the other one.
const pinned = availableParallelism() > 1
const figures: Figure[] = []
for (const [name, measure] of Object.entries(SCENARIOS)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  if (pinned) pin(process.pid, name === 'logins' || name === 'start' ? null : 1)
  const found = await measure(seconds)
  for (const figure of Array.isArray(found) ? found : [found]) {
    figures.push(figure)
    console.log(
      `${figure.met ? 'ok   ' : 'BELOW'} ${figure.work}: ${figure.measured}  [floor ${figure.floor}] ${figure.limit}`,
    )
  }
}
console.log(`\n${table(figures)}`)

const { version } = JSON.parse(readFileSync(join(import.meta.dir, '../../package.json'), 'utf8')) as {
  version: string
}
const conditions = {
  version,
  bun: Bun.version,
  system: `${process.platform} ${release()}`,
  cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
  memory_gb: Math.round(totalmem() / 2 ** 30),
  seconds,
  placement: pinned
    ? 'server on core 0, client on core 1, database on both (logins, start: nothing pinned)'
    : 'one core',
  at: new Date().toISOString(),
}
if (asked.length === 0) {
  mkdirSync(join(RESULTS, '..'), { recursive: true })
  writeFileSync(RESULTS, `${JSON.stringify({ conditions, figures }, null, 2)}\n`)
}
