import { defineStore } from 'pinia'
import { computed, reactive } from 'vue'
import { call, upload } from '../../api.ts'
import { ApiError, mayPass } from '../../errors.ts'
import {
  dropPending,
  keepBytes,
  keepPending,
  keptBytes,
  keptOutbox,
  type Parcel,
  type Pending,
} from '../../kept.ts'
import { connection, on, onReady } from '../../wire.ts'
import { dropLocal, keepLocal } from './local.ts'
import { isReady, nextToSend } from './queue.ts'
import { useMessages } from './store.ts'

export type { Parcel, Pending }

/** A file that somebody chose or recorded. */
export interface Chosen {
  parcel: Parcel
  bytes: Blob
}

const RETRY_MS = [1000, 2000, 4000, 8000, 15_000]
/** Somebody who is online and has waited this long for an answer is told, and asked whether to try again. */
const PATIENCE_MS = 10_000
const UPLOADS_AT_ONCE = 2
/** An upload that failed this often while the server was there is not tried again by itself. */
const UPLOAD_TRIES = 5

/**
 * What was written and is not yet acknowledged. It is kept before it is sent, sent in order, and sent again under the
 * same client_id until the server answers: the server keeps the first and repeats its answer.
 */
export const useOutbox = defineStore('outbox', () => {
  const pending = reactive(new Map<string, Pending>())
  const sending = new Set<number>()
  const retries = new Map<number, number>()
  const timers = new Map<number, ReturnType<typeof setTimeout>>()
  /** Since when each has been tried while the server seemed to be there. */
  const triedSince = new Map<string, number>()
  /** How much of each file has gone, from 0 to 1. Absent when nothing is on its way. */
  const progress = reactive(new Map<string, number>())
  const uploads = new Map<string, AbortController>()
  const uploadTries = new Map<string, number>()
  const bytesOf = new Map<string, Blob>()
  let uploadTimer: ReturnType<typeof setTimeout> | undefined

  const byChat = computed(() =>
    Map.groupBy(
      [...pending.values()].sort((a, b) => a.created - b.created),
      (one) => one.chat_id,
    ),
  )
  const of = (chat_id: number): Pending[] => byChat.value.get(chat_id) ?? []

  async function restore(): Promise<void> {
    for (const one of await keptOutbox()) if (!pending.has(one.client_id)) pending.set(one.client_id, one)
    for (const one of pending.values()) if (one.parcel) void restoreFile(one)
    for (const chat_id of byChat.value.keys()) void flush(chat_id)
  }

  async function restoreFile(one: Pending): Promise<void> {
    const bytes = bytesOf.get(one.client_id) ?? (await keptBytes(one.client_id))
    if (!bytes) return fail(one, 'gone')
    bytesOf.set(one.client_id, bytes)
    keepLocal(one.client_id, bytes)
    if (one.state === 'waiting' && one.file_id === null) progress.set(one.client_id, 0)
    startUploads()
  }

  function add(chat_id: number, written: Partial<Pending>): Pending {
    const last = of(chat_id).at(-1)?.created ?? 0
    const one: Pending = {
      client_id: crypto.randomUUID(),
      chat_id,
      content: '',
      reply_to_message_id: written.reply?.id ?? null,
      reply: null,
      parcel: null,
      file_id: null,
      album_id: null,
      created: Math.max(Date.now(), last + 1),
      state: 'waiting',
      code: null,
      ...written,
    }
    pending.set(one.client_id, one)
    return one
  }

  async function send(
    chat_id: number,
    content: string,
    reply: Pending['reply'],
    sticker?: Pending['sticker'],
  ): Promise<void> {
    await keepPending(add(chat_id, { content, reply, ...(sticker ? { sticker } : {}) }))
    void flush(chat_id)
  }

  /** Pictures and films make an album when there are several; other files follow one by one. */
  async function sendFiles(
    chat_id: number,
    chosen: readonly Chosen[],
    { caption = '', reply = null }: { caption?: string; reply?: Pending['reply'] },
  ): Promise<void> {
    const shown = chosen.filter(({ parcel }) => isPicture(parcel))
    const ordered = [...shown, ...chosen.filter(({ parcel }) => !isPicture(parcel))]
    const album_id = shown.length > 1 ? crypto.randomUUID() : null
    const batch_id = crypto.randomUUID()
    const added = ordered.map(({ parcel, bytes }, place) => {
      const one = add(chat_id, {
        parcel,
        batch_id,
        album_id: isPicture(parcel) ? album_id : null,
        ...(place === 0 ? { content: caption, reply } : {}),
      })
      bytesOf.set(one.client_id, bytes)
      keepLocal(one.client_id, bytes)
      progress.set(one.client_id, 0)
      return one
    })
    startUploads()
    for (const one of added) {
      await keepBytes(one.client_id, bytesOf.get(one.client_id)!)
      // It may have been sent, or taken back, meanwhile.
      const now = pending.get(one.client_id)
      if (now) await keepPending(now)
      if (!pending.has(one.client_id)) await dropPending(one.client_id)
    }
  }

  const isPicture = ({ kind }: Parcel) => kind === 'image' || kind === 'video'

  function startUploads(): void {
    const waiting = [...pending.values()]
      .filter((one) => one.state === 'waiting' && !isReady(one) && bytesOf.has(one.client_id))
      .sort((a, b) => a.created - b.created)
    for (const one of waiting) {
      if (uploads.size >= UPLOADS_AT_ONCE) return
      if (!uploads.has(one.client_id)) void uploadOne(one)
    }
  }

  async function uploadOne(one: Pending): Promise<void> {
    const { client_id } = one
    const abort = new AbortController()
    uploads.set(client_id, abort)
    let goOn = true
    try {
      const stored = await upload({
        bytes: bytesOf.get(client_id)!,
        filename: one.parcel!.filename,
        onProgress: (share) => pending.has(client_id) && progress.set(client_id, share),
        signal: abort.signal,
      })
      const sent = change(client_id, { file_id: stored.id })
      if (sent) void flush(sent.chat_id)
    } catch (error) {
      goOn = abort.signal.aborted || !(await putOff(one, error))
    } finally {
      uploads.delete(client_id)
      if (goOn) startUploads()
    }
  }

  /** True when an upload is tried again later; otherwise it has failed. */
  async function putOff(one: Pending, error: unknown): Promise<boolean> {
    const tries = (uploadTries.get(one.client_id) ?? 0) + 1
    const there = connection.state === 'online'
    const api = error instanceof ApiError ? error : null
    const passing = mayPass(error)
    if (!passing || (there && tries >= UPLOAD_TRIES)) {
      fail(one, api?.code ?? (passing ? 'offline' : 'internal'))
      return false
    }
    if (there) uploadTries.set(one.client_id, tries)
    progress.set(one.client_id, 0)
    const pause = api?.retry_after ? api.retry_after * 1000 : RETRY_MS[Math.min(tries, RETRY_MS.length) - 1]!
    clearTimeout(uploadTimer)
    uploadTimer = setTimeout(startUploads, pause)
    return true
  }

  function change(client_id: string, changes: Partial<Pending>): Pending | null {
    const one = pending.get(client_id)
    if (!one) return null
    const changed: Pending = { ...one, ...changes }
    pending.set(client_id, changed)
    void keepPending(changed)
    return changed
  }

  /** Sends what waits in a chat, one after the other. */
  async function flush(chat_id: number): Promise<void> {
    if (sending.has(chat_id)) return
    clearTimeout(timers.get(chat_id))
    sending.add(chat_id)
    try {
      for (;;) {
        const next = nextToSend(of(chat_id))
        if (!next || !(await deliver(next))) break
      }
    } finally {
      sending.delete(chat_id)
    }
  }

  /** True when the next one may go. */
  async function deliver(one: Pending): Promise<boolean> {
    const { chat_id, client_id } = one
    if (connection.state !== 'online') triedSince.delete(client_id)
    else if (!triedSince.has(client_id)) triedSince.set(client_id, Date.now())
    try {
      const message = await call('POST /chats/:chat_id/messages', {
        params: { chat_id },
        body: bodyOf(one),
      })
      retries.delete(chat_id)
      useMessages().receive(message)
      settle(client_id)
      return true
    } catch (error) {
      const later = mayPass(error)
      const busy = error instanceof ApiError && error.status === 429
      const since = triedSince.get(client_id)
      const patient =
        busy || connection.state !== 'online' || since === undefined || Date.now() - since < PATIENCE_MS
      if (later && patient) {
        retryLater(chat_id, error instanceof ApiError ? error.retry_after : null)
        return false
      }
      fail(one, error instanceof ApiError ? error.code : later ? 'offline' : 'internal')
      return true
    }
  }

  function bodyOf(one: Pending) {
    const { client_id, content, reply_to_message_id, parcel, file_id, album_id, sticker } = one
    if (sticker) return { sticker_id: sticker.id, client_id, reply_to_message_id }
    if (!parcel) return { content, client_id, reply_to_message_id }
    const { kind, duration_seconds, waveform } = parcel
    const said = { content: content || null, client_id, reply_to_message_id, file_id, album_id, type: kind }
    return kind === 'voice' ? { ...said, duration_seconds, waveform } : said
  }

  function retryLater(chat_id: number, seconds: number | null): void {
    const attempt = retries.get(chat_id) ?? 0
    retries.set(chat_id, attempt + 1)
    const pause = seconds === null ? RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]! : seconds * 1000
    clearTimeout(timers.get(chat_id))
    timers.set(
      chat_id,
      setTimeout(() => void flush(chat_id), pause),
    )
  }

  function fail(one: Pending, code: string): void {
    triedSince.delete(one.client_id)
    progress.delete(one.client_id)
    change(one.client_id, { state: 'failed', code })
    // Others of the same choice may have waited for it.
    void flush(one.chat_id)
  }

  function retry(client_id: string): void {
    const again = change(client_id, { state: 'waiting', code: null })
    if (!again) return
    uploadTries.delete(client_id)
    if (!isReady(again)) progress.set(client_id, 0)
    startUploads()
    void flush(again.chat_id)
  }

  /** The server has it. */
  function settle(client_id: string): void {
    pending.delete(client_id)
    triedSince.delete(client_id)
    uploadTries.delete(client_id)
    progress.delete(client_id)
    bytesOf.delete(client_id)
    void dropPending(client_id)
  }

  /** Takes back a message that was not sent, and calls its upload off. */
  function forget(client_id: string): void {
    const chat_id = pending.get(client_id)?.chat_id
    uploads.get(client_id)?.abort()
    settle(client_id)
    dropLocal(client_id)
    if (chat_id !== undefined) void flush(chat_id)
  }

  // The event of one's own message may come before its answer.
  on('message', ({ client_id }) => {
    if (client_id && pending.has(client_id)) settle(client_id)
  })
  onReady(() => {
    startUploads()
    for (const chat_id of byChat.value.keys()) void flush(chat_id)
  })

  const offline = computed(() => connection.state !== 'online')
  return { pending, progress, of, restore, send, sendFiles, flush, retry, forget, offline }
})
