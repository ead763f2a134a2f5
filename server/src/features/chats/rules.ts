import type { BodyOf, Role, createChat } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'

const RANK: Record<Role, number> = { owner: 2, admin: 1, member: 0 }

export const mayManage = (role: Role): boolean => RANK[role] >= RANK.admin
export const outranks = (one: Role, other: Role): boolean => RANK[one] > RANK[other]

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
