import type { Stats } from '@messenger/contract'

const DAYS = 14
const WEEK = 7
const DAY_MS = 24 * 3600 * 1000

interface Counted {
  name: string
  /** Days ago; null for what is older or has no day. */
  ago: number | null
  value: number
}

type Figures = Omit<Stats, 'online_now' | 'storage_bytes'>

/** The figures of the admin's first page, from the sums that the writes keep. `now` is the database's day. */
export function figuresOf(counted: readonly Counted[], now: Date): Figures {
  const of = (name: string, within: (ago: number | null) => boolean) =>
    counted.filter((one) => one.name === name && within(one.ago)).reduce((sum, { value }) => sum + value, 0)
  const total = (name: string) =>
    Math.max(
      0,
      of(name, () => true),
    )
  const within = (name: string, days: number) =>
    Math.max(
      0,
      of(name, (ago) => ago !== null && ago < days),
    )
  const trend = (name: string) =>
    Array.from({ length: DAYS }, (_, index) => {
      const ago = DAYS - 1 - index
      const day = new Date(now.getTime() - ago * DAY_MS).toISOString().slice(0, 10)
      return {
        day,
        count: Math.max(
          0,
          of(name, (one) => one === ago),
        ),
      }
    })
  const chats_by_type = {
    direct: total('chats_direct'),
    group: total('chats_group'),
    channel: total('chats_channel'),
  }
  return {
    total_users: total('users'),
    dau: within('users_last_active', 1),
    wau: within('users_last_active', WEEK),
    total_chats: chats_by_type.direct + chats_by_type.group + chats_by_type.channel,
    chats_by_type,
    total_messages: Math.max(0, total('messages') - total('messages_gone')),
    messages_today: within('messages', 1),
    new_users_today: within('users_new', 1),
    blocked_users: total('users_blocked'),
    reg_trend: trend('users_new'),
    msg_trend: trend('messages'),
  }
}

/** Pages by number reach this far back. */
const REACH = 1000

/** How many rows of a page lie within reach. */
export const pageWithin = (page: number, per_page: number) => {
  const offset = (page - 1) * per_page
  return { offset, limit: Math.max(0, Math.min(per_page, REACH - offset)) }
}

export const pagesOf = (total: number, per_page: number): number => Math.ceil(total / per_page)
export const pagesWithinReach = (total: number, per_page: number): number =>
  pagesOf(Math.min(total, REACH), per_page)
