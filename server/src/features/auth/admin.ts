import type { Logger } from 'pino'
import { Refusal } from '../../http/refusal.ts'
import type { Db } from '../../ports/db/port.ts'
import { createFirstAdmin, promoteFirstAdmin } from './queries.ts'

/** The first admin, promoted or made at the start while there is none. */
export async function ensureFirstAdmin(
  db: Db,
  passwords: { hash(password: string): Promise<string> },
  config: { admin_username: string | null; admin_password: string | null },
  log: Logger,
): Promise<void> {
  const { admin_username: username, admin_password: password } = config
  if (!username || !password) return
  const { done, promoted } = await promoteFirstAdmin(db, username)
  if (done && !promoted) return
  if (!promoted) {
    const password_hash = await passwords.hash(password)
    const email = `${username}@localhost`
    try {
      await createFirstAdmin(db, { username, email, display_name: '', password_hash })
    } catch (error) {
      // Another node that starts at the same time was first.
      if (!(error instanceof Refusal)) throw error
      return
    }
  }
  log.info(`${username} is the first admin`)
}
