import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { keptSecret, lockFolder, makeFolder } from '../folder.ts'
import { EmbeddedError, surroundings, unprivileged } from './embedded/account.ts'
import { address } from './embedded/address.ts'
import { programs } from './embedded/binaries.ts'
import { stopOrphan } from './embedded/orphan.ts'
import { madeBefore, makePlace } from './embedded/place.ts'
import { settings } from './embedded/settings.ts'
import { DatabaseError, type Db } from './port.ts'
import { openPostgres } from './postgres.ts'

export { EmbeddedError }

export interface Embedded {
  readonly url: string
  /** Of the process that runs now: one that died is replaced. */
  readonly pid: number
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

const START_MS = 60_000
const STOP_MS = 7_500
const AGAIN_MS = 500

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))
const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null
const exited = (child: ChildProcess) =>
  new Promise<void>((done) => (ended(child) ? done() : child.once('exit', () => done())))

/** Waits until it answers, also through a recovery; makes our database in a new cluster. */
async function untilReady(url: string, child: ChildProcess, lastWords: () => string): Promise<void> {
  const end = Date.now() + START_MS
  const db = await openPostgres(url.replace(/\/messenger(?=\?|$)/, '/postgres'), { max: 1 })
  try {
    for (;;) {
      if (ended(child)) throw new EmbeddedError(`The database did not start. ${lastWords()}`)
      try {
        return await makeDatabase(db)
      } catch (error) {
        if (error instanceof DatabaseError)
          throw new EmbeddedError(
            `The database refuses its own messenger: ${error.message}. Was database-password in the data folder changed?`,
            { cause: error },
          )
        if (Date.now() > end)
          throw new EmbeddedError(`The database did not answer within a minute. ${lastWords()}`, {
            cause: error,
          })
      }
      await pause(10)
    }
  } finally {
    await db.close()
  }
}

async function makeDatabase(db: Db): Promise<void> {
  await db.check()
  const text = "select 1 from pg_database where datname = 'messenger'"
  const found = await db.query({ text, values: [] })
  if (found.length === 0) await db.query({ text: 'create database messenger', values: [] })
}

/** Starts the database of a data folder, making it at the first start. The caller holds the folder's lock. */
export async function openEmbedded({ data_dir, log, fsync = true }: EmbeddedOptions): Promise<Embedded> {
  const folder = resolve(data_dir)
  makeFolder(folder)
  const before = madeBefore(folder)
  const bin = programs(before ? before.account : unprivileged(), log)
  const password = keptSecret(folder, 'database-password')
  const { place, account } = before ?? makePlace(folder, bin, password, unprivileged(), log)
  // A copied data folder names the same database as the original does.
  const unlock = place.startsWith(folder) ? () => {} : lockFolder(resolve(place, '..'))
  if (before) stopOrphan(bin, place, account, log)

  const { url, args, clean } = await address(place, account)
  const set = Object.entries(settings(fsync)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const output = join(folder, 'database-start.log')
  const lastWords = () => readFileSync(output, 'utf8').trim().split('\n').slice(-2).join(' ')
  let closing = false

  function launch(): ChildProcess {
    const written = openSync(output, 'w', 0o600)
    // A session of its own: Ctrl-C reaches the whole foreground group, and the database has to outlive its clients.
    const started = spawn(join(bin, 'postgres'), ['-D', place, ...args, ...set], {
      ...account,
      cwd: place,
      detached: true,
      stdio: ['ignore', written, written],
      ...surroundings(),
    })
    closeSync(written)
    started.unref()
    return started
  }

  async function start(): Promise<ChildProcess> {
    const end = Date.now() + START_MS
    for (;;) {
      const started = launch()
      try {
        await untilReady(url(password), started, lastWords)
        started.once('exit', () => void (closing || startAgain()))
        return started
      } catch (error) {
        // Backends of a killed postmaster hold its shared memory until they notice: a moment.
        if (!/shared memory|lock file/.test(lastWords()) || Date.now() > end) {
          started.kill('SIGQUIT')
          throw error
        }
        await pause(100)
      }
    }
  }

  async function startAgain(): Promise<void> {
    log.error('The database ended by itself; it is started again.')
    while (!closing) {
      try {
        child = await start()
        // It came up while everything was being closed: nobody else would stop it.
        return closing ? void child.kill('SIGINT') : undefined
      } catch (error) {
        log.error({ err: error }, 'The database does not start again yet.')
        await pause(AGAIN_MS)
      }
    }
  }

  let child: ChildProcess
  try {
    child = await start()
  } catch (error) {
    clean()
    unlock()
    throw error
  }

  async function stop(): Promise<void> {
    if (ended(child)) return
    if (process.platform === 'win32') spawnSync(join(bin, 'pg_ctl'), ['-D', place, '-m', 'fast', 'stop'])
    else child.kill('SIGINT')
    await Promise.race([exited(child), pause(STOP_MS)])
    if (ended(child)) return
    child.kill('SIGQUIT')
    await Promise.race([exited(child), pause(1000)])
  }

  return {
    url: url(password),
    get pid() {
      return child.pid!
    },
    close: async () => {
      closing = true
      await stop()
      clean()
      unlock()
    },
  }
}
