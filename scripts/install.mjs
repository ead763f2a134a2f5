// Brings the checkout up: the locked dependencies and the built client, each only when missing or stale.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const INSTALLED = join(root, 'node_modules', '.messenger-installed')
const BUILT = join(root, 'web', 'dist', '.built-from')

/** The runtime that npm installed. */
export const bun = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'bun.cmd' : 'bun')

const hashOf = (files) => {
  const hash = createHash('sha256')
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file))
  return hash.digest('hex')
}
const kept = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

function filesBelow(folder) {
  return readdirSync(folder)
    .filter((name) => !['node_modules', 'dist'].includes(name))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      return statSync(path).isDirectory() ? filesBelow(path) : [path]
    })
}

/** Shows that something goes on: a line that moves on a terminal, a few lines elsewhere. */
function progress(what) {
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const live = process.stdout.isTTY
  const show = () =>
    live ? process.stdout.write(`\r${what} … ${seconds()} s`) : console.log(`${what} … ${seconds()} s`)
  show()
  const timer = setInterval(show, live ? 250 : 10_000)
  return (how) => {
    clearInterval(timer)
    console.log(`${live ? '\r' : ''}${what}: ${how} (${seconds()} s)`)
  }
}

/** Runs a program quietly; its words are shown only when it fails. */
function run(what, program, args, advice) {
  const done = progress(what)
  return new Promise((finished) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    })
    let words = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (words = (words + chunk).slice(-8000)))
    child.on('error', (error) => (words += error.message))
    child.on('close', (code) => {
      done(code === 0 ? 'done' : 'failed')
      if (code === 0) return finished()
      console.error(`\n${words.trim()}\n\n${advice}`)
      process.exit(1)
    })
  })
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (major >= 20) return
  console.error(
    `The messenger needs Node.js 20 or newer to set itself up; this is ${process.versions.node}. Get it at https://nodejs.org.`,
  )
  process.exit(1)
}

/** Installs exactly what the lockfile says, unless it is there. */
export async function install() {
  checkNode()
  const wanted = hashOf([join(root, 'package-lock.json')])
  if (kept(INSTALLED) === wanted && existsSync(bun)) return
  await run(
    'Installing what the messenger needs',
    'npm',
    ['ci', '--no-audit', '--no-fund'],
    'The dependencies could not be installed. Is this computer online, and is its disk not full? Then run the same command again.',
  )
  writeFileSync(INSTALLED, wanted)
}

/** Builds the web client, unless it was built from these sources. */
export async function build() {
  const sources = [...filesBelow(join(root, 'web')), ...filesBelow(join(root, 'contract', 'src'))]
  const wanted = hashOf([...sources, join(root, 'package-lock.json')])
  if (kept(BUILT) === wanted) return
  rmSync(BUILT, { force: true })
  await run(
    'Building the web client',
    'npm',
    ['run', 'build', '--silent'],
    'The web client could not be built: the lines above say why.',
  )
  mkdirSync(dirname(BUILT), { recursive: true })
  writeFileSync(BUILT, wanted)
}
