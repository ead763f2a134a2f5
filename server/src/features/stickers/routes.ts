import { randomBytes } from 'node:crypto'
import {
  addStickerPack,
  createStickerPack,
  deleteStickerPack,
  getStickerImage,
  labelSticker,
  listStickerPacks,
  listStickers,
  orderStickerPacks,
  orderStickers,
  previewStickerPack,
  removeSticker,
  removeStickerPack,
  renameStickerPack,
} from '@messenger/contract'
import { Answer, limited, serve, type Route } from '../../http/serve.ts'
import { tell } from '../../ports/bus/tell.ts'
import type { Bus } from '../../ports/bus/port.ts'
import type { Pictures } from './pictures.ts'
import {
  addPack,
  createPack,
  deletePack,
  orderInPack,
  orderPacks,
  packShared,
  packsOf,
  pictureOf,
  relabel,
  removePack,
  removeStickerFrom,
  renamePack,
} from './queries.ts'

const CHANGES = { burst: 30, perSecond: 1 }
/** Shorter than a signed address lives, and a new version may have drawn the sticker anew. */
const LED = 'public, max-age=600'

const SHOWN = { mime_type: 'image/webp', disposition: 'inline' }

const changed = (bus: Bus, user_id: number) => tell(bus, `user:${user_id}`, { type: 'stickers_changed' })

export const stickerRoutes = ({ pictures }: { pictures: Pictures }): Route[] => [
  serve(listStickers, async ({ me }, { db }) => (await packsOf(db, me.id)).flatMap((pack) => pack.stickers)),

  serve(getStickerImage, async ({ params, request }, { db, storage }) => {
    const { asset, object_key } = await pictureOf(db, params.sticker_id)
    const location = asset ? pictures.address(asset, request) : storage.link(object_key!, SHOWN)
    return new Answer(302, null, { location, 'cache-control': LED })
  }),

  serve(listStickerPacks, ({ me }, { db }) => packsOf(db, me.id)),

  serve(createStickerPack, async ({ me, body }, resources) => {
    await limited(resources, `stickers:${me.id}`, CHANGES)
    const pack = await createPack(resources.db, me.id, body.name, randomBytes(16).toString('base64url'))
    changed(resources.bus, me.id)
    return pack
  }),

  serve(renameStickerPack, async ({ me, params, body }, { db, bus }) => {
    const pack = await renamePack(db, me.id, params.pack_id, body.name)
    changed(bus, me.id)
    return pack
  }),

  serve(deleteStickerPack, async ({ me, params }, { db, bus, storage }) => {
    const keys = await deletePack(db, me.id, params.pack_id)
    changed(bus, me.id)
    await storage.remove(keys)
    return null
  }),

  serve(orderStickerPacks, async ({ me, body }, { db, bus }) => {
    await orderPacks(db, me.id, body.pack_ids)
    changed(bus, me.id)
    return null
  }),

  serve(previewStickerPack, ({ me, params }, { db }) => packShared(db, me.id, params.token)),

  serve(addStickerPack, async ({ me, params }, resources) => {
    await limited(resources, `stickers:${me.id}`, CHANGES)
    const pack = await addPack(resources.db, me.id, params.token)
    changed(resources.bus, me.id)
    return pack
  }),

  serve(removeStickerPack, async ({ me, params }, { db, bus }) => {
    await removePack(db, me.id, params.pack_id)
    changed(bus, me.id)
    return null
  }),

  serve(labelSticker, async ({ me, params, body }, { db, bus }) => {
    const sticker = await relabel(db, me.id, params, body.label)
    changed(bus, me.id)
    return sticker
  }),

  serve(orderStickers, async ({ me, params, body }, { db, bus }) => {
    await orderInPack(db, me.id, params.pack_id, body.sticker_ids)
    changed(bus, me.id)
    return null
  }),

  serve(removeSticker, async ({ me, params }, { db, bus, storage }) => {
    const keys = await removeStickerFrom(db, me.id, params.pack_id, params.sticker_id)
    changed(bus, me.id)
    await storage.remove(keys)
    return null
  }),
]
