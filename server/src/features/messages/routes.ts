import {
  deleteMessage,
  editMessage,
  EDITS_KEPT,
  listChanges,
  listEdits,
  listMessages,
  sendMessage,
} from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { Answer, limited, serve, type Route } from '../../http/serve.ts'
import { tell } from '../../ports/bus/tell.ts'
import type { Queries } from '../../ports/db/port.ts'
import { note } from '../audit/queries.ts'
import type { Composer } from './composer.ts'
import type { History } from './history.ts'
import {
  deleteForEveryone,
  editsOf,
  editText,
  hideMessage,
  messagesAt,
  messagesOf,
  refuseOthers,
  type Reader,
} from './queries.ts'
import { refuseDeletion } from './rules.ts'
import { answerText } from './wire.ts'
import type { MessageWriter } from './writer.ts'

/** A person may send this fast for long; a script that needs more runs with RATE_LIMITS=off. */
export const SENDING = { burst: 100, perSecond: 20 }

interface Deps {
  writer: MessageWriter
  history: History
  composer: Composer
}

/** A site admin reads what anybody said before; what is not their own to read is written down first. */
async function noteReading(
  db: Queries,
  { id, username, address }: { id: number; username: string; address: string },
  reader: Reader,
  message_id: number,
): Promise<void> {
  const [message] = await messagesAt(db, [{ chat_id: reader.chat_id, id: message_id }])
  if (!message || message.is_deleted) throw new Refusal('not_found')
  const own = message.sender_id === id && (await messagesOf(db, reader, [message_id])).length > 0
  if (own) return
  await note(
    db,
    { id, name: username, address },
    {
      action: 'messages_read',
      target: { type: 'chat', id: reader.chat_id, name: null },
      after: { edits_of: message_id },
    },
  )
}

export const messageRoutes = ({ writer, history, composer }: Deps): Route[] => [
  serve(sendMessage, async ({ me, params, body }, resources) => {
    await limited(resources, `send:${me.id}`, SENDING)
    const sender = { chat_id: params.chat_id, user_id: me.id }
    const written = await writer.write(await composer.compose(sender, body))
    return new Answer(written.repeated ? 200 : 201, answerText(written.message_type, written.body))
  }),

  serve(listMessages, async ({ me, params, query }) => {
    const reader = { chat_id: params.chat_id, user_id: me.id }
    return new Answer(200, await history.page(reader, { ...query, limit: query.limit ?? 50 }))
  }),

  serve(listChanges, async ({ me, params, query }) => {
    const reader = { chat_id: params.chat_id, user_id: me.id }
    return new Answer(200, await history.changes(reader, query.after ?? 0, query.limit ?? 100))
  }),

  serve(editMessage, async ({ me, params, body }, resources) => {
    await limited(resources, `edit:${me.id}`, SENDING)
    const { db, bus, config } = resources
    const reader = { chat_id: params.chat_id, user_id: me.id }
    const content = body.content.trim() === '' ? null : body.content
    const entities = content === null ? [] : await composer.entities(reader, content)
    const edited = await editText(db, reader, params.message_id, {
      content,
      entities,
      keep: config.edit_history ? EDITS_KEPT : 0,
    })
    if (!edited && content === null) throw new Refusal('empty_message', { field: 'content' })
    if (!edited) throw new Refusal('not_allowed')
    tell(bus, `chat:${params.chat_id}`, {
      type: 'message_updated',
      chat_id: params.chat_id,
      message_id: edited.id,
      content: edited.content,
      entities,
      is_edited: true,
      updated_at: new Date(edited.updated_ms!).toISOString(),
      revision: edited.revision,
    })
    const [json] = await history.messages(reader, [edited])
    return new Answer(200, json!)
  }),

  serve(listEdits, async ({ me, address, params: { chat_id, message_id } }, { db, config }) => {
    const reader = { chat_id, user_id: me.id }
    if (me.is_admin && config.admin_reads_messages)
      await noteReading(db, { ...me, address }, reader, message_id)
    else await refuseOthers(db, reader, message_id)
    const edits = await editsOf(db, chat_id, message_id)
    return edits.map(({ content, written_at }) => ({ content, written_at: written_at.toISOString() }))
  }),

  serve(deleteMessage, async ({ me, params, query, body }, { db, bus }) => {
    const { chat_id, message_id } = params
    const reader = { chat_id, user_id: me.id }
    if (!(body.for_everyone ?? query.for_everyone)) {
      if (!(await hideMessage(db, reader, message_id))) throw new Refusal('not_found')
      tell(bus, `user:${me.id}`, { type: 'message_hidden', chat_id, message_id })
      return null
    }
    const deleted = await deleteForEveryone(db, reader, message_id, ({ sender_id, role, chat_type }) =>
      refuseDeletion({ is_sender: sender_id === me.id, role, chat_type, message_id, now: Date.now() }),
    )
    if (!deleted) throw new Refusal('not_found')
    if (deleted.revision === null) return null
    const { revision } = deleted
    tell(bus, `chat:${chat_id}`, {
      type: 'message_deleted',
      chat_id,
      message_id,
      deleted_by: me.id,
      for_everyone: true,
      revision,
      seq: deleted.seq,
    })
    // For clients that keep the pinned apart; the others know this revision already.
    if (deleted.was_pinned)
      tell(bus, `chat:${chat_id}`, {
        type: 'message_unpinned',
        chat_id,
        message_id,
        unpinned_by: me.id,
        revision,
      })
    return null
  }),
]
