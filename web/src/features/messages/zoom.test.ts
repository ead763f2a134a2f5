import { expect, test } from 'vitest'
import { reach, useZoom } from './zoom.ts'

const made = () => useZoom(() => ({ width: 400, height: 300, room_width: 400, room_height: 600 }))

test('what is looked at stays under the finger', () => {
  const { view, scaleTo } = made()
  scaleTo(2, { x: 50, y: 0 })
  // A point of the picture at x is drawn at view.x + x * scale: this one was at 50 before.
  expect(view.x + 50 * view.scale).toBe(50)
})

test('a picture is never moved out of the room, and not at all while it fits', () => {
  const { view, scaleTo, moveTo } = made()
  moveTo(100, 100)
  expect([view.x, view.y]).toEqual([0, 0])
  scaleTo(3)
  moveTo(10_000, -10_000)
  expect([view.x, view.y]).toEqual([400, -150])
  expect(reach(300, 600, 2)).toBe(0)
})

test('scales stay between the whole picture and five times of it, and the whole is in the middle', () => {
  const { view, scaleTo, closer, farther, reset } = made()
  for (let times = 0; times < 20; times++) closer()
  expect(view.scale).toBe(5)
  scaleTo(3, { x: 100, y: 100 })
  for (let times = 0; times < 20; times++) farther()
  expect(view).toMatchObject({ scale: 1, x: 0, y: 0 })
  scaleTo(2)
  reset()
  expect(view.scale).toBe(1)
})
