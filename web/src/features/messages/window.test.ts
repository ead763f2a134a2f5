import type { Message } from '@messenger/contract'
import { describe, expect, test } from 'vitest'
import { message, seeded } from '../../testing/made.ts'
import { addNewer, addOlder, emptyWindow, found, patch, put, trim, verdictOn, type Window } from './window.ts'

const whole = (...messages: Message[]): Window => ({
  messages,
  revision: messages.length,
  has_older: false,
  has_newer: false,
})
const seqs = (window: Window) => window.messages.map(({ seq }) => seq)

describe('a message', () => {
  test('is put at its place, whenever it comes', () => {
    const window = whole()
    for (const seq of [2, 5, 1, 4, 3]) put(window, message(seq))
    expect(seqs(window)).toEqual([1, 2, 3, 4, 5])
  })

  test('takes the place of its older self, and not of its newer one', () => {
    const window = whole(message(1), message(2))
    put(window, message(1, { content: 'new', revision: 3 }))
    put(window, message(1, { content: 'old', revision: 1 }))
    expect(window.messages.map(({ content }) => content)).toEqual(['new', 'message 2'])
  })

  test('outside the stretch is not kept: there would be a hole', () => {
    const window: Window = { ...whole(message(5), message(6)), has_older: true, has_newer: true }
    put(window, message(2))
    put(window, message(9))
    expect(seqs(window)).toEqual([5, 6])
  })

  test('that was edited or deleted changes what quotes it', () => {
    const window = whole(message(1), message(2, { reply_to_message_id: 10, reply_to_content: 'message 1' }))
    patch(window, 10, { content: 'better' })
    expect(window.messages[1]!.reply_to_content).toBe('better')
    put(window, message(1, { content: null, is_deleted: true, revision: 4 }))
    expect(window.messages[1]!.reply_to_content).toBeNull()
  })

  test('that is not held is not patched', () => {
    const window = whole(message(1))
    patch(window, 99, { content: 'nobody' })
    expect(window).toEqual(whole(message(1)))
    expect(found(window, 99)).toBeUndefined()
  })
})

describe('pages', () => {
  test('are added at either end without a repeat, and the last one ends it', () => {
    const window: Window = { ...whole(message(5), message(6)), has_older: true, has_newer: true }
    addOlder(window, [message(3), message(4), message(5)], 3)
    expect([seqs(window), window.has_older]).toEqual([[3, 4, 5, 6], true])
    addOlder(window, [message(1), message(2)], 3)
    expect([seqs(window), window.has_older]).toEqual([[1, 2, 3, 4, 5, 6], false])
    addNewer(window, [message(6), message(7)], 3)
    expect([seqs(window), window.has_newer]).toEqual([[1, 2, 3, 4, 5, 6, 7], false])
  })

  test('far away are let go of, and that is remembered', () => {
    const window = whole(...[1, 2, 3, 4, 5].map((seq) => message(seq)))
    trim(window, 'newer', 3)
    expect([seqs(window), window.has_older]).toEqual([[3, 4, 5], true])
    trim(window, 'older', 2)
    expect([seqs(window), window.has_newer]).toEqual([[3, 4], true])
  })
})

test('of an event the next is kept, a known one ignored, a gap caught up', () => {
  const window = { ...emptyWindow(), revision: 7 }
  expect([7, 8, 9].map((revision) => verdictOn(window, revision))).toEqual(['ignore', 'keep', 'catch_up'])
})

test('events that are lost, doubled and shuffled come to what a fresh look shows', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed)
    const pick = (count: number) => Math.floor(random() * count)
    const server = new Map<number, Message>()
    const log: Message[] = []
    const window = whole()
    const catchUp = () => {
      const changed = [...server.values()].filter(({ revision }) => revision > window.revision)
      for (const one of changed.sort((a, b) => a.revision - b.revision)) put(window, one)
      window.revision = log.length
    }
    for (let step = 0; step < 60; step++) {
      const seq = random() < 0.6 || server.size === 0 ? server.size + 1 : 1 + pick(server.size)
      const before = server.get(seq)
      const revision = log.length + 1
      const deleted = before !== undefined && random() < 0.3
      const change = before
        ? deleted
          ? { ...before, content: null, is_deleted: true, revision }
          : { ...before, content: `edited ${revision}`, is_edited: true, revision }
        : message(seq, { revision })
      server.set(seq, change)
      log.push(change)
      // What arrives is the change, an older one again, or nothing.
      const heard = random() < 0.7 ? change : random() < 0.5 ? log[pick(log.length)]! : null
      if (!heard) continue
      const verdict = verdictOn(window, heard.revision)
      if (verdict === 'keep') {
        put(window, heard)
        window.revision = heard.revision
      } else if (verdict === 'catch_up') catchUp()
    }
    catchUp()
    expect(window.messages, `seed ${seed}`).toEqual([...server.values()].sort((a, b) => a.seq - b.seq))
  }
})
