import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Another process uses this data folder; the message says which. */
export class FolderInUse extends Error {}

/** When a process began, so that a pid that was given to another one is told apart; '' where that cannot be known. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Takes the data folder for this process; the lock of a process that was killed is taken over.
 * Throws `FolderInUse`. Answers what gives it back.
 */
export function lockFolder(data_dir: string): () => void {
  mkdirSync(data_dir, { recursive: true })
  const lock = join(data_dir, 'messenger.pid')
  const own = `${lock}.${process.pid}`
  writeFileSync(own, JSON.stringify({ pid: process.pid, start: startOf(process.pid) }))
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        // A link is made whole or not at all: no reader ever sees a lock without its owner.
        linkSync(own, lock)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 3) throw error
        const owner = ownerOf(lock)
        if (owner && owner.pid !== process.pid && alive(owner.pid) && startOf(owner.pid) === owner.start)
          throw new FolderInUse(
            `The data folder ${data_dir} is in use by a messenger that runs already (process ${owner.pid}). Stop it first, or set DATA_DIR to another folder.`,
          )
        rmSync(lock, { force: true })
      }
    }
  } finally {
    rmSync(own, { force: true })
  }
  return () => rmSync(lock, { force: true })
}

function ownerOf(lock: string): { pid: number; start: string } | null {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as { pid: number; start: string }
  } catch {
    return null
  }
}

/** A secret that is generated once and kept in the data folder, readable by its owner alone. */
export function keptSecret(data_dir: string, name: string): string {
  const path = join(data_dir, name)
  if (!existsSync(path)) writeFileSync(path, randomBytes(48).toString('base64url'), { mode: 0o600 })
  return readFileSync(path, 'utf8').trim()
}
