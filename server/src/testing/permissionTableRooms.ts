import * as contract from '@messenger/contract'
import { chat, message, nothing, other, ownMessage, rule, type Rule, type Scene } from './permissions.ts'
import { call, type Person } from './world.ts'

/** A picture of one pixel. */
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

function form(): FormData {
  const body = new FormData()
  body.append('file', new File([Buffer.from(PIXEL, 'base64')], 'pixel.png', { type: 'image/png' }))
  return body
}

const upload = async ({ world }: Scene, who: Person): Promise<number> =>
  (await call(world.url, contract.uploadFile, { body: form() }, who.tokens.access_token)).id

const canAct = ({ caller, people }: Scene): boolean => caller !== null && caller !== people.blocked

/** A picture that the owner showed in the chat. */
async function shownFile(scene: Scene) {
  const { chat_id, people } = scene
  const file_id = await upload(scene, people.owner)
  await people.owner.call(contract.sendMessage, { params: { chat_id }, body: { file_id } })
  return { params: { file_id } }
}

const ownPicture = async (scene: Scene) => ({
  body: { file_id: canAct(scene) ? await upload(scene, scene.caller!) : 1 },
})

const picturedChat = async (scene: Scene) => {
  const file_id = await upload(scene, scene.people.owner)
  await scene.people.owner.call(contract.setChatAvatar, { ...chat(scene), body: { file_id } })
  return chat(scene)
}

const invited = async ({ chat_id, people }: Scene) => {
  const { token } = await people.owner.call(contract.createInvite, { params: { chat_id } })
  return { params: { token } }
}

const pinned = async (scene: Scene) => {
  await scene.people.owner.call(contract.pinMessage, message(scene))
  return message(scene)
}

const forwarded = (scene: Scene) => ({
  ...chat(scene),
  body: { from_chat_id: scene.chat_id, message_ids: [scene.message_id] },
})

/** Files, invites and what is done with messages, in the order of CALLERS. */
export const ROOM_RULES: Rule[] = [
  rule(contract.uploadFile, 'server', '401 401 201 201 201 201 201 201', () => ({ body: form() })),
  rule(
    contract.downloadFile,
    'group',
    '401 401 404 404 302 302 302 404',
    shownFile,
    'of the owner’s, shown in the chat',
  ),
  rule(
    contract.downloadFile,
    'group',
    '401 401 404 404 404 404 302 404',
    async (scene) => ({ params: { file_id: await upload(scene, scene.people.owner) } }),
    'of the owner’s, shown nowhere',
  ),
  rule(
    contract.previewFile,
    'group',
    '401 401 404 404 302 302 302 404',
    shownFile,
    'of the owner’s, shown in the chat',
  ),
  rule(
    contract.linkFile,
    'group',
    '401 401 404 404 200 200 200 404',
    shownFile,
    'of the owner’s, shown in the chat',
  ),
  rule(
    contract.getUserAvatar,
    'server',
    '302 302 302 302 302 302 302 302',
    async (scene) => {
      const { other } = scene
      await other.call(contract.setAvatar, { body: { file_id: await upload(scene, other) } })
      return { params: { user_id: other.id } }
    },
    'of somebody with a picture',
  ),
  rule(
    contract.setAvatar,
    'server',
    '401 401 200 200 200 200 200 200',
    ownPicture,
    'with a picture of one’s own',
  ),
  rule(
    contract.setAvatar,
    'server',
    '401 401 404 404 404 404 404 404',
    async (scene) => ({ body: { file_id: await upload(scene, scene.other) } }),
    'with somebody else’s picture',
  ),
  rule(contract.removeAvatar, 'server', '401 401 204 204 204 204 204 204', nothing),
  rule(
    contract.getChatAvatar,
    'group',
    '404 401 404 404 302 302 302 404',
    picturedChat,
    'without a public name',
  ),
  rule(
    contract.getChatAvatar,
    'channel',
    '302 401 302 302 302 302 302 302',
    async (scene) => {
      await scene.people.owner.call(contract.updateChat, {
        ...chat(scene),
        body: { public_name: `pictured_${scene.chat_id}` },
      })
      return picturedChat(scene)
    },
    'with a public name',
  ),
  rule(contract.linkChatAvatar, 'group', '401 401 404 404 200 200 200 404', picturedChat),
  rule(contract.setChatAvatar, 'group', '401 401 404 404 403 200 200 404', async (scene) => ({
    ...chat(scene),
    ...(await ownPicture(scene)),
  })),
  rule(contract.setChatAvatar, 'direct', '401 401 404 404 400 - - 404', async (scene) => ({
    ...chat(scene),
    ...(await ownPicture(scene)),
  })),

  rule(contract.createInvite, 'group', '401 401 404 404 403 201 201 404', chat),
  rule(contract.createInvite, 'direct', '401 401 404 404 400 - - 404', chat),
  rule(contract.listInvites, 'group', '401 401 404 404 403 200 200 404', chat),
  rule(contract.revokeInvite, 'group', '401 401 404 404 403 200 200 404', invited, 'of the owner’s'),
  rule(contract.previewInvite, 'group', '200 200 200 200 200 200 200 200', invited),
  rule(contract.joinByInvite, 'group', '401 401 200 200 200 200 200 200', invited),
  rule(
    contract.joinByInvite,
    'group',
    '401 401 403 403 - - - 403',
    async (scene) => {
      const { caller, chat_id, people } = scene
      if (caller) await people.owner.call(contract.banUser, { params: { chat_id, user_id: caller.id } })
      return invited(scene)
    },
    'by somebody banned',
  ),
  rule(contract.banUser, 'group', '401 401 404 404 403 204 204 404', other),
  rule(contract.banUser, 'direct', '401 401 404 404 400 - - 404', other),
  rule(contract.listBans, 'group', '401 401 404 404 403 200 200 404', chat),
  rule(contract.unbanUser, 'group', '401 401 404 404 403 204 204 404', async (scene) => {
    await scene.people.owner.call(contract.banUser, other(scene))
    return other(scene)
  }),
  rule(contract.countReadBy, 'group', '401 401 404 404 200 200 200 404', message),
  rule(contract.markUnread, 'group', '401 401 403 403 204 204 204 403', chat),
  rule(contract.saveDraft, 'group', '401 401 403 403 204 204 204 403', (scene) => ({
    ...chat(scene),
    body: { content: 'I think' },
  })),
  rule(contract.deleteDraft, 'group', '401 401 403 403 204 204 204 403', chat),

  rule(contract.listEdits, 'group', '401 401 403 403 200 200 200 200', ownMessage, 'of one’s own'),
  rule(contract.listEdits, 'group', '401 401 403 403 403 403 200 200', message, 'of the owner’s'),
  rule(contract.pinMessage, 'group', '401 401 403 403 403 200 200 403', message),
  rule(contract.pinMessage, 'direct', '401 401 403 403 200 - - 403', message),
  rule(contract.unpinMessage, 'group', '401 401 403 403 403 204 204 403', pinned),
  rule(contract.getPinnedMessage, 'group', '401 401 403 403 200 200 200 403', chat),
  rule(contract.listPinnedMessages, 'group', '401 401 403 403 200 200 200 403', chat),
  rule(contract.toggleReaction, 'group', '401 401 403 403 200 200 200 403', (scene) => ({
    ...message(scene),
    body: { emoji: '👍' },
  })),
  rule(contract.toggleReaction, 'channel', '401 401 403 403 200 200 200 403', (scene) => ({
    ...message(scene),
    body: { emoji: '👍' },
  })),
  rule(contract.listReactions, 'group', '401 401 403 403 200 200 200 403', (scene) => ({
    ...chat(scene),
    query: { message_ids: String(scene.message_id) },
  })),
  rule(contract.forwardMessages, 'group', '401 401 403 403 200 200 200 403', forwarded, 'from the same chat'),
  rule(
    contract.forwardMessages,
    'channel',
    '401 401 403 403 403 200 200 403',
    forwarded,
    'from the same chat',
  ),
  rule(
    contract.forwardMessages,
    'direct',
    '401 401 403 403 403 - - 403',
    async (scene) => {
      const { other, world, people, chat_id } = scene
      const from_chat_id = await world.group(other, [people.owner])
      const { id } = await other.call(contract.sendMessage, {
        params: { chat_id: from_chat_id },
        body: { content: 'among us' },
      })
      return { params: { chat_id }, body: { from_chat_id, message_ids: [id] } }
    },
    'from a chat that one is not in',
  ),
  rule(contract.searchChat, 'group', '401 401 403 403 200 200 200 403', (scene) => ({
    ...chat(scene),
    query: { q: 'owner' },
  })),
  rule(contract.searchMessages, 'server', '401 401 200 200 200 200 200 200', () => ({
    query: { q: 'owner' },
  })),
  rule(
    contract.searchMessages,
    'group',
    '401 401 403 403 200 200 200 403',
    ({ chat_id }) => ({ query: { q: 'owner', chat_id } }),
    'in one chat',
  ),
  rule(contract.openSupport, 'server', '401 401 200 200 200 200 200 200', nothing),
]
