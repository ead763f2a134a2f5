import type { Invite } from '@messenger/contract'
import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { call } from '../../api.ts'

export interface NewInvite {
  /** ISO 8601; null for a link without an end. */
  expires_at: string | null
  /** Null when any number of people may join. */
  max_uses: number | null
}

/** The live links into chats that one looks after. */
export const useInvites = defineStore('invites', () => {
  /** By chat, the newest first. Absent until it was loaded. */
  const links = reactive(new Map<number, Invite[]>())

  async function load(chat_id: number): Promise<void> {
    links.set(chat_id, await call('GET /chats/:chat_id/invites', { params: { chat_id } }))
  }

  async function create(chat_id: number, invite: NewInvite): Promise<Invite> {
    const made = await call('POST /chats/:chat_id/invites', { params: { chat_id }, body: invite })
    links.set(chat_id, [made, ...(links.get(chat_id) ?? [])])
    return made
  }

  async function end({ chat_id, token }: Invite): Promise<void> {
    await call('DELETE /invites/:token', { params: { token } })
    links.set(
      chat_id,
      (links.get(chat_id) ?? []).filter((one) => one.token !== token),
    )
  }

  const preview = (token: string) => call('GET /invites/:token/preview', { params: { token } })
  const join = (token: string) => call('POST /invites/:token/join', { params: { token } })

  return { links, load, create, end, preview, join }
})

/** The whole address, as it is copied and sent. */
export const addressOf = ({ link }: Invite): string => location.origin + link
