import type { Changes } from '@messenger/contract'
import { json, jsonBytes, jsonText, type JsonWriter } from '../../http/jsonWriter.ts'
import type { Db } from '../../ports/db/port.ts'
import { remember } from '../../remember.ts'
import { ownReactions } from '../reactions/queries.ts'
import * as queries from './queries.ts'
import { idBefore } from './rules.ts'
import type { Senders } from './senders.ts'
import {
  eventText,
  messageBody,
  namedIn,
  withoutGone,
  writeMessage,
  type Seen,
  type StoredMessage,
} from './wire.ts'

const PAGES_REMEMBERED = 2_000
const EMPTY = json('[]')

type Json = Uint8Array<ArrayBuffer>
type Shown = Seen & { message: StoredMessage }

/** How many messages, and from where; the newest where nothing is said. */
interface Asked {
  limit: number
  before?: string
  after_id?: number
  around?: number
}

/** A reader's own reactions, by message. */
type Own = ReadonlyMap<number, ReadonlySet<string>>
const NOTHING: Own = new Map()
const NONE: ReadonlySet<string> = new Set()

interface Page {
  revision: number
  epoch: number
  json: Json
  /** Messages with reactions, none of which is the reader's own in `json`. */
  reacted: readonly number[]
}

/**
 * Pages of history as JSON text. The newest page of a chat is a string that stays true until the chat's revision
 * moves; it is shared by all members who see the whole chat and have given none of its reactions.
 */
export class History {
  readonly #db: Db
  readonly #senders: Senders
  readonly #newest = new Map<string, Page>()

  constructor(db: Db, senders: Senders) {
    this.#db = db
    this.#senders = senders
  }

  /** A page as JSON, the oldest first. */
  async page(reader: queries.Reader, asked: Asked): Promise<Json> {
    const rows = await this.#foundFor(reader, asked)
    // Members find something nearly always: the others are refused by a statement of their own.
    if (rows && rows.length > 0) return this.#json(reader, rows)
    const access = await queries.accessOf(this.#db, reader.chat_id, reader.user_id)
    return rows ? EMPTY : this.#newestPage(reader, access, asked.limit)
  }

  /** Null where the newest page was asked for. */
  async #foundFor(
    reader: queries.Reader,
    { limit, before, after_id, around }: Asked,
  ): Promise<StoredMessage[] | null> {
    if (around !== undefined) return this.#around(reader, around, limit)
    if (after_id !== undefined) return queries.messagesAfter(this.#db, reader, after_id, limit)
    if (before === undefined) return null
    return (await queries.messagesBefore(this.#db, reader, idBefore(before), limit)).reverse()
  }

  async changes(reader: queries.Reader, after: number, limit: number): Promise<Json> {
    const access = await queries.accessOf(this.#db, reader.chat_id, reader.user_id)
    const rows =
      access.revision > after ? await queries.messagesChangedAfter(this.#db, reader, after, limit + 1) : []
    const has_more = rows.length > limit
    const shown = has_more ? rows.slice(0, limit) : rows
    const revision: Changes['revision'] = has_more
      ? shown.at(-1)!.revision
      : Math.max(access.revision, rows.at(-1)?.revision ?? 0)
    const seen = await this.#seenBy(reader, shown)
    return jsonBytes((out) =>
      out
        .partOf('{"changes":')
        .list(seen, (one) => writeAnswer(out, one))
        .partOf(`,"revision":${revision},"has_more":${has_more}}`),
    )
  }

  /** Messages of one chat as this reader sees them, each a whole Message of the contract as JSON. */
  async messages(reader: queries.Reader, rows: readonly StoredMessage[], known?: Own): Promise<string[]> {
    const seen = await this.#seenBy(reader, rows, known)
    return seen.map((one) => jsonText((out) => writeAnswer(out, one)))
  }

  /** One message as the events that everybody hears show it. */
  async message(row: StoredMessage): Promise<string> {
    const [seen] = await this.#seen(row.chat_id, [row])
    return jsonText((out) => writeAnswer(out, seen!))
  }

  /** These messages as JSON, the newest first, without those that the viewer may not see. */
  async byIds(found: readonly { chat_id: number; id: number }[], viewer: number): Promise<string> {
    const rows = found.length === 0 ? [] : await queries.messagesByIds(this.#db, found, viewer)
    const texts = new Map<StoredMessage, string>()
    const rendered = [...Map.groupBy(rows, (row) => row.chat_id)].map(async ([chat_id, ofChat]) => {
      const shown = await this.messages({ chat_id, user_id: viewer }, ofChat)
      for (const [n, row] of ofChat.entries()) texts.set(row, shown[n]!)
    })
    await Promise.all(rendered)
    return `[${rows.map((row) => texts.get(row)!).join(',')}]`
  }

  /** Messages of any chats, in the order given, for a viewer who was allowed to ask for them. */
  async shown(wanted: readonly { chat_id: number; id: number }[], viewer: number): Promise<string> {
    const found = await queries.messagesAt(this.#db, wanted)
    const texts = new Map<number, string>()
    for (const [chat_id, rows] of Map.groupBy(found, (row) => row.chat_id))
      for (const [n, text] of (await this.messages({ chat_id, user_id: viewer }, rows)).entries())
        texts.set(rows[n]!.id, text)
    return `[${wanted.flatMap(({ id }) => texts.get(id) ?? []).join(',')}]`
  }

  /** The newest change of each chat of these people since a moment, as the event that tells it. */
  async newestEvents(user_ids: readonly number[], since: Date): Promise<{ chat_id: number; text: string }[]> {
    const changed = await queries.newestChanges(this.#db, user_ids, since)
    return Promise.all(
      changed.map(async (message) => {
        const [seen] = await this.#seen(message.chat_id, [message])
        return {
          chat_id: message.chat_id,
          text: message.is_deleted ? deletedEvent(message) : eventText(messageBody(seen!.message, seen!)),
        }
      }),
    )
  }

  async #newestPage(reader: queries.Reader, access: queries.Access, limit: number) {
    const whole = access.cleared_seq === 0 && access.hidden_count === 0
    const key = `${reader.chat_id}:${limit}`
    const known = whole ? this.#newest.get(key) : undefined
    const { epoch } = this.#senders
    if (known && known.revision === access.revision && known.epoch === epoch) {
      const own = await this.#own(reader, known.reacted)
      if (own.size === 0) return known.json
    }
    const rows = await queries.messagesBefore(this.#db, reader, access.last_message_id + 1, limit)
    const reacted = reactedOf(rows)
    const own = await this.#own(reader, reacted)
    const page = await this.#json(reader, rows.reverse(), own)
    // Rows newer than the revision that was read first would make the page wrong for nobody, but it would be kept
    // under a revision that it is not of.
    const newest = rows.reduce((highest, row) => Math.max(highest, row.revision), 0)
    if (whole && own.size === 0 && newest <= access.revision) {
      const known = { revision: access.revision, epoch, json: page, reacted }
      remember(this.#newest, key, known, PAGES_REMEMBERED)
    }
    return page
  }

  async #around(reader: queries.Reader, id: number, limit: number): Promise<StoredMessage[]> {
    const older = Math.floor(limit / 2)
    const [before, after] = await Promise.all([
      queries.messagesBefore(this.#db, reader, id, older),
      queries.messagesAfter(this.#db, reader, id - 1, limit - older),
    ])
    return [...before.reverse(), ...after]
  }

  async #json(reader: queries.Reader, rows: readonly StoredMessage[], own?: Own): Promise<Json> {
    const seen = await this.#seenBy(reader, rows, own)
    return jsonBytes((out) => out.list(seen, (one) => writeAnswer(out, one)))
  }

  async #seenBy(reader: queries.Reader, rows: readonly StoredMessage[], known?: Own): Promise<Shown[]> {
    const own = known ?? (await this.#own(reader, reactedOf(rows)))
    return this.#seen(reader.chat_id, rows, (id) => own.get(id) ?? NONE)
  }

  /** Asks the database only where there are reactions. */
  async #own(reader: queries.Reader, reacted: readonly number[]): Promise<Own> {
    return reacted.length === 0 ? NOTHING : ownReactions(this.#db, reader, reacted)
  }

  /** Without `mine`, reactions are not anybody's own: so are events. */
  async #seen(
    chat_id: number,
    rows: readonly StoredMessage[],
    mine?: (message_id: number) => ReadonlySet<string>,
  ): Promise<Shown[]> {
    const reply_ids = rows.flatMap((row) => row.reply_to_message_id ?? [])
    const replies =
      reply_ids.length === 0 ? [] : await queries.repliedTo(this.#db, chat_id, [...new Set(reply_ids)])
    const byId = new Map(replies.map((reply) => [reply.id, reply]))
    const writers = [...rows, ...replies].map((one) => one.sender_id)
    const people = await this.#senders.of(new Set([...writers, ...rows.flatMap(namedIn)]))
    return rows.map((row) => {
      const reply = row.reply_to_message_id === null ? undefined : byId.get(row.reply_to_message_id)
      return {
        message: withoutGone(row, people),
        sender: people.get(row.sender_id)!,
        reply,
        replied: reply && people.get(reply.sender_id),
        mine: mine?.(row.id),
      }
    })
  }
}

function writeAnswer(out: JsonWriter, shown: Shown): void {
  out.partOf(`{"type":"${shown.message.message_type}",`)
  writeMessage(out, shown.message, shown)
}

const reactedOf = (rows: readonly StoredMessage[]): number[] =>
  rows.flatMap((row) => (row.more?.reactions ? row.id : []))

const deletedEvent = ({ chat_id, id, sender_id, revision, seq }: StoredMessage): string =>
  JSON.stringify({
    type: 'message_deleted',
    chat_id,
    message_id: id,
    deleted_by: sender_id,
    for_everyone: true,
    revision,
    seq,
  })
