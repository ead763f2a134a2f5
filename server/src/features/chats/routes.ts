import * as contract from '@messenger/contract'
import type { Member } from '@messenger/contract'
import { jsonBytes } from '../../http/jsonWriter.ts'
import { momentOf } from '../../http/moment.ts'
import { Refusal } from '../../http/refusal.ts'
import { Answer, answer, limited, serve, type Route } from '../../http/serve.ts'
import { tell } from '../../ports/bus/tell.ts'
import type { Presence } from '../../ports/presence/port.ts'
import { banFrom, bansOf, unban } from './bans.ts'
import { clearFor, deleteChatFor } from './deletion.ts'
import { leave, removeFrom } from './departures.ts'
import { dropDraft, keepDraft } from './drafts.ts'
import type { ChatLists } from './list.ts'
import { markUnreadFor, setMark, setMuted, type Mark } from './marks.ts'
import { addTo, joinPublic, membersOf, setRole, type FoundMember } from './members.ts'
import type { ChatNews } from './news.ts'
import * as queries from './queries.ts'
import { moveReadMark, readCountOf, readersOf, receiptsFor } from './receipts.ts'
import { cursorOf, othersIn, readCursor, writeChatRow } from './rows.ts'
import { adds, manages, otherOf, outranks, owns, roomOf } from './rules.ts'
import { sweep } from './sweep.ts'

const OPENING = { burst: 60, perSecond: 1 }
const JOINING = { burst: 30, perSecond: 1 / 2 }
/** It looks at every member of a chat. */
const COUNTING = { burst: 30, perSecond: 3 }
const DRAFTING = { burst: 60, perSecond: 2 }

async function shownMembers(members: readonly FoundMember[], presence: Presence): Promise<Member[]> {
  const online = await presence.online(members.filter((one) => one.shows_presence).map((one) => one.id))
  return members.map(({ shows_presence, joined_at, ...member }) => ({
    ...member,
    joined_at: joined_at.toISOString(),
    is_online: shows_presence ? online.has(member.id) : null,
  }))
}

const mark = (
  endpoint:
    | typeof contract.pinChat
    | typeof contract.unpinChat
    | typeof contract.favoriteChat
    | typeof contract.unfavoriteChat
    | typeof contract.archiveChat
    | typeof contract.unarchiveChat,
  name: Mark,
  on: boolean,
): Route =>
  serve(endpoint as typeof contract.pinChat, async ({ me, params: { chat_id } }, { db, bus }) => {
    await setMark(db, chat_id, me.id, name, on)
    tell(bus, `user:${me.id}`, { type: 'chat_marks', chat_id, marks: { [name]: on } })
    return null
  })

const role = (
  endpoint: typeof contract.promoteMember | typeof contract.demoteMember,
  from: contract.Role,
  to: contract.Role,
): Route =>
  serve(
    endpoint as typeof contract.promoteMember,
    async ({ me, params: { chat_id, user_id } }, { db, bus }) => {
      await setRole(db, chat_id, me.id, user_id, to, (mine, theirs) => {
        owns(mine)
        if (theirs !== from && theirs !== to) throw new Refusal('not_allowed')
      })
      tell(bus, `chat:${chat_id}`, { type: 'chat_member_role', chat_id, user_id, role: to })
      return { role: to }
    },
  )

export const chatRoutes = ({ lists, news }: { lists: ChatLists; news: ChatNews }): Route[] => [
  serve(contract.createChat, async ({ me, body }, resources) => {
    await limited(resources, `open-chat:${me.id}`, OPENING)
    const { db } = resources
    const type = body.type ?? 'direct'
    if (type === 'direct') {
      const other = otherOf(body, me.id)
      const { id, created } = await queries.openDirect(db, me.id, other)
      if (created) news.opened({ id, type, title: null, created_by: me.id }, [...new Set([me.id, other])])
      return answer(created ? 201 : 200, { id, type })
    }
    const room = roomOf(body, type, me.id)
    const id = await queries.openRoom(db, me.id, room)
    news.opened({ id, type, title: room.title, created_by: me.id }, [me.id, ...room.member_ids])
    return { id, type, title: room.title }
  }),

  serve(contract.listChats, async ({ me, query }, { presence }) => {
    const after = query.cursor === undefined ? null : readCursor(query.cursor)
    if (query.cursor !== undefined && !after) throw new Refusal('invalid', { field: 'cursor' })
    const limit = query.limit ?? contract.CHATS_PAGE_MAX
    const rows = await lists.list(me.id, { archived: query.archived ?? false, limit, after })
    const online = await presence.online(othersIn(rows))
    const json = jsonBytes((out) => out.list(rows, (row) => writeChatRow(out, row, online)))
    const last = rows.length === limit ? rows.at(-1) : undefined
    return new Answer(200, json, last ? { 'x-next-cursor': cursorOf(last) } : {})
  }),

  serve(contract.getChatRow, async ({ me, params }, { presence }) => {
    const rows = await lists.rows(me.id, [params.chat_id])
    const [row] = rows
    if (!row) throw new Refusal('not_found')
    const online = await presence.online(othersIn(rows))
    return new Answer(
      200,
      jsonBytes((out) => writeChatRow(out, row, online)),
    )
  }),

  serve(contract.getChat, async ({ me, params }, { db, presence }) => {
    const chat = await queries.chatFor(db, params.chat_id, me.id)
    const members = await membersOf(db, params.chat_id, { limit: contract.MEMBERS_PAGE_MAX })
    const { created_at, ...rest } = chat
    return {
      ...rest,
      name: chat.title,
      created_at: created_at.toISOString(),
      members: await shownMembers(members, presence),
    }
  }),

  serve(contract.listMembers, async ({ me, params, query }, { db, presence }) => {
    await queries.roleIn(db, params.chat_id, me.id)
    const asked = { limit: query.limit ?? 50, after: query.cursor, q: query.q }
    return shownMembers(await membersOf(db, params.chat_id, asked), presence)
  }),

  serve(contract.getChatByName, async ({ params }, { db }) => {
    const { created_at, ...chat } = await queries.chatNamed(db, params.public_name)
    return { ...chat, name: chat.title, created_at: created_at.toISOString() }
  }),

  serve(contract.joinChat, async ({ me, params: { chat_id } }, resources) => {
    await limited(resources, `join:${me.id}`, JOINING)
    const { joined, role: mine } = await joinPublic(resources.db, chat_id, me.id)
    if (joined) await news.joined(chat_id, me.id, [me.id])
    return { chat_id, role: mine, already_member: !joined }
  }),

  serve(contract.updateChat, async ({ me, params: { chat_id }, body }, { db }) => {
    if (body.title?.trim() === '')
      throw new Refusal('invalid', { field: 'title', error: 'title may not be empty.' })
    const changed = await queries.changeChat(db, chat_id, me.id, body)
    if (!changed) {
      const mine = await queries.roleIn(db, chat_id, me.id)
      manages(mine)
      if (mine.type !== 'channel') throw new Refusal('not_found')
      throw new Refusal('invalid', {
        field: 'who_may_post',
        error: 'Only its owner and admins post in a channel.',
      })
    }
    await news.changed(changed.chat, me.id, changed.renamed)
    return changed.chat
  }),

  serve(contract.deleteChat, async ({ me, params: { chat_id }, body }, resources) => {
    const { type } = await queries.roleIn(resources.db, chat_id, me.id)
    if (type === 'direct' && !body.for_everyone) {
      await clearFor(resources.db, chat_id, me.id)
      tell(resources.bus, `user:${me.id}`, { type: 'chat_deleted', chat_id, deleted_by: me.id })
      return null
    }
    await deleteChatFor(resources.db, chat_id, me.id, (mine) => mine.type === 'direct' || owns(mine))
    news.deleted(chat_id, me.id)
    void sweep(resources, chat_id)
    return null
  }),

  serve(contract.leaveChat, async ({ me, params: { chat_id } }, resources) => {
    const { type } = await queries.roleIn(resources.db, chat_id, me.id)
    if (type === 'direct') {
      await clearFor(resources.db, chat_id, me.id)
      tell(resources.bus, `user:${me.id}`, { type: 'chat_deleted', chat_id, deleted_by: me.id })
      return null
    }
    const { deleted } = await leave(resources.db, chat_id, me.id)
    if (!deleted) await news.left(chat_id, me.id, me.id)
    else {
      news.deleted(chat_id, me.id)
      void sweep(resources, chat_id)
    }
    return null
  }),

  serve(contract.handOver, async ({ me, params: { chat_id }, body: { user_id } }, { db }) => {
    if (user_id === me.id) throw new Refusal('invalid', { field: 'user_id' })
    await setRole(db, chat_id, me.id, user_id, 'owner', owns)
    await news.ownerChanged(chat_id, me.id, user_id)
    return { role: 'owner' as const }
  }),

  serve(contract.addMembers, async ({ me, params: { chat_id }, body }, { db }) => {
    const added = await addTo(db, chat_id, me.id, body.user_ids, adds)
    await news.joined(chat_id, me.id, added)
    return { added }
  }),

  serve(contract.removeMember, async ({ me, params: { chat_id, user_id } }, { db }) => {
    await removeFrom(db, chat_id, me.id, user_id, (mine, theirs) => {
      manages(mine)
      if (!outranks(mine.role, theirs)) throw new Refusal('not_allowed')
    })
    await news.left(chat_id, me.id, user_id)
    return null
  }),

  serve(contract.listBans, async ({ me, params: { chat_id }, query }, { db }) => {
    await queries.managerIn(db, chat_id, me.id)
    const bans = await bansOf(db, chat_id, { limit: query.limit ?? 50, after: query.cursor })
    return bans.map((ban) => ({ ...ban, banned_at: ban.banned_at.toISOString() }))
  }),

  serve(contract.banUser, async ({ me, params: { chat_id, user_id } }, { db }) => {
    const removed = await banFrom(db, chat_id, me.id, user_id, (mine, theirs) => {
      manages(mine)
      if (theirs !== null && !outranks(mine.role, theirs)) throw new Refusal('not_allowed')
    })
    if (removed) await news.left(chat_id, me.id, user_id)
    return null
  }),

  serve(contract.unbanUser, async ({ me, params: { chat_id, user_id } }, { db }) => {
    await queries.managerIn(db, chat_id, me.id)
    if (!(await unban(db, chat_id, user_id))) throw new Refusal('not_found')
    return null
  }),

  role(contract.promoteMember, 'member', 'admin'),
  role(contract.demoteMember, 'admin', 'member'),

  mark(contract.favoriteChat, 'is_favorite', true),
  mark(contract.unfavoriteChat, 'is_favorite', false),
  mark(contract.pinChat, 'is_pinned', true),
  mark(contract.unpinChat, 'is_pinned', false),
  mark(contract.archiveChat, 'is_archived', true),
  mark(contract.unarchiveChat, 'is_archived', false),

  serve(contract.muteChat, async ({ me, params: { chat_id }, body }, { db, bus }) => {
    const until = body.muted_until ?? null
    const moment = until === null ? null : momentOf(until)
    if (until !== null && !moment)
      throw new Refusal('invalid', { field: 'muted_until', error: 'muted_until has to be an ISO 8601 time.' })
    const at = moment === null ? 'infinity' : moment.toISOString()
    const is_muted = await setMuted(db, chat_id, me.id, at)
    tell(bus, `user:${me.id}`, { type: 'chat_marks', chat_id, marks: { is_muted } })
    return null
  }),

  serve(contract.unmuteChat, async ({ me, params: { chat_id } }, { db, bus }) => {
    await setMuted(db, chat_id, me.id, null)
    tell(bus, `user:${me.id}`, { type: 'chat_marks', chat_id, marks: { is_muted: false } })
    return null
  }),

  serve(contract.markUnread, async ({ me, params: { chat_id } }, { db, bus }) => {
    await markUnreadFor(db, chat_id, me.id)
    tell(bus, `user:${me.id}`, { type: 'chat_marks', chat_id, marks: { is_marked_unread: true } })
    return null
  }),

  serve(contract.saveDraft, async ({ me, params: { chat_id }, body }, resources) => {
    await limited(resources, `draft:${me.id}`, DRAFTING)
    const { db, bus } = resources
    const kept = { content: body.content, reply_to_message_id: body.reply_to_message_id ?? null }
    const empty = kept.content.trim() === '' && kept.reply_to_message_id === null
    if (empty && !(await dropDraft(db, chat_id, me.id))) return null
    const draft = empty
      ? null
      : { ...kept, updated_at: (await keepDraft(db, chat_id, me.id, kept)).toISOString() }
    tell(bus, `user:${me.id}`, { type: 'chat_marks', chat_id, marks: { draft } })
    return null
  }),

  serve(contract.deleteDraft, async ({ me, params: { chat_id } }, { db, bus }) => {
    if (await dropDraft(db, chat_id, me.id))
      tell(bus, `user:${me.id}`, { type: 'chat_marks', chat_id, marks: { draft: null } })
    return null
  }),

  serve(contract.markRead, async ({ me, params: { chat_id }, body }, { db, bus }) => {
    const read = await moveReadMark(db, chat_id, me.id, body)
    if (!read.moved && !read.unmarked) return null
    const { last_read_seq, last_read_msg_id } = read
    if (!read.moved) {
      tell(bus, `user:${me.id}`, { type: 'chat_marks', chat_id, marks: { is_marked_unread: false } })
      return null
    }
    const unread_count = await queries.unreadOf(db, chat_id, me.id)
    tell(bus, `user:${me.id}`, {
      type: 'chat_marks',
      chat_id,
      marks: { last_read_seq, last_read_msg_id, unread_count, is_marked_unread: false },
    })
    if (read.shares)
      tell(bus, `chat:${chat_id}`, {
        type: 'read_receipt',
        chat_id,
        user_id: me.id,
        last_read_msg_id,
        last_read_seq,
      })
    return null
  }),

  serve(contract.listReadReceipts, async ({ me, params: { chat_id } }, { db }) => {
    if (!(await queries.isMember(db, chat_id, me.id))) throw new Refusal('not_a_member')
    const receipts = await receiptsFor(db, chat_id, me.id)
    return receipts.map((one) => ({ ...one, read_at: one.read_at?.toISOString() ?? null }))
  }),

  serve(contract.countReadBy, async ({ me, params }, resources) => {
    await limited(resources, `read-count:${me.id}`, COUNTING)
    return readCountOf(resources.db, params.chat_id, me.id, params.message_id)
  }),

  serve(contract.listReadBy, async ({ me, params }, { db }) => {
    const readers = await readersOf(db, params.chat_id, me.id, params.message_id)
    if (!readers)
      throw new Refusal('not_allowed', { error: 'Who has read is shown in chats of up to 100 members.' })
    return readers.map(({ user_id, read_at }) => ({ user_id, read_at: read_at?.toISOString() ?? null }))
  }),
]
