import * as contract from '@messenger/contract'
import { chat, message, nothing, other, ownMessage, rule, type Rule, type Scene } from './permissions.ts'
import { ADMIN_RULES } from './permissionTableAdmin.ts'
import { ROOM_RULES } from './permissionTableRooms.ts'
import type { Person } from './world.ts'

const packs = new WeakMap<Person, Promise<contract.StickerPack>>()
const newPack = (who: Person) => who.call(contract.createStickerPack, { body: { name: 'A pack' } })
/** Always the same one: a person has no room for many. */
function othersPack({ other }: Scene): Promise<contract.StickerPack> {
  const pack = packs.get(other) ?? newPack(other)
  packs.set(other, pack)
  return pack
}
const somebodysPack = async (scene: Scene) => ({ params: { pack_id: (await othersPack(scene)).id } })
const ownPack = async (scene: Scene) => {
  const { caller, people } = scene
  const { id } = caller && caller !== people.blocked ? await newPack(caller) : await othersPack(scene)
  return { params: { pack_id: id } }
}
const sharedPack = async (scene: Scene) => ({ params: { token: (await othersPack(scene)).token } })
let made = 0
/** A name that nobody has. */
const fresh = () => `permission_${++made}`

/**
 * Every call of the contract by every kind of caller, in the order of CALLERS:
 *                anonymous blocked stranger former member admin owner site-admin
 */
export const RULES: Rule[] = [
  rule(contract.health, 'server', '200 200 200 200 200 200 200 200', nothing),
  rule(contract.ready, 'server', '200 200 200 200 200 200 200 200', nothing),

  rule(contract.register, 'server', '201 201 201 201 201 201 201 201', () => {
    const username = fresh()
    return { body: { username, email: `${username}@example.org`, password: 'long enough' } }
  }),
  rule(
    contract.login,
    'server',
    '401 403 200 200 200 200 200 200',
    ({ caller }) => ({ body: { username: caller?.username ?? 'nobody_at_all', password: 'correct horse' } }),
    'with one’s own name and password',
  ),
  rule(
    contract.refresh,
    'server',
    '401 403 200 200 200 200 200 200',
    ({ caller }) => ({ body: { refresh_token: caller?.tokens.refresh_token ?? 'none' } }),
    'with one’s own token',
  ),
  rule(contract.listSessions, 'server', '401 401 200 200 200 200 200 200', nothing),
  rule(
    contract.endSession,
    'server',
    '401 401 404 404 404 404 404 404',
    async ({ other, world }) => {
      const { id } = (await (await world.signIn(other.username)).call(contract.listSessions)).find(
        (one) => one.current,
      )!
      return { params: { session_id: id } }
    },
    'of somebody else',
  ),
  rule(
    contract.changePassword,
    'server',
    '401 401 403 403 403 403 403 403',
    () => ({ body: { current: 'not the right one', new: 'long enough' } }),
    'with a wrong current one',
  ),

  rule(contract.getMe, 'server', '401 401 200 200 200 200 200 200', nothing),
  rule(contract.searchUsers, 'server', '401 401 200 200 200 200 200 200', () => ({ query: { q: 'a' } })),
  rule(contract.getUser, 'server', '200 401 200 200 200 200 200 200', ({ other }) => ({
    params: { user_id: other.id },
  })),
  rule(contract.getUserByName, 'server', '200 401 200 200 200 200 200 200', ({ other }) => ({
    params: { username: other.username },
  })),
  rule(
    contract.updateUser,
    'server',
    '401 401 200 200 200 200 200 200',
    ({ caller }) => ({ params: { user_id: caller?.id ?? 1 }, body: { bio: 'hello' } }),
    'of oneself',
  ),
  rule(
    contract.updateUser,
    'server',
    '401 401 403 403 403 403 403 403',
    ({ other }) => ({ params: { user_id: other.id }, body: { bio: 'hello' } }),
    'of somebody else',
  ),

  rule(contract.getSettings, 'server', '401 401 200 200 200 200 200 200', nothing),
  rule(contract.updateSettings, 'server', '401 401 204 204 204 204 204 204', () => ({
    body: { theme: 'dark' },
  })),
  rule(contract.sync, 'server', '401 401 200 200 200 200 200 200', nothing),

  rule(contract.createChat, 'server', '401 401 201 201 201 201 201 201', () => ({
    body: { type: 'group', title: 'New', member_ids: [] },
  })),
  rule(contract.listChats, 'server', '401 401 200 200 200 200 200 200', nothing),
  rule(contract.getChatRow, 'group', '401 401 404 404 200 200 200 404', chat),
  rule(contract.getChat, 'group', '401 401 404 404 200 200 200 404', chat),
  rule(contract.getChat, 'direct', '401 401 404 404 200 - - 404', chat),
  rule(contract.listMembers, 'group', '401 401 404 404 200 200 200 404', chat),
  rule(
    contract.getChatByName,
    'channel',
    '200 200 200 200 200 200 200 200',
    async ({ chat_id, people }) => {
      const public_name = fresh()
      await people.owner.call(contract.updateChat, { params: { chat_id }, body: { public_name } })
      return { params: { public_name } }
    },
    'with a public name',
  ),
  rule(contract.joinChat, 'group', '401 401 404 404 200 200 200 404', chat, 'without a public name'),
  rule(
    contract.joinChat,
    'channel',
    '401 401 200 200 200 200 200 200',
    async ({ chat_id, people }) => {
      await people.owner.call(contract.updateChat, { params: { chat_id }, body: { public_name: fresh() } })
      return { params: { chat_id } }
    },
    'with a public name',
  ),
  rule(contract.updateChat, 'group', '401 401 404 404 403 200 200 404', ({ chat_id }) => ({
    params: { chat_id },
    body: { title: 'Renamed' },
  })),
  rule(contract.updateChat, 'direct', '401 401 404 404 400 - - 404', ({ chat_id }) => ({
    params: { chat_id },
    body: { title: 'Renamed' },
  })),
  rule(contract.deleteChat, 'group', '401 401 404 404 403 403 204 404', chat),
  rule(contract.deleteChat, 'direct', '401 401 404 404 204 - - 404', chat, 'for oneself'),
  rule(contract.leaveChat, 'group', '401 401 404 404 204 204 400 404', chat),
  rule(contract.handOver, 'group', '401 401 404 404 403 403 200 404', ({ chat_id, other }) => ({
    params: { chat_id },
    body: { user_id: other.id },
  })),
  rule(contract.addMembers, 'group', '401 401 404 404 200 200 200 404', ({ chat_id, people }) => ({
    params: { chat_id },
    body: { user_ids: [people.stranger.id] },
  })),
  rule(contract.addMembers, 'channel', '401 401 404 404 403 200 200 404', ({ chat_id, people }) => ({
    params: { chat_id },
    body: { user_ids: [people.stranger.id] },
  })),
  rule(contract.addMembers, 'direct', '401 401 404 404 400 - - 404', ({ chat_id, people }) => ({
    params: { chat_id },
    body: { user_ids: [people.stranger.id] },
  })),
  rule(contract.removeMember, 'group', '401 401 404 404 403 204 204 404', other),
  rule(contract.promoteMember, 'group', '401 401 404 404 403 403 200 404', other),
  rule(contract.demoteMember, 'group', '401 401 404 404 403 403 200 404', other),
  rule(contract.favoriteChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.unfavoriteChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.pinChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.unpinChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.archiveChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.unarchiveChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.muteChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.unmuteChat, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.markRead, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.listReadReceipts, 'group', '401 401 403 403 200 200 200 403', chat),
  rule(contract.listReadBy, 'group', '401 401 404 404 200 200 200 404', message),

  rule(contract.sendMessage, 'group', '401 401 403 403 201 201 201 403', (scene) => ({
    ...chat(scene),
    body: { content: 'hello' },
  })),
  rule(contract.sendMessage, 'channel', '401 401 403 403 403 201 201 403', (scene) => ({
    ...chat(scene),
    body: { content: 'hello' },
  })),
  rule(contract.sendMessage, 'direct', '401 401 403 403 201 - - 403', (scene) => ({
    ...chat(scene),
    body: { content: 'hello' },
  })),
  rule(contract.listMessages, 'group', '401 401 403 403 200 200 200 403', chat),
  rule(contract.listMessages, 'direct', '401 401 403 403 200 - - 403', chat),
  rule(contract.listChanges, 'group', '401 401 403 403 200 200 200 403', chat),
  rule(
    contract.editMessage,
    'group',
    '401 401 403 403 200 200 200 403',
    (scene) => ({ ...ownMessage(scene), body: { content: 'edited' } }),
    'one’s own',
  ),
  rule(
    contract.editMessage,
    'group',
    '401 401 403 403 403 403 403 403',
    async (scene) => {
      const { chat_id, other } = scene
      const { id } = await other.call(contract.sendMessage, {
        params: { chat_id },
        body: { content: 'by somebody else' },
      })
      return { params: { chat_id, message_id: id }, body: { content: 'edited' } }
    },
    'of somebody else',
  ),
  rule(contract.deleteMessage, 'group', '401 401 404 404 204 204 204 404', message, 'for oneself'),
  rule(
    contract.deleteMessage,
    'group',
    '401 401 404 404 403 204 204 404',
    (scene) => ({ ...message(scene), body: { for_everyone: true } }),
    'for everyone, of somebody else (the owner’s own)',
  ),
  rule(
    contract.deleteMessage,
    'group',
    '401 401 404 404 204 204 204 404',
    (scene) => ({ ...ownMessage(scene), body: { for_everyone: true } }),
    'for everyone, one’s own',
  ),
  rule(contract.listStickers, 'server', '401 401 200 200 200 200 200 200', nothing),
  rule(contract.getStickerImage, 'server', '302 302 302 302 302 302 302 302', () => ({
    params: { sticker_id: 1 },
  })),
  rule(contract.listStickerPacks, 'server', '401 401 200 200 200 200 200 200', nothing),
  rule(contract.createStickerPack, 'server', '401 401 201 201 201 201 201 201', () => ({
    body: { name: 'New' },
  })),
  rule(
    contract.renameStickerPack,
    'server',
    '401 401 200 200 200 200 200 200',
    async (scene) => ({ ...(await ownPack(scene)), body: { name: 'Renamed' } }),
    'of one’s own',
  ),
  rule(
    contract.renameStickerPack,
    'server',
    '401 401 404 404 404 404 404 404',
    async (scene) => ({ ...(await somebodysPack(scene)), body: { name: 'Renamed' } }),
    'of somebody else',
  ),
  rule(contract.deleteStickerPack, 'server', '401 401 204 204 204 204 204 204', ownPack, 'of one’s own'),
  rule(
    contract.deleteStickerPack,
    'server',
    '401 401 404 404 404 404 404 404',
    somebodysPack,
    'of somebody else',
  ),
  rule(
    contract.orderStickerPacks,
    'server',
    '401 401 404 404 404 404 404 404',
    async (scene) => ({ body: { pack_ids: [(await othersPack(scene)).id] } }),
    'with one that is not added',
  ),
  rule(contract.previewStickerPack, 'server', '401 401 200 200 200 200 200 200', sharedPack),
  rule(contract.addStickerPack, 'server', '401 401 200 200 200 200 200 200', sharedPack),
  rule(
    contract.removeStickerPack,
    'server',
    '401 401 204 204 204 204 204 204',
    somebodysPack,
    'that one added',
  ),
  rule(
    contract.addSticker,
    'server',
    '401 401 404 404 404 404 404 404',
    async (scene) => ({ ...(await somebodysPack(scene)), body: { file_id: 1, label: 'x' } }),
    'to somebody else’s pack',
  ),
  rule(
    contract.labelSticker,
    'server',
    '401 401 404 404 404 404 404 404',
    () => ({ params: { pack_id: 1, sticker_id: 1 }, body: { label: 'x' } }),
    'of the built-in pack',
  ),
  rule(
    contract.removeSticker,
    'server',
    '401 401 404 404 404 404 404 404',
    () => ({ params: { pack_id: 1, sticker_id: 1 } }),
    'of the built-in pack',
  ),
  rule(
    contract.orderStickers,
    'server',
    '401 401 204 204 204 204 204 204',
    async (scene) => ({ ...(await ownPack(scene)), body: { sticker_ids: [] } }),
    'of one’s own pack',
  ),
  ...ROOM_RULES,
  ...ADMIN_RULES,
  rule(contract.logout, 'server', '401 401 204 204 204 204 204 204', nothing),
]
