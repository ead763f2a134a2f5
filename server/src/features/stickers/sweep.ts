import type { Resources } from '../../ports/resources.ts'
import { eraseStickers, unshownStickers } from './queries.ts'

const SWEPT_AT_ONCE = 200

/** Removes the pictures that nobody can see any more; what the storage does not remove now waits in its row. */
export async function sweepStickers({
  db,
  storage,
  log,
}: Pick<Resources, 'db' | 'storage' | 'log'>): Promise<void> {
  try {
    for (;;) {
      const left = await unshownStickers(db, SWEPT_AT_ONCE)
      if (left.length === 0) return
      await storage.remove(left.map(({ object_key }) => object_key))
      await eraseStickers(
        db,
        left.map(({ id }) => id),
      )
    }
  } catch (error) {
    log.warn({ err: error }, 'pictures of removed stickers have to wait')
  }
}
