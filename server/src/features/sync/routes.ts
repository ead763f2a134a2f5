import { sync, type OwnChange, type Sync } from '@messenger/contract'
import { serve, type Route } from '../../http/serve.ts'
import { chatRow, type StoredRow } from '../chats/rows.ts'
import { settingsOf } from '../settings/queries.ts'
import { currentRevision, movedSince } from './queries.ts'

/** Somebody who missed more than this fetches afresh: cheaper for both sides. */
const MOVED_MAX = 500

const progress = ({ id, revision, last_seq, last_read_seq, unread_count }: StoredRow) => ({
  chat_id: id,
  revision,
  last_seq,
  last_read_seq,
  unread_count,
})

/** Rows of the caller's list, as the chats feature makes them. */
interface Deps {
  lists: { rows(user_id: number, chat_ids: readonly number[]): Promise<StoredRow[]> }
}

export const syncRoutes = ({ lists }: Deps): Route[] => [
  serve(sync, async ({ me, query }, { db, presence }): Promise<Sync> => {
    if (query.after === undefined)
      return { revision: await currentRevision(db), own: [], chats: [], has_more: false }
    const { revision, ahead, moved, gone, hidden, settings } = await movedSince(
      db,
      me.id,
      query.after,
      MOVED_MAX,
    )
    if (ahead || moved.length > MOVED_MAX || gone.length > MOVED_MAX || hidden.length > MOVED_MAX)
      return { reset: true }
    const rows =
      moved.length === 0
        ? []
        : await lists.rows(
            me.id,
            moved.map(({ chat_id }) => chat_id),
          )
    const own = new Set(moved.filter((one) => one.own).map(({ chat_id }) => chat_id))
    const others = rows.flatMap((row) =>
      own.has(row.id) && row.other_shows_presence && row.other_id !== null ? row.other_id : [],
    )
    const online = others.length === 0 ? new Set<number>() : await presence.online(others)
    const changes: OwnChange[] = [
      ...rows
        .filter(({ id }) => own.has(id))
        .map((row) => ({ kind: 'chat' as const, chat_id: row.id, chat: chatRow(row, online) })),
      ...gone.map((chat_id) => ({ kind: 'chat_gone' as const, chat_id })),
      ...hidden.map(([chat_id, message_id]) => ({ kind: 'message_hidden' as const, chat_id, message_id })),
      ...(settings ? [{ kind: 'settings' as const, settings: await settingsOf(db, me.id) }] : []),
    ]
    return {
      revision,
      own: changes,
      chats: rows.filter(({ id }) => !own.has(id)).map(progress),
      has_more: false,
    }
  }),
]
