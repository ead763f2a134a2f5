import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { EmbeddedError, surroundings, type Account } from './account.ts'
import { FALLBACK_SOCKETS } from './address.ts'

const alive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A pid file outlives its process, and its number is given to others: only a PostgreSQL on this very folder is ours. */
function runsOn(pid: number, place: string): boolean {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(place)
  } catch {
    return false
  }
  // pg_ctl reaches a process on Windows through a pipe that only a PostgreSQL opens.
  if (process.platform === 'win32') return true
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.includes(place)
}

/**
 * Stops what a killed run left behind. The caller holds the folder's lock, so nobody needs it any more. The pid file of
 * a dead one is left to PostgreSQL, which clears it by itself.
 */
export function stopOrphan(bin: string, place: string, account: Account | null, log: Logger): void {
  const file = join(place, 'postmaster.pid')
  if (!existsSync(file)) return
  const [pid, , , port, sockets] = readFileSync(file, 'utf8').split('\n')
  if (alive(Number(pid))) {
    if (runsOn(Number(pid), place)) stop(bin, place, account, log)
    else {
      // Somebody else's process now, or one that nobody has reaped yet: PostgreSQL would believe that it lives.
      rmSync(file)
      if (sockets) rmSync(join(sockets, `.s.PGSQL.${Number(port)}.lock`), { force: true })
    }
  }
  if (sockets?.startsWith(FALLBACK_SOCKETS)) rmSync(sockets, { recursive: true, force: true })
}

function stop(bin: string, place: string, account: Account | null, log: Logger): void {
  for (const mode of ['fast', 'immediate']) {
    const { status } = spawnSync(join(bin, 'pg_ctl'), ['-D', place, '-w', '-t', '20', '-m', mode, 'stop'], {
      ...account,
      cwd: place,
      stdio: 'ignore',
      ...surroundings(),
    })
    if (status === 0) return log.warn('A database that an earlier run had left behind was stopped.')
  }
  throw new EmbeddedError(
    `A database that an earlier run left behind in ${place} does not stop. Stop it by hand.`,
  )
}
