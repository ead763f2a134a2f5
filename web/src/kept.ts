import type { ChatRow, Me, Message, MessageType, Settings, Sticker } from '@messenger/contract'
import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from 'idb'

/** A file that goes with a message. Its bytes are kept apart, under the message's `client_id`. */
export interface Parcel {
  kind: Extract<MessageType, 'image' | 'video' | 'voice' | 'file'>
  filename: string
  mime_type: string
  /** Bytes. */
  size: number
  width: number | null
  height: number | null
  duration_seconds: number | null
  waveform: number[] | null
}

/** A message on its way: shown at once, kept until the server has it. */
export interface Pending {
  client_id: string
  chat_id: number
  content: string
  /** Sent instead of a text. */
  sticker?: Pick<Sticker, 'id' | 'label' | 'url'>
  reply_to_message_id: number | null
  /** What it answers, as shown in the bubble. */
  reply: { id: number; name: string; content: string | null } | null
  parcel: Parcel | null
  /** Set when the server has the bytes. */
  file_id: number | null
  album_id: string | null
  /** The same for all that were chosen together: they are sent in their order. */
  batch_id?: string
  /** Milliseconds since 1970; the order of sending. */
  created: number
  state: 'waiting' | 'failed'
  /** Why it failed. */
  code: string | null
}

export interface KeptTimeline {
  chat_id: number
  revision: number
  has_older: boolean
  messages: Message[]
  used: number
}

export interface Draft {
  chat_id: number
  text: string
}

interface Shape extends DBSchema {
  rows: { key: number; value: ChatRow }
  timelines: { key: number; value: KeptTimeline }
  outbox: { key: string; value: Pending }
  bytes: { key: string; value: Blob }
  drafts: { key: number; value: Draft }
  facts: { key: string; value: unknown }
}

/** What a browser keeps of one person, so that a reload shows the last state before the network answers. */
export interface Facts {
  me: Me
  settings: Settings
  cursor: number
}

const VERSION = 2
const TIMELINES_KEPT = 30

let database: Promise<IDBPDatabase<Shape> | null> = Promise.resolve(null)

/**
 * Opens what is kept of this person. Without IndexedDB (private windows) nothing is kept, and all else works; so it is
 * while another tab holds an older version open.
 */
export function openKept(user_id: number): void {
  let giveUp: () => void
  const blocked = new Promise<null>((resolve) => (giveUp = () => resolve(null)))
  const opened = openDB<Shape>(`messenger-${user_id}`, VERSION, {
    upgrade(db, version) {
      if (version < 1) {
        db.createObjectStore('rows', { keyPath: 'id' })
        db.createObjectStore('timelines', { keyPath: 'chat_id' })
        db.createObjectStore('outbox', { keyPath: 'client_id' })
        db.createObjectStore('drafts', { keyPath: 'chat_id' })
        db.createObjectStore('facts')
      }
      if (version < 2) db.createObjectStore('bytes')
    },
    blocked: () => giveUp(),
    blocking: (_now, _next, event) => (event.target as IDBDatabase).close(),
  }).catch(() => null)
  database = Promise.race([opened, blocked])
}

export async function forgetKept(user_id: number): Promise<void> {
  const db = await database
  db?.close()
  database = Promise.resolve(null)
  await deleteDB(`messenger-${user_id}`).catch(() => undefined)
}

/** A plain copy: reactive proxies cannot be stored. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

async function quietly<T>(work: (db: IDBPDatabase<Shape>) => Promise<T>): Promise<T | null> {
  const db = await database
  if (!db) return null
  return work(db).catch(() => null)
}

export const keptRows = async () => (await quietly((db) => db.getAll('rows'))) ?? []
/** What an earlier version kept had no file. */
export const keptOutbox = async (): Promise<Pending[]> =>
  ((await quietly((db) => db.getAll('outbox'))) ?? []).map((one) => ({
    ...{ parcel: null, file_id: null, album_id: null },
    ...one,
  }))
export const keptDrafts = async () => (await quietly((db) => db.getAll('drafts'))) ?? []
export const keptTimeline = (chat_id: number) => quietly((db) => db.get('timelines', chat_id))
export const keptFact = async <K extends keyof Facts>(name: K) =>
  ((await quietly((db) => db.get('facts', name))) ?? null) as Facts[K] | null

export const keepFact = <K extends keyof Facts>(name: K, value: Facts[K]) =>
  quietly((db) => db.put('facts', plain(value), name))
export const keepPending = (pending: Pending) => quietly((db) => db.put('outbox', plain(pending)))
export const dropPending = (client_id: string) =>
  quietly(async (db) => {
    await db.delete('outbox', client_id)
    await db.delete('bytes', client_id)
  })
export const keptBytes = (client_id: string) => quietly((db) => db.get('bytes', client_id))
export const keepBytes = (client_id: string, bytes: Blob) =>
  quietly((db) => db.put('bytes', bytes, client_id))
export const keepRow = (row: ChatRow) => quietly((db) => db.put('rows', plain(row)))
export const dropRow = (chat_id: number) =>
  quietly(async (db) => {
    await db.delete('rows', chat_id)
    await db.delete('timelines', chat_id)
    await db.delete('drafts', chat_id)
  })

export const keepDraft = (chat_id: number, text: string) =>
  quietly(async (db) => {
    if (text) await db.put('drafts', { chat_id, text })
    else await db.delete('drafts', chat_id)
  })

/** Replaces all rows: the list as it was fetched afresh. */
export const keepRows = (rows: readonly ChatRow[]) =>
  quietly(async (db) => {
    const change = db.transaction('rows', 'readwrite')
    await change.store.clear()
    await Promise.all(rows.map((row) => change.store.put(plain(row))))
    await change.done
  })

export const keepTimeline = (timeline: KeptTimeline) =>
  quietly(async (db) => {
    await db.put('timelines', plain(timeline))
    const all = await db.getAll('timelines')
    if (all.length <= TIMELINES_KEPT) return
    all.sort((a, b) => a.used - b.used)
    await Promise.all(
      all.slice(0, all.length - TIMELINES_KEPT).map(({ chat_id }) => db.delete('timelines', chat_id)),
    )
  })
