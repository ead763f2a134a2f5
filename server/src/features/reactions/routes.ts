import { listReactions, toggleReaction } from '@messenger/contract'
import { limited, serve, type Route } from '../../http/serve.ts'
import { tell } from '../../ports/bus/tell.ts'
import { reactionsOf, toggleFor } from './queries.ts'
import { idsOf, refuseEmoji } from './rules.ts'

const REACTING = { burst: 60, perSecond: 5 }

export const reactionRoutes: Route[] = [
  serve(toggleReaction, async ({ me, params, body: { emoji } }, resources) => {
    refuseEmoji(emoji)
    await limited(resources, `react:${me.id}`, REACTING)
    const { db, bus } = resources
    const { chat_id, message_id } = params
    const reader = { chat_id, user_id: me.id }
    const { action, count, revision } = await toggleFor(db, reader, message_id, emoji)
    const told = { chat_id, message_id, user_id: me.id, emoji, action, count, revision }
    tell(bus, `chat:${chat_id}`, { type: 'reaction', ...told })
    return { message_id, emoji, action }
  }),

  serve(listReactions, ({ me, params, query }, { db }) =>
    reactionsOf(db, { chat_id: params.chat_id, user_id: me.id }, idsOf(query.message_ids)),
  ),
]
