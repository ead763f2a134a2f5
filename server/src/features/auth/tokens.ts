import { createHash, randomUUID } from 'node:crypto'

/** What the database keeps of a refresh token: reading the table gives nobody a session. */
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
export const newTokenId = (): string => randomUUID()
