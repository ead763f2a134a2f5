import type { BodyOf, ChatPermissions, ChatType, Role, createChat } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'

const RANK: Record<Role, number> = { owner: 2, admin: 1, member: 0 }

const mayManage = (role: Role): boolean => RANK[role] >= RANK.admin
export const outranks = (one: Role, other: Role): boolean => RANK[one] > RANK[other]

interface Mine {
  role: Role
  type: ChatType
}

const refuseDirect = ({ type }: Mine) => {
  if (type === 'direct') throw new Refusal('not_for_direct_chats')
}

export function manages(mine: Mine): void {
  refuseDirect(mine)
  if (!mayManage(mine.role)) throw new Refusal('not_allowed')
}

export function owns(mine: Mine): void {
  refuseDirect(mine)
  if (mine.role !== 'owner') throw new Refusal('not_allowed')
}

export function adds(mine: Mine, { who_may_add }: Pick<ChatPermissions, 'who_may_add'>): void {
  refuseDirect(mine)
  if (who_may_add === 'admins' && !mayManage(mine.role)) throw new Refusal('not_allowed')
}

/** Above this many members nobody is told of each one who comes or goes. */
const CROWD = 200

export const isCrowd = ({ member_count }: { member_count: number }): boolean => member_count > CROWD

/** Whether comings and goings are said in the chat: not in channels, whose readers are nobody's business. */
export const namesItsMembers = (room: { type: ChatType; member_count: number }): boolean =>
  room.type === 'group' && !isCrowd(room)

export interface NewRoom {
  type: 'group' | 'channel'
  title: string
  description: string | null
  public_name: string | null
  member_ids: number[]
}

const filled = (text: string | null | undefined): string | null => text?.trim() || null

/** The other person of a new direct chat: oneself for Saved Messages. */
export function otherOf(body: BodyOf<typeof createChat>, me: number): number {
  const ids = new Set(body.member_ids ?? [])
  if (ids.size > 1) ids.delete(me)
  const [other] = ids
  if (ids.size !== 1 || other === undefined)
    throw new Refusal('invalid', {
      field: 'member_ids',
      error: 'A direct chat has exactly one other person.',
    })
  return other
}

export function roomOf(body: BodyOf<typeof createChat>, type: 'group' | 'channel', me: number): NewRoom {
  const title = filled(body.title) ?? filled(body.name)
  if (!title) throw new Refusal('invalid', { field: 'title', error: `A ${type} needs a title.` })
  const member_ids = [...new Set(body.member_ids ?? [])].filter((id) => id !== me)
  return {
    type,
    title,
    description: filled(body.description),
    public_name: filled(body.public_name),
    member_ids,
  }
}
