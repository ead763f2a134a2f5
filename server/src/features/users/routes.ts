import {
  getMe,
  getUser,
  getUserByName,
  searchUsers as search,
  updateUser,
  type UserWithPresence,
} from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { limited, serve, type Route } from '../../http/serve.ts'
import type { Caller } from '../../http/session.ts'
import { tell, tellNodes } from '../../ports/bus/tell.ts'
import type { Presence } from '../../ports/presence/port.ts'
import { contactsOf } from '../chats/queries.ts'
import { meOf, searchUsers, updateProfile, userById, userNamed, type FoundUser } from './queries.ts'
import { shownPresence } from './rules.ts'

const SEARCHES = { burst: 60, perSecond: 10 }

async function shown(user: FoundUser, me: Caller | null, presence: Presence): Promise<UserWithPresence> {
  const { last_activity, visibility, ...card } = user
  if (!me) return card
  const is_online = (await presence.online([user.id])).has(user.id)
  const viewer = { is_self: me.id === user.id, is_admin: me.is_admin }
  return { ...card, ...shownPresence({ visibility, is_online, last_activity }, viewer, new Date()) }
}

export const userRoutes: Route[] = [
  serve(getMe, ({ me }, { db }) => meOf(db, me.id)),

  serve(search, async ({ me, query }, resources) => {
    await limited(resources, `search-users:${me.id}`, SEARCHES)
    return searchUsers(resources.db.replica, query.q ?? '')
  }),

  serve(getUser, async ({ me, params }, { db, presence }) =>
    shown(await userById(db, params.user_id), me, presence),
  ),

  serve(getUserByName, async ({ me, params }, { db, presence }) =>
    shown(await userNamed(db, params.username), me, presence),
  ),

  serve(updateUser, async ({ me, params, body }, { db, bus }) => {
    if (params.user_id !== me.id) throw new Refusal('not_allowed')
    const { id, username, display_name, bio, avatar_url } = await updateProfile(db, me.id, body)
    tellNodes(bus, { type: 'user_changed', user_id: me.id })
    for (const observer of new Set([me.id, ...(await contactsOf(db, me.id))]))
      tell(bus, `user:${observer}`, {
        type: 'user_profile_updated',
        user_id: id,
        username,
        display_name,
        bio,
        avatar_url,
      })
    return { id, username, display_name, bio }
  }),
]
