import { createInvite, joinByInvite, listInvites, previewInvite, revokeInvite } from '@messenger/contract'
import { randomBytes } from 'node:crypto'
import { Refusal } from '../../http/refusal.ts'
import { limited, serve, type Route } from '../../http/serve.ts'
import { managerIn } from '../chats/queries.ts'
import * as queries from './queries.ts'
import { endOf } from './rules.ts'

const MAKING = { burst: 30, perSecond: 1 / 10 }
const JOINING = { burst: 30, perSecond: 1 / 2 }
const LOOKING = { burst: 60, perSecond: 2 }
/** As hard to guess as a session: 144 bits. */
const TOKEN_BYTES = 18

const shown = (invite: queries.FoundInvite) => ({
  ...invite,
  created_at: invite.created_at.toISOString(),
  expires_at: invite.expires_at?.toISOString() ?? null,
  link: `/join/${invite.token}`,
})

interface Deps {
  news: { joined: (chat_id: number, by: number, user_ids: readonly number[]) => Promise<void> }
}

export const inviteRoutes = ({ news }: Deps): Route[] => [
  serve(createInvite, async ({ me, params: { chat_id }, body }, resources) => {
    const { db } = resources
    const expires_at = endOf(body.expires_at, Date.now())
    await limited(resources, `invite:${me.id}`, MAKING)
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const invite = { token, chat_id, expires_at, max_uses: body.max_uses ?? null }
    const made = await queries.createInvite(db, me.id, invite)
    if (made) return shown(made)
    await managerIn(db, chat_id, me.id)
    throw new Refusal('not_found')
  }),

  serve(listInvites, async ({ me, params: { chat_id }, query }, { db }) => {
    await managerIn(db, chat_id, me.id)
    const asked = { limit: query.limit ?? 50, after: query.cursor }
    return (await queries.liveInvites(db, chat_id, asked)).map(shown)
  }),

  serve(revokeInvite, async ({ me, params }, { db }) => {
    await queries.revoke(db, params.token, me.id)
    return { revoked: true as const }
  }),

  serve(previewInvite, async ({ params, address }, resources) => {
    await limited(resources, `invite-preview:${address}`, LOOKING)
    return queries.invitedTo(resources.db, params.token)
  }),

  serve(joinByInvite, async ({ me, params }, resources) => {
    await limited(resources, `join:${me.id}`, JOINING)
    const { chat_id, role, joined } = await queries.joinBy(resources.db, params.token, me.id)
    if (joined) await news.joined(chat_id, me.id, [me.id])
    return { chat_id, role, already_member: !joined }
  }),
]
