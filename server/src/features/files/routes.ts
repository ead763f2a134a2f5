import * as contract from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { limited, redirect, serve, type Route } from '../../http/serve.ts'
import { tell, tellNodes } from '../../ports/bus/tell.ts'
import type { Resources } from '../../ports/resources.ts'
import type { Storage } from '../../ports/storage/port.ts'
import { contactsOf, roleIn, type UpdatedChat } from '../chats/queries.ts'
import { profileOf } from '../users/queries.ts'
import { takeFile } from './intake.ts'
import * as queries from './queries.ts'
import { keyOf, previewKey, squareKey, type FileRow } from './rows.ts'
import { isPicture, shownAs, squareFor, SQUARES } from './rules.ts'
import { NoPicture, type Studio } from './studio.ts'
import type { FileWork } from './work.ts'

const UPLOADS = { burst: 100, perSecond: 1 }
const AVATARS = { burst: 20, perSecond: 0.1 }
/** One person's uploads at once on a node: each holds a socket and a buffer. */
const AT_ONCE_MAX = 30
/** A picture's address says which one it is; whoever asks without that waits for a new one this long, in seconds. */
const AVATAR_CACHE = 'private, max-age=300'

const webp = (name: string) => shownAs({ filename: `${name}.webp`, mime_type: 'image/webp' })

const squareLink = (storage: Storage, object_key: string, size: number | undefined) =>
  storage.link(squareKey(object_key, squareFor(size)), webp('avatar'))

/** Draws the squares of a picture; a file that is none keeps none. */
async function square(file: FileRow, { db, storage }: Resources, studio: Studio): Promise<boolean> {
  if (file.has_squares) return true
  if (!isPicture(file.mime_type)) return false
  try {
    await studio.draw(
      { mime_type: file.mime_type, open: () => storage.get(keyOf(file)) },
      SQUARES.map((side) => ({ name: String(side), square: side })),
      (name, picture) => storage.put(squareKey(file.object_key, Number(name)), picture, 'image/webp'),
    )
  } catch (error) {
    if (error instanceof NoPicture) return false
    throw error
  }
  await queries.markSquares(db, file.id)
  return true
}

/** Everybody who shares a chat sees the new picture, and nodes forget what they knew. */
async function announceProfile({ db, bus }: Resources, user_id: number): Promise<string | null> {
  const { username, display_name, bio, avatar_url } = await profileOf(db, user_id)
  tellNodes(bus, { type: 'user_changed', user_id })
  for (const observer of new Set([user_id, ...(await contactsOf(db, user_id))]))
    tell(bus, `user:${observer}`, {
      type: 'user_profile_updated',
      user_id,
      username,
      display_name,
      bio,
      avatar_url,
    })
  return avatar_url
}

interface Deps {
  studio: Studio
  work: FileWork
  /** Tells that a chat has a new picture. */
  pictured: (chat: UpdatedChat, by: number) => Promise<void>
}

export function fileRoutes({ studio, work, pictured }: Deps): Route[] {
  const uploading = new Map<number, number>()

  return [
    serve(contract.uploadFile, async ({ me, request }, resources) => {
      await limited(resources, `upload:${me.id}`, UPLOADS)
      const others = uploading.get(me.id) ?? 0
      if (others >= AT_ONCE_MAX)
        throw new Refusal('busy', { retry_after: 5, error: 'Too many uploads at once.' })
      uploading.set(me.id, others + 1)
      try {
        const { file, is_picture } = await takeFile(request, me.id, resources)
        if (is_picture) work.wake()
        return file
      } finally {
        const left = uploading.get(me.id)! - 1
        if (left > 0) uploading.set(me.id, left)
        else uploading.delete(me.id)
      }
    }),

    serve(contract.downloadFile, async ({ me, params }, { db, storage }) => {
      const file = await queries.fileFor(db, params.file_id, me.id)
      return redirect(storage.link(keyOf(file), shownAs(file)))
    }),

    serve(contract.previewFile, async ({ me, params }, { db, storage }) => {
      const file = await queries.fileFor(db, params.file_id, me.id)
      return redirect(
        file.has_preview
          ? storage.link(previewKey(file.object_key), webp('preview'))
          : storage.link(keyOf(file), shownAs(file)),
      )
    }),

    serve(contract.linkFile, async ({ me, params }, { db, storage }) => {
      const file = await queries.fileFor(db, params.file_id, me.id)
      const preview_url = file.has_preview ? storage.link(previewKey(file.object_key), webp('preview')) : null
      return { url: storage.link(keyOf(file), shownAs(file)), preview_url }
    }),

    serve(contract.getUserAvatar, async ({ params, query }, { db, storage }) => {
      const key = await queries.userSquares(db, params.user_id)
      return redirect(squareLink(storage, key, query.size), AVATAR_CACHE)
    }),

    serve(contract.setAvatar, async ({ me, body }, resources) => {
      const file = await queries.ownFile(resources.db, body.file_id, me.id)
      await limited(resources, `avatar:${me.id}`, AVATARS)
      if (!(await square(file, resources, studio)))
        throw new Refusal('invalid', {
          field: 'file_id',
          error: 'This file is not a picture that can be shown.',
        })
      await queries.setUserAvatar(resources.db, me.id, file.id)
      return { avatar_url: (await announceProfile(resources, me.id))! }
    }),

    serve(contract.removeAvatar, async ({ me }, resources) => {
      await queries.setUserAvatar(resources.db, me.id, null)
      await announceProfile(resources, me.id)
      work.wake()
      return null
    }),

    serve(contract.getChatAvatar, async ({ me, params, query }, { db, storage }) => {
      const key = await queries.chatSquares(db, params.chat_id, me?.id ?? null)
      return redirect(squareLink(storage, key, query.size), AVATAR_CACHE)
    }),

    serve(contract.linkChatAvatar, async ({ me, params, query }, { db, storage }) => {
      const key = await queries.chatSquares(db, params.chat_id, me.id)
      return { url: squareLink(storage, key, query.size) }
    }),

    serve(contract.setChatAvatar, async ({ me, params: { chat_id }, body }, resources) => {
      const { role, type } = await roleIn(resources.db, chat_id, me.id)
      if (type === 'direct') throw new Refusal('not_for_direct_chats')
      if (role === 'member') throw new Refusal('not_allowed')
      const file = await queries.ownFile(resources.db, body.file_id, me.id)
      await limited(resources, `avatar:${me.id}`, AVATARS)
      await square(file, resources, studio)
      const chat = await queries.setAvatarOfChat(resources.db, chat_id, me.id, file.id)
      if (!chat) throw new Refusal('not_allowed')
      await pictured(chat, me.id)
      return { avatar_url: chat.avatar_url! }
    }),
  ]
}
