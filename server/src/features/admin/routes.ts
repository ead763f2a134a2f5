import * as contract from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { Answer, limited, serve, type Route } from '../../http/serve.ts'
import type { Caller } from '../../http/session.ts'
import { tell, tellNodes } from '../../ports/bus/tell.ts'
import type { Resources } from '../../ports/resources.ts'
import { note, type Actor, type Noted } from '../audit/queries.ts'
import type { Departure } from '../chats/departures.ts'
import { contactsOf } from '../chats/queries.ts'
import { hashOf } from './claim.ts'
import * as queries from './queries.ts'
import { figuresOf, pagesOf, pagesWithinReach, pageWithin } from './rules.ts'

const CLAIMS = { burst: 10, perSecond: 1 / 10 }
const MESSAGES_SHOWN = 50

interface Deps {
  /** Adds to the counters what this node has not added yet. */
  counted: () => Promise<void>
  /** Messages by where they are, as a JSON array for this viewer. */
  shown: (places: readonly queries.Place[], viewer: number) => Promise<string>
  /** Takes away what is left of deleted chats. */
  sweep: (chat_ids: readonly number[]) => Promise<void>
}

const actorOf = ({ me, address }: { me: Caller; address: string }): Actor & { id: number } => ({
  id: me.id,
  name: me.username,
  address,
})

/** What nodes remember of somebody is stale, and every one of their sockets ends. */
function announceEnd({ bus }: Resources, user_id: number): void {
  tellNodes(bus, { type: 'user_changed', user_id })
  tellNodes(bus, { type: 'sessions_ended', user_id, except: null })
}

function announceDepartures({ bus }: Resources, user_id: number, departures: readonly Departure[]) {
  for (const { chat_id, deleted, successor_id } of departures) {
    if (deleted) {
      tell(bus, `chat:${chat_id}`, { type: 'chat_deleted', chat_id, deleted_by: user_id })
      tellNodes(bus, { type: 'chat_deleted', chat_id })
      continue
    }
    tell(bus, `chat:${chat_id}`, { type: 'chat_member_left', chat_id, user_id })
    tellNodes(bus, { type: 'left', chat_id, user_ids: [user_id] })
    if (successor_id !== null)
      tell(bus, `chat:${chat_id}`, {
        type: 'chat_member_role',
        chat_id,
        user_id: successor_id,
        role: 'owner',
      })
  }
}

function announceDeleted({ bus }: Resources, user_id: number, observers: readonly number[]): void {
  const name = `deleted-${user_id}`
  for (const observer of observers)
    tell(bus, `user:${observer}`, {
      type: 'user_profile_updated',
      user_id,
      username: name,
      display_name: 'Deleted account',
      bio: null,
      avatar_url: null,
    })
}

export const adminRoutes = ({ counted, shown, sweep }: Deps): Route[] => {
  /** Reading what was not written to oneself is written down first, and can be switched off. */
  const reading = async (
    { config, db }: Resources,
    actor: Actor,
    target: Noted['target'],
    after: object,
  ): Promise<void> => {
    if (!config.admin_reads_messages)
      throw new Refusal('not_allowed', { error: 'Reading messages is switched off on this server.' })
    await note(db, actor, { action: 'messages_read', target, after })
  }

  return [
    serve(contract.getStats, async (_, { db, presence }) => {
      await counted()
      const [days, storage_bytes, online_now] = await Promise.all([
        queries.countedDays(db),
        queries.storedBytes(db),
        presence.count(),
      ])
      return { ...figuresOf(days, new Date()), online_now, storage_bytes }
    }),

    serve(contract.listAccounts, async ({ query }, { db }) => {
      const { page = 1, per_page = 20 } = query
      const { users, total } = await queries.accounts(db, { ...query, page, per_page })
      return { users, page, per_page, total, total_pages: pagesOf(total, per_page) }
    }),

    serve(contract.getAccount, async (call, resources) => {
      const { db, config } = resources
      const { user_id } = call.params
      await counted()
      const { user, message_count } = await queries.account(db, user_id)
      const chats = await queries.chatsOfAccount(db, user_id)
      const head = JSON.stringify({ user, message_count, chats }).slice(0, -1)
      if (!config.admin_reads_messages) return new Answer(200, `${head},"messages":[]}`)
      await reading(resources, actorOf(call), { type: 'user', id: user_id, name: user.username }, {})
      const places = await queries.newestPlaces(db, { user_id, offset: 0, limit: MESSAGES_SHOWN })
      return new Answer(200, `${head},"messages":${await shown(places, call.me.id)}}`)
    }),

    serve(contract.blockAccount, async (call, resources) => {
      const { user_id } = call.params
      await queries.setBlocked(resources.db, actorOf(call), user_id, true)
      announceEnd(resources, user_id)
      return null
    }),

    serve(contract.unblockAccount, async (call, { db, bus }) => {
      const { user_id } = call.params
      await queries.setBlocked(db, actorOf(call), user_id, false)
      tellNodes(bus, { type: 'user_changed', user_id })
      return null
    }),

    serve(contract.deleteAccount, async (call, resources) => {
      const { user_id } = call.params
      const observers = await contactsOf(resources.db, user_id)
      const departures = await queries.softDelete(resources.db, actorOf(call), user_id)
      announceEnd(resources, user_id)
      announceDepartures(resources, user_id, departures)
      announceDeleted(resources, user_id, observers)
      void sweep(departures.filter((one) => one.deleted).map(({ chat_id }) => chat_id))
      return null
    }),

    serve(contract.toggleAdmin, async (call, { db, bus }) => {
      const { user_id } = call.params
      await queries.flipAdmin(db, actorOf(call), user_id)
      tellNodes(bus, { type: 'user_changed', user_id })
      return null
    }),

    serve(contract.listAllMessages, async (call, resources) => {
      const { db } = resources
      const { page = 1, per_page = 50, user_id, chat_id, before_id, q } = call.query
      if (before_id !== undefined && chat_id === undefined)
        throw new Refusal('invalid', { field: 'before_id', error: 'before_id goes with chat_id.' })
      const target =
        chat_id !== undefined
          ? { type: 'chat' as const, id: chat_id, name: null }
          : user_id !== undefined
            ? { type: 'user' as const, id: user_id, name: null }
            : undefined
      await reading(resources, actorOf(call), target, { ...call.query })
      await counted()
      const places = await queries.newestPlaces(db, { ...call.query, ...pageWithin(page, per_page) })
      const total = q?.trim() || before_id !== undefined ? null : await totalOf(resources, chat_id, user_id)
      const total_pages = total === null ? null : pagesWithinReach(total, per_page)
      return new Answer(
        200,
        `{"messages":${await shown(places, call.me.id)},"page":${page},"per_page":${per_page},"total":${total},"total_pages":${total_pages}}`,
      )
    }),

    serve(contract.claimAdmin, async (call, resources) => {
      const { me, body } = call
      await limited(resources, `claim:${me.id}`, CLAIMS)
      await queries.claim(resources.db, actorOf(call), hashOf(body.token))
      tellNodes(resources.bus, { type: 'user_changed', user_id: me.id })
      return null
    }),
  ]
}

/** How many there are of what was asked; null where nobody counts that. */
async function totalOf(
  { db }: Resources,
  chat_id: number | undefined,
  user_id: number | undefined,
): Promise<number | null> {
  if (chat_id !== undefined) return user_id === undefined ? queries.lengthOf(db, chat_id) : null
  if (user_id === undefined) return figuresOf(await queries.countedDays(db), new Date()).total_messages
  return null
}
