import { remember } from '../../remember.ts'
import type { Limits, Rate } from './port.ts'

const MOST_BUCKETS = 100_000
const SWEEP_EVERY_MS = 30_000

interface Bucket {
  tokens: number
  at: number
  fullAt: number
}

/**
 * Buckets in this process. A bucket that has filled up again is the same as none, so those are swept; beyond
 * `mostBuckets` the one longest unused makes room, so an attacker with many keys cannot fill the memory.
 */
export function openEmbeddedLimits(mostBuckets = MOST_BUCKETS): Limits {
  // Insertion order is the order of last use: a used bucket is taken out and put back at the end.
  const buckets = new Map<string, Bucket>()

  const sweep = setInterval(() => {
    const now = performance.now()
    for (const [key, bucket] of buckets) if (bucket.fullAt <= now) buckets.delete(key)
  }, SWEEP_EVERY_MS)
  sweep.unref()

  return {
    take: (key, rate) => {
      const now = performance.now()
      const known = buckets.get(key)
      const tokens = known ? refilled(known, rate, now) : rate.burst
      const passes = tokens >= 1
      const left = passes ? tokens - 1 : tokens
      const fullAt = now + ((rate.burst - left) / rate.perSecond) * 1000
      remember(buckets, key, { tokens: left, at: now, fullAt }, mostBuckets)
      return Promise.resolve(passes ? 0 : (1 - left) / rate.perSecond)
    },
    forget: (key) => {
      buckets.delete(key)
      return Promise.resolve()
    },
    check: () => Promise.resolve(),
    close: () => {
      clearInterval(sweep)
      buckets.clear()
      return Promise.resolve()
    },
  }
}

const refilled = (bucket: Bucket, rate: Rate, now: number) =>
  Math.min(rate.burst, bucket.tokens + ((now - bucket.at) / 1000) * rate.perSecond)
