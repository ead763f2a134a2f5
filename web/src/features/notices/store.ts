import { defineStore } from 'pinia'
import { ref } from 'vue'
import { NetworkError } from '../../errors.ts'

/** A toast: its words are a key of the locales. `undo` puts back what was done. */
export interface Notice {
  id: number
  key: string
  values: Record<string, string | number>
  undo: (() => void) | null
}

const SHOWN_MS = 6000

export const useNotices = defineStore('notices', () => {
  const notices = ref<Notice[]>([])
  let last = 0

  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id)
  }

  function tell(key: string, values: Notice['values'] = {}, undo: Notice['undo'] = null): void {
    const notice = { id: ++last, key, values, undo }
    notices.value = [...notices.value.slice(-2), notice]
    setTimeout(() => dismiss(notice.id), SHOWN_MS)
  }

  /** Something was to be kept and was not: because nobody could be reached, or else. */
  const tellNotSaved = (error: unknown): void =>
    tell(error instanceof NetworkError ? 'notices.needs_connection' : 'notices.not_saved')

  function takeBack(notice: Notice): void {
    dismiss(notice.id)
    notice.undo?.()
  }

  return { notices, tell, tellNotSaved, dismiss, takeBack }
})
