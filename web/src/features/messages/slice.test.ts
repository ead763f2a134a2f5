import { computed, ref } from 'vue'
import { expect, test } from 'vitest'
import { message } from '../../testing/made.ts'
import { SHOWN_MAX, STEP, useSlice } from './slice.ts'

function slice(count: number) {
  const messages = ref(Array.from({ length: count }, (_, place) => message(place + 1)))
  const made = useSlice(computed(() => messages.value))
  const bounds = () => [made.shown.value[0]?.seq, made.shown.value.at(-1)?.seq]
  return { messages, bounds, ...made }
}

test('the newest are shown first, and new ones join them', () => {
  const { messages, bounds, atEnd, atStart } = slice(300)
  expect(bounds()).toEqual([300 - STEP + 1, 300])
  messages.value.push(message(301))
  expect(bounds()[1]).toBe(301)
  expect([atEnd.value, atStart.value]).toEqual([true, false])
})

test('however far one goes, the document holds no more than its share', () => {
  const { shown, older, newer, atStart, atEnd, bounds } = slice(1000)
  while (!atStart.value) {
    older()
    expect(shown.value.length).toBeLessThanOrEqual(SHOWN_MAX)
  }
  expect(bounds()[0]).toBe(1)
  while (!atEnd.value) {
    newer()
    expect(shown.value.length).toBeLessThanOrEqual(SHOWN_MAX)
  }
  expect(bounds()[1]).toBe(1000)
})

test('what is shown stays when a page is added before it', () => {
  const { messages, around, bounds } = slice(300)
  around(150)
  const before = bounds()
  messages.value.unshift(message(0))
  expect(bounds()).toEqual(before)
})

test('following the end lets go of what is far above', () => {
  const { messages, newest, settle, shown } = slice(100)
  newest()
  for (let seq = 101; seq <= 300; seq++) messages.value.push(message(seq))
  settle()
  expect(shown.value.length).toBeLessThanOrEqual(SHOWN_MAX)
  expect(shown.value.at(-1)!.seq).toBe(300)
})

test('nothing is nothing', () => {
  expect(slice(0).bounds()).toEqual([undefined, undefined])
})
