import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import * as limits from './limits.ts'
import { Id, NoContent, nullable } from './parts.ts'

const PackParams = Type.Object({ pack_id: Id })
const StickerInPack = Type.Object({ pack_id: Id, sticker_id: Id })
const TokenParams = Type.Object({ token: Type.String({ minLength: 1, maxLength: 64 }) })

const PackName = Type.String({
  minLength: 1,
  maxLength: limits.PACK_NAME_MAX,
  pattern: '\\S',
  description: `1 to ${limits.PACK_NAME_MAX} characters, not only spaces`,
})
const Label = Type.String({
  minLength: 1,
  maxLength: limits.STICKER_LABEL_MAX,
  pattern: '\\S',
  description: `1 to ${limits.STICKER_LABEL_MAX} characters, not only spaces`,
})

export const Sticker = Type.Object({
  id: Id,
  label: Type.String({ description: 'what it shows, for who cannot see it' }),
  url: Type.String({ description: '`/stickers/{id}/image`' }),
  pack_id: Id,
  pack: Type.String({ description: 'the name of its pack' }),
})
export type Sticker = Static<typeof Sticker>

export const StickerPack = Type.Object({
  id: Id,
  name: Type.String(),
  token: nullable(
    Type.String({ description: 'whoever has it may look at the pack and add it; null for built-in packs' }),
  ),
  is_own: Type.Boolean(),
  is_added: Type.Boolean({
    description: 'among the caller’s packs; one’s own and the built-in ones always are',
  }),
  stickers: Type.Array(Sticker),
})
export type StickerPack = Static<typeof StickerPack>

export const listStickers = endpoint({
  method: 'GET',
  path: '/stickers',
  summary:
    'What the caller can choose from: their own packs and those they added, in their order, then the built-in ones.',
  result: Type.Array(Sticker),
})

export const getStickerImage = endpoint({
  method: 'GET',
  path: '/stickers/:sticker_id/image',
  summary:
    'Leads to the picture, a WebP of up to 512 px, which stays as long as a message shows it. Public, so that an `<img>` can show it: the ids of people’s stickers cannot be guessed.',
  caller: 'public',
  status: 302,
  params: Type.Object({ sticker_id: Id }),
  result: Type.Null({ description: 'No body (302): `Location` is an address that needs no token.' }),
  refusals: ['not_found'],
})

export const listStickerPacks = endpoint({
  method: 'GET',
  path: '/sticker-packs',
  summary: 'The caller’s packs with their stickers, empty ones too, in the order of `GET /stickers`.',
  result: Type.Array(StickerPack),
})

export const createStickerPack = endpoint({
  method: 'POST',
  path: '/sticker-packs',
  summary: `Makes an empty pack, the first of the caller’s. Up to ${limits.OWN_PACKS_MAX} of one’s own.`,
  status: 201,
  body: Type.Object({ name: PackName }),
  result: StickerPack,
  refusals: ['too_many_packs', 'rate_limited'],
})

export const renameStickerPack = endpoint({
  method: 'PATCH',
  path: '/sticker-packs/:pack_id',
  summary: 'Renames a pack of the caller’s own.',
  params: PackParams,
  body: Type.Object({ name: PackName }),
  result: StickerPack,
  refusals: ['not_found'],
})

export const deleteStickerPack = endpoint({
  method: 'DELETE',
  path: '/sticker-packs/:pack_id',
  summary:
    'Deletes a pack of the caller’s own, for everybody who added it. Messages keep the stickers that they show.',
  status: 204,
  params: PackParams,
  result: NoContent,
  refusals: ['not_found'],
})

export const orderStickerPacks = endpoint({
  method: 'PUT',
  path: '/sticker-packs/order',
  summary:
    'Puts the caller’s packs in this order; those left out follow as they were. Built-in packs stay last.',
  status: 204,
  body: Type.Object({ pack_ids: Type.Array(Id, { maxItems: limits.PACKS_MAX, uniqueItems: true }) }),
  result: NoContent,
  refusals: ['not_found'],
})

export const previewStickerPack = endpoint({
  method: 'GET',
  path: '/sticker-packs/by-token/:token',
  summary: 'A pack that somebody shared, before one adds it.',
  params: TokenParams,
  result: StickerPack,
  refusals: ['not_found'],
})

export const addStickerPack = endpoint({
  method: 'POST',
  path: '/sticker-packs/by-token/:token/add',
  summary: `Adds a pack that somebody shared, as the first of the caller’s; again changes nothing. Up to ${limits.PACKS_MAX} packs.`,
  params: TokenParams,
  result: StickerPack,
  refusals: ['not_found', 'too_many_packs', 'rate_limited'],
})

export const removeStickerPack = endpoint({
  method: 'DELETE',
  path: '/sticker-packs/:pack_id/add',
  summary: 'Takes a pack that the caller added off their list.',
  status: 204,
  params: PackParams,
  result: NoContent,
  refusals: ['not_found'],
})

export const addSticker = endpoint({
  method: 'POST',
  path: '/sticker-packs/:pack_id/stickers',
  summary: `Makes a sticker of a picture that the caller stored, the last of their own pack: a WebP of up to 512 px, of an animated picture its first frame. Up to ${limits.PACK_STICKERS_MAX} in a pack.`,
  status: 201,
  params: PackParams,
  body: Type.Object({ file_id: Id, label: Label }),
  result: Sticker,
  refusals: ['not_found', 'too_many_stickers', 'rate_limited', 'busy'],
})

export const labelSticker = endpoint({
  method: 'PATCH',
  path: '/sticker-packs/:pack_id/stickers/:sticker_id',
  summary:
    'Changes what a sticker of the caller’s own pack is called. Sent ones keep the word they were sent with.',
  params: StickerInPack,
  body: Type.Object({ label: Label }),
  result: Sticker,
  refusals: ['not_found'],
})

export const orderStickers = endpoint({
  method: 'PUT',
  path: '/sticker-packs/:pack_id/order',
  summary: 'Puts the stickers of the caller’s own pack in this order; those left out follow as they were.',
  status: 204,
  params: PackParams,
  body: Type.Object({
    sticker_ids: Type.Array(Id, { maxItems: limits.PACK_STICKERS_MAX, uniqueItems: true }),
  }),
  result: NoContent,
  refusals: ['not_found'],
})

export const removeSticker = endpoint({
  method: 'DELETE',
  path: '/sticker-packs/:pack_id/stickers/:sticker_id',
  summary: 'Takes a sticker out of the caller’s own pack. Messages keep showing it.',
  status: 204,
  params: StickerInPack,
  result: NoContent,
  refusals: ['not_found'],
})
