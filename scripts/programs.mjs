// Programs which the tests use and npm cannot bring.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian's packages of each; the fonts make screenshots look the same everywhere. */
const PACKAGES = {
  'redis-server': ['redis-server'],
  nginx: ['nginx'],
  chromium: ['chromium', 'fonts-noto-core', 'fonts-noto-color-emoji'],
}

/** Installs what is missing where that is possible (as root on Debian), otherwise names it and goes on. */
export function bringPrograms(names) {
  const missing = names.filter((name) => !onPath(name))
  if (missing.length === 0) return
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

/** Debian keeps servers in sbin, which is not on everybody's PATH: it is put there for the tests too. */
function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  if (folders.some((folder) => existsSync(join(folder, name)))) return true
  const apart = ['/usr/sbin', '/usr/local/sbin'].find((folder) => existsSync(join(folder, name)))
  if (apart) process.env.PATH += delimiter + apart
  return apart !== undefined
}

function apt(...args) {
  // RUNLEVEL=1: the packages' own services stay off, the tests start what they need.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  return spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status
}
