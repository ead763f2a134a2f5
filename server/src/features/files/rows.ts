import type { StoredFile } from '@messenger/contract'

/** A file as it is read from the database. */
export interface FileRow {
  id: number
  filename: string
  mime_type: string
  object_key: string
  size: number
  width: number | null
  height: number | null
  duration_seconds: number | null
  has_preview: boolean
  has_squares: boolean
}

/** What a message shows of the file that it holds; stored with the message. */
export interface Attachment {
  filename: string
  mime_type: string
  size: number
  width: number | null
  height: number | null
  duration_seconds: number | null
  /** There is a preview, or there will be one in a moment. */
  preview: boolean
  /** A blurred picture of some pixels as a data: URL; null until it is made. */
  placeholder: string | null
}

type UploadsKey = `uploads/${string}`

const uuidOf = (object_key: string) => object_key.slice('uploads/'.length, 'uploads/'.length + 36)
export const keyOf = (row: Pick<FileRow, 'object_key'>) => row.object_key as UploadsKey
export const previewKey = (object_key: string): UploadsKey => `uploads/previews/${uuidOf(object_key)}.webp`
export const squareKey = (object_key: string, side: number): `avatars/${string}` =>
  `avatars/${uuidOf(object_key)}_${side}.webp`

/** The file of the contract. */
export function storedFile(row: FileRow): StoredFile {
  const { id, filename, mime_type, object_key, size, width, height, duration_seconds } = row
  return {
    id,
    filename,
    mime_type,
    object_key,
    size,
    url: `/files/${id}/download`,
    ...(width !== null && height !== null ? { width, height } : {}),
    ...(duration_seconds !== null ? { duration_seconds } : {}),
  }
}
