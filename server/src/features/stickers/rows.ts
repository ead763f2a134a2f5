import type { ObjectKey } from '../../ports/storage/port.ts'

/** Where the picture of somebody's sticker lies. */
export type PictureKey = ObjectKey

/** One of the two: a drawing of our own, or an object in the storage. */
export interface Picture {
  asset: string | null
  object_key: PictureKey | null
}
