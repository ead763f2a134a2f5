import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { openRedisLink, type RedisClient } from '../redis/link.ts'
import { batchOf, framesOf } from './frames.ts'
import type { Audience, Bus } from './port.ts'

const CHANNEL = 'messenger:events'
/** What one node keeps for a Redis that reads too slowly; beyond it events are lost to the others, who are told. */
const MOST_UNSENT = 16 * 1024 * 1024
/** A commit is older than its event, and the clocks of nodes and database differ a little. */
const MARGIN_MS = 1000

/**
 * One channel for everything: with a channel per chat each socket that opens would cost Redis a subscription,
 * and a node drops what nobody on it listens to by one look into a table. What a turn of the loop published
 * leaves as one message. A payload is `node kind\n` and what the kind brings: `events` and their frames, or
 * `lost` and for how many milliseconds this node's events may not have left it.
 */
export async function openRedisBus(url: string, log: Logger): Promise<Bus> {
  const node = randomUUID()
  let listener: (audience: Audience, text: string) => void = () => {}
  let recovered: (since: Date) => void = () => {}
  let turn: { audience: Audience; text: string }[] = []
  let unsent = 0
  let droppedAt: number | null = null

  function hear(payload: string) {
    const end = payload.indexOf('\n')
    const [from, kind] = payload.slice(0, end).split(' ')
    if (from === node) return
    if (kind === 'lost') recovered(new Date(Date.now() - Number(payload.slice(end + 1)) - MARGIN_MS))
    else if (kind === 'events')
      for (const { audience, text } of framesOf(payload, end + 1)) listener(audience, text)
  }

  const link = await openRedisLink(url, log, {
    name: 'bus',
    up: async (client, lostSince) => {
      await client.subscribe(CHANNEL, hear)
      if (!lostSince) return
      await tellLost(client, Math.min(droppedAt ?? Infinity, lostSince.getTime()))
      recovered(new Date(lostSince.getTime() - MARGIN_MS))
    },
  })

  async function tellLost(client: RedisClient, since: number) {
    droppedAt = null
    await client.publish(CHANNEL, `${node} lost\n${Date.now() - since}`)
  }

  function flush() {
    const payload = `${node} events\n${batchOf(turn)}`
    turn = []
    const client = link.client()
    if (!client) return
    if (unsent > 0 && unsent + payload.length > MOST_UNSENT) {
      droppedAt ??= Date.now()
      return
    }
    unsent += payload.length
    const settled = () => {
      unsent -= payload.length
      if (unsent === 0 && droppedAt !== null) tellLost(client, droppedAt).catch(() => {})
    }
    // A lost connection needs no answer here: the link notices, reconnects and tells the others.
    client.publish(CHANNEL, payload).then(settled, settled)
  }

  return {
    publish: (audience, text) => {
      listener(audience, text)
      if (turn.push({ audience, text }) === 1) setImmediate(flush)
    },
    listen: (next) => {
      listener = next
    },
    onRecovered: (next) => {
      recovered = next
    },
    check: () => link.check(),
    close: async () => {
      listener = () => {}
      recovered = () => {}
      await link.close()
    },
  }
}
