import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { Refusal } from '../../http/refusal.ts'

const derive = promisify(pbkdf2)

/** OWASP's count for PBKDF2-HMAC-SHA256 (Password Storage Cheat Sheet, 2023). */
const ROUNDS = 600_000
const SALT_BYTES = 16
const HASH_BYTES = 32
/** A sign-in that would wait longer than this is refused at once. */
const WAIT_MAX_MS = 10_000

interface Stored {
  rounds: number
  salt: Buffer
  hash: Buffer
}

function parse(stored: string): Stored | null {
  const [kind, rounds, salt, hash] = stored.split('$')
  if (kind !== 'pbkdf2-sha256' || !salt || !hash) return null
  return { rounds: Number(rounds), salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

/**
 * Hashes passwords away from the event loop, a few at a time behind a queue with an end: a storm of sign-ins waits for
 * itself and not in front of messages.
 */
export class Passwords {
  readonly #atOnce = Math.max(1, availableParallelism() - 1)
  readonly #queue: (() => void)[] = []
  #running = 0
  /** How long one hash takes here, in ms, as last seen. */
  #takes = 250

  /** The text that is stored for a new password. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    const hash = await this.#derived(password, salt, ROUNDS)
    return `pbkdf2-sha256$${ROUNDS}$${salt.toString('base64')}$${hash.toString('base64')}`
  }

  /** Takes the same time for a wrong password and for nobody's (`null`). */
  async verify(password: string, stored: string | null): Promise<boolean> {
    const known = stored === null ? null : parse(stored)
    const { rounds, salt, hash } = known ?? {
      rounds: ROUNDS,
      salt: Buffer.alloc(SALT_BYTES),
      hash: Buffer.alloc(HASH_BYTES),
    }
    const found = await this.#derived(password, salt, rounds)
    return known !== null && found.length === hash.length && timingSafeEqual(found, hash)
  }

  /** True when the stored text was made with less work than is asked today. */
  outdated(stored: string): boolean {
    return parse(stored)?.rounds !== ROUNDS
  }

  async #derived(password: string, salt: Buffer, rounds: number): Promise<Buffer> {
    await this.#turn()
    const started = performance.now()
    try {
      return await derive(password, salt, rounds, HASH_BYTES, 'sha256')
    } finally {
      this.#takes = 0.8 * this.#takes + 0.2 * (performance.now() - started)
      this.#running--
      this.#queue.shift()?.()
    }
  }

  #turn(): Promise<void> {
    if (this.#running < this.#atOnce) {
      this.#running++
      return Promise.resolve()
    }
    const wait = ((this.#queue.length + 1) * this.#takes) / this.#atOnce
    if (wait > WAIT_MAX_MS) throw new Refusal('busy', { retry_after: wait / 1000 })
    return new Promise((resolve) =>
      this.#queue.push(() => {
        this.#running++
        resolve()
      }),
    )
  }
}
