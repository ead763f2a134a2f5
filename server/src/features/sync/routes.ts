import { sync, type OwnChange } from '@messenger/contract'
import { jsonBytes } from '../../http/jsonWriter.ts'
import { Answer, serve, type Route } from '../../http/serve.ts'
import { othersIn, writeChatRow, type StoredRow } from '../chats/rows.ts'
import { settingsOf } from '../settings/queries.ts'
import { currentRevision, movedSince } from './queries.ts'

/** Somebody who missed more than this fetches afresh: cheaper for both sides. */
const MOVED_MAX = 500

const progress = ({ own: { id, revision, last_seq, last_read_seq, unread_count } }: StoredRow) => ({
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
  serve(sync, async ({ me, query }, { db, presence }) => {
    if (query.after === undefined)
      return { revision: await currentRevision(db), own: [], chats: [], has_more: false }
    const { revision, ahead, moved, gone, hidden, settings } = await movedSince(
      db,
      me.id,
      query.after,
      MOVED_MAX,
    )
    if (ahead || moved.length > MOVED_MAX || gone.length > MOVED_MAX || hidden.length > MOVED_MAX)
      return { reset: true as const }
    const rows =
      moved.length === 0
        ? []
        : await lists.rows(
            me.id,
            moved.map(({ chat_id }) => chat_id),
          )
    const changed = new Set(moved.filter((one) => one.own).map(({ chat_id }) => chat_id))
    const own = rows.filter((row) => changed.has(row.own.id))
    const behind = rows.filter((row) => !changed.has(row.own.id)).map(progress)
    const online = await presence.online(othersIn(own))
    const rest: OwnChange[] = [
      ...gone.map((chat_id) => ({ kind: 'chat_gone' as const, chat_id })),
      ...hidden.map(([chat_id, message_id]) => ({ kind: 'message_hidden' as const, chat_id, message_id })),
      ...(settings ? [{ kind: 'settings' as const, settings: await settingsOf(db, me.id) }] : []),
    ]
    return new Answer(
      200,
      jsonBytes((out) =>
        out
          .partOf(`{"revision":${revision},"own":`)
          .list([...own, ...rest], (change) => {
            if (!('own' in change)) return out.value(change)
            out.partOf(`{"kind":"chat","chat_id":${change.own.id},"chat":`)
            writeChatRow(out, change, online)
            return out.partOf('}')
          })
          .partOf(`,"chats":${JSON.stringify(behind)},"has_more":false}`),
      ),
    )
  }),
]
