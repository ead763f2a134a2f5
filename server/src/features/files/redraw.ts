import type { Resources } from '../../ports/resources.ts'
import type { ObjectKey } from '../../ports/storage/port.ts'
import { keyOf, type FileRow } from './rows.ts'
import { isPicture } from './rules.ts'
import { NoPicture, type Studio } from './studio.ts'

/** Stores a file's picture once more, as a WebP with no side longer than this; false when the file is no picture. */
export async function redraw(
  file: FileRow,
  to: { key: ObjectKey; within: number },
  { storage, studio }: Pick<Resources, 'storage'> & { studio: Studio },
): Promise<boolean> {
  if (!isPicture(file.mime_type)) return false
  try {
    await studio.draw(
      { mime_type: file.mime_type, open: () => storage.get(keyOf(file)) },
      [{ name: 'picture', within: to.within }],
      (_, picture) => storage.put(to.key, picture, 'image/webp'),
    )
  } catch (error) {
    if (error instanceof NoPicture) return false
    throw error
  }
  return true
}
