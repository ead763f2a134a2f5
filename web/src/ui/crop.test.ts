import { describe, expect, test } from 'vitest'
import { placed, sideOf, turnedLeft, within, wholeOf, ZOOM_MAX, type Cut } from './crop.ts'

const wide = { width: 400, height: 200 }

describe('a square of a picture', () => {
  test('begins as the largest in its middle', () => {
    expect(wholeOf(wide)).toEqual({ x: 200, y: 100, zoom: 1, turns: 0 })
    expect(sideOf(wide, 1)).toBe(200)
    expect(placed(wide, wholeOf(wide), 100)).toBe('translate(0px, 0px) rotate(0deg) scale(0.5)')
  })

  test('never leaves the picture, however far it is moved or enlarged', () => {
    for (const [cut, x, y, zoom] of [
      [{ x: -50, y: 500, zoom: 1 }, 100, 100, 1],
      [{ x: 999, y: -9, zoom: 2 }, 350, 50, 2],
      [{ x: 200, y: 100, zoom: 0.1 }, 200, 100, 1],
      [{ x: 0, y: 0, zoom: 99 }, 20, 20, ZOOM_MAX],
    ] as const)
      expect(within(wide, { ...cut, turns: 0 })).toEqual({ x, y, zoom, turns: 0 })
  })

  test('turned, it shows what it showed; four quarters are none', () => {
    const cut: Cut = { x: 320, y: 60, zoom: 2, turns: 0 }
    const once = turnedLeft(wide, cut)
    expect(once).toEqual({ x: 60, y: 80, zoom: 2, turns: 1 })
    expect(placed(wide, once, 100)).toBe('translate(40px, 120px) rotate(-90deg) scale(1)')
    let back = cut
    for (let quarter = 0; quarter < 4; quarter++) back = turnedLeft(wide, back)
    expect(back).toEqual(cut)
  })
})
