import type { PresenceEvent } from '@messenger/contract'
import type { Logger } from 'pino'
import type { Bus } from '../../ports/bus/port.ts'
import { tell } from '../../ports/bus/tell.ts'
import type { Db } from '../../ports/db/port.ts'
import type { Presence } from '../../ports/presence/port.ts'
import { contactsOf } from '../chats/queries.ts'
import { noteActivity, type Shown } from './queries.ts'

/** Offline is announced this long after the last active socket went, at most 5 s by contract; a reconnect in between is silent. */
const GONE_AFTER_MS = 4000

/**
 * Who is here on this node. A person is online at the first active socket and offline a few seconds after the last
 * one closed or went away; what nodes agree on is the presence port's.
 */
export class Here {
  readonly #deps: { db: Db; bus: Bus; presence: Presence; log: Logger }
  readonly #active = new Map<number, number>()
  readonly #leaving = new Map<number, ReturnType<typeof setTimeout>>()
  /** One person's announcements happen one after the other, so that online and offline never overtake each other. */
  readonly #turns = new Map<number, Promise<void>>()

  constructor(deps: { db: Db; bus: Bus; presence: Presence; log: Logger }) {
    this.#deps = deps
  }

  arrive(user_id: number): void {
    const sockets = this.#active.get(user_id) ?? 0
    this.#active.set(user_id, sockets + 1)
    if (sockets > 0) return
    const leaving = this.#leaving.get(user_id)
    if (leaving) {
      clearTimeout(leaving)
      this.#leaving.delete(user_id)
      return
    }
    this.#inTurn(user_id, async () => {
      if (await this.#deps.presence.enter(user_id)) await this.#announce(user_id, true)
    })
  }

  depart(user_id: number): void {
    const sockets = (this.#active.get(user_id) ?? 1) - 1
    if (sockets > 0) {
      this.#active.set(user_id, sockets)
      return
    }
    this.#active.delete(user_id)
    this.#leaving.set(
      user_id,
      setTimeout(() => this.#gone(user_id), GONE_AFTER_MS),
    )
  }

  /** Everybody leaves at once, without waiting: the node is going down. */
  async close(): Promise<void> {
    for (const timer of this.#leaving.values()) clearTimeout(timer)
    const everybody = new Set([...this.#active.keys(), ...this.#leaving.keys()])
    this.#active.clear()
    this.#leaving.clear()
    await Promise.all([...this.#turns.values()])
    await Promise.all([...everybody].map((user_id) => this.#deps.presence.leave(user_id)))
  }

  #gone(user_id: number): void {
    this.#leaving.delete(user_id)
    this.#inTurn(user_id, async () => {
      if (await this.#deps.presence.leave(user_id)) await this.#announce(user_id, false)
    })
  }

  #inTurn(user_id: number, work: () => Promise<void>): void {
    const turn = (this.#turns.get(user_id) ?? Promise.resolve())
      .then(work)
      .catch((error: unknown) => this.#deps.log.warn({ err: error, user_id }, 'presence was not announced'))
      .finally(() => {
        if (this.#turns.get(user_id) === turn) this.#turns.delete(user_id)
      })
    this.#turns.set(user_id, turn)
  }

  async #announce(user_id: number, online: boolean): Promise<void> {
    const { db, bus, presence } = this.#deps
    const shown = await noteActivity(db, user_id)
    const event = shown && presenceEvent(user_id, shown, online)
    if (!event) return
    const contacts = await contactsOf(db, user_id)
    for (const contact of await presence.online(contacts))
      if (contact !== user_id) tell(bus, `user:${contact}`, event)
  }
}

/** What others hear; null for those who show nobody. */
export function presenceEvent(user_id: number, shown: Shown, online: boolean): PresenceEvent | null {
  const { username } = shown
  if (shown.last_seen_visibility === 'nobody') return null
  if (shown.last_seen_visibility === 'approx_only')
    return {
      type: 'presence',
      user_id,
      username,
      privacy: 'approx_only',
      last_seen_bucket: online ? 'online' : 'recently',
    }
  return { type: 'presence', user_id, username, status: online ? 'online' : 'offline' }
}
