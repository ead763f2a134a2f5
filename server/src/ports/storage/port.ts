/** The first part of a key names the bucket that the object lies in. */
export const BUCKETS = ['avatars', 'uploads', 'stickers', 'test-artifacts'] as const
export type Bucket = (typeof BUCKETS)[number]
export type ObjectKey = `${Bucket}/${string}`

export const bucketOf = (key: ObjectKey): Bucket => key.slice(0, key.indexOf('/')) as Bucket

/** Links live this long, in seconds, and stay the same for the second number, so that browsers can cache. */
export const LINK_LIFE_SECONDS = 3600
export const LINK_SAME_SECONDS = 1200

/** When a link that is made now counts as signed: the same moment on every node. */
export const signingTime = (now: number): Date =>
  new Date(Math.floor(now / (LINK_SAME_SECONDS * 1000)) * LINK_SAME_SECONDS * 1000)

export interface Found {
  size: number
  modified: Date
}

/** First and last byte, both included. */
export interface Range {
  first: number
  last: number
}

/** As a `Response` can send it. */
export type Content = Blob | ReadableStream<Uint8Array>

/** How a link presents its object, whoever follows it. */
export interface Shown {
  mime_type: string
  /** A whole Content-Disposition (RFC 6266). */
  disposition: string
}

/** The storage does not answer, or answers nonsense; nothing was stored. */
export class StorageUnavailable extends Error {}

/** Holds objects that are written once and never change. Every call may throw `StorageUnavailable`. */
export interface Storage {
  /**
   * Stores what flows in through one bounded buffer and answers its size. A chunk is read until the next one is asked
   * for. Nothing can be seen before the end; when `body` throws, that is thrown and nothing stays.
   */
  put(key: ObjectKey, body: AsyncIterable<Uint8Array>, mime_type: string): Promise<number>
  /** Null when there is none. */
  get(key: ObjectKey, range?: Range): Promise<Content | null>
  head(key: ObjectKey): Promise<Found | null>
  /** Those that are not there are fine. */
  remove(keys: readonly ObjectKey[]): Promise<void>
  /** An address that anybody may fetch for an hour, without a header of ours. */
  link(key: ObjectKey, shown: Shown): string
  /** Where links lead; null when to this server, which then answers what `opened` lets in. */
  readonly origin: string | null
  /** What a link of ours asks for; null when it is altered, expired or not ours. */
  opened(url: URL): { key: ObjectKey; shown: Shown; expires: Date } | null
  /** Removes what uploads that were cut off before this time left behind. */
  sweep(before: Date): Promise<number>
  /** Throws when objects cannot be read and written. */
  check(): Promise<void>
  close(): Promise<void>
}
