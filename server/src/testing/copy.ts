import {
  getChatRow,
  listChats,
  listMessages,
  type ChatRow,
  type Message,
  type Reaction,
  type ServerEvent,
} from '@messenger/contract'
import { ApiRefusal, type Person } from './world.ts'

const PREVIEW_MAX = 160

/** What a row shows of a message. */
function previewOf(
  message: Pick<Message, 'content' | 'message_type' | 'attachment_filename' | 'sticker_label'>,
) {
  const { content, message_type, attachment_filename, sticker_label } = message
  const named = { file: attachment_filename, sticker: sticker_label }[message_type as string]
  return (content ?? named)?.slice(0, PREVIEW_MAX) ?? null
}

/**
 * What a client holds of the chats it knows, moved by events alone, as the contract lets a client do. For every event:
 * state before + events = state fetched afresh.
 */
export class Copy {
  readonly rows = new Map<number, ChatRow>()
  readonly histories = new Map<number, Map<number, Message>>()
  readonly #who: Person
  #applied = 0

  constructor(who: Person) {
    this.#who = who
  }

  async fetch(): Promise<this> {
    this.rows.clear()
    this.histories.clear()
    for (const row of await this.#who.call(listChats)) await this.#learn(row)
    for (const row of await this.#who.call(listChats, { query: { archived: true } })) await this.#learn(row)
    return this
  }

  /** Everything as it can be compared: presence is not history. */
  get state(): object {
    const rows = [...this.rows.values()].map(({ other_is_online: _, ...row }) => row)
    return {
      rows: rows.toSorted((a, b) => a.id - b.id),
      histories: [...this.histories]
        .map(([chat_id, history]) => ({
          chat_id,
          messages: [...history.values()].toSorted((a, b) => a.seq - b.seq),
        }))
        .toSorted((a, b) => a.chat_id - b.chat_id),
    }
  }

  /** Applies what was heard since the last call. */
  async hear(heard: readonly ServerEvent[]): Promise<void> {
    while (this.#applied < heard.length) await this.#apply(heard[this.#applied++]!)
  }

  async #learn(row: ChatRow): Promise<void> {
    this.rows.set(row.id, row)
    const page = await this.#who.call(listMessages, { params: { chat_id: row.id }, query: { limit: 100 } })
    this.histories.set(row.id, new Map(page.map((message) => [message.id, message])))
  }

  async #refetch(chat_id: number): Promise<void> {
    try {
      await this.#learn(await this.#who.call(getChatRow, { params: { chat_id } }))
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 404) throw error
      this.#forget(chat_id)
    }
  }

  #forget(chat_id: number): void {
    this.rows.delete(chat_id)
    this.histories.delete(chat_id)
  }

  #change(chat_id: number, changes: Partial<ChatRow>): void {
    const row = this.rows.get(chat_id)
    if (row) this.rows.set(chat_id, { ...row, ...changes })
  }

  #patch(chat_id: number, message_id: number, changes: Partial<Message>): void {
    const history = this.histories.get(chat_id)
    const message = history?.get(message_id)
    if (!history || !message) return
    history.set(message_id, { ...message, ...changes })
    for (const [id, reply] of history)
      if (reply.reply_to_message_id === message_id && 'content' in changes)
        history.set(id, { ...reply, reply_to_content: changes.content!.slice(0, 256) })
  }

  #counted(reactions: readonly Reaction[], event: Extract<ServerEvent, { type: 'reaction' }>): Reaction[] {
    const { emoji, count, user_id, action } = event
    const known = reactions.find((one) => one.emoji === emoji)
    const me = user_id === this.#who.id ? action === 'added' : (known?.me ?? false)
    if (!known) return [...reactions, { emoji, count, me }]
    return reactions.flatMap((one) => (one.emoji !== emoji ? one : count > 0 ? { emoji, count, me } : []))
  }

  async #apply(event: ServerEvent): Promise<void> {
    switch (event.type) {
      case 'message': {
        const row = this.rows.get(event.chat_id)
        if (!row) return this.#refetch(event.chat_id)
        if (event.revision <= row.revision) return
        const { type: _, ...fields } = event
        this.histories.get(row.id)!.set(event.id, { ...fields, type: fields.message_type })
        const own = event.sender_id === this.#who.id
        const system = event.message_type === 'system'
        return this.#change(row.id, {
          revision: event.revision,
          last_seq: event.seq,
          last_message: previewOf(event),
          last_message_id: event.id,
          last_message_type: event.message_type,
          last_system_event: event.system_event,
          last_message_sender_id: event.sender_id,
          last_message_sender_name: event.sender_display_name,
          last_at: event.created_at,
          updated_at: event.created_at,
          // What the chat says of itself is read by nobody, and waits for nobody.
          ...(system
            ? {}
            : own
              ? {
                  last_read_seq: event.seq,
                  last_read_msg_id: event.id,
                  unread_count: 0,
                  is_marked_unread: false,
                }
              : { unread_count: row.unread_count + 1, others_read_seq: event.seq }),
        })
      }
      case 'message_pinned':
      case 'message_unpinned': {
        const { chat_id, message_id, revision } = event
        this.#patch(chat_id, message_id, { is_pinned: event.type === 'message_pinned', revision })
        return this.#change(chat_id, { revision })
      }
      case 'reaction': {
        const { chat_id, message_id, revision } = event
        const reactions = this.histories.get(chat_id)?.get(message_id)?.reactions ?? []
        this.#patch(chat_id, message_id, { revision, reactions: this.#counted(reactions, event) })
        return this.#change(chat_id, { revision })
      }
      case 'message_updated': {
        const { chat_id, message_id, content, entities, is_edited, updated_at, revision } = event
        this.#patch(chat_id, message_id, { content, entities, is_edited, updated_at, revision })
        const edited = this.histories.get(chat_id)?.get(message_id)
        const preview = this.rows.get(chat_id)?.last_message_id === message_id
        return this.#change(chat_id, {
          revision,
          ...(preview && edited ? { last_message: previewOf(edited) } : {}),
        })
      }
      case 'read_receipt': {
        const row = this.rows.get(event.chat_id)
        if (row && event.user_id !== this.#who.id)
          this.#change(row.id, { others_read_seq: Math.max(row.others_read_seq, event.last_read_seq) })
        return
      }
      case 'chat_marks':
        return this.#change(event.chat_id, event.marks)
      case 'chat_updated': {
        const { type: _, chat_id, who_may_add: __, ...changes } = event
        return this.#change(chat_id, { ...changes, name: changes.title })
      }
      case 'user_profile_updated': {
        const { user_id, username, display_name, avatar_url } = event
        for (const row of this.rows.values()) {
          if (row.other_user_id === user_id)
            this.#change(row.id, {
              other_username: username,
              other_display_name: display_name,
              other_avatar_url: avatar_url,
            })
          if (row.last_message_sender_id === user_id)
            this.#change(row.id, { last_message_sender_name: display_name })
        }
        for (const history of this.histories.values())
          for (const [id, message] of history) {
            if (message.sender_id === user_id)
              history.set(id, { ...message, sender_username: username, sender_display_name: display_name })
            const original =
              message.reply_to_message_id === null ? null : history.get(message.reply_to_message_id)
            if (original?.sender_id === user_id)
              history.set(id, {
                ...history.get(id)!,
                reply_to_sender_username: username,
                reply_to_sender_name: display_name,
              })
          }
        return
      }
      case 'chat_deleted':
        return this.#forget(event.chat_id)
      case 'chat_member_left':
        return event.user_id === this.#who.id ? this.#forget(event.chat_id) : this.#refetch(event.chat_id)
      case 'chat_created':
      case 'chat_member_joined':
      case 'chat_members_changed':
      case 'chat_member_role':
      case 'message_deleted':
      case 'message_hidden':
        return this.#refetch(event.chat_id)
      case 'auth_ok':
      case 'subscribed':
      case 'pong':
      case 'ack':
      case 'error':
      case 'resync':
      case 'typing':
      case 'presence':
      case 'settings_changed':
      case 'stickers_changed':
    }
  }
}
