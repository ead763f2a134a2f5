import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Refusal } from '../../http/refusal.ts'
import type { Job } from './hasher.ts'
import { hurry, hurryNoMore } from './scheduling.ts'

const HASHER = join(import.meta.dirname, 'hasher.ts')

/** OWASP's count for PBKDF2-HMAC-SHA256 (Password Storage Cheat Sheet, 2023). */
const ROUNDS = 600_000
const SALT_BYTES = 16
const HASH_BYTES = 32
/** A sign-in that would wait longer than this is refused at once. */
const WAIT_MAX_MS = 10_000
/** A process that had nothing to hash for this long is ended: an idle server keeps its memory to itself. */
const IDLE_MS = 30_000

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

/** On a machine that is busy with other things a hash waits behind them no longer than this. */
const PATIENCE_MS = 300

/** A process of `hasher.ts`, one job at a time. */
class Hasher {
  readonly #child: ChildProcess
  #done: ((hash: Buffer | null) => void) | null = null
  #idle: ReturnType<typeof setTimeout> | undefined
  #patience: ReturnType<typeof setTimeout> | undefined
  #hurried = false

  constructor(ended: () => void) {
    // A session of its own, which it puts behind all others.
    this.#child = spawn(process.execPath, [HASHER], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
      detached: true,
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) =>
      this.#answer(Buffer.from(line, 'base64')),
    )
    const gone = () => {
      clearTimeout(this.#idle)
      ended()
      this.#answer(null)
    }
    this.#child.once('exit', gone).once('error', gone)
    this.#child.stdin!.on('error', () => undefined)
    this.#child.unref()
  }

  /** Null when the process ended over it. */
  derive(job: Job): Promise<Buffer | null> {
    clearTimeout(this.#idle)
    this.#patience = setTimeout(() => this.#hurry(), PATIENCE_MS)
    return new Promise((resolve) => {
      this.#done = resolve
      this.#child.stdin!.write(`${JSON.stringify(job)}\n`)
    })
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }

  #hurry(): void {
    this.#hurried = true
    if (this.#child.pid !== undefined) hurry(this.#child.pid)
  }

  #answer(hash: Buffer | null): void {
    clearTimeout(this.#patience)
    if (this.#hurried && hash && this.#child.pid !== undefined) hurryNoMore(this.#child.pid)
    this.#hurried = false
    const done = this.#done
    this.#done = null
    this.#idle = setTimeout(() => this.end(), IDLE_MS)
    this.#idle.unref()
    done?.(hash)
  }
}

/**
 * Hashes passwords in processes of their own, one for each core, behind a queue with an end: a storm of sign-ins waits
 * for itself and not in front of messages.
 */
export class Passwords {
  readonly #atOnce = availableParallelism()
  readonly #all = new Set<Hasher>()
  readonly #free: Hasher[] = []
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
      const job = { password, salt: salt.toString('base64'), rounds, bytes: HASH_BYTES }
      // A process that was ended over it, as by an operator or for want of memory, is replaced once.
      const hash = (await this.#derive(job)) ?? (await this.#derive(job))
      if (!hash) throw new Refusal('unavailable', { retry_after: 1 })
      return hash
    } finally {
      this.#takes = 0.8 * this.#takes + 0.2 * (performance.now() - started)
      this.#running--
      this.#queue.shift()?.()
    }
  }

  async #derive(job: Job): Promise<Buffer | null> {
    const hasher = this.#free.pop() ?? this.#another()
    const hash = await hasher.derive(job)
    if (this.#all.has(hasher)) this.#free.push(hasher)
    return hash
  }

  #another(): Hasher {
    const hasher: Hasher = new Hasher(() => {
      this.#all.delete(hasher)
      const at = this.#free.indexOf(hasher)
      if (at >= 0) this.#free.splice(at, 1)
    })
    this.#all.add(hasher)
    return hasher
  }

  close(): void {
    for (const hasher of this.#all) hasher.end()
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
