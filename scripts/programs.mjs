// Programs which the tests use and npm cannot bring.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Debian's packages of each; the fonts make screenshots look the same everywhere. */
const PACKAGES = {
  'redis-server': ['redis-server'],
  nginx: ['nginx'],
  chromium: ['chromium', 'fonts-noto-core', 'fonts-noto-color-emoji'],
  ffmpeg: ['ffmpeg'],
}
/** Built from source with Go, once, into a folder outside the checkout. */
const BUILT = { versitygw: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0' }
/** From PyPI, in a virtual environment of its own. */
const PYTHON = { schemathesis: 'schemathesis==4.32.5' }
const VENV = join(homedir(), '.cache', 'messenger', 'python')
const BIN = join(homedir(), '.cache', 'messenger', 'bin')
/** Where Go is when it is not on the PATH. */
const GO = '/usr/local/go/bin'

/** Installs what is missing where that is possible (as root on Debian), otherwise names it and goes on. */
export function bringPrograms(names) {
  const missing = names.filter((name) => !onPath(name))
  const packaged = missing.filter((name) => name in PACKAGES)
  if (packaged.length > 0) install(packaged)
  for (const name of missing) {
    if (name in BUILT) build(name)
    if (name in PYTHON) fetchPython(name)
    // What was just brought has to be found too.
    onPath(name)
  }
}

function install(missing) {
  const wanted = missing.flatMap((name) => PACKAGES[name])
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    console.log(`Missing: ${missing.join(', ')}; the tests that need them will fail.`)
    console.log(`On Debian: sudo apt-get install ${wanted.join(' ')}`)
    return
  }
  console.log(`Installing ${wanted.join(', ')} (apt-get)…`)
  if (apt('update', '-qq') !== 0) console.log('apt-get update failed; trying with the lists that are there.')
  if (apt('install', '-y', '-qq', '--no-install-recommends', ...wanted) === 0) return
  console.log(`apt-get could not install ${wanted.join(', ')}; the tests that need them will fail.`)
}

function build(name) {
  const go = [...(process.env.PATH ?? '').split(delimiter), GO]
    .map((folder) => join(folder, 'go'))
    .find((program) => existsSync(program))
  if (!go) {
    console.log(`Missing: ${name}, and Go to build it; the tests that need it will fail.`)
    console.log(`With Go 1.25 or newer: GOBIN=${BIN} go install ${BUILT[name]}`)
    return
  }
  console.log(`Building ${name} into ${BIN} (go install ${BUILT[name]}), some minutes the first time…`)
  mkdirSync(BIN, { recursive: true })
  const env = { ...process.env, GOBIN: BIN }
  const { status } = spawnSync(go, ['install', BUILT[name]], { stdio: ['ignore', 'ignore', 'inherit'], env })
  if (status !== 0) console.log(`${name} could not be built; the tests that need it will fail.`)
}

function fetchPython(name) {
  console.log(`Installing ${PYTHON[name]} into ${VENV} (python3 -m venv, pip)…`)
  const run = (program, ...args) =>
    spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status
  const made = run('python3', '-m', 'venv', VENV) === 0
  if (made && run(join(VENV, 'bin', 'pip'), 'install', '--quiet', PYTHON[name]) === 0) return
  console.log(`${name} could not be installed; the tests that need it will fail.`)
  console.log('On Debian: sudo apt-get install python3-venv')
}

/** Debian keeps servers in sbin and we what we built apart; what is not on the PATH is put there for the tests too. */
function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  if (folders.some((folder) => existsSync(join(folder, name)))) return true
  const apart = ['/usr/sbin', '/usr/local/sbin', BIN, join(VENV, 'bin')].find((folder) =>
    existsSync(join(folder, name)),
  )
  if (apart) process.env.PATH += delimiter + apart
  return apart !== undefined
}

function apt(...args) {
  // RUNLEVEL=1: the packages' own services stay off, the tests start what they need.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  return spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status
}
