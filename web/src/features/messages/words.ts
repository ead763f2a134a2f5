import type { ChatRow, MessageType, SystemEvent } from '@messenger/contract'
import { useI18n } from 'vue-i18n'

/** What has words, or stands for some. */
interface Said {
  message_type: MessageType
  content: string | null
  attachment_filename?: string | null
  system_event?: SystemEvent | null
  sender_display_name?: string
}

/** The key of a system message's words. */
export const systemKey = (event: SystemEvent['event']): string => `messages.system.${event}`

/** A picture without a caption is listed by its file's name, which is nothing to read. */
const NAME = /^[^\n]{1,255}\.\w{2,5}$/u

/** What a message says in one line, whatever its kind. */
export function useMessageWords() {
  const { t, locale } = useI18n()

  const namesOf = (event: SystemEvent): string =>
    new Intl.ListFormat(locale.value).format((event.users ?? []).map(({ name }) => name))

  const systemLine = (event: SystemEvent, who: string): string =>
    t(systemKey(event.event), { who, users: namesOf(event), title: event.title ?? '' })

  const kindOf = (type: string): string => {
    if (type === 'text' || type === 'system') return ''
    return type === 'sticker' ? t('stickers.sticker') : t(`messages.kinds.${type}`)
  }

  function kindName(said: Said): string {
    if (said.message_type === 'file') return said.attachment_filename ?? t('messages.kinds.file')
    return kindOf(said.message_type)
  }

  function lineOf(said: Said): string {
    if (said.system_event) return systemLine(said.system_event, said.sender_display_name ?? '')
    return said.content || kindName(said)
  }

  /** What a quote shows: nothing is left of a text that was deleted. */
  const quoteOf = (content: string | null, type: MessageType | null | undefined): string =>
    content ?? ((type && kindOf(type)) || t('messages.deleted'))

  /** The newest message in the list of chats. */
  function previewOf(row: ChatRow): string {
    const { last_message, last_message_type: type, last_system_event: event } = row
    if (event) return systemLine(event, row.last_message_sender_name ?? '')
    if (!type || type === 'text' || type === 'system') return last_message ?? ''
    if (type === 'file') return last_message ?? t('messages.kinds.file')
    if (type === 'sticker' || last_message === null || NAME.test(last_message)) return kindOf(type)
    return last_message
  }

  return { systemLine, namesOf, lineOf, quoteOf, previewOf }
}
