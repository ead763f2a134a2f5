import { afterEach, expect, test } from 'bun:test'
import { until } from '../../testing/until.ts'
import { Pacing } from './pacing.ts'

let pacing: Pacing
afterEach(() => pacing.close())

/** A hot topic with so many listeners; what has left it so far. */
function hot(listeners: number): { left: string[]; say: (from: number, to: number) => void } {
  const left: string[] = []
  pacing = new Pacing({ publish: (_, text) => void left.push(text), listeners: () => listeners })
  const say = (from: number, to: number) => {
    for (let n = from; n < to; n++) pacing.publish('chat:1', String(n))
  }
  return { left, say }
}

const numbers = (to: number) => Array.from({ length: to }, (_, n) => String(n))
const turns = async (count: number) => {
  for (let n = 0; n < count; n++) await new Promise((turn) => setImmediate(turn))
}

test('to a few everything leaves at once', () => {
  const { left, say } = hot(10)
  say(0, 3)
  expect(left).toEqual(numbers(3))
})

test('a full topic leaves with the turn that filled it, and takes along what else that brought', async () => {
  const { left, say } = hot(100)
  say(0, 18)
  expect(left).toEqual([])
  await turns(2)
  expect(left).toEqual(numbers(18))
})

test('where the loop has time now and then, a full topic waits for it', async () => {
  const { left, say } = hot(100)
  pacing.idle()
  say(0, 16)
  pacing.idle()
  expect(left).toEqual(numbers(16))
  say(16, 32)
  await until('it leaves although the loop has no time', () => left.length === 32)
  expect(left).toEqual(numbers(32))
})

test('to very many it does not wait: writing to them takes longer than the loop ever waits', async () => {
  const { left, say } = hot(1000)
  pacing.idle()
  say(0, 16)
  await turns(2)
  expect(left).toEqual(numbers(16))
})

test('whose listeners change hears what was held back first', () => {
  const { left, say } = hot(100)
  pacing.idle()
  say(0, 20)
  pacing.flush('chat:1')
  expect(left).toEqual(numbers(20))
  pacing.idle()
  expect(left).toEqual(numbers(20))
})
