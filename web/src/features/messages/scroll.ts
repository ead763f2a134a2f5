import { nextTick, onBeforeUnmount, onBeforeUpdate, onMounted, onUpdated, ref, type Ref } from 'vue'

/** Within this many pixels of the end the reader follows what is said. */
const FOLLOWS = 64
/** More is shown when less than this many screens are left. */
const AHEAD = 1.5

interface Held {
  element: Element
  top: number
}

/**
 * Keeps the reader's place. At the end it stays at the end; elsewhere the message under the eye stays where it is,
 * whatever is added, removed or grows above it.
 */
export function useScroll(
  box: Ref<HTMLElement | null>,
  ends: { needsOlder: () => void; needsNewer: () => void; moved: () => void },
) {
  const following = ref(true)
  const scrolling = ref(false)
  let held: Held | null = null
  let rest: ReturnType<typeof setTimeout> | undefined
  let observer: ResizeObserver | null = null

  const distanceToEnd = (element: HTMLElement) =>
    element.scrollHeight - element.scrollTop - element.clientHeight

  /** The first message that is at least partly in sight. */
  function hold(): void {
    held = null
    const element = box.value
    if (!element || following.value) return
    const edge = element.getBoundingClientRect().top
    for (const message of element.querySelectorAll('.message[data-seq]')) {
      const { top, bottom } = message.getBoundingClientRect()
      if (bottom <= edge) continue
      held = { element: message, top }
      return
    }
  }

  function keepPlace(): void {
    const element = box.value
    if (!element) return
    if (following.value) element.scrollTop = element.scrollHeight
    else if (held?.element.isConnected)
      element.scrollTop += held.element.getBoundingClientRect().top - held.top
    held = null
    look()
  }

  function look(): void {
    const element = box.value
    if (!element) return
    if (element.scrollTop < element.clientHeight * AHEAD) ends.needsOlder()
    if (distanceToEnd(element) < element.clientHeight * AHEAD) ends.needsNewer()
    ends.moved()
  }

  function onScroll(): void {
    const element = box.value!
    following.value = distanceToEnd(element) < FOLLOWS
    scrolling.value = true
    clearTimeout(rest)
    rest = setTimeout(() => (scrolling.value = false), 1200)
    look()
  }

  async function toEnd(smooth = false): Promise<void> {
    following.value = true
    await nextTick()
    const element = box.value
    element?.scrollTo({ top: element.scrollHeight, behavior: smooth ? 'smooth' : 'auto' })
  }

  /** Puts an element a share of the way down the box. */
  function place(target: Element, share: number): void {
    const element = box.value!
    const { top, height } = target.getBoundingClientRect()
    const wanted = element.getBoundingClientRect().top + (element.clientHeight - height) * share
    element.scrollTop += top - wanted
    following.value = distanceToEnd(element) < FOLLOWS
    look()
  }

  onBeforeUpdate(hold)
  onUpdated(keepPlace)
  onMounted(() => {
    observer = new ResizeObserver(() => {
      if (following.value && box.value) box.value.scrollTop = box.value.scrollHeight
      look()
    })
    observer.observe(box.value!)
    box.value!.addEventListener('scroll', onScroll, { passive: true })
  })
  onBeforeUnmount(() => {
    observer?.disconnect()
    clearTimeout(rest)
  })

  return { following, scrolling, toEnd, place, look }
}
