import { upload } from './api.ts'

/** Somebody waits for it with nothing else to do. */
const GIVEN_UP_MS = 60_000

/** Stores a photo for a person or a room; its file's id. */
export async function storePhoto(picture: Blob): Promise<number> {
  const filename = `photo.${picture.type === 'image/webp' ? 'webp' : 'png'}`
  const signal = AbortSignal.timeout(GIVEN_UP_MS)
  return (await upload({ bytes: picture, filename, onProgress: () => undefined, signal })).id
}
