import type { Chat, ChatMarks, ChatRow, Member, Sync } from '@messenger/contract'
import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import { call, callAll, storePhoto } from '../../api.ts'
import { isOutOfReach } from '../../errors.ts'
import {
  dropRow,
  keepDraft,
  keepFact,
  keepRow,
  keepRows,
  keptDrafts,
  keptFact,
  keptRows,
} from '../../kept.ts'
import { upToDate } from '../../upToDate.ts'
import { on, onReady, say } from '../../wire.ts'
import { useMessages } from '../messages/store.ts'
import { useNotices } from '../notices/store.ts'
import { usePeople } from '../people/store.ts'
import { useSession } from '../session/store.ts'
import { useSettings } from '../settings/store.ts'
import { byPlace } from './order.ts'

/** More chats than this that moved at once are fetched as a list. */
const ROWS_AT_ONCE = 15
const PREVIEW_MAX = 160

/** The list of chats, and what is known of the one that is open. */
export const useChats = defineStore('chats', () => {
  const rows = reactive(new Map<number, ChatRow>())
  const drafts = reactive(new Map<number, string>())
  const details = reactive(new Map<number, Chat>())
  const state = ref<'loading' | 'ready' | 'failed'>('loading')
  const reading = new Map<number, number>()
  let cursor: number | null = null

  const sorted = computed(() => [...rows.values()].filter((row) => !row.is_archived).sort(byPlace))
  const archived = computed(() => [...rows.values()].filter((row) => row.is_archived).sort(byPlace))
  const unread_chats = computed(
    () => sorted.value.filter((row) => row.unread_count > 0 && !row.is_muted).length,
  )
  const me = () => useSession().user_id

  /** What the browser kept, before the network answers. */
  async function restore(): Promise<void> {
    const [kept, texts, at] = await Promise.all([keptRows(), keptDrafts(), keptFact('cursor')])
    cursor = at
    for (const { chat_id, text } of texts) drafts.set(chat_id, text)
    for (const row of kept) if (!rows.has(row.id)) rows.set(row.id, row)
    if (kept.length > 0) state.value = 'ready'
  }

  function accept(row: ChatRow): void {
    const known = rows.get(row.id)
    // An older answer must not take back what an event has told since.
    if (known && known.revision > row.revision) row = { ...row, ...progressOf(known) }
    rows.set(row.id, row)
    if (row.other_user_id !== null && row.other_is_online !== null)
      usePeople().online.set(row.other_user_id, row.other_is_online)
    void keepRow(row)
  }

  const progressOf = (row: ChatRow) => ({
    revision: row.revision,
    last_seq: row.last_seq,
    last_message: row.last_message,
    last_message_id: row.last_message_id,
    last_message_type: row.last_message_type,
    last_message_sender_id: row.last_message_sender_id,
    last_message_sender_name: row.last_message_sender_name,
    last_at: row.last_at,
    updated_at: row.updated_at,
    unread_count: row.unread_count,
  })

  function change(chat_id: number, changes: Partial<ChatRow>): void {
    const row = rows.get(chat_id)
    if (!row) return
    const changed = { ...row, ...changes }
    rows.set(chat_id, changed)
    void keepRow(changed)
  }

  function remove(chat_id: number): void {
    rows.delete(chat_id)
    details.delete(chat_id)
    drafts.delete(chat_id)
    void dropRow(chat_id)
  }

  /** The whole list afresh. */
  async function load(): Promise<void> {
    const { revision } = await call('GET /sync')
    const [listed, put_away] = await Promise.all([
      callAll('GET /chats', {}),
      callAll('GET /chats', { archived: true }),
    ])
    const all = [...listed, ...put_away]
    const ids = new Set(all.map(({ id }) => id))
    for (const id of [...rows.keys()]) if (!ids.has(id)) rows.delete(id)
    for (const row of all) accept(row)
    void keepRows([...rows.values()])
    moveCursor(revision!)
  }

  function moveCursor(revision: number): void {
    cursor = revision
    void keepFact('cursor', revision)
  }

  /** Asks what moved since the last time. */
  const sync = upToDate<void>(async () => {
    try {
      await (cursor === null ? load() : syncFrom(cursor))
      state.value = 'ready'
    } catch (error) {
      if (rows.size === 0) state.value = 'failed'
      throw error
    }
  })

  async function syncFrom(after: number): Promise<void> {
    const told: Sync = await call('GET /sync', { query: { after } })
    if (told.reset) return load()
    for (const one of told.own ?? []) {
      if (one.kind === 'chat') accept(one.chat)
      else if (one.kind === 'chat_gone') remove(one.chat_id)
      else if (one.kind === 'message_hidden') useMessages().hide(one.chat_id, one.message_id)
      else useSettings().accept(one.settings)
    }
    const behind = (told.chats ?? []).filter((one) => {
      const row = rows.get(one.chat_id)
      return !row || row.revision < one.revision || row.last_read_seq !== one.last_read_seq
    })
    if (behind.length > ROWS_AT_ONCE) return load()
    await Promise.all(behind.map(({ chat_id }) => fetchRow(chat_id)))
    moveCursor(told.revision!)
  }

  async function fetchRow(chat_id: number): Promise<void> {
    try {
      accept(await call('GET /chats/:chat_id/row', { params: { chat_id } }))
    } catch (error) {
      if (!isOutOfReach(error)) throw error
      remove(chat_id)
    }
  }

  /** One row afresh. */
  const refresh = upToDate(fetchRow)

  async function loadDetails(chat_id: number): Promise<void> {
    details.set(chat_id, await call('GET /chats/:chat_id', { params: { chat_id } }))
  }

  const membersOf = (chat_id: number, query: { q?: string; cursor?: number }): Promise<Member[]> =>
    call('GET /chats/:chat_id/members', { params: { chat_id }, query })

  // ── Opening and leaving ──

  async function openDirect(user_id: number): Promise<number> {
    const known = [...rows.values()].find((row) => row.type === 'direct' && row.other_user_id === user_id)
    if (known) return known.id
    const { id } = await call('POST /chats', { body: { type: 'direct', member_ids: [user_id] } })
    await refresh(id)
    return id
  }

  async function create(body: {
    type: 'group' | 'channel'
    title: string
    description?: string
    public_name?: string
    member_ids: number[]
  }): Promise<number> {
    const { id } = await call('POST /chats', { body })
    await refresh(id)
    return id
  }

  async function setPhoto(chat_id: number, picture: Blob): Promise<void> {
    const file_id = await storePhoto(picture)
    change(chat_id, await call('POST /chats/:chat_id/avatar', { params: { chat_id }, body: { file_id } }))
  }

  const sayTyping = (chat_id: number): void => say({ type: 'typing', chat_id })

  const byName = (public_name: string) => call('GET /chats/by-name/:public_name', { params: { public_name } })

  async function join(chat_id: number): Promise<void> {
    await call('POST /chats/:chat_id/join', { params: { chat_id } })
    await refresh(chat_id)
  }

  async function leave(chat_id: number): Promise<void> {
    await call('DELETE /chats/:chat_id/leave', { params: { chat_id } })
    remove(chat_id)
  }

  async function destroy(chat_id: number, for_everyone: boolean): Promise<void> {
    await call('DELETE /chats/:chat_id', { params: { chat_id }, body: { for_everyone } })
    remove(chat_id)
  }

  // ── Marks: shown at once, put back when refused ──

  async function hope(
    chat_id: number,
    changes: Partial<ChatRow>,
    work: () => Promise<unknown>,
  ): Promise<void> {
    const before = rows.get(chat_id)
    if (!before) return
    change(chat_id, changes)
    try {
      await work()
    } catch {
      change(
        chat_id,
        Object.fromEntries(Object.keys(changes).map((key) => [key, before[key as keyof ChatRow]])),
      )
      useNotices().tell('notices.not_saved')
    }
  }

  const setPinned = (chat_id: number, is_pinned: boolean) =>
    hope(chat_id, { is_pinned }, () =>
      call(is_pinned ? 'POST /chats/:chat_id/pin' : 'DELETE /chats/:chat_id/pin', { params: { chat_id } }),
    )

  const setFavorite = (chat_id: number, is_favorite: boolean) =>
    hope(chat_id, { is_favorite }, () =>
      call(is_favorite ? 'POST /chats/:chat_id/favorite' : 'DELETE /chats/:chat_id/favorite', {
        params: { chat_id },
      }),
    )

  async function setArchived(chat_id: number, is_archived: boolean): Promise<void> {
    await hope(chat_id, { is_archived }, () =>
      call(is_archived ? 'POST /chats/:chat_id/archive' : 'DELETE /chats/:chat_id/archive', {
        params: { chat_id },
      }),
    )
    if (is_archived) useNotices().tell('notices.archived', {}, () => void setArchived(chat_id, false))
  }

  /** `hours` null: for ever; 0: no longer. */
  const setMuted = (chat_id: number, hours: number | null) => {
    if (hours === 0)
      return hope(chat_id, { is_muted: false }, () =>
        call('DELETE /chats/:chat_id/mute', { params: { chat_id } }),
      )
    const muted_until = hours === null ? null : new Date(Date.now() + hours * 3_600_000).toISOString()
    return hope(chat_id, { is_muted: true }, () =>
      call('POST /chats/:chat_id/mute', { params: { chat_id }, body: { muted_until } }),
    )
  }

  /** Moves the read mark forward; many calls in a row become one. */
  function markRead(chat_id: number, seq: number): void {
    const row = rows.get(chat_id)
    if (!row || seq <= Math.max(row.last_read_seq, reading.get(chat_id) ?? 0)) return
    const waits = reading.has(chat_id)
    reading.set(chat_id, seq)
    const left = seq >= row.last_seq ? 0 : Math.min(row.unread_count, row.last_seq - seq)
    change(chat_id, { last_read_seq: seq, unread_count: left })
    if (!waits) setTimeout(() => void sendRead(chat_id), 150)
  }

  async function sendRead(chat_id: number): Promise<void> {
    const seq = reading.get(chat_id)
    reading.delete(chat_id)
    if (seq === undefined) return
    // What fails is told again by the next mark or, after a reconnect, by the server's own.
    await call('POST /chats/:chat_id/read', { params: { chat_id }, body: { seq } }).catch(() => undefined)
  }

  function setDraft(chat_id: number, text: string): void {
    if (text === (drafts.get(chat_id) ?? '')) return
    if (text) drafts.set(chat_id, text)
    else drafts.delete(chat_id)
    void keepDraft(chat_id, text)
  }

  // ── People in a chat ──

  async function withDetails(chat_id: number, work: () => Promise<unknown>): Promise<void> {
    await work()
    await Promise.all([loadDetails(chat_id), refresh(chat_id)])
  }

  const update = (chat_id: number, body: { title?: string; description?: string; public_name?: string }) =>
    withDetails(chat_id, () => call('PATCH /chats/:chat_id', { params: { chat_id }, body }))
  const addMembers = (chat_id: number, user_ids: number[]) =>
    withDetails(chat_id, () =>
      call('POST /chats/:chat_id/members', { params: { chat_id }, body: { user_ids } }),
    )
  const removeMember = (chat_id: number, user_id: number) =>
    withDetails(chat_id, () =>
      call('DELETE /chats/:chat_id/members/:user_id', { params: { chat_id, user_id } }),
    )
  const promote = (chat_id: number, user_id: number) =>
    withDetails(chat_id, () =>
      call('POST /chats/:chat_id/members/:user_id/promote', { params: { chat_id, user_id } }),
    )
  const demote = (chat_id: number, user_id: number) =>
    withDetails(chat_id, () =>
      call('POST /chats/:chat_id/members/:user_id/demote', { params: { chat_id, user_id } }),
    )
  const handOver = (chat_id: number, user_id: number) =>
    withDetails(chat_id, () => call('POST /chats/:chat_id/owner', { params: { chat_id }, body: { user_id } }))

  // ── Events ──

  on('message', (event) => {
    const row = rows.get(event.chat_id)
    if (!row) return void refresh(event.chat_id)
    if (event.revision <= row.revision) return
    if (event.revision > row.revision + 1) return void refresh(event.chat_id)
    const own = event.sender_id === me()
    change(event.chat_id, {
      revision: event.revision,
      last_seq: event.seq,
      last_message: (event.content || event.attachment_filename)?.slice(0, PREVIEW_MAX) ?? null,
      last_message_id: event.id,
      last_message_type: event.message_type,
      last_system_event: event.system_event,
      last_message_sender_id: event.sender_id,
      last_message_sender_name: event.sender_display_name,
      last_at: event.created_at,
      updated_at: event.created_at,
      ...(own
        ? { last_read_seq: event.seq, last_read_msg_id: event.id, unread_count: 0 }
        : { unread_count: row.unread_count + 1, others_read_seq: Math.max(row.others_read_seq, event.seq) }),
    })
  })
  on('message_updated', ({ chat_id, message_id, content, revision }) => {
    const row = rows.get(chat_id)
    if (!row || revision <= row.revision) return
    if (revision > row.revision + 1) return void refresh(chat_id)
    const preview =
      row.last_message_id === message_id ? { last_message: content?.slice(0, PREVIEW_MAX) ?? null } : {}
    change(chat_id, { revision, ...preview })
  })
  // These change nothing of the row but how far its chat has moved.
  const moved = ({ chat_id, revision }: { chat_id: number; revision: number }) => {
    const row = rows.get(chat_id)
    if (!row || revision <= row.revision) return
    if (revision > row.revision + 1) return void refresh(chat_id)
    change(chat_id, { revision })
  }
  on('reaction', moved)
  on('message_pinned', moved)
  on('message_unpinned', moved)
  // A deletion may change the preview and the count of unread: the server knows both.
  on('message_deleted', ({ chat_id }) => void refresh(chat_id))
  on('message_hidden', ({ chat_id }) => void refresh(chat_id))
  on('read_receipt', ({ chat_id, user_id, last_read_seq }) => {
    const row = rows.get(chat_id)
    if (row && user_id !== me() && last_read_seq > row.others_read_seq)
      change(chat_id, { others_read_seq: last_read_seq })
  })
  on('chat_marks', ({ chat_id, marks }) => {
    const row = rows.get(chat_id)
    if (!row) return
    const changes: Partial<ChatMarks> = { ...marks }
    // One's own newer mark may be on its way.
    if (marks.last_read_seq !== undefined && marks.last_read_seq < row.last_read_seq) {
      delete changes.last_read_seq
      delete changes.last_read_msg_id
      delete changes.unread_count
    }
    change(chat_id, changes)
  })
  on('chat_created', ({ chat_id }) => void refresh(chat_id))
  on('chat_updated', ({ type: _event, chat_id, who_may_add, ...told }) => {
    change(chat_id, { ...told, name: told.title })
    const chat = details.get(chat_id)
    if (chat) details.set(chat_id, { ...chat, ...told, who_may_add, name: told.title })
  })
  on('chat_deleted', ({ chat_id }) => remove(chat_id))
  const membersChanged = (chat_id: number) => {
    void refresh(chat_id)
    if (details.has(chat_id)) void loadDetails(chat_id).catch(() => undefined)
  }
  on('chat_member_joined', ({ chat_id }) => membersChanged(chat_id))
  on('chat_members_changed', ({ chat_id, left }) =>
    left.includes(me() ?? 0) ? remove(chat_id) : membersChanged(chat_id),
  )
  on('chat_member_role', ({ chat_id }) => membersChanged(chat_id))
  on('chat_member_left', ({ chat_id, user_id }) =>
    user_id === me() ? remove(chat_id) : membersChanged(chat_id),
  )
  on('presence', (event) => {
    if (!('status' in event)) return
    for (const row of rows.values())
      if (row.other_user_id === event.user_id)
        rows.set(row.id, { ...row, other_is_online: event.status === 'online' })
  })
  on('user_profile_updated', ({ user_id, username, display_name, avatar_url }) => {
    for (const row of rows.values())
      if (row.other_user_id === user_id)
        change(row.id, {
          other_username: username,
          other_display_name: display_name,
          other_avatar_url: avatar_url,
        })
  })
  onReady(() => void sync())
  on('resync', () => void sync())

  return {
    rows,
    drafts,
    details,
    state,
    sorted,
    archived,
    unread_chats,
    restore,
    sync,
    refresh,
    loadDetails,
    membersOf,
    openDirect,
    create,
    setPhoto,
    sayTyping,
    byName,
    join,
    leave,
    destroy,
    setPinned,
    setFavorite,
    setArchived,
    setMuted,
    markRead,
    setDraft,
    update,
    addMembers,
    removeMember,
    promote,
    demote,
    handOver,
  }
})
