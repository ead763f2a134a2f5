import type { Me, Session } from '@messenger/contract'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { call, currentTokens, keepTokens, storePhoto, watchTokens } from '../../api.ts'
import { forgetKept, keepFact, keptFact, openKept } from '../../kept.ts'
import { on, onReady, setActive, start, stop } from '../../wire.ts'

/** Who is signed in, in this browser. */
export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  const user_id = ref<number | null>(currentTokens()?.user_id ?? null)
  const sessions = ref<Session[]>([])
  const signedIn = computed(() => user_id.value !== null)

  async function signIn(username: string, password: string): Promise<void> {
    const tokens = await call('POST /auth/login', { body: { username, password } })
    keepTokens(tokens)
  }

  /** A new account keeps the language in which it was made. */
  async function register(
    body: { username: string; email: string; password: string; display_name: string; invite_token?: string },
    language: string,
  ): Promise<void> {
    await call('POST /auth/register', { body })
    await signIn(body.username, body.password)
    await call('PUT /settings', { body: { language } }).catch(() => undefined)
  }

  async function signOut(): Promise<void> {
    await call('POST /auth/logout').catch(() => undefined)
    keepTokens(null)
  }

  /** What is kept first, what the server says as soon as it does. */
  async function begin(): Promise<void> {
    const id = currentTokens()?.user_id
    if (id === undefined) return
    openKept(id)
    me.value = await keptFact('me')
    start()
    if (!me.value) await refreshMe().catch(() => undefined)
  }

  async function refreshMe(): Promise<void> {
    me.value = await call('GET /me')
    void keepFact('me', me.value)
  }

  async function updateProfile(changes: {
    username?: string
    display_name?: string
    bio?: string
  }): Promise<void> {
    const before = me.value!
    const changed = await call('PUT /users/:user_id', { params: { user_id: before.id }, body: changes })
    me.value = { ...before, ...changed }
    void keepFact('me', me.value)
  }

  async function setPhoto(picture: Blob): Promise<void> {
    const file_id = await storePhoto(picture)
    const { avatar_url } = await call('PUT /users/me/avatar', { body: { file_id } })
    showPhoto(avatar_url)
  }

  async function removePhoto(): Promise<void> {
    await call('DELETE /users/me/avatar')
    showPhoto(null)
  }

  function showPhoto(avatar_url: string | null): void {
    me.value = { ...me.value!, avatar_url }
    void keepFact('me', me.value)
  }

  async function loadSessions(): Promise<void> {
    sessions.value = await call('GET /auth/sessions')
  }

  async function endSession(session_id: number): Promise<void> {
    await call('DELETE /auth/sessions/:session_id', { params: { session_id } })
    sessions.value = sessions.value.filter(({ id }) => id !== session_id)
  }

  const changePassword = (current: string, next: string) =>
    call('POST /auth/password', { body: { current, new: next } })

  /** Makes whoever is signed in the first admin; throws when the link is not good or no longer needed. */
  async function claimAdmin(token: string): Promise<void> {
    await call('POST /admin-api/claim', { body: { token } })
    await refreshMe()
  }

  watchTokens((tokens) => {
    const before = user_id.value
    user_id.value = tokens?.user_id ?? null
    if (before === user_id.value) return
    if (before !== null) {
      stop()
      void forgetKept(before)
    }
    // Another person, or nobody: everything in memory was somebody else's.
    if (before !== null) location.assign(tokens ? '/app' : '/login')
  })
  onReady(() => void refreshMe().catch(() => undefined))
  on('user_profile_updated', ({ user_id: changed, username, display_name, bio, avatar_url }) => {
    if (me.value?.id === changed) me.value = { ...me.value, username, display_name, bio, avatar_url }
  })

  return {
    me,
    user_id,
    sessions,
    signedIn,
    signIn,
    register,
    signOut,
    begin,
    setActive,
    updateProfile,
    setPhoto,
    removePhoto,
    loadSessions,
    endSession,
    changePassword,
    claimAdmin,
  }
})
