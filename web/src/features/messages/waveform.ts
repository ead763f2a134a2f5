import { WAVEFORM_PEAK, WAVEFORM_VALUES } from '@messenger/contract/limits'

/** Below this everything is silence: it is not blown up to loudness. */
const SILENCE = 0.005

/** How loud a stretch of samples (−1 to 1) is: its root mean square. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length)
}

/** Makes the 64 values from 0 to 100 that go with a voice message; its loudest moment is 100. */
export function waveformOf(levels: readonly number[]): number[] {
  const peak = Math.max(...levels, 0)
  return Array.from({ length: WAVEFORM_VALUES }, (_, place) => {
    if (peak < SILENCE) return 0
    const from = Math.floor((place * levels.length) / WAVEFORM_VALUES)
    const until = Math.max(from + 1, Math.floor(((place + 1) * levels.length) / WAVEFORM_VALUES))
    return Math.round((Math.max(...levels.slice(from, until)) / peak) * WAVEFORM_PEAK)
  })
}
