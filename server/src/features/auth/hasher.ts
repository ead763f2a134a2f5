import { pbkdf2Sync } from 'node:crypto'
import { createInterface } from 'node:readline'
import { giveWay } from './scheduling.ts'

/**
 * A process that does nothing but hash, in what time everything else leaves: a storm of sign-ins may use every core and
 * still must not slow a message. One job a line in, one answer a line out; it ends when its parent does.
 */
export interface Job {
  password: string
  /** Base64. */
  salt: string
  rounds: number
  bytes: number
}

giveWay()
for await (const line of createInterface({ input: process.stdin })) {
  const { password, salt, rounds, bytes } = JSON.parse(line) as Job
  const hash = pbkdf2Sync(password, Buffer.from(salt, 'base64'), rounds, bytes, 'sha256')
  process.stdout.write(`${hash.toString('base64')}\n`)
}
