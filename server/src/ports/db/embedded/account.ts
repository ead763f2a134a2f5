import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A database of our own that could not be started; the message says what to do. */
export class EmbeddedError extends Error {}

export interface Account {
  uid: number
  gid: number
}

/** What the database's programs get to see of ours: nothing, but on Windows no program starts without its surroundings. */
export const surroundings = () =>
  process.platform === 'win32' ? {} : { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', PGTZ: 'UTC' } }

/**
 * PostgreSQL refuses to run as root: it gets an account with no rights of its own, `messenger` where an operator made
 * one, otherwise `nobody`. A bare number without a name would do for the server, but `initdb` looks its name up.
 */
export function unprivileged(): Account | null {
  if (process.getuid?.() !== 0) return null
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['messenger', 'nobody']) {
    const found = accounts.find(([user]) => user === name)
    // macOS writes nobody's number as -2, which is a number of 32 bits.
    if (found && Number(found[2]) !== 0) return { uid: Number(found[2]) >>> 0, gid: Number(found[3]) >>> 0 }
  }
  throw new EmbeddedError(
    'Started as root, but there is no account like "nobody" to run the database as. Start as another user, or set DATABASE_URL.',
  )
}

export const canEnter = (folder: string, account: Account) =>
  spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' }).status ===
  0

/** Runs a program of the database to its end; throws its words when it fails. */
export function checked(program: string, args: string[], account: Account | null, cwd: string): void {
  const { status, stderr, stdout, error } = spawnSync(program, args, {
    ...account,
    cwd,
    encoding: 'utf8',
    ...surroundings(),
  })
  if (status === 0) return
  const words = (error?.message ?? stderr ?? '').trim() || (stdout ?? '').trim()
  throw new EmbeddedError(`${program} failed: ${words}`)
}
