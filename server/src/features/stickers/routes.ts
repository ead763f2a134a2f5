import { randomBytes, randomUUID } from 'node:crypto'
import {
  STICKER_FILE_MAX,
  addSticker,
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
import { Refusal } from '../../http/refusal.ts'
import { limited, redirect, serve, type Route } from '../../http/serve.ts'
import { tell } from '../../ports/bus/tell.ts'
import type { Bus } from '../../ports/bus/port.ts'
import { ownFile } from '../files/queries.ts'
import type { FileRow } from '../files/rows.ts'
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
  putSticker,
  refuseFull,
  relabel,
  removePack,
  removeStickerFrom,
  renamePack,
} from './queries.ts'
import type { PictureKey } from './rows.ts'
import { stickerIdOf } from './rules.ts'
import { sweepStickers } from './sweep.ts'

const CHANGES = { burst: 30, perSecond: 1 }
/** Shorter than a signed address lives, and a new version may have drawn the sticker anew. */
const LED = 'public, max-age=600'

/** The longest side of a sticker, in pixels. */
const SIDE = 512
const SHOWN = { mime_type: 'image/webp', disposition: 'inline' }

const changed = (bus: Bus, user_id: number) => tell(bus, `user:${user_id}`, { type: 'stickers_changed' })

interface Deps {
  pictures: Pictures
  /** Stores a file's picture once more, as a WebP within a square; false when it is none. */
  redraw: (file: FileRow, to: { key: PictureKey; within: number }) => Promise<boolean>
}

export const stickerRoutes = ({ pictures, redraw }: Deps): Route[] => [
  serve(listStickers, async ({ me }, { db }) => (await packsOf(db, me.id)).flatMap((pack) => pack.stickers)),

  serve(getStickerImage, async ({ params, request }, { db, storage }) => {
    const { asset, object_key } = await pictureOf(db, params.sticker_id)
    return redirect(asset ? pictures.address(asset, request) : storage.link(object_key!, SHOWN), LED)
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

  serve(deleteStickerPack, async ({ me, params }, resources) => {
    await deletePack(resources.db, me.id, params.pack_id)
    changed(resources.bus, me.id)
    void sweepStickers(resources)
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

  serve(addSticker, async ({ me, params: { pack_id }, body }, resources) => {
    const { db, bus, storage } = resources
    await limited(resources, `stickers:${me.id}`, CHANGES)
    await refuseFull(db, me.id, pack_id)
    const file = await ownFile(db, body.file_id, me.id)
    if (file.size > STICKER_FILE_MAX) throw new Refusal('too_large', { field: 'file_id' })
    const key: PictureKey = `stickers/${randomUUID()}.webp`
    if (!(await redraw(file, { key, within: SIDE })))
      throw new Refusal('invalid', { field: 'file_id', error: 'A sticker is made of a picture.' })
    const made = { id: stickerIdOf(randomBytes(8).readBigUInt64BE()), label: body.label, object_key: key }
    const sticker = await putSticker(db, me.id, pack_id, made).catch(async (error: unknown) => {
      await storage.remove([key])
      throw error
    })
    changed(bus, me.id)
    return sticker
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

  serve(removeSticker, async ({ me, params }, resources) => {
    await removeStickerFrom(resources.db, me.id, params.pack_id, params.sticker_id)
    changed(resources.bus, me.id)
    void sweepStickers(resources)
    return null
  }),
]
