import type { PublicUser, UserWithPresence } from '@messenger/contract'
import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { call } from '../../api.ts'
import { on } from '../../wire.ts'

const TYPING_MS = 6000

/** Somebody to choose, by name and photo. */
export type Person = Pick<PublicUser, 'id' | 'username' | 'display_name' | 'avatar_url'>

interface Typist {
  user_id: number
  username: string
}

/** People and what they show of themselves: presence and typing. */
export const usePeople = defineStore('people', () => {
  const known = reactive(new Map<number, UserWithPresence>())
  const online = reactive(new Map<number, boolean>())
  const typing = reactive(new Map<number, Typist[]>())
  const timers = new Map<string, ReturnType<typeof setTimeout>>()

  async function load(user_id: number): Promise<UserWithPresence> {
    const user = await call('GET /users/:user_id', { params: { user_id } })
    known.set(user_id, user)
    if (typeof user.is_online === 'boolean') online.set(user_id, user.is_online)
    return user
  }

  const named = (username: string) => call('GET /users/by-username/:username', { params: { username } })
  const search = (q: string): Promise<PublicUser[]> => call('GET /users/search', { query: { q } })

  function stopTyping(chat_id: number, user_id: number): void {
    const left = (typing.get(chat_id) ?? []).filter((one) => one.user_id !== user_id)
    if (left.length === 0) typing.delete(chat_id)
    else typing.set(chat_id, left)
  }

  on('typing', ({ chat_id, user_id, username }) => {
    const others = (typing.get(chat_id) ?? []).filter((one) => one.user_id !== user_id)
    typing.set(chat_id, [...others, { user_id, username }])
    const key = `${chat_id}:${user_id}`
    clearTimeout(timers.get(key))
    timers.set(
      key,
      setTimeout(() => stopTyping(chat_id, user_id), TYPING_MS),
    )
  })
  on('message', ({ chat_id, sender_id }) => stopTyping(chat_id, sender_id))
  on('presence', (event) => {
    const is_online = 'status' in event ? event.status === 'online' : event.last_seen_bucket === 'online'
    if ('status' in event) online.set(event.user_id, is_online)
    const user = known.get(event.user_id)
    if (!user) return
    if ('status' in event)
      known.set(event.user_id, { ...user, is_online, last_activity: new Date().toISOString() })
    else known.set(event.user_id, { ...user, last_seen_approx: 'just now' })
  })
  on('user_profile_updated', ({ user_id, username, display_name, bio, avatar_url }) => {
    const user = known.get(user_id)
    if (user) known.set(user_id, { ...user, username, display_name, bio, avatar_url })
  })

  return { known, online, typing, load, named, search }
})
