import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { checked, unprivileged } from '../ports/db/embedded/account.ts'
import { programs } from '../ports/db/embedded/binaries.ts'
import { openPostgres } from '../ports/db/postgres.ts'
import { freePort } from './port.ts'
import { scratchFolder } from './postgres.ts'
import { until } from './until.ts'

export interface PostgresServer {
  /** As an operator would write it into DATABASE_URL. */
  readonly url: string
  /** SIGKILL: open transactions are lost, committed ones are not. */
  kill(): Promise<void>
  /** Starts it again on the same port; resolves when it answers. */
  start(): Promise<void>
  /** A fast shutdown and a start, as an operator does it. */
  restart(): Promise<void>
  /** Ends it for good, with its folder. */
  stop(): Promise<void>
}

/** A PostgreSQL that is not ours, on a loopback port: from the same programs, with nothing but its defaults. */
export async function startPostgres(): Promise<PostgresServer> {
  const account = unprivileged()
  const bin = programs(account, pino({ level: 'silent' }))
  const folder = scratchFolder()
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (account) chownSync(data, account.uid, account.gid)
  checked(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'messenger', '-A', 'trust', '-E', 'UTF8', '-N'],
    account,
    data,
  )
  const port = await freePort()
  const url = `postgres://messenger@127.0.0.1:${port}/postgres`
  let child = await launched()

  async function launched(): Promise<ChildProcess> {
    const args = [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
    ]
    const begun = () => spawn(join(bin, 'postgres'), args, { ...account, cwd: data, stdio: 'ignore' })
    let started = begun()
    const db = await openPostgres(url, { max: 1 })
    // Right after a kill its memory may still be held by backends that are going: it gives up, and whoever looks after it
    // starts it again.
    const answers = () => {
      if (started.exitCode !== null) started = begun()
      return db.check().then(
        () => true,
        () => false,
      )
    }
    await until('the external PostgreSQL answers', answers)
    await db.close()
    return started
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  const cleanUp = () => {
    child.kill('SIGQUIT')
    rmSync(folder, { recursive: true, force: true })
  }
  process.on('exit', cleanUp)

  return {
    url,
    kill: () => end('SIGKILL'),
    start: async () => void (child = await launched()),
    restart: async () => {
      await end('SIGINT')
      child = await launched()
    },
    stop: async () => {
      await end('SIGINT')
      process.off('exit', cleanUp)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
