import {
  getPinnedMessage,
  listPinnedMessages,
  pinMessage,
  unpinMessage,
  type SystemEvent,
} from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { Answer, limited, serve, type Route } from '../../http/serve.ts'
import { tell } from '../../ports/bus/tell.ts'
import type { Reader } from '../messages/queries.ts'
import { pinFor, pinsOf, unpinFor, type PinnedMessage, type StoredPin } from './queries.ts'
import { refusePin } from './rules.ts'

const PINNING = { burst: 20, perSecond: 1 }

interface Deps {
  /** Messages as this reader sees them, as JSON. */
  shown: (reader: Reader, rows: readonly PinnedMessage[]) => Promise<string[]>
  /** One message as everybody hears of it, as JSON. */
  heard: (row: PinnedMessage) => Promise<string>
  announce: (chat_id: number, user_id: number, event: SystemEvent) => Promise<unknown>
}

const pinText = (message: string, { pinned_at, pinned_by }: StoredPin): string =>
  `{"message":${message},"pinned_at":"${pinned_at.toISOString()}","pinned_by":${pinned_by}}`

export const pinRoutes = ({ shown, heard, announce }: Deps): Route[] => [
  serve(pinMessage, async ({ me, params: { chat_id, message_id } }, resources) => {
    await limited(resources, `pin:${me.id}`, PINNING)
    const { db, bus } = resources
    const reader = { chat_id, user_id: me.id }
    const { pin, is_new, type } = await pinFor(db, reader, message_id, refusePin)
    if (is_new)
      bus.publish(
        `chat:${chat_id}`,
        `{"type":"message_pinned","chat_id":${chat_id},"message_id":${message_id},"revision":${pin.revision},` +
          pinText(await heard(pin), pin).slice(1),
      )
    if (is_new && type === 'group') await announce(chat_id, me.id, { event: 'message_pinned', message_id })
    const [json] = await shown(reader, [pin])
    return new Answer(200, `{"pinned_message_id":${message_id},${pinText(json!, pin).slice(1)}`)
  }),

  serve(unpinMessage, async ({ me, params: { chat_id, message_id } }, resources) => {
    await limited(resources, `pin:${me.id}`, PINNING)
    const { db, bus } = resources
    const revision = await unpinFor(db, { chat_id, user_id: me.id }, message_id, refusePin)
    if (revision === null) throw new Refusal('not_found')
    tell(bus, `chat:${chat_id}`, {
      type: 'message_unpinned',
      chat_id,
      message_id,
      unpinned_by: me.id,
      revision,
    })
    return null
  }),

  serve(getPinnedMessage, async ({ me, params: { chat_id } }, { db }) => {
    const reader = { chat_id, user_id: me.id }
    const [pin] = await pinsOf(db, reader, { limit: 1 })
    if (!pin) return null
    const [json] = await shown(reader, [pin])
    return new Answer(200, pinText(json!, pin))
  }),

  serve(listPinnedMessages, async ({ me, params: { chat_id }, query }, { db }) => {
    const reader = { chat_id, user_id: me.id }
    const limit = query.limit ?? 50
    const pins = await pinsOf(db, reader, { limit, before: query.cursor })
    const messages = await shown(reader, pins)
    const json = `[${pins.map((pin, index) => pinText(messages[index]!, pin)).join(',')}]`
    const last = pins.length === limit ? pins.at(-1) : undefined
    return new Answer(200, json, last ? { 'x-next-cursor': String(last.pinned_revision) } : {})
  }),
]
