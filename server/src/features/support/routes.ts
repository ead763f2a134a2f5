import * as contract from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { Answer, limited, serve, type Route } from '../../http/serve.ts'
import type { Caller } from '../../http/session.ts'
import { tell, tellNodes } from '../../ports/bus/tell.ts'
import type { Resources } from '../../ports/resources.ts'
import { lengthOf, newestPlaces, type Place } from '../admin/queries.ts'
import { note, type Actor } from '../audit/queries.ts'
import { openDirect } from '../chats/queries.ts'
import { moveReadMark } from '../chats/receipts.ts'
import * as queries from './queries.ts'

const OPENING = { burst: 10, perSecond: 1 / 5 }
const PER_PAGE = 50
/** Pages of messages by number reach this far back; `before_id` goes on. */
const REACH = 1000

interface Deps {
  support_id: number
  /** Sends a text as this person. */
  send: (chat_id: number, sender_id: number, content: string) => Promise<contract.Message>
  /** Messages by where they are, as a JSON array for this viewer. */
  shown: (places: readonly Place[], viewer: number) => Promise<string>
}

const actorOf = ({ me, address }: { me: Caller; address: string }): Actor & { id: number } => ({
  id: me.id,
  name: me.username,
  address,
})

export const supportRoutes = ({ support_id, send, shown }: Deps): Route[] => {
  /** This person's chat with support; both sides' devices hear of a new one before anything is said in it. */
  const threadFor = async (
    { db, bus }: Resources,
    user_id: number,
    created_by: number,
    field: string,
  ): Promise<number> => {
    if (user_id === support_id) throw new Refusal('not_found', { field })
    const { id: chat_id, created } = await openDirect(
      db,
      created_by,
      created_by === user_id ? support_id : user_id,
    ).catch((error: unknown) => {
      throw error instanceof Refusal ? new Refusal('not_found', { field }) : error
    })
    if (created) {
      tellNodes(bus, { type: 'joined', chat_id, user_ids: [user_id, support_id] })
      tell(bus, `user:${user_id}`, {
        type: 'chat_created',
        chat_id,
        created_by,
        chat_type: 'direct',
        title: null,
      })
    }
    return chat_id
  }

  return [
    serve(contract.openSupport, async ({ me }, resources) => {
      await limited(resources, `support:${me.id}`, OPENING)
      return { chat_id: await threadFor(resources, me.id, me.id, 'user_id') }
    }),

    serve(contract.listSupportUsers, async ({ query }, { db }) => ({
      users: await queries.supportUsers(db, support_id, query.q ?? ''),
    })),

    serve(contract.listSupportThreads, async ({ me, query }, { db }) => {
      const { page = 1, per_page = PER_PAGE, filter = 'all' } = query
      const asked = { support_id, staff_id: me.id, filter, page, per_page, empty: false }
      const [threads, unread_threads] = await Promise.all([
        queries.threads(db, asked),
        queries.unreadThreads(db, support_id),
      ])
      return { threads, page, per_page, unread_threads }
    }),

    serve(contract.listSupportChats, async ({ me, query }, { db }) => {
      const { page = 1, per_page = PER_PAGE, filter = 'all' } = query
      const asked = { support_id, staff_id: me.id, filter, page, per_page, empty: true }
      return { chats: await queries.threads(db, asked), page, per_page }
    }),

    serve(contract.listSupportMessages, async ({ me, query }, { db }) => {
      const { page = 1, per_page = PER_PAGE, user_id, before_id } = query
      const chat_id =
        query.chat_id ??
        (user_id === undefined ? undefined : await queries.threadWith(db, support_id, user_id))
      if (chat_id !== undefined) await queries.threadOf(db, support_id, chat_id)
      else if (before_id !== undefined)
        throw new Refusal('invalid', { field: 'before_id', error: 'before_id goes with chat_id or user_id.' })
      const offset = (page - 1) * per_page
      const limit = Math.max(0, Math.min(per_page, REACH - offset))
      const of = chat_id === undefined ? { member_id: support_id } : { chat_id, before_id }
      const places = await newestPlaces(db, { ...of, offset, limit })
      const total = chat_id === undefined || before_id !== undefined ? null : await lengthOf(db, chat_id)
      const total_pages = total === null ? null : Math.ceil(Math.min(total, REACH) / per_page)
      return new Answer(
        200,
        `{"messages":${await shown(places, me.id)},"page":${page},"per_page":${per_page},"total":${total},"total_pages":${total_pages}}`,
      )
    }),

    serve(contract.sendSupport, async (call, resources) => {
      const { db } = resources
      const { content, target_user_id, chat_id } = call.body
      if ((target_user_id == null) === (chat_id == null))
        throw new Refusal('invalid', {
          field: 'target_user_id',
          error: 'Either target_user_id or chat_id is required.',
        })
      if (content.trim() === '') throw new Refusal('empty_message', { field: 'content' })
      const thread = chat_id ?? (await threadFor(resources, target_user_id!, support_id, 'target_user_id'))
      const { user_id, username, is_active } = await queries.threadOf(db, support_id, thread)
      if (!is_active)
        throw new Refusal('not_found', {
          field: 'chat_id',
          error: 'This account was deleted: nobody reads it.',
        })
      const target = { type: 'user' as const, id: user_id, name: username }
      await note(db, actorOf(call), { action: 'support_sent', target, after: { chat_id: thread } })
      const { id, created_at } = await send(thread, support_id, content)
      return { id, chat_id: thread, created_at }
    }),

    serve(contract.readSupportThread, async ({ params: { chat_id } }, { db, bus }) => {
      await queries.threadOf(db, support_id, chat_id)
      const { moved, last_read_msg_id, last_read_seq } = await moveReadMark(db, chat_id, support_id, {})
      if (moved)
        tell(bus, `chat:${chat_id}`, {
          type: 'read_receipt',
          chat_id,
          user_id: support_id,
          last_read_msg_id,
          last_read_seq,
        })
      return null
    }),

    serve(contract.assignSupportThread, async (call, { db }) => {
      const { chat_id } = call.params
      const { username } = await queries.threadOf(db, support_id, chat_id)
      await queries.assign(db, actorOf(call), { chat_id, username }, call.body.user_id)
      return null
    }),

    serve(contract.listCannedAnswers, (_, { db }) => queries.cannedAnswers(db)),
    serve(contract.createCannedAnswer, (call, { db }) =>
      queries.createAnswer(db, actorOf(call), filled(call.body)),
    ),
    serve(contract.updateCannedAnswer, (call, { db }) =>
      queries.changeAnswer(db, actorOf(call), call.params.answer_id, filled(call.body)),
    ),
    serve(contract.deleteCannedAnswer, async (call, { db }) => {
      await queries.deleteAnswer(db, actorOf(call), call.params.answer_id)
      return null
    }),
  ]
}

/** Words of nothing but spaces are none. */
function filled({ title, content }: { title: string; content: string }) {
  const field = title.trim() === '' ? 'title' : content.trim() === '' ? 'content' : null
  if (field) throw new Refusal('invalid', { field, error: `${field} may not be empty.` })
  return { title: title.trim(), content }
}
