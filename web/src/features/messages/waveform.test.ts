import { WAVEFORM_VALUES } from '@messenger/contract/limits'
import { expect, test } from 'vitest'
import { seeded } from '../../testing/made.ts'
import { loudness, waveformOf } from './waveform.ts'

test('a recording of any length is 64 whole values from 0 to 100, its loudest moment 100', () => {
  const random = seeded(1)
  for (const length of [1, 10, 63, 64, 65, 1000, 20_000]) {
    const values = waveformOf(Array.from({ length }, () => random() / 10 + 0.01))
    expect(values).toHaveLength(WAVEFORM_VALUES)
    expect(Math.max(...values)).toBe(100)
    expect(values.every((value) => Number.isInteger(value) && value >= 0 && value <= 100)).toBe(true)
  }
})

test('silence stays flat, and no recording is silence', () => {
  expect(new Set(waveformOf(Array<number>(500).fill(0.001)))).toEqual(new Set([0]))
  expect(new Set(waveformOf([]))).toEqual(new Set([0]))
})

test('a short cry in a long recording is not lost', () => {
  const levels = Array<number>(6400).fill(0.01)
  levels[3217] = 0.8
  expect(waveformOf(levels)[32]).toBe(100)
})

test('loudness is the root mean square', () => {
  expect(loudness(new Float32Array([1, -1, 1, -1]))).toBe(1)
  expect(loudness(new Float32Array([0.5, -0.5]))).toBeCloseTo(0.5)
  expect(loudness(new Float32Array())).toBe(0)
})
