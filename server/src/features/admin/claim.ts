import { createHash, randomBytes } from 'node:crypto'
import type { Db } from '../../ports/db/port.ts'
import { offerClaim } from './queries.ts'

/** What the database keeps of a link's token: reading the table makes nobody an admin. */
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** The token of a new one-time link that makes the first admin; null when there is one. */
export async function newClaim(db: Db): Promise<string | null> {
  const token = randomBytes(24).toString('base64url')
  return (await offerClaim(db, hashOf(token))) ? token : null
}
