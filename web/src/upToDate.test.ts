import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ApiError, NetworkError } from './errors.ts'
import { upToDate } from './upToDate.ts'
import { connection } from './wire.ts'

const refusal = (status: number) => new ApiError(status, {}, new Headers())

beforeEach(() => {
  vi.useFakeTimers()
  connection.state = 'online'
})
afterEach(() => vi.useRealTimers())

/** Work that is answered by hand, run after run. */
function answered() {
  const runs: { key: number; answer: (error?: Error) => Promise<void> }[] = []
  const bring = upToDate(
    (key: number) =>
      new Promise<void>((resolve, reject) => {
        const answer = async (error?: Error) => {
          if (error) reject(error)
          else resolve()
          await vi.advanceTimersByTimeAsync(0)
        }
        runs.push({ key, answer })
      }),
  )
  return { runs, bring, keys: () => runs.map(({ key }) => key) }
}

test('who asks while a run is under way gets one more, and both wait for it', async () => {
  const { runs, bring, keys } = answered()
  let done = 0
  const asked = [bring(1), bring(1), bring(1)].map((one) => one.then(() => done++))
  expect(keys()).toEqual([1])
  await runs[0]!.answer()
  expect(keys()).toEqual([1, 1])
  expect(done).toBe(0)
  await runs[1]!.answer()
  await Promise.all(asked)
  expect(keys()).toEqual([1, 1])
  void bring(1)
  expect(keys()).toEqual([1, 1, 1])
})

test('different keys do not wait for each other', async () => {
  const { runs, bring, keys } = answered()
  void bring(1)
  const other = bring(2)
  expect(keys()).toEqual([1, 2])
  await runs[1]!.answer()
  await other
})

test.each([new NetworkError('gone'), refusal(503), refusal(500), refusal(429)])(
  'is asked again after a pause when it may pass: %s',
  async (error) => {
    const { runs, bring, keys } = answered()
    const first = bring(1)
    await runs[0]!.answer(error)
    await first
    await vi.advanceTimersByTimeAsync(999)
    expect(keys()).toEqual([1])
    await vi.advanceTimersByTimeAsync(1)
    expect(keys()).toEqual([1, 1])
    await runs[1]!.answer(error)
    await vi.advanceTimersByTimeAsync(1999)
    expect(keys()).toEqual([1, 1])
    await vi.advanceTimersByTimeAsync(1)
    await runs[2]!.answer()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(keys()).toEqual([1, 1, 1])
  },
)

test('a clear no is not asked again', async () => {
  const { runs, bring, keys } = answered()
  const first = bring(1)
  await runs[0]!.answer(refusal(403))
  await first
  await vi.advanceTimersByTimeAsync(60_000)
  expect(keys()).toEqual([1])
})

test('without a socket nothing is asked: the next one asks by itself', async () => {
  const { runs, bring, keys } = answered()
  void bring(1)
  await runs[0]!.answer(new NetworkError('gone'))
  connection.state = 'waiting'
  await vi.advanceTimersByTimeAsync(60_000)
  expect(keys()).toEqual([1])
})

test('asked before the pause is over it runs at once, and not again after it', async () => {
  const { runs, bring, keys } = answered()
  void bring(1)
  await runs[0]!.answer(refusal(503))
  void bring(1)
  expect(keys()).toEqual([1, 1])
  await runs[1]!.answer()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(keys()).toEqual([1, 1])
})

test('a fault of ours is not hidden', async () => {
  const { runs, bring } = answered()
  const first = bring(1).catch((error: unknown) => error)
  await runs[0]!.answer(new TypeError('ours'))
  expect(await first).toBeInstanceOf(TypeError)
})
