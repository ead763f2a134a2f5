import { forwardMessages } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { Answer, limited, serve, type Route } from '../../http/serve.ts'
import type { Reader } from '../messages/queries.ts'
import type { Send } from '../messages/store.ts'
import { isSlowed, sourceOf, type Source } from './queries.ts'
import { keptEntities, originOf, refuseForward } from './rules.ts'

/** Each may be a hundred messages: in the long run no faster than sending them. */
const FORWARDING = { burst: 30, perSecond: 1 / 5 }

interface Deps {
  /** Stores all of them or none; the answers as JSON. */
  send: (sends: readonly Send[]) => Promise<string[]>
}

/** Albums stay together, as albums of their own. */
function sendsOf(
  to: Reader,
  { messages, is_public, names }: Source,
  client_ids: readonly string[] | null,
): Send[] {
  const albums = new Map<string, string>()
  const albumOf = (album_id: string): string => {
    const own = albums.get(album_id) ?? crypto.randomUUID()
    albums.set(album_id, own)
    return own
  }
  return messages.map((message, index) => {
    const { file_id, sticker_id, attachment, duration_seconds, waveform, album_id } = message.more ?? {}
    const entities = keptEntities(message.more?.entities)
    return {
      chat_id: to.chat_id,
      sender_id: to.user_id,
      // One of our own where none was given: a write that is safe to repeat is tried again for the sender.
      client_id: client_ids?.[index]?.toLowerCase() ?? crypto.randomUUID(),
      content: message.content,
      reply_to_message_id: null,
      message_type: message.message_type,
      more: {
        ...(file_id === undefined ? {} : { file_id }),
        ...(sticker_id === undefined ? {} : { sticker_id }),
        ...(attachment === undefined ? {} : { attachment }),
        ...(duration_seconds === undefined ? {} : { duration_seconds }),
        ...(waveform === undefined ? {} : { waveform }),
        ...(album_id === undefined ? {} : { album_id: albumOf(album_id) }),
        ...(entities.length === 0 ? {} : { entities }),
        ...originOf(message, { is_public, name: names.get(message.sender_id) }),
      },
    }
  })
}

export const forwardRoutes = ({ send }: Deps): Route[] => [
  serve(forwardMessages, async ({ me, params: { chat_id }, body }, resources) => {
    await limited(resources, `forward:${me.id}`, FORWARDING)
    const { from_chat_id, message_ids, client_ids = null } = body
    const [from, to] = [from_chat_id, chat_id].map((id) => ({ chat_id: id, user_id: me.id })) as [
      Reader,
      Reader,
    ]
    const source = await sourceOf(resources.db, from, message_ids)
    refuseForward(source.messages, client_ids)
    if (message_ids.length > 1 && (await isSlowed(resources.db, to)))
      throw new Refusal('slow_mode', {
        field: 'message_ids',
        error: 'In slow mode, forward one message at a time.',
      })
    const sent = await send(sendsOf(to, source, client_ids))
    return new Answer(200, `[${sent.join(',')}]`)
  }),
]
