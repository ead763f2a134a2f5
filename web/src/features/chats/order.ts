import type { ChatRow } from '@messenger/contract'

/** As the server sorts: pinned, favourites, newest. */
export function byPlace(a: ChatRow, b: ChatRow): number {
  return (
    Number(b.is_pinned) - Number(a.is_pinned) ||
    Number(b.is_favorite) - Number(a.is_favorite) ||
    (a.updated_at < b.updated_at ? 1 : a.updated_at > b.updated_at ? -1 : b.id - a.id)
  )
}

export type Filter = 'all' | 'unread' | 'direct' | 'group' | 'channel'

export const passes = (row: ChatRow, filter: Filter): boolean =>
  filter === 'all' || (filter === 'unread' ? row.unread_count > 0 : row.type === filter)

/** Saved Messages is the direct chat with nobody else. */
export const isSaved = (row: ChatRow): boolean => row.type === 'direct' && row.other_user_id === null

export const matches = (row: ChatRow, words: string): boolean => {
  const asked = words.toLocaleLowerCase()
  return [row.title, row.other_display_name, row.other_username, row.public_name].some((name) =>
    name?.toLocaleLowerCase().includes(asked),
  )
}

const ranks = (row: ChatRow): boolean => row.my_role !== 'member'

/** Whether the reader may speak in a chat, as far as its row tells: the server has the last word. */
export const speaksIn = (row: ChatRow): boolean =>
  row.type === 'direct' || ranks(row) || (row.type === 'group' && row.who_may_post === 'members')

export const pinsIn = (row: ChatRow): boolean =>
  row.type === 'direct' || ranks(row) || row.who_may_pin === 'members'
