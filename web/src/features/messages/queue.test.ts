import { expect, test } from 'vitest'
import type { Pending } from '../../kept.ts'
import { nextToSend } from './queue.ts'

const parcel = { kind: 'file' } as Pending['parcel']
const text = (client_id: string, changes: Partial<Pending> = {}) =>
  ({ client_id, parcel: null, file_id: null, album_id: null, state: 'waiting', ...changes }) as Pending
const file = (client_id: string, changes: Partial<Pending> = {}) => text(client_id, { parcel, ...changes })
const next = (...outbox: Pending[]) => nextToSend(outbox)?.client_id

test('texts leave in the order of writing', () => {
  expect(next()).toBeUndefined()
  expect(next(text('one'), text('two'))).toBe('one')
  expect(next(text('one', { state: 'failed' }), text('two'))).toBe('two')
})

test('a text does not wait for an upload', () => {
  expect(next(file('film'), text('hello'))).toBe('hello')
  expect(next(file('film', { file_id: 1 }), text('hello'))).toBe('film')
})

test('files that were chosen together keep their order, whichever is uploaded first', () => {
  const batch_id = 'b'
  expect(next(file('one', { batch_id }), file('two', { batch_id, file_id: 2 }))).toBeUndefined()
  expect(next(file('one', { batch_id }), file('two', { batch_id, file_id: 2 }), text('hello'))).toBe('hello')
  expect(next(file('one', { batch_id, state: 'failed' }), file('two', { batch_id, file_id: 2 }))).toBe('two')
})

test('an album leaves when all of it is there, and nothing comes between', () => {
  const together = { batch_id: 'b', album_id: 'a' }
  const one = file('one', { ...together, file_id: 1 })
  const two = file('two', together)
  const after = file('after', { batch_id: 'b', file_id: 3 })
  expect(next(one, two, after, text('hello'))).toBe('hello')
  const uploaded = { ...two, file_id: 2 }
  expect(next(one, uploaded, after, text('hello'))).toBe('one')
  expect(next(uploaded, after, text('hello'))).toBe('two')
  expect(next(one, { ...two, state: 'failed' }, after)).toBe('one')
})
