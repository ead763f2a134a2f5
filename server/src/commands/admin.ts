import { USERNAME_MAX, USERNAME_MIN } from '@messenger/contract'
import { createAdmin, promote, resetPassword } from '../features/admin/queries.ts'
import { Passwords } from '../features/auth/passwords.ts'
import { refuseWeak } from '../features/auth/rules.ts'
import type { Db } from '../ports/db/port.ts'
import { askedPassword, generatedPassword } from './password.ts'

/** What was asked cannot be done; the message says why. */
export class CommandError extends Error {}

export const ADMIN_USAGE = 'messenger admin create|promote|reset-password <username>'

const NAME = new RegExp(`^[A-Za-z0-9_]{${USERNAME_MIN},${USERNAME_MAX}}$`)

type Deed = (db: Db, username: string) => Promise<string>

/** The password that was given, or one that is told once. */
async function newPassword(username: string): Promise<{ hash: string; told: string }> {
  const given = await askedPassword(`Password for ${username} (nothing: one is generated): `)
  const password = given ?? generatedPassword()
  refuseWeak(password, 'password')
  const passwords = new Passwords()
  try {
    const hash = await passwords.hash(password)
    return { hash, told: given === null ? ` The password, shown only now: ${password}` : '' }
  } finally {
    passwords.close()
  }
}

const nobody = (username: string) => new CommandError(`There is nobody called ${username}.`)

const DEEDS: Record<string, Deed> = {
  create: async (db, username) => {
    if (!NAME.test(username))
      throw new CommandError(
        `A username is ${USERNAME_MIN} to ${USERNAME_MAX} letters (A–Z), digits or underscores.`,
      )
    const { hash: password_hash, told } = await newPassword(username)
    await createAdmin(db, { username, email: `${username}@localhost`, display_name: '', password_hash })
    return `${username} is an admin.${told}`
  },
  promote: async (db, username) => {
    const user = await promote(db, username)
    if (!user) throw nobody(username)
    return user.is_blocked
      ? `${user.username} is an admin, but blocked: another admin can unblock the account.`
      : `${user.username} is an admin.`
  },
  'reset-password': async (db, username) => {
    const { hash, told } = await newPassword(username)
    const user = await resetPassword(db, username, hash)
    if (!user) throw nobody(username)
    return `${user.username} has a new password, and every session of theirs has ended.${told}`
  },
}

/** The deed that the words after `admin` ask for; throws `CommandError` where they ask for none. */
export function adminDeed([deed, username, ...more]: readonly string[]): (db: Db) => Promise<string> {
  const work = deed !== undefined && Object.hasOwn(DEEDS, deed) ? DEEDS[deed] : undefined
  if (!work || username === undefined || more.length > 0) throw new CommandError(`Usage: ${ADMIN_USAGE}`)
  return (db) => work(db, username)
}
