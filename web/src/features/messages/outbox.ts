import { defineStore } from 'pinia'
import { computed, reactive } from 'vue'
import { call } from '../../api.ts'
import { ApiError, NetworkError } from '../../errors.ts'
import { dropPending, keepPending, keptOutbox, type Pending } from '../../kept.ts'
import { connection, on, onReady } from '../../wire.ts'
import { useMessages } from './store.ts'

export type { Pending }

const RETRY_MS = [1000, 2000, 4000, 8000, 15_000]
/** Somebody who is online and has waited this long for an answer is told, and asked whether to try again. */
const PATIENCE_MS = 10_000

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

  const byChat = computed(() =>
    Map.groupBy(
      [...pending.values()].sort((a, b) => a.created - b.created),
      (one) => one.chat_id,
    ),
  )
  const of = (chat_id: number): Pending[] => byChat.value.get(chat_id) ?? []

  async function restore(): Promise<void> {
    for (const one of await keptOutbox()) if (!pending.has(one.client_id)) pending.set(one.client_id, one)
    for (const chat_id of byChat.value.keys()) void flush(chat_id)
  }

  async function send(
    chat_id: number,
    content: string,
    reply: Pending['reply'],
    sticker?: Pending['sticker'],
  ): Promise<void> {
    const last = of(chat_id).at(-1)?.created ?? 0
    const one: Pending = {
      client_id: crypto.randomUUID(),
      chat_id,
      content,
      ...(sticker ? { sticker } : {}),
      reply_to_message_id: reply?.id ?? null,
      reply,
      created: Math.max(Date.now(), last + 1),
      state: 'waiting',
      code: null,
    }
    pending.set(one.client_id, one)
    await keepPending(one)
    void flush(chat_id)
  }

  /** Sends what waits in a chat, one after the other. */
  async function flush(chat_id: number): Promise<void> {
    if (sending.has(chat_id)) return
    clearTimeout(timers.get(chat_id))
    sending.add(chat_id)
    try {
      for (;;) {
        const next = of(chat_id).find((one) => one.state === 'waiting')
        if (!next || !(await deliver(next))) break
      }
    } finally {
      sending.delete(chat_id)
    }
  }

  /** True when the next one may go. */
  async function deliver(one: Pending): Promise<boolean> {
    const { chat_id, client_id, content, sticker, reply_to_message_id } = one
    if (connection.state !== 'online') triedSince.delete(client_id)
    else if (!triedSince.has(client_id)) triedSince.set(client_id, Date.now())
    try {
      const message = await call('POST /chats/:chat_id/messages', {
        params: { chat_id },
        body: { ...(sticker ? { sticker_id: sticker.id } : { content }), client_id, reply_to_message_id },
      })
      retries.delete(chat_id)
      useMessages().receive(message)
      forget(client_id)
      return true
    } catch (error) {
      const later =
        error instanceof NetworkError ||
        (error instanceof ApiError && (error.status >= 500 || error.status === 429))
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
    const failed: Pending = { ...one, state: 'failed', code }
    pending.set(one.client_id, failed)
    void keepPending(failed)
  }

  function retry(client_id: string): void {
    const one = pending.get(client_id)
    if (!one) return
    const again: Pending = { ...one, state: 'waiting', code: null }
    pending.set(client_id, again)
    void keepPending(again)
    void flush(one.chat_id)
  }

  /** Takes back a message that was not sent. */
  function forget(client_id: string): void {
    pending.delete(client_id)
    triedSince.delete(client_id)
    void dropPending(client_id)
  }

  // The event of one's own message may come before its answer.
  on('message', ({ client_id }) => {
    if (client_id && pending.has(client_id)) forget(client_id)
  })
  onReady(() => {
    for (const chat_id of byChat.value.keys()) void flush(chat_id)
  })

  const offline = computed(() => connection.state !== 'online')
  return { pending, of, restore, send, flush, retry, forget, offline }
})
