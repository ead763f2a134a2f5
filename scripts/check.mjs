// `npm run check`: everything that is held without running the product. `npm run check -- eslint knip` runs some.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const AT_ONCE = 2
const exists = (path) => existsSync(join(ROOT, path))
const node = (...args) => [process.execPath, ...args]

// The slowest first, so that the last to finish is a short one.
const TOOLS = [
  { name: 'eslint', run: ['eslint', '.', '--max-warnings=0'] },
  { name: 'vue-tsc', run: ['vue-tsc', '--noEmit', '-p', 'web'], if: exists('web/src') },
  { name: 'tsc', run: ['tsc', '-p', '.'] },
  { name: 'tsc e2e', run: ['tsc', '-p', 'e2e'], if: exists('e2e/playwright.config.ts') },
  { name: 'prettier', run: ['prettier', '--check', '--log-level=warn', '.'] },
  { name: 'knip', run: ['knip', '--no-progress'] },
  {
    name: 'depcruise',
    run: ['depcruise', '--config', '.dependency-cruiser.cjs', 'contract', 'server', 'web', 'bench', 'e2e'],
  },
  { name: 'readme', run: node('scripts/readme.mjs', '--check'), if: exists('scripts/readme.mjs') },
  { name: 'lockfile', run: lockfile },
]

const asked = process.argv.slice(2)
const waiting = TOOLS.filter((tool) => tool.if !== false && (asked.length === 0 || asked.includes(tool.name)))
const unknown = asked.filter((name) => !TOOLS.some((tool) => tool.name === name))
if (unknown.length > 0) {
  console.error(
    `No such check: ${unknown.join(', ')}. There are: ${TOOLS.map((tool) => tool.name).join(', ')}.`,
  )
  process.exit(2)
}

const total = waiting.length
const failed = []
await Promise.all(Array.from({ length: AT_ONCE }, work))
for (const { name, said } of failed) console.log(`\n── ${name} ──\n${said.trim()}`)
console.log(`\n${total - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length > 0 ? 1 : 0

async function work() {
  for (let tool = waiting.shift(); tool; tool = waiting.shift()) {
    const started = performance.now()
    const { ok, said } = typeof tool.run === 'function' ? tool.run() : await execute(tool.run)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${ok ? 'ok    ' : 'FAILED'}  ${tool.name.padEnd(10)} ${seconds.padStart(5)} s`)
    if (!ok) failed.push({ name: tool.name, said })
  }
}

/** @returns {Promise<{ ok: boolean, said: string }>} */
function execute([command, ...args]) {
  return new Promise((resolve) => {
    const PATH = join(ROOT, 'node_modules', '.bin') + delimiter + process.env.PATH
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, PATH },
      shell: process.platform === 'win32',
    })
    let said = ''
    child.stdout.on('data', (text) => (said += text))
    child.stderr.on('data', (text) => (said += text))
    child.on('error', (error) => resolve({ ok: false, said: String(error) }))
    child.on('close', (code) => resolve({ ok: code === 0, said }))
  })
}

/** A download address in the lockfile would send everybody to the mirror of whoever locked last. */
function lockfile() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const told = Object.entries(packages).filter(([, entry]) => /^[a-z+]+:\/\//.test(entry.resolved ?? ''))
  const said = told.map(([path, { resolved }]) => `${path}: ${resolved}`).slice(0, 10)
  return {
    ok: told.length === 0,
    said: [...said, 'Lock again with omit-lockfile-registry-resolved=true (.npmrc says so).'].join('\n'),
  }
}
