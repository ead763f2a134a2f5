import type { Entity, NewMessage } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import type { Db } from '../../ports/db/port.ts'
import { attachmentFor } from '../files/queries.ts'
import { mentionedIn, type Reader } from './queries.ts'
import type { Send } from './store.ts'
import { ALL, fileType, linksIn, namesCalled, refuseMismatch, secondsOf } from './rules.ts'
import type { Attachment, More } from './wire.ts'

/** What a message shows of a sticker, if there is such a one. */
type FindSticker = (sticker_id: number) => Promise<Attachment | null>

/** Makes what is stored of what a sender gives. A plain text asks the database nothing. */
export class Composer {
  readonly #db: Db
  readonly #sticker: FindSticker
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(db: Db, sticker: FindSticker) {
    this.#db = db
    this.#sticker = sticker
  }

  /**
   * At once for a plain text, unless one of the same sender before it still waits for the database: what somebody sends
   * one after the other stays so. Throws `Refusal`: nothing in it, a file or sticker that is not there for this sender,
   * fields that do not fit.
   */
  compose(sender: Reader, message: NewMessage): Send | Promise<Send> {
    refuseMismatch(message)
    const turn = `${sender.chat_id}:${sender.user_id}`
    const before = this.#turns.get(turn)
    if (!before && isPlain(message)) return sendOf(sender, message, { message_type: 'text', more: null })
    const made = (before ?? Promise.resolve()).then(() => this.#made(sender, message))
    const done = made
      .catch(() => undefined)
      .finally(() => {
        if (this.#turns.get(turn) === done) this.#turns.delete(turn)
      })
    this.#turns.set(turn, done)
    return made
  }

  async #made(sender: Reader, message: NewMessage): Promise<Send> {
    const { message_type, ...attached } = await this.#attached(sender.user_id, message)
    const entities = message.content?.trim() ? await this.entities(sender, message.content) : []
    const more = { ...attached, ...(entities.length === 0 ? {} : { entities }) }
    return sendOf(sender, message, { message_type, more: Object.keys(more).length === 0 ? null : more })
  }

  /** Mentions of members and links, in the order of the text. `@all` is an owner's or admin's. */
  async entities(sender: Reader, content: string): Promise<Entity[]> {
    const links = content.includes('://') ? linksIn(content) : []
    const called = content.includes('@') ? namesCalled(content, links) : []
    if (called.length === 0) return links
    const names = [...new Set(called.map(({ name }) => name))]
    const { people, may_call_all } = await mentionedIn(this.#db, sender, names)
    const mentions = called.flatMap(({ name, offset, length }): Entity[] => {
      const user_id = people.get(name)
      if (user_id !== undefined) return [{ type: 'mention', offset, length, user_id }]
      return name === ALL && may_call_all ? [{ type: 'mention_all', offset, length }] : []
    })
    return [...links, ...mentions].sort((one, other) => one.offset - other.offset)
  }

  async #attached(user_id: number, message: NewMessage): Promise<Pick<Send, 'message_type'> & More> {
    const { file_id, sticker_id } = message
    if (sticker_id) {
      const attachment = await this.#sticker(sticker_id)
      if (!attachment) throw new Refusal('not_found', { field: 'sticker_id' })
      return { message_type: 'sticker', sticker_id, attachment }
    }
    if (!file_id) return { message_type: 'text' }
    const found = (await attachmentFor(this.#db, user_id, [file_id])).get(file_id)
    if (!found) throw new Refusal('not_found', { field: 'file_id' })
    const { duration_seconds, ...attachment } = found
    const seconds = duration_seconds ?? secondsOf(message)
    const message_type = fileType(message.type, attachment.mime_type)
    return {
      message_type,
      file_id,
      attachment,
      ...(seconds === undefined ? {} : { duration_seconds: seconds }),
      ...(message_type === 'voice' && message.waveform ? { waveform: message.waveform } : {}),
      ...(message.album_id ? { album_id: message.album_id.toLowerCase() } : {}),
    }
  }
}

/** Nothing in it has to be looked up. */
const isPlain = ({ content, file_id, sticker_id }: NewMessage): boolean =>
  !file_id && !sticker_id && !content?.includes('@') && !content?.includes('://')

const sendOf = (sender: Reader, message: NewMessage, kind: Pick<Send, 'message_type' | 'more'>): Send => ({
  chat_id: sender.chat_id,
  sender_id: sender.user_id,
  client_id: message.client_id?.toLowerCase() ?? null,
  content: kind.message_type !== 'sticker' && message.content?.trim() ? message.content : null,
  reply_to_message_id: message.reply_to_message_id ?? null,
  ...kind,
})
