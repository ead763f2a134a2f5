import { ref, watchEffect, type Ref } from 'vue'
import { linkTo, watchTokens } from './api.ts'

/** A link lives for an hour, and the server repeats the same one for a quarter of it. */
const GOOD_FOR_MS = 30 * 60_000
const KEPT_MAX = 400

const known = new Map<string, { link: Promise<string>; until: number }>()
watchTokens((tokens) => {
  if (!tokens) known.clear()
})

/** The link of a file's address (`/files/1/download`), remembered while it is good. */
export function linkOf(path: string, now = Date.now()): Promise<string> {
  const kept = known.get(path)
  if (kept && kept.until > now) return kept.link
  const link = linkTo(path)
  known.delete(path)
  known.set(path, { link, until: now + GOOD_FOR_MS })
  // What failed is asked for again the next time.
  link.catch(() => known.delete(path))
  if (known.size > KEPT_MAX) known.delete(known.keys().next().value!)
  return link
}

/** The squares that the server draws: small for rows and bars, large where somebody is the subject. */
const SQUARES = { small: 96, large: 256 }

/** `avatar_url` with the square that is wanted. */
export const squareOf = (avatar_url: string, square: keyof typeof SQUARES = 'small'): string =>
  `${avatar_url}&size=${SQUARES[square]}`

/** Somebody's picture, for `<img>`: anybody may see it, so it needs no link. */
export const openPicture = (
  avatar_url: string | null | undefined,
  square?: keyof typeof SQUARES,
): string | null => (avatar_url ? `/api${squareOf(avatar_url, square)}` : null)

/** The link of what is shown, as soon as it is wanted; null until it is known. */
export function useLink(path: () => string | null) {
  const link = ref<string | null>(null)
  const failed = ref(false)
  watchEffect(async () => {
    const asked = path()
    if (asked === null) return
    failed.value = false
    try {
      const found = await linkOf(asked)
      if (path() === asked) link.value = found
    } catch {
      failed.value = true
    }
  })
  return { link, failed }
}

/** Becomes true when an element comes near what is in sight, and stays so. */
export function useNear(element: Readonly<Ref<Element | null>>): Ref<boolean> {
  const near = ref(false)
  watchEffect((stopped) => {
    if (!element.value || near.value) return
    const watcher = new IntersectionObserver(
      (entries) => {
        if (!entries.some((one) => one.isIntersecting)) return
        near.value = true
        watcher.disconnect()
      },
      { rootMargin: '600px' },
    )
    watcher.observe(element.value)
    stopped(() => watcher.disconnect())
  })
  return near
}
