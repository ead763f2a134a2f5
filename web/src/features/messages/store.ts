import type { Message, Pin, ServerEvent } from '@messenger/contract'
import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import { call } from '../../api.ts'
import { ApiError, isOutOfReach } from '../../errors.ts'
import { keepTimeline, keptTimeline } from '../../kept.ts'
import { upToDate } from '../../upToDate.ts'
import { on, onReady } from '../../wire.ts'
import { useNotices } from '../notices/store.ts'
import { useSession } from '../session/store.ts'
import { toggled, withReaction } from './reactions.ts'
import { addNewer, addOlder, emptyWindow, found, patch, put, trim, verdictOn, type Window } from './window.ts'

export interface Timeline extends Window {
  chat_id: number
  state: 'loading' | 'ready' | 'failed'
  loading_older: boolean
  loading_newer: boolean
  /** Bumped when the stretch was replaced: the reader's place in it is gone. */
  generation: number
}

const PAGE = 50
const CHANGES = 200
/** More changes than this are not followed one by one: the newest page is fetched afresh. */
const FOLLOWED_MAX = 1000
const HELD_MAX = 600
const KEPT_MESSAGES = 50
/** As many as the bar can step through. */
const PINS_SHOWN = 50
const KEEP_AFTER_MS = 1000

type MessageEvent = Extract<ServerEvent, { type: 'message' }>

/** What a tombstone keeps of a message. */
const NOTHING_LEFT = {
  content: null,
  file_id: null,
  sticker_id: null,
  entities: [],
  reactions: [],
  is_pinned: false,
}

/** The event's `type` hides the message's own. */
const messageOf = ({ type: _event, ...fields }: MessageEvent): Message => ({
  ...fields,
  type: fields.message_type,
})

/** The histories of chats, as far as they were looked at. */
export const useMessages = defineStore('messages', () => {
  const timelines = reactive(new Map<number, Timeline>())
  const highlighted = ref<{ chat_id: number; message_id: number; at: number } | null>(null)
  /** What is pinned in chats that were opened, the last pinned first. */
  const pins = reactive(new Map<number, Pin[]>())
  const keeping = new Map<number, ReturnType<typeof setTimeout>>()
  const hidden = new Set<number>()
  const me = computed(() => useSession().user_id)

  function timelineOf(chat_id: number): Timeline {
    let timeline = timelines.get(chat_id)
    if (!timeline) {
      timelines.set(chat_id, {
        ...emptyWindow(),
        chat_id,
        state: 'loading',
        loading_older: false,
        loading_newer: false,
        generation: 0,
      })
      timeline = timelines.get(chat_id)!
    }
    return timeline
  }

  function keepSoon(timeline: Timeline): void {
    if (timeline.has_newer || keeping.has(timeline.chat_id)) return
    keeping.set(
      timeline.chat_id,
      setTimeout(() => {
        keeping.delete(timeline.chat_id)
        if (timeline.has_newer || timeline.state !== 'ready') return
        const messages = timeline.messages.slice(-KEPT_MESSAGES)
        const has_older = timeline.has_older || timeline.messages.length > messages.length
        void keepTimeline({
          chat_id: timeline.chat_id,
          revision: timeline.revision,
          has_older,
          messages,
          used: Date.now(),
        })
      }, KEEP_AFTER_MS),
    )
  }

  /** Shows what is kept, then what is true. */
  async function open(chat_id: number): Promise<void> {
    const timeline = timelineOf(chat_id)
    if (timeline.state === 'ready') return catchUp(chat_id)
    const kept = await keptTimeline(chat_id)
    if (kept && timeline.messages.length === 0 && kept.messages.length > 0) {
      Object.assign(timeline, {
        messages: kept.messages,
        revision: kept.revision,
        has_older: kept.has_older,
        state: 'ready',
      })
      return catchUp(chat_id)
    }
    await loadNewest(chat_id)
  }

  /** Replaces the stretch by the newest page. */
  async function loadNewest(chat_id: number): Promise<void> {
    const timeline = timelineOf(chat_id)
    if (timeline.messages.length === 0) timeline.state = 'loading'
    try {
      // Where changes stand is asked first: what happens between the two answers is then followed, not missed.
      const { revision } = await call('GET /chats/:chat_id/changes', {
        params: { chat_id },
        query: { after: Number.MAX_SAFE_INTEGER, limit: 1 },
      })
      const messages = await call('GET /chats/:chat_id/messages', {
        params: { chat_id },
        query: { limit: PAGE },
      })
      replace(timeline, { messages, revision, has_older: messages.length === PAGE, has_newer: false })
      await catchUp(chat_id)
    } catch (error) {
      fail(timeline, error)
    }
  }

  function replace(timeline: Timeline, window: Window): void {
    Object.assign(timeline, window, { state: 'ready', generation: timeline.generation + 1 })
    keepSoon(timeline)
  }

  function fail(timeline: Timeline, error: unknown): void {
    if (timeline.messages.length === 0) timeline.state = 'failed'
    if (isOutOfReach(error)) forget(timeline.chat_id)
  }

  /** Follows what changed since the last revision that was kept. */
  const catchUp = upToDate(async (chat_id: number) => {
    const timeline = timelines.get(chat_id)
    if (!timeline || timeline.state !== 'ready') return
    const started = timeline.revision
    try {
      for (;;) {
        const page = await call('GET /chats/:chat_id/changes', {
          params: { chat_id },
          query: { after: timeline.revision, limit: CHANGES },
        })
        for (const message of page.changes) if (!hidden.has(message.id)) put(timeline, message)
        timeline.revision = Math.max(timeline.revision, page.revision)
        if (!page.has_more) break
        if (timeline.revision - started > FOLLOWED_MAX) {
          timeline.messages = []
          return void loadNewest(chat_id)
        }
      }
      keepSoon(timeline)
    } catch (error) {
      fail(timeline, error)
      throw error
    }
  })

  async function loadOlder(chat_id: number): Promise<void> {
    const timeline = timelineOf(chat_id)
    const first = timeline.messages[0]
    if (!first || !timeline.has_older || timeline.loading_older) return
    timeline.loading_older = true
    try {
      const { generation } = timeline
      const page = await call('GET /chats/:chat_id/messages', {
        params: { chat_id },
        query: { before: String(first.id), limit: PAGE },
      })
      if (generation !== timeline.generation) return
      addOlder(timeline, page, PAGE)
      trim(timeline, 'older', HELD_MAX)
    } finally {
      timeline.loading_older = false
    }
  }

  async function loadNewer(chat_id: number): Promise<void> {
    const timeline = timelineOf(chat_id)
    const last = timeline.messages.at(-1)
    if (!last || !timeline.has_newer || timeline.loading_newer) return
    timeline.loading_newer = true
    try {
      const { generation } = timeline
      const page = await call('GET /chats/:chat_id/messages', {
        params: { chat_id },
        query: { after_id: last.id, limit: PAGE },
      })
      if (generation !== timeline.generation) return
      addNewer(timeline, page, PAGE)
      trim(timeline, 'newer', HELD_MAX)
    } finally {
      timeline.loading_newer = false
    }
  }

  /** Brings a message into sight, from wherever it is. */
  async function jumpTo(chat_id: number, message_id: number): Promise<void> {
    const timeline = timelineOf(chat_id)
    if (!found(timeline, message_id)) {
      const messages = await call('GET /chats/:chat_id/messages', {
        params: { chat_id },
        query: { around: message_id, limit: PAGE },
      })
      if (!messages.some(({ id }) => id === message_id)) return useNotices().tell('notices.message_gone')
      replace(timeline, { messages, revision: timeline.revision, has_older: true, has_newer: true })
    }
    highlighted.value = { chat_id, message_id, at: Date.now() }
  }

  async function jumpToNewest(chat_id: number): Promise<void> {
    if (timelineOf(chat_id).has_newer) await loadNewest(chat_id)
  }

  /** A message that the server has confirmed, by answer or by event. */
  function receive(message: Message): void {
    const timeline = timelines.get(message.chat_id)
    if (!timeline || timeline.state !== 'ready') return
    const verdict = verdictOn(timeline, message.revision)
    if (verdict === 'ignore') return
    put(timeline, message)
    if (verdict === 'catch_up') return void catchUp(message.chat_id)
    timeline.revision = message.revision
    if (!timeline.has_newer && timeline.messages.length > HELD_MAX * 2) trim(timeline, 'newer', HELD_MAX)
    keepSoon(timeline)
  }

  function receiveChange(
    chat_id: number,
    message_id: number,
    revision: number,
    changes: Partial<Message>,
  ): void {
    const timeline = timelines.get(chat_id)
    if (!timeline || timeline.state !== 'ready') return
    const verdict = verdictOn(timeline, revision)
    if (verdict === 'catch_up') return void catchUp(chat_id)
    if (verdict === 'ignore') return
    patch(timeline, message_id, { ...changes, revision })
    timeline.revision = revision
    keepSoon(timeline)
  }

  function hide(chat_id: number, message_id: number): void {
    hidden.add(message_id)
    const timeline = timelines.get(chat_id)
    if (!timeline) return
    timeline.messages = timeline.messages.filter(({ id }) => id !== message_id)
    keepSoon(timeline)
  }

  function forget(chat_id: number): void {
    timelines.delete(chat_id)
    pins.delete(chat_id)
  }

  /** Shows the new text at once; the old one comes back when the server refuses. */
  async function edit(message: Message, content: string): Promise<void> {
    const { chat_id, id: message_id } = message
    const timeline = timelineOf(chat_id)
    patch(timeline, message_id, { content, entities: [], is_edited: true })
    try {
      const edited = await call('PUT /chats/:chat_id/messages/:message_id', {
        params: { chat_id, message_id },
        body: { content },
      })
      receive(edited)
    } catch {
      patch(timeline, message_id, {
        content: message.content,
        entities: message.entities,
        is_edited: message.is_edited,
      })
      useNotices().tell('notices.not_edited')
    }
  }

  async function remove(message: Message, for_everyone: boolean): Promise<void> {
    const { chat_id, id: message_id } = message
    try {
      await call('DELETE /chats/:chat_id/messages/:message_id', {
        params: { chat_id, message_id },
        body: { for_everyone },
      })
      if (!for_everyone) hide(chat_id, message_id)
    } catch (error) {
      useNotices().tell(
        error instanceof ApiError && error.code === 'too_old' ? 'notices.too_old' : 'notices.not_deleted',
      )
    }
  }

  /** Shows the reaction at once, or that it is gone; it is as before when the server refuses. */
  async function react(message: Message, emoji: string): Promise<void> {
    const { chat_id, id: message_id } = message
    const timeline = timelineOf(chat_id)
    const flip = () => {
      const now = found(timeline, message_id)
      if (now) patch(timeline, message_id, { reactions: toggled(now.reactions, emoji) })
    }
    const mine = () => found(timeline, message_id)?.reactions.find((one) => one.emoji === emoji)?.me === true
    flip()
    const hoped = mine()
    try {
      const { action } = await call('POST /chats/:chat_id/messages/:message_id/reactions', {
        params: { chat_id, message_id },
        body: { emoji },
      })
      // It was given, or taken back, on another device meanwhile: the server's word counts.
      if ((action === 'added') !== hoped && mine() === hoped) flip()
    } catch (error) {
      if (mine() === hoped) flip()
      useNotices().tell(
        error instanceof ApiError && error.code === 'too_many_reactions'
          ? 'notices.too_many_reactions'
          : 'notices.not_reacted',
      )
    }
  }

  async function loadPins(chat_id: number): Promise<void> {
    const found = await call('GET /chats/:chat_id/pinned-messages', {
      params: { chat_id },
      query: { limit: PINS_SHOWN },
    }).catch(() => null)
    if (found) pins.set(chat_id, found)
  }

  async function setPinned(message: Message, is_pinned: boolean): Promise<void> {
    const params = { chat_id: message.chat_id, message_id: message.id }
    try {
      await call(
        is_pinned
          ? 'POST /chats/:chat_id/messages/:message_id/pin'
          : 'DELETE /chats/:chat_id/messages/:message_id/pin',
        { params },
      )
    } catch {
      useNotices().tell('notices.not_pinned')
    }
  }

  async function forward(messages: readonly Message[], chat_id: number): Promise<void> {
    const sent = await call('POST /chats/:chat_id/messages/forward', {
      params: { chat_id },
      body: {
        from_chat_id: messages[0]!.chat_id,
        message_ids: messages.map(({ id }) => id),
        client_ids: messages.map(() => crypto.randomUUID()),
      },
    })
    for (const message of sent) receive(message)
  }

  const otherPins = (chat_id: number, message_id: number) =>
    (pins.get(chat_id) ?? []).filter(({ message }) => message.id !== message_id)

  on('message', (event) => receive(messageOf(event)))
  on('reaction', ({ chat_id, message_id, user_id, emoji, action, count, revision }) => {
    const timeline = timelines.get(chat_id)
    const message = timeline && found(timeline, message_id)
    const own = user_id === me.value ? { me: action === 'added' } : {}
    receiveChange(
      chat_id,
      message_id,
      revision,
      message ? { reactions: withReaction(message.reactions, { emoji, count, ...own }) } : {},
    )
  })
  on('message_pinned', ({ chat_id, message_id, revision, message, pinned_at, pinned_by }) => {
    if (pins.has(chat_id))
      pins.set(chat_id, [{ message, pinned_at, pinned_by }, ...otherPins(chat_id, message_id)])
    receiveChange(chat_id, message_id, revision, { is_pinned: true })
  })
  on('message_unpinned', ({ chat_id, message_id, revision }) => {
    if (pins.has(chat_id)) pins.set(chat_id, otherPins(chat_id, message_id))
    receiveChange(chat_id, message_id, revision, { is_pinned: false })
  })
  on('message_updated', ({ chat_id, message_id, content, entities, updated_at, revision }) => {
    if (pins.get(chat_id)?.some(({ message }) => message.id === message_id)) void loadPins(chat_id)
    receiveChange(chat_id, message_id, revision, { content, entities, updated_at, is_edited: true })
  })
  on('message_deleted', ({ chat_id, message_id, revision }) => {
    if (pins.has(chat_id)) pins.set(chat_id, otherPins(chat_id, message_id))
    receiveChange(chat_id, message_id, revision, { ...NOTHING_LEFT, is_deleted: true })
  })
  on('message_hidden', ({ chat_id, message_id }) => {
    if (pins.has(chat_id)) pins.set(chat_id, otherPins(chat_id, message_id))
    hide(chat_id, message_id)
  })
  on('chat_deleted', ({ chat_id }) => forget(chat_id))
  on('chat_member_left', ({ chat_id, user_id }) => {
    if (user_id === me.value) forget(chat_id)
  })
  on('user_profile_updated', ({ user_id, username, display_name, avatar_url }) => {
    for (const timeline of timelines.values())
      timeline.messages.forEach((message, place) => {
        if (message.sender_id !== user_id) return
        timeline.messages[place] = {
          ...message,
          sender_username: username,
          sender_display_name: display_name,
          sender_avatar_url: avatar_url,
        }
      })
  })
  onReady(() => {
    for (const timeline of timelines.values()) {
      if (timeline.state === 'ready') void catchUp(timeline.chat_id)
      else if (timeline.state === 'failed') void loadNewest(timeline.chat_id)
    }
    for (const chat_id of pins.keys()) void loadPins(chat_id)
  })
  on('resync', () => {
    for (const chat_id of timelines.keys()) void catchUp(chat_id)
  })

  return {
    timelines,
    highlighted,
    pins,
    open,
    loadNewest,
    loadOlder,
    loadNewer,
    jumpTo,
    jumpToNewest,
    catchUp,
    receive,
    hide,
    forget,
    edit,
    remove,
    react,
    loadPins,
    setPinned,
    forward,
  }
})
