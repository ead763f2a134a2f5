import type { Settings } from '@messenger/contract'
import { defineStore } from 'pinia'
import { ref, watchEffect } from 'vue'
import { call } from '../../api.ts'
import { keepFact, keptFact } from '../../kept.ts'
import { on, onReady } from '../../wire.ts'
import { useNotices } from '../notices/store.ts'

const ENTER = 'messenger.enter-sends'
const THEME = 'messenger.theme'
const LANGUAGE = 'messenger.language'

const STANDARD: Settings = {
  theme: 'system',
  notifications_enabled: true,
  language: '',
  last_seen_visibility: 'everyone',
  read_receipts_enabled: true,
}

/** Settings of the person, and of this browser alone (`enter_sends`). */
export const useSettings = defineStore('settings', () => {
  const settings = ref<Settings>({
    ...STANDARD,
    theme: (localStorage.getItem(THEME) as Settings['theme'] | null) ?? 'system',
    language: localStorage.getItem(LANGUAGE) ?? '',
  })
  const enter_sends = ref(localStorage.getItem(ENTER) !== 'no')

  function accept(next: Settings): void {
    settings.value = next
    localStorage.setItem(THEME, next.theme)
    // The next sign-in on this browser is in it too.
    localStorage.setItem(LANGUAGE, next.language)
    void keepFact('settings', settings.value)
  }

  async function load(): Promise<void> {
    accept(await call('GET /settings'))
  }

  async function restore(): Promise<void> {
    const kept = await keptFact('settings')
    if (kept) settings.value = kept
  }

  /** Shows at once, and goes back when the server refuses. */
  async function change(changes: Partial<Settings>): Promise<void> {
    const before = settings.value
    accept({ ...before, ...changes })
    try {
      await call('PUT /settings', { body: changes })
    } catch {
      accept(before)
      useNotices().tell('notices.not_saved')
    }
  }

  function setEnterSends(on: boolean): void {
    enter_sends.value = on
    localStorage.setItem(ENTER, on ? 'yes' : 'no')
  }

  watchEffect(() => localStorage.setItem(THEME, settings.value.theme))
  onReady(() => void load().catch(() => undefined))
  on('settings_changed', () => void load().catch(() => undefined))

  return { settings, enter_sends, accept, restore, change, setEnterSends }
})
