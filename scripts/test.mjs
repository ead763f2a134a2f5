// `npm test`: brings everything up that the tests need, runs all suites and adds them up.
// `npm test -- server web` runs some; `all` and `start` may be named too. Plain Node: it runs before the install.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fuzzApi } from './fuzz-api.mjs'
import { bringPrograms } from './programs.mjs'
import {
  bunSummary,
  checkSummary,
  lastLines,
  nodeSummary,
  playwrightReport,
  vitestReport,
} from './reports.mjs'
import { startOnce } from './start-once.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const REPORTS = join(ROOT, '.cache', 'test')
const CI = Boolean(process.env.CI) && process.env.CI !== 'false'
const NOTHING = { passed: 0, failed: 0, skipped: 0, told: [] }
/** Failures of one suite that are told again at the end. */
const MOST_TOLD = 10

/** In the order in which they run: what fails soonest first. `needs` are programs which npm cannot bring. */
const SUITES = {
  check: {
    run: async () => add(await runCounting(['node', 'scripts/check.mjs'], checkSummary), await directions()),
  },
  server: {
    needs: ['redis-server', 'nginx', 'ffmpeg', 'versitygw'],
    run: () =>
      runCounting(
        ['bun', 'test', '--parallel=2', '--no-orphans', '--timeout=120000', 'contract/', 'server/'],
        bunSummary,
      ),
  },
  api: { needs: ['schemathesis'], run: () => fuzzApi(ROOT) },
  web: {
    run: () => {
      const report = reportFile('web.json')
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
      return runCounting(['vitest', 'run', '--root', 'web', ...reporters], () => vitestReport(report))
    },
  },
  build: { run: async () => oneVerdict((await run(['npm', 'run', 'build', '--workspace', 'web'])).code) },
  e2e: {
    needs: ['chromium'],
    run: () => {
      const report = reportFile('e2e.json')
      const environment = { PLAYWRIGHT_JSON_OUTPUT_FILE: report, PLAYWRIGHT_HTML_OPEN: 'never' }
      const command = ['playwright', 'test', '--config', 'e2e', '--reporter=list,json']
      return runCounting(command, () => playwrightReport(report), environment)
    },
  },
  start: { run: async () => oneVerdict(await startOnce(ROOT)), extra: true },
}

const everyday = Object.keys(SUITES).filter((name) => !SUITES[name].extra)
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => name !== 'all' && !(name in SUITES))
if (unknown.length > 0) {
  console.error(`No such suite: ${unknown.join(', ')}. There are: all, ${Object.keys(SUITES).join(', ')}.`)
  process.exit(2)
}
const chosen = Object.keys(SUITES).filter((name) =>
  asked.length === 0 || asked.includes('all')
    ? everyday.includes(name) || asked.includes(name)
    : asked.includes(name),
)

try {
  const { install } = await import('./install.mjs')
  await install()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.log('\n0 passed, 1 failed')
  process.exit(1)
}
bringPrograms(chosen.flatMap((name) => SUITES[name].needs ?? []))

const rows = []
for (const name of chosen) {
  console.log(`\n━━ ${name} ━━`)
  const started = performance.now()
  const counts = judged(name, await SUITES[name].run())
  rows.push({ name, ...counts, seconds: (performance.now() - started) / 1000 })
}
report(rows)

/** Runs a command with its output shown, and reads from what it said how many tests passed, failed, were skipped. */
async function runCounting(command, countsIn, environment = {}) {
  const { code, said } = await run(command, environment)
  const counts = countsIn(said) ?? { ...NOTHING }
  // A suite that broke without naming a failed test has failed all the same.
  if (
    code !== 0 &&
    counts.failed === 0 &&
    !/no test(s| files)? found|did not match any test files/i.test(said)
  )
    counts.failed = 1
  if (counts.failed > 0 && counts.told.length === 0) counts.told = [lastLines(said)]
  return counts
}

function run([command, ...args], environment = {}) {
  return new Promise((resolve) => {
    const PATH = join(ROOT, 'node_modules', '.bin') + delimiter + process.env.PATH
    const windows = process.platform === 'win32'
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...environment, PATH },
      stdio: ['inherit', 'pipe', 'pipe'],
      shell: windows,
    })
    // Ctrl-C reaches everybody in the terminal; a plain SIGTERM has to be handed on.
    const handOn = () => child.kill('SIGTERM')
    process.once('SIGTERM', handOn)
    let said = ''
    const show = (stream) => (text) => {
      said += text
      stream.write(text)
    }
    child.stdout.on('data', show(process.stdout))
    child.stderr.on('data', show(process.stderr))
    child.on('error', (error) => resolve({ code: 1, said: String(error) }))
    child.on('close', (code) => {
      process.off('SIGTERM', handOn)
      resolve({ code: code ?? 1, said })
    })
  })
}

function directions() {
  return runCounting(
    ['node', '--test', '--test-reporter=spec', 'scripts/check.test.mjs', 'scripts/reports.test.mjs'],
    nodeSummary,
  )
}

function reportFile(name) {
  const file = join(REPORTS, name)
  mkdirSync(REPORTS, { recursive: true })
  rmSync(file, { force: true })
  return file
}

function oneVerdict(code) {
  return { ...NOTHING, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 }
}

function add(one, other) {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
    told: [...one.told, ...other.told],
  }
}

/** Where everything has to run, a skipped test or an empty suite is a failure. */
function judged(name, counts) {
  const ran = counts.passed + counts.failed
  if (ran === 0) console.log(`${name}: no tests ran.`)
  if (!CI) return counts
  if (counts.skipped > 0) console.log(`${name}: ${counts.skipped} skipped, which counts as failed here.`)
  return { ...counts, failed: counts.failed + counts.skipped + (ran === 0 ? 1 : 0), skipped: 0 }
}

/** What failed is said once more at the end, where whoever sees the last page alone finds it. */
function report(rows) {
  for (const { name, failed, told } of rows) {
    if (failed === 0 || told.length === 0) continue
    console.log(`\n━━ failed in ${name} ━━\n\n${told.slice(0, MOST_TOLD).join('\n\n')}`)
    if (told.length > MOST_TOLD) console.log(`\n… and ${told.length - MOST_TOLD} more.`)
  }
  console.log('\nsuite     passed  failed  skipped   seconds')
  for (const { name, passed, failed, skipped, seconds } of rows) {
    const numbers = [String(passed).padStart(6), String(failed).padStart(6), String(skipped).padStart(7)]
    console.log(`${name.padEnd(9)} ${numbers.join('  ')}  ${seconds.toFixed(1).padStart(8)}`)
  }
  const total = rows.reduce(add, NOTHING)
  console.log(`\n${total.passed} passed, ${total.failed} failed`)
  process.exitCode = total.failed > 0 ? 1 : 0
}
