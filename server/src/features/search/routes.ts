import { searchChat, searchMessages } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { Answer, limited, serve, type Route } from '../../http/serve.ts'
import type { Resources } from '../../ports/resources.ts'
import { findMessages, type Search } from './finder.ts'
import type { Found } from './queries.ts'
import { momentOf, termOf } from './rules.ts'

/** One who types looks again at every pause; a script that reads everything is slowed down. */
const SEARCHES = { burst: 40, perSecond: 5 }

/** Makes JSON of messages that were found, without those that this person may not see. */
type Render = (found: readonly Found[], user_id: number) => Promise<string>

async function answered(search: Search, resources: Resources, render: Render): Promise<Answer> {
  await limited(resources, `search-messages:${search.user_id}`, SEARCHES)
  const { chats, found } = await findMessages(resources.db, search)
  if (chats === 0 && search.chat_id !== null) throw new Refusal('not_a_member')
  return new Answer(200, await render(found, search.user_id))
}

export const searchRoutes = ({ render }: { render: Render }): Route[] => [
  serve(searchChat, ({ me, params, query }, resources) =>
    answered(
      {
        user_id: me.id,
        chat_id: params.chat_id,
        term: termOf(query.q),
        from: null,
        type: null,
        has: null,
        before: null,
        after: null,
        before_id: query.before_id ?? null,
        limit: query.limit ?? 20,
      },
      resources,
      render,
    ),
  ),

  serve(searchMessages, ({ me, query }, resources) => {
    const { q, chat_id, from, type, has, before, after, before_id, limit } = query
    if ([q, chat_id, from, type, has, before, after].every((one) => one === undefined))
      throw new Refusal('invalid', { field: 'q', error: 'q is required where nothing else is asked for.' })
    return answered(
      {
        user_id: me.id,
        chat_id: chat_id ?? null,
        term: termOf(q),
        from: from ?? null,
        type: type ?? null,
        has: has ?? null,
        before: momentOf('before', before),
        after: momentOf('after', after),
        before_id: before_id ?? null,
        limit: limit ?? 20,
      },
      resources,
      render,
    )
  }),
]
