import type { Platform } from './port.ts'

const setBadge: Platform['setBadge'] = (unread, product) => {
  document.title = unread > 0 ? `(${unread}) ${product}` : product
}

/** Somebody who left the window for this long is away. */
const AWAY_AFTER_MS = 60_000

const watchAttention: Platform['watchAttention'] = (listener) => {
  let away: ReturnType<typeof setTimeout> | undefined
  const look = () => {
    clearTimeout(away)
    if (document.visibilityState === 'visible') listener(true)
    else away = setTimeout(() => listener(false), AWAY_AFTER_MS)
  }
  document.addEventListener('visibilitychange', look)
}

const copy: Platform['copy'] = (text) => navigator.clipboard.writeText(text)

const save: Platform['save'] = (address, filename) => {
  const link = document.createElement('a')
  link.href = address
  link.download = filename
  link.rel = 'noopener'
  link.click()
}

export const browser: Platform = { setBadge, watchAttention, copy, save }
