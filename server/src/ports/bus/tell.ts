import type { ServerEvent } from '@messenger/contract'
import type { Audience, Bus } from './port.ts'

/** What nodes tell each other, so that sessions and subscriptions change on every node at once. */
export type NodeEvent =
  | { type: 'session_ended'; user_id: number; session_id: number }
  /** Blocked, deleted, or a new password: every session but `except`. */
  | { type: 'sessions_ended'; user_id: number; except: number | null }
  /** Name, rights or presence settings changed: what nodes remember of this person is stale. */
  | { type: 'user_changed'; user_id: number }
  | { type: 'joined'; chat_id: number; user_ids: readonly number[] }
  | { type: 'left'; chat_id: number; user_ids: readonly number[] }
  | { type: 'chat_deleted'; chat_id: number }
  /** Events since this time may not have reached every node: the bus was interrupted. */
  | { type: 'lost'; since: string }

export type Listeners = Exclude<Audience, 'nodes'>

/** Publishes an event, serialised here and nowhere else. */
export const tell = (bus: Bus, audience: Listeners, event: ServerEvent): void =>
  bus.publish(audience, JSON.stringify(event))

export const tellNodes = (bus: Bus, event: NodeEvent): void => bus.publish('nodes', JSON.stringify(event))
