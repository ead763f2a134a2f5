import type { ChatType, SystemEvent } from '@messenger/contract'
import type { Logger } from 'pino'
import { Refusal } from '../../http/refusal.ts'
import type { Bus } from '../../ports/bus/port.ts'
import { tell, tellNodes } from '../../ports/bus/tell.ts'
import type { Db } from '../../ports/db/port.ts'
import { namesOf, roomNow, type UpdatedChat } from './queries.ts'
import { isCrowd, namesItsMembers } from './rules.ts'

interface Deps {
  db: Db
  bus: Bus
  log: Logger
  /** Writes a system message. */
  announce: (chat_id: number, actor_id: number, event: SystemEvent) => Promise<unknown>
}

interface Changes {
  joined: Set<number>
  left: Set<number>
  timer: ReturnType<typeof setTimeout>
}

/** More people who come at once are told together. */
const SINGLY_MAX = 10
/** In a crowd, comings and goings of this long are told together. */
const GATHERED_MS = 1000
const NAMED_MAX = 200

/** Tells what became of a chat: events to devices, system messages to those who read it later. */
export class ChatNews {
  readonly #deps: Deps
  readonly #gathered = new Map<number, Changes>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Everybody's devices subscribe before they hear of the chat, so that nothing said in it is missed. */
  opened(
    chat: { id: number; type: ChatType; title: string | null; created_by: number },
    user_ids: readonly number[],
  ): void {
    const { bus } = this.#deps
    const { id: chat_id, type: chat_type, title, created_by } = chat
    tellNodes(bus, { type: 'joined', chat_id, user_ids })
    for (const user_id of user_ids)
      tell(bus, `user:${user_id}`, { type: 'chat_created', chat_id, created_by, chat_type, title })
  }

  async joined(chat_id: number, by: number, user_ids: readonly number[]): Promise<void> {
    const { db, bus } = this.#deps
    const room = user_ids.length === 0 ? null : await roomNow(db, chat_id)
    if (!room) return
    this.opened({ id: chat_id, ...room, created_by: by }, user_ids)
    const people = await namesOf(db, user_ids)
    if (isCrowd(room)) for (const user_id of user_ids) this.#gather(chat_id, user_id, 'joined')
    else if (people.length > SINGLY_MAX) this.#tellChanged(chat_id, user_ids, [], room.member_count)
    else
      for (const one of people) tell(bus, `chat:${chat_id}`, { type: 'chat_member_joined', chat_id, ...one })
    if (!namesItsMembers(room)) return
    const users = people.map(({ user_id: id, display_name: name }) => ({ id, name }))
    const alone = user_ids.length === 1 && user_ids[0] === by
    await this.say(chat_id, by, { event: alone ? 'member_joined' : 'members_added', users })
  }

  /** Whoever leaves hears of it too, and then nothing more. */
  async left(chat_id: number, by: number, user_id: number): Promise<void> {
    const { db, bus } = this.#deps
    const room = await roomNow(db, chat_id)
    const crowd = room !== null && isCrowd(room)
    tell(bus, crowd ? `user:${user_id}` : `chat:${chat_id}`, { type: 'chat_member_left', chat_id, user_id })
    tellNodes(bus, { type: 'left', chat_id, user_ids: [user_id] })
    if (crowd) this.#gather(chat_id, user_id, 'left')
    if (!room || !namesItsMembers(room)) return
    const event = by === user_id ? 'member_left' : 'member_removed'
    await this.#sayOf(chat_id, by, event, user_id)
  }

  async ownerChanged(chat_id: number, by: number, owner_id: number): Promise<void> {
    const { bus } = this.#deps
    tell(bus, `chat:${chat_id}`, { type: 'chat_member_role', chat_id, user_id: owner_id, role: 'owner' })
    tell(bus, `chat:${chat_id}`, { type: 'chat_member_role', chat_id, user_id: by, role: 'admin' })
    const room = await roomNow(this.#deps.db, chat_id)
    if (room?.type === 'group') await this.#sayOf(chat_id, by, 'owner_changed', owner_id)
  }

  async changed(chat: UpdatedChat, by: number, renamed: boolean): Promise<void> {
    this.#tellUpdated(chat)
    if (renamed && chat.title !== null)
      await this.say(chat.id, by, { event: 'title_changed', title: chat.title })
  }

  async pictured(chat: UpdatedChat, by: number): Promise<void> {
    this.#tellUpdated(chat)
    await this.say(chat.id, by, { event: 'avatar_changed' })
  }

  deleted(chat_id: number, deleted_by: number): void {
    const { bus } = this.#deps
    tell(bus, `chat:${chat_id}`, { type: 'chat_deleted', chat_id, deleted_by })
    tellNodes(bus, { type: 'chat_deleted', chat_id })
  }

  /** A system message. What it speaks of is done: it does not fail with it. */
  async say(chat_id: number, by: number, event: SystemEvent): Promise<void> {
    try {
      await this.#deps.announce(chat_id, by, event)
    } catch (error) {
      // The chat may be gone by now.
      if (!(error instanceof Refusal))
        this.#deps.log.warn({ err: error, chat_id, event: event.event }, 'a system message was not written')
    }
  }

  /** Tells at once what was still being gathered. */
  async close(): Promise<void> {
    await Promise.all([...this.#gathered.keys()].map((chat_id) => this.#tellGathered(chat_id)))
  }

  async #sayOf(chat_id: number, by: number, event: SystemEvent['event'], user_id: number): Promise<void> {
    const people = await namesOf(this.#deps.db, [user_id])
    await this.say(chat_id, by, {
      event,
      users: people.map(({ user_id: id, display_name: name }) => ({ id, name })),
    })
  }

  #tellUpdated({ id: chat_id, type: _, ...chat }: UpdatedChat): void {
    tell(this.#deps.bus, `chat:${chat_id}`, { type: 'chat_updated', chat_id, ...chat })
  }

  #gather(chat_id: number, user_id: number, came: 'joined' | 'left'): void {
    let changes = this.#gathered.get(chat_id)
    if (!changes) {
      const timer = setTimeout(() => void this.#tellGathered(chat_id), GATHERED_MS)
      changes = { joined: new Set(), left: new Set(), timer }
      this.#gathered.set(chat_id, changes)
    }
    changes.joined.delete(user_id)
    changes.left.delete(user_id)
    changes[came].add(user_id)
  }

  async #tellGathered(chat_id: number): Promise<void> {
    const { joined, left, timer } = this.#gathered.get(chat_id)!
    clearTimeout(timer)
    this.#gathered.delete(chat_id)
    try {
      const room = await roomNow(this.#deps.db, chat_id)
      if (room) this.#tellChanged(chat_id, [...joined], [...left], room.member_count)
    } catch (error) {
      this.#deps.log.warn({ err: error, chat_id }, 'nobody was told who came and went')
    }
  }

  #tellChanged(
    chat_id: number,
    joined: readonly number[],
    left: readonly number[],
    member_count: number,
  ): void {
    tell(this.#deps.bus, `chat:${chat_id}`, {
      type: 'chat_members_changed',
      chat_id,
      joined: joined.slice(0, NAMED_MAX),
      left: left.slice(0, NAMED_MAX),
      member_count,
    })
  }
}
