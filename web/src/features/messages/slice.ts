import type { Message } from '@messenger/contract'
import { computed, ref, type ComputedRef } from 'vue'

/** How many messages are in the document at most, and how many come or go at once. */
export const SHOWN_MAX = 120
export const STEP = 40

/**
 * Which part of the window is in the document. Bounds are seqs, so they stay true when pages are added at either end;
 * null is the end itself.
 */
export function useSlice(messages: ComputedRef<readonly Message[]>) {
  const from = ref<number | null>(null)
  const until = ref<number | null>(null)

  const indexOf = (seq: number) => {
    const found = messages.value.findIndex((message) => message.seq >= seq)
    return found < 0 ? messages.value.length : found
  }
  const end = computed(() => (until.value === null ? messages.value.length : indexOf(until.value)))
  const start = computed(() => {
    const wanted = from.value === null ? end.value - STEP : indexOf(from.value)
    return Math.max(0, Math.min(wanted, end.value))
  })
  const shown = computed(() => messages.value.slice(start.value, end.value))
  const atStart = computed(() => start.value === 0)
  const atEnd = computed(() => until.value === null || end.value >= messages.value.length)

  function set(first: number, last: number): void {
    const all = messages.value
    from.value = all[Math.max(0, first)]?.seq ?? null
    until.value = last >= all.length ? null : all[last]!.seq
  }

  /** Shows some more before the first; lets go of the last when there are too many. */
  function older(): void {
    const first = Math.max(0, start.value - STEP)
    set(first, Math.min(end.value, first + SHOWN_MAX))
  }

  function newer(): void {
    const last = Math.min(messages.value.length, end.value + STEP)
    set(Math.max(start.value, last - SHOWN_MAX), last)
  }

  /** Shows what is around a message. */
  function around(seq: number): void {
    const place = indexOf(seq)
    set(place - STEP, place + STEP)
  }

  function newest(): void {
    from.value = messages.value[Math.max(0, messages.value.length - STEP)]?.seq ?? null
    until.value = null
  }

  /** While the end is followed, what is far above is let go of. */
  function settle(): void {
    if (until.value === null && end.value - start.value > SHOWN_MAX) set(end.value - STEP, end.value)
  }

  return { shown, atStart, atEnd, older, newer, around, newest, settle }
}
