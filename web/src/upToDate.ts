import { ApiError, mayPass } from './errors.ts'
import { connection } from './wire.ts'

const PAUSES_MS = [1000, 2000, 5000, 10_000, 30_000]

interface Run {
  done: Promise<void>
  askedAgain: boolean
}

/**
 * Work that fetches what was missed, one run per key at a time. Whoever asks while one is under way may know of something
 * newer than it will see, so it is run once more. When the server does not answer or says "not now", it is asked again
 * after a pause for as long as the socket is open; the next socket asks by itself (`onReady`). What is asked for
 * resolves in any case: a clear no is for the work to deal with.
 */
export function upToDate<K>(work: (key: K) => Promise<void>): (key: K) => Promise<void> {
  const runs = new Map<K, Run>()
  const failures = new Map<K, number>()
  const timers = new Map<K, ReturnType<typeof setTimeout>>()

  async function follow(key: K, run: Run): Promise<void> {
    clearTimeout(timers.get(key))
    timers.delete(key)
    try {
      do {
        run.askedAgain = false
        await work(key)
      } while (run.askedAgain)
      failures.delete(key)
    } catch (error) {
      if (mayPass(error)) return later(key)
      failures.delete(key)
      if (!(error instanceof ApiError)) throw error
    } finally {
      runs.delete(key)
    }
  }

  function later(key: K): void {
    const failed = failures.get(key) ?? 0
    failures.set(key, failed + 1)
    const pause = PAUSES_MS[Math.min(failed, PAUSES_MS.length - 1)]!
    timers.set(
      key,
      setTimeout(() => {
        timers.delete(key)
        if (connection.state === 'online') void bring(key)
        else failures.delete(key)
      }, pause),
    )
  }

  function bring(key: K): Promise<void> {
    const under_way = runs.get(key)
    if (under_way) {
      under_way.askedAgain = true
      return under_way.done
    }
    const run: Run = { done: Promise.resolve(), askedAgain: false }
    runs.set(key, run)
    run.done = follow(key, run)
    return run.done
  }

  return bring
}
