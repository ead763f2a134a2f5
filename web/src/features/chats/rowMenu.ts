import type { ChatRow } from '@messenger/contract'
import {
  Archive,
  ArchiveRestore,
  Bell,
  BellOff,
  CheckCheck,
  ExternalLink,
  LogOut,
  Pin,
  PinOff,
  Star,
  StarOff,
  Trash2,
} from '@lucide/vue'
import { useI18n } from 'vue-i18n'
import type { MenuItem } from '../../ui/ActionMenu.vue'
import { isSaved } from './order.ts'
import { useChats } from './store.ts'

/** What may be done with a chat from its row or its details. What is not allowed is absent. */
export function useRowMenu(ask: (row: ChatRow, deed: 'leave' | 'delete') => void) {
  const { t } = useI18n()
  const chats = useChats()

  function itemsFor(row: ChatRow): MenuItem[] {
    const leaves = row.type !== 'direct' && row.my_role !== 'owner'
    return [
      { name: 'open', label: t('chats.open_in_tab'), icon: ExternalLink },
      ...(row.unread_count > 0 ? [{ name: 'read', label: t('chats.mark_read'), icon: CheckCheck }] : []),
      {
        name: 'pin',
        label: t(row.is_pinned ? 'chats.unpin' : 'chats.pin'),
        icon: row.is_pinned ? PinOff : Pin,
      },
      {
        name: 'favorite',
        label: t(row.is_favorite ? 'chats.unfavourite' : 'chats.favour'),
        icon: row.is_favorite ? StarOff : Star,
      },
      ...(row.is_muted
        ? [{ name: 'unmute', label: t('chats.unmute'), icon: Bell }]
        : isSaved(row)
          ? []
          : [
              { name: 'mute-1', label: t('chats.mute_hours', 1), icon: BellOff },
              { name: 'mute-8', label: t('chats.mute_hours', 8), icon: BellOff },
              { name: 'mute', label: t('chats.mute_for_ever'), icon: BellOff },
            ]),
      {
        name: 'archive',
        label: t(row.is_archived ? 'chats.unarchive' : 'chats.archive'),
        icon: row.is_archived ? ArchiveRestore : Archive,
      },
      leaves
        ? { name: 'leave', label: t('chats.leave'), icon: LogOut, danger: true, apart: true }
        : { name: 'delete', label: t('chats.delete'), icon: Trash2, danger: true, apart: true },
    ]
  }

  function choose(row: ChatRow, name: string): void {
    const deeds: Record<string, () => unknown> = {
      open: () => window.open(`/app/c/${row.id}`, '_blank'),
      read: () => chats.markRead(row.id, row.last_seq),
      pin: () => chats.setPinned(row.id, !row.is_pinned),
      favorite: () => chats.setFavorite(row.id, !row.is_favorite),
      unmute: () => chats.setMuted(row.id, 0),
      'mute-1': () => chats.setMuted(row.id, 1),
      'mute-8': () => chats.setMuted(row.id, 8),
      mute: () => chats.setMuted(row.id, null),
      archive: () => chats.setArchived(row.id, !row.is_archived),
      leave: () => ask(row, 'leave'),
      delete: () => ask(row, 'delete'),
    }
    deeds[name]?.()
  }

  return { itemsFor, choose }
}
