import type { ChatRow } from '@messenger/contract'
import { useI18n } from 'vue-i18n'
import { briefly, clock, daysBetween } from '../../ui/times.ts'
import { connection } from '../../wire.ts'
import { usePeople } from '../people/store.ts'
import { isSaved } from './order.ts'
import { useSession } from '../session/store.ts'

/** What a chat is called, and what is said about it in one line. */
export function useChatWords() {
  const { t, locale } = useI18n()
  const people = usePeople()
  const session = useSession()

  const titleOf = (row: ChatRow): string => {
    if (isSaved(row)) return t('chats.saved')
    return (row.type === 'direct' ? row.other_display_name : row.title) ?? t('chats.deleted_account')
  }
  const kindOf = (row: ChatRow): 'saved' | 'person' | 'room' =>
    isSaved(row) ? 'saved' : row.type === 'direct' ? 'person' : 'room'
  const faceOf = (row: ChatRow): number => row.other_user_id ?? row.id

  /** Who is typing, in one line; '' when nobody is. */
  function typingIn(row: ChatRow): string {
    const typists = (people.typing.get(row.id) ?? []).filter((one) => one.user_id !== session.user_id)
    if (typists.length === 0) return ''
    if (row.type === 'direct') return t('chats.typing')
    return typists.length === 1
      ? t('chats.name_typing', { name: typists[0]!.username })
      : t('chats.many_typing', typists.length)
  }

  function lastSeen(user_id: number): string {
    if (people.online.get(user_id)) return t('chats.online')
    const user = people.known.get(user_id)
    if (user?.last_seen_approx) return t(`chats.approx.${user.last_seen_approx.replaceAll(' ', '_')}`)
    if (!user?.last_activity) return t('chats.last_seen_unknown')
    const days = daysBetween(new Date(user.last_activity), new Date())
    const time = clock(user.last_activity, locale.value)
    if (days === 0) return t('chats.last_seen_today', { time })
    if (days === 1) return t('chats.last_seen_yesterday', { time })
    return t('chats.last_seen_on', { date: briefly(user.last_activity, locale.value) })
  }

  /** The line under the title of an open chat. */
  function subtitleOf(row: ChatRow): { text: string; live: boolean } {
    if (connection.state === 'waiting' && !navigator.onLine)
      return { text: t('chats.waiting_for_network'), live: false }
    if (connection.ever && connection.state !== 'online') return { text: t('chats.reconnecting'), live: true }
    const typing = typingIn(row)
    if (typing) return { text: typing, live: true }
    if (isSaved(row)) return { text: '', live: false }
    if (row.other_user_id !== null)
      return { text: lastSeen(row.other_user_id), live: people.online.get(row.other_user_id) ?? false }
    return {
      text: t(row.type === 'channel' ? 'chats.subscribers' : 'chats.members', row.member_count),
      live: false,
    }
  }

  return { titleOf, kindOf, faceOf, typingIn, lastSeen, subtitleOf }
}
