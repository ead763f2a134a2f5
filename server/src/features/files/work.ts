import type { Resources } from '../../ports/resources.ts'
import * as queries from './queries.ts'
import { keyOf, previewKey, squareKey, type FileRow } from './rows.ts'
import { SQUARES } from './rules.ts'
import { NoPicture, type Studio } from './studio.ts'

const PREVIEW_SIDE = 640
const LENT_SECONDS = 90
const PREVIEW_ATTEMPTS = 3
const LOOK_EVERY_MS = 15_000
const SWEEP_EVERY_MS = 3600_000
const ABANDONED_MS = 24 * 3600_000

type Parts = Pick<Resources, 'db' | 'storage' | 'log'> & { studio: Studio }

/**
 * Work on files that waits: previews, and removing what nobody refers to. It lies in a table, so any node does it, and
 * what a crash interrupted is done by whoever looks next.
 */
export class FileWork {
  readonly #parts: Parts
  readonly #timers: ReturnType<typeof setInterval>[]
  #working: Promise<void> | null = null
  #again = false
  #closed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#timers = [
      setInterval(() => this.wake(), LOOK_EVERY_MS),
      setInterval(() => void this.#sweep(), SWEEP_EVERY_MS),
    ]
    this.wake()
    void this.#sweep()
  }

  /** There may be something to do. */
  wake(): void {
    this.#again = true
    this.#working ??= this.#work().finally(() => {
      this.#working = null
      if (this.#again && !this.#closed) this.wake()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#parts.studio.close()
    await this.#working
  }

  async #work(): Promise<void> {
    this.#again = false
    const { db, log } = this.#parts
    try {
      while (!this.#closed) {
        const job = await queries.takeJob(db, LENT_SECONDS)
        if (!job) return
        await this.#do(job)
      }
    } catch (error) {
      if (!this.#closed) log.warn({ err: error }, 'work on files has to wait')
    }
  }

  async #do(job: queries.Job): Promise<void> {
    const { db } = this.#parts
    if (job.kind === 'check') return this.#removeUnreferenced(job)
    const file = await queries.fileOfJob(db, job)
    if (file && !file.has_preview && job.attempts <= PREVIEW_ATTEMPTS) await this.#preview(file)
    await queries.endJob(db, job)
  }

  async #preview(file: FileRow): Promise<void> {
    const { db, storage, studio, log } = this.#parts
    try {
      const placeholder = await studio.draw(
        { mime_type: file.mime_type, open: () => storage.get(keyOf(file)) },
        [{ name: 'preview', within: PREVIEW_SIDE }],
        (_, picture) => storage.put(previewKey(file.object_key), picture, 'image/webp'),
      )
      await queries.markPreview(db, file.id, placeholder)
    } catch (error) {
      if (!(error instanceof NoPicture)) throw error
      log.info({ file_id: file.id, why: error.message }, 'a picture cannot be drawn: it has no preview')
    }
  }

  async #removeUnreferenced(job: queries.Job): Promise<void> {
    const { db, storage } = this.#parts
    const file = await queries.dropUnreferenced(db, job)
    if (!file) return
    const squares = file.has_squares ? SQUARES.map((side) => squareKey(file.object_key, side)) : []
    await storage.remove([keyOf(file), previewKey(file.object_key), ...squares])
    await queries.eraseFile(db, file.id)
  }

  async #sweep(): Promise<void> {
    const { storage, log } = this.#parts
    const swept = await storage.sweep(new Date(Date.now() - ABANDONED_MS)).catch((error: unknown) => {
      log.warn({ err: error }, 'uploads that were cut off could not be swept')
      return 0
    })
    if (swept > 0) log.info({ swept }, 'removed what uploads that were cut off left behind')
  }
}
