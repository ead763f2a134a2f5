import { Database } from 'bun:sqlite'
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Another process uses this data folder; the message says which. */
export class FolderInUse extends Error {}

/** A folder or file of ours that cannot be used as it is; the message says what to do. */
export class FolderUnusable extends Error {}

const codeOf = (error: unknown) => String((error as { code?: unknown }).code)

/** Makes a folder of ours, or says whose rights are missing. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new FolderUnusable(`The folder ${folder} cannot be made here: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/**
 * Takes a folder for this process. The lock is the operating system's, through an SQLite file: it ends with the
 * process, however that ends, and is not fooled by a process id that was given again (as in a restarted container).
 * Throws `FolderInUse`. Answers what gives it back.
 */
export function lockFolder(folder: string): () => void {
  makeFolder(folder)
  const owner = join(folder, 'messenger.pid')
  let lock: Database | null = null
  try {
    lock = new Database(join(folder, 'messenger.lock'), { create: true, readwrite: true })
    for (const said of ['busy_timeout = 0', 'journal_mode = memory', 'locking_mode = exclusive'])
      lock.run(`pragma ${said}`)
    lock.run('begin exclusive')
    writeFileSync(owner, `${process.pid}\n`)
  } catch (error) {
    lock?.close()
    if (codeOf(error).startsWith('SQLITE_BUSY'))
      throw new FolderInUse(
        `The data folder ${folder} is in use by a messenger that runs already${whose(owner)}. Stop it first, or set DATA_DIR to another folder.`,
      )
    throw new FolderUnusable(
      `The data folder ${folder} cannot be written by this account (${(error as Error).message}). Start as the account that made it, or set DATA_DIR to another folder.`,
      { cause: error },
    )
  }
  const held = lock
  return () => {
    rmSync(owner, { force: true })
    held.close()
  }
}

function whose(owner: string): string {
  try {
    return ` (process ${Number(readFileSync(owner, 'utf8'))})`
  } catch {
    return ''
  }
}

/**
 * A secret that is generated once and kept in the data folder, readable by its owner alone. It is linked into its place
 * whole: neither a start that was cut off nor two that make it at once leave half of one or two.
 */
export function keptSecret(folder: string, name: string): string {
  makeFolder(folder)
  const path = join(folder, name)
  const fresh = `${path}.${process.pid}`
  try {
    writeFileSync(fresh, randomBytes(48).toString('base64url'), { mode: 0o600 })
    linkSync(fresh, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    rmSync(fresh, { force: true })
  }
  const secret = readFileSync(path, 'utf8').trim()
  if (Buffer.byteLength(secret) < 32)
    throw new FolderUnusable(
      `${path} holds less than 32 bytes, too few for a secret. Put its former content back, or delete it: then a new one is made.`,
    )
  return secret
}
