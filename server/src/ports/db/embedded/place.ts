import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  chmodSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { canEnter, checked, EmbeddedError, type Account } from './account.ts'
import { sharedFolder } from './binaries.ts'

/** Names the database's folder when it lies outside the data folder. */
const NOTE = 'postgres-is-in.txt'

export interface Place {
  /** PostgreSQL's data directory. */
  place: string
  /** Whom it belongs to when we are root. */
  account: Account | null
}

/** Where an earlier start put the database, and whose it is: accounts come and go, its files stay. */
export function madeBefore(data_dir: string): Place | null {
  const note = join(data_dir, NOTE)
  const place = existsSync(note) ? readFileSync(note, 'utf8').trim() : join(data_dir, 'postgres')
  if (!existsSync(place)) {
    if (!existsSync(note)) return null
    throw new EmbeddedError(
      `The database of ${data_dir} lay in ${place}, and that folder is gone. Bring it back, or delete ${note} to begin with an empty database.`,
    )
  }
  const { uid, gid } = statSync(place)
  const own = process.getuid?.()
  if (own === 0) return { place, account: { uid, gid } }
  if (own !== undefined && own !== uid)
    throw new EmbeddedError(
      `The database in ${place} belongs to another account (number ${uid}): it was made by a start as that account or as root. Start that way again, or set DATA_DIR to another folder.`,
    )
  return { place, account: null }
}

/** Makes the database's files in the data folder, or where the account can reach them, with a note in the data folder. */
export function makePlace(
  data_dir: string,
  bin: string,
  password: string,
  account: Account | null,
  log: Logger,
): Place {
  if (!account || canEnter(data_dir, account)) {
    const place = join(data_dir, 'postgres')
    makeCluster(bin, place, password, account)
    return { place, account }
  }
  const outside = mkdtempSync(join(sharedFolder(), 'data-'))
  chmodSync(outside, 0o755)
  writeFileSync(join(outside, 'belongs-to.txt'), `${data_dir}\n`)
  const place = join(outside, 'postgres')
  makeCluster(bin, place, password, account)
  writeFileSync(join(data_dir, NOTE), `${place}\n`)
  log.info(`The database lies in ${place}: the account that runs it cannot enter ${data_dir}.`)
  return { place, account }
}

/** A new cluster is made beside its place and moved there whole: a start that was cut off leaves no half of one. */
function makeCluster(bin: string, place: string, password: string, account: Account | null): void {
  const half = `${place}.new`
  const secret = `${place}.password`
  rmSync(half, { recursive: true, force: true })
  rmSync(secret, { force: true })
  mkdirSync(half, { mode: 0o700 })
  writeFileSync(secret, password, { mode: 0o600 })
  if (account) for (const path of [half, secret]) chownSync(path, account.uid, account.gid)
  const options = {
    '-D': half,
    '-U': 'messenger',
    '--pwfile': secret,
    '-A': 'scram-sha-256',
    '-E': 'UTF8',
    '--locale-provider': 'icu',
    '--icu-locale': 'und',
    '--locale': 'C',
  }
  try {
    checked(join(bin, 'initdb'), [...Object.entries(options).flat(), '--no-instructions'], account, half)
  } finally {
    rmSync(secret, { force: true })
  }
  renameSync(half, place)
}
