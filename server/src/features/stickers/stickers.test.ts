import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  OWN_PACKS_MAX,
  PACKS_MAX,
  PACK_STICKERS_MAX,
  addSticker,
  addStickerPack,
  createStickerPack,
  deleteStickerPack,
  getChatRow,
  labelSticker,
  listMessages,
  listStickerPacks,
  listStickers,
  orderStickerPacks,
  orderStickers,
  previewStickerPack,
  removeSticker,
  removeStickerPack,
  renameStickerPack,
  sendMessage,
} from '@messenger/contract'
import { pino } from 'pino'
import sharp from 'sharp'
import { sql } from '../../ports/db/port.ts'
import { startS3 } from '../../testing/s3.ts'
import { until } from '../../testing/until.ts'
import { newWorld, type Person, type World } from '../../testing/world.ts'
import { BUILT_IN } from './rules.ts'
import { sweepStickers } from './sweep.ts'

const NAMES = ['grin', 'lol', 'heart', 'like', 'party', 'cry', 'cool', 'fire']

const ASSETS = join(import.meta.dirname, '../../../assets/stickers')

/** The mean difference of two pictures, of 255. */
async function difference(one: Buffer, other: Buffer): Promise<number> {
  const [a, b] = await Promise.all(
    [one, other].map((picture) =>
      sharp(picture).resize(128, 128).flatten({ background: '#fff' }).raw().toBuffer(),
    ),
  )
  return a!.reduce((sum, value, at) => sum + Math.abs(value - b![at]!), 0) / a!.length
}

let world: World
let ann: Person
let bob: Person
let eve: Person

beforeAll(async () => {
  world = await newWorld({ nodes: 2, env: { RATE_LIMITS: 'off' } })
  ;[ann, bob, eve] = await Promise.all([world.user('ann'), world.user('bob'), world.user('eve')])
})
afterAll(() => world.close())

const image = (id: number | string, prefix = 'api/') =>
  fetch(`${world.url}${prefix}stickers/${id}/image`, { redirect: 'manual' })
const packsOf = async (who: Person) => (await who.call(listStickerPacks)).map(({ name }) => name)
const made = (who: Person, name: string) => who.call(createStickerPack, { body: { name } })

describe('the built-in pack', () => {
  test('has its eight stickers, with the same ids on every node and for everybody', async () => {
    const seen = await ann.call(listStickers)
    expect(seen.map(({ label }) => label)).toEqual(NAMES)
    expect(seen[2]).toEqual({ id: 3, label: 'heart', url: '/stickers/3/image', pack_id: 1, pack: 'Emojis' })
    expect(await bob.at(world.nodes[1]!.url).call(listStickers)).toEqual(seen)
    expect(await ann.call(listStickerPacks)).toEqual([
      { id: 1, name: 'Emojis', token: null, is_own: false, is_added: true, stickers: seen },
    ])
  })

  test.each(NAMES)('%s is drawn, and its picture is served for a year to anybody', async (name) => {
    const { id } = BUILT_IN.stickers.find(({ label }) => label === name)!
    for (const prefix of ['', 'api/']) {
      const led = await image(id, prefix)
      expect(led.status).toBe(302)
      const place = led.headers.get('location')!
      expect(place).toMatch(new RegExp(`^/${prefix}stickers/assets/${name}\\.[0-9a-f]{12}\\.webp$`))
      const served = await fetch(new URL(place, world.url))
      expect(served.status).toBe(200)
      expect(served.headers.get('content-type')).toBe('image/webp')
      expect(served.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(served.headers.get('x-content-type-options')).toBe('nosniff')
      const picture = Buffer.from(await served.arrayBuffer())
      expect(picture.length).toBeLessThan(40 * 1024)
      expect(await sharp(picture).metadata()).toMatchObject({ format: 'webp', width: 512, height: 512 })
      expect(await difference(picture, await readFile(join(ASSETS, `${name}.svg`)))).toBeLessThan(2)
    }
  })

  test('a picture of no sticker is not there', async () => {
    for (const id of [9, 999, 999_999]) expect((await image(id)).status).toBe(404)
    expect((await image('abc')).status).toBe(400)
    expect((await fetch(`${world.url}stickers/assets/grin.webp`)).status).toBe(404)
  })

  test('belongs to nobody: it cannot be renamed, ordered, emptied, deleted or taken off a list', async () => {
    const params = { pack_id: BUILT_IN.id }
    for (const refusal of [
      await ann.refused(renameStickerPack, { params, body: { name: 'Mine' } }),
      await ann.refused(deleteStickerPack, { params }),
      await ann.refused(removeStickerPack, { params }),
      await ann.refused(orderStickers, { params, body: { sticker_ids: [8, 1] } }),
      await ann.refused(orderStickerPacks, { body: { pack_ids: [1] } }),
      await ann.refused(labelSticker, { params: { ...params, sticker_id: 1 }, body: { label: 'x' } }),
      await ann.refused(removeSticker, { params: { ...params, sticker_id: 1 } }),
    ])
      expect([refusal.status, refusal.code]).toEqual([404, 'not_found'])
    expect((await ann.call(listStickers)).map(({ label }) => label)).toEqual(NAMES)
  })
})

describe('sending', () => {
  test('a sticker is a message of its own, in the answer, over the socket and in the history', async () => {
    const chat_id = await world.chat(ann, bob)
    const hears = await bob.listen()
    const shown = {
      message_type: 'sticker',
      type: 'sticker',
      content: null,
      sticker_id: 5,
      sticker_url: '/stickers/5/image',
      sticker_label: 'party',
      file_id: null,
    }
    const sent = await ann.call(sendMessage, { params: { chat_id }, body: { sticker_id: 5 } })
    expect(sent).toMatchObject(shown)
    expect(await hears.next('message')).toMatchObject({ ...shown, type: 'message', id: sent.id })
    expect((await bob.call(listMessages, { params: { chat_id } })).at(-1)).toMatchObject(shown)
    expect(await bob.call(getChatRow, { params: { chat_id } })).toMatchObject({
      last_message_type: 'sticker',
      unread_count: 1,
    })
  })

  test('it is sent by the socket too, once however often it is said', async () => {
    const chat_id = await world.chat(ann, bob)
    const says = await ann.listen()
    const frame = { type: 'message', chat_id, client_id: crypto.randomUUID(), sticker_id: 8 }
    says.say(frame)
    says.say(frame)
    const [one, other] = [await says.next('ack'), await says.next('ack')]
    expect(one.message).toMatchObject({ message_type: 'sticker', sticker_label: 'fire' })
    expect(other.message.id).toBe(one.message.id)
  })

  test('a sticker that is not there is refused, and nothing is sent', async () => {
    const chat_id = await world.chat(ann, bob)
    const before = await bob.call(listMessages, { params: { chat_id } })
    for (const sticker_id of [9, 999_999, Number.MAX_SAFE_INTEGER]) {
      const refusal = await ann.refused(sendMessage, { params: { chat_id }, body: { sticker_id } })
      expect([refusal.status, refusal.code, refusal.field]).toEqual([404, 'not_found', 'sticker_id'])
    }
    const says = await ann.listen()
    says.say({ type: 'message', chat_id, client_id: crypto.randomUUID(), sticker_id: 9 })
    expect(await says.next('error')).toMatchObject({ code: 'not_found', field: 'sticker_id' })
    expect(await bob.call(listMessages, { params: { chat_id } })).toEqual(before)
  })

  test('a stranger sends no sticker to a chat', async () => {
    const chat_id = await world.chat(ann, bob)
    const refusal = await eve.refused(sendMessage, { params: { chat_id }, body: { sticker_id: 1 } })
    expect(refusal.status).toBe(403)
  })
})

describe('packs of one’s own', () => {
  test('are made, renamed and ordered, the newest first, and the built-in one is always last', async () => {
    const dan = await world.user('dan')
    const [one, two, three] = [await made(dan, ' One '), await made(dan, 'Two'), await made(dan, 'Three')]
    expect(one).toMatchObject({ name: 'One', is_own: true, is_added: true, stickers: [] })
    expect(await packsOf(dan)).toEqual(['Three', 'Two', 'One', 'Emojis'])
    await dan.call(orderStickerPacks, { body: { pack_ids: [two.id, one.id] } })
    expect(await packsOf(dan)).toEqual(['Two', 'One', 'Three', 'Emojis'])
    await made(dan, 'Four')
    expect(await packsOf(dan)).toEqual(['Four', 'Two', 'One', 'Three', 'Emojis'])
    const renamed = await dan.call(renameStickerPack, { params: { pack_id: three.id }, body: { name: '3' } })
    expect(renamed).toEqual({ ...three, name: '3' })
  })

  test('another device of the same person hears of it', async () => {
    const hears = await ann.at(world.url).listen()
    const { id: pack_id } = await made(ann, 'Told')
    await hears.next('stickers_changed')
    await ann.call(deleteStickerPack, { params: { pack_id } })
    await hears.next('stickers_changed')
  })

  test('a name of nothing, too long, or not a text is refused', async () => {
    for (const name of ['', '   ', 'x'.repeat(65), 7, null]) {
      const refusal = await ann.refused(createStickerPack, { body: { name } as never })
      expect([name, refusal.status, refusal.field]).toEqual([name, 400, 'name'])
    }
  })

  test(`there are at most ${OWN_PACKS_MAX} of them, however many are made at once`, async () => {
    const many = await world.user('many')
    const answers = await Promise.allSettled(
      Array.from({ length: OWN_PACKS_MAX + 5 }, (_, at) => made(many, `Pack ${at}`)),
    )
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(OWN_PACKS_MAX)
    expect((await many.refused(createStickerPack, { body: { name: 'x' } })).code).toBe('too_many_packs')
    expect(await many.call(listStickerPacks)).toHaveLength(OWN_PACKS_MAX + 1)
  })

  test('somebody else’s cannot be renamed, ordered, emptied or deleted, and does not say that it is there', async () => {
    const { id: pack_id } = await made(ann, 'Hers')
    const sticker_id = await drawn(ann, pack_id, 'whale')
    const params = { pack_id }
    for (const refusal of [
      await eve.refused(renameStickerPack, { params, body: { name: 'Mine' } }),
      await eve.refused(deleteStickerPack, { params }),
      await eve.refused(orderStickers, { params, body: { sticker_ids: [sticker_id] } }),
      await eve.refused(orderStickerPacks, { body: { pack_ids: [pack_id] } }),
      await eve.refused(labelSticker, { params: { pack_id, sticker_id }, body: { label: 'x' } }),
      await eve.refused(removeSticker, { params: { pack_id, sticker_id } }),
    ])
      expect([refusal.status, refusal.code]).toEqual([404, 'not_found'])
    expect((await ann.call(listStickerPacks)).find(({ id }) => id === pack_id)).toMatchObject({
      name: 'Hers',
      stickers: [{ id: sticker_id, label: 'whale' }],
    })
  })

  test('a sticker is reached through its own pack only', async () => {
    const [one, other] = [await made(ann, 'One pack'), await made(ann, 'Other pack')]
    const sticker_id = await drawn(ann, one.id, 'crab')
    const params = { pack_id: other.id, sticker_id }
    expect((await ann.refused(labelSticker, { params, body: { label: 'x' } })).status).toBe(404)
    expect((await ann.refused(removeSticker, { params })).status).toBe(404)
    const body = { sticker_ids: [sticker_id] }
    expect((await ann.refused(orderStickers, { params, body })).field).toBe('sticker_ids')
  })
})

describe('stickers of one’s own', () => {
  test('are made of a stored picture, as a WebP of up to 512 px that anybody may fetch', async () => {
    const { id: pack_id } = await made(ann, 'Own')
    const add = async (side: number, label: string) =>
      ann.call(addSticker, { params: { pack_id }, body: { file_id: await stored(ann, side), label } })
    const [large, small] = [await add(1200, ' Whale '), await add(64, '🐳')]
    expect(large).toMatchObject({ label: 'Whale', pack_id, pack: 'Own', url: `/stickers/${large.id}/image` })
    expect(large.id).toBeGreaterThan(2 ** 31)
    for (const [sticker, side] of [
      [large, 512],
      [small, 64],
    ] as const) {
      const led = await image(sticker.id)
      expect([led.status, led.headers.get('cache-control')]).toEqual([302, 'public, max-age=600'])
      const served = await fetch(new URL(led.headers.get('location')!, world.url))
      expect(served.status).toBe(200)
      expect(served.headers.get('content-type')).toBe('image/webp')
      const picture = Buffer.from(await served.arrayBuffer())
      expect(await sharp(picture).metadata()).toMatchObject({ format: 'webp', width: side, hasAlpha: true })
    }
    const own = async () =>
      (await ann.call(listStickerPacks)).find(({ id }) => id === pack_id)!.stickers.map(({ id }) => id)
    expect(await own()).toEqual([large.id, small.id])
    await ann.call(orderStickers, { params: { pack_id }, body: { sticker_ids: [small.id] } })
    expect(await own()).toEqual([small.id, large.id])
  })

  test('another person’s file is not found, and makes no sticker', async () => {
    const file_id = await stored(bob)
    const { id: pack_id } = await made(ann, 'Nothing in it')
    const params = { pack_id }
    const refusal = await ann.refused(addSticker, { params, body: { file_id, label: 'x' } })
    expect([refusal.status, refusal.code, refusal.field]).toEqual([404, 'not_found', 'file_id'])
    const unknown = await ann.refused(addSticker, { params, body: { file_id: 999_999, label: 'x' } })
    expect([unknown.status, unknown.field]).toEqual([404, 'file_id'])
    expect((await ann.call(listStickerPacks)).find(({ id }) => id === pack_id)!.stickers).toEqual([])
  })

  test('nobody puts one into somebody else’s pack, the built-in one, or one that is gone', async () => {
    const [hers, gone] = [await made(ann, 'Hers alone'), await made(eve, 'Gone')]
    await eve.call(deleteStickerPack, { params: { pack_id: gone.id } })
    await eve.call(addStickerPack, { params: { token: hers.token! } })
    const body = { file_id: await stored(eve), label: 'x' }
    for (const pack_id of [hers.id, gone.id, BUILT_IN.id, 999_999]) {
      const refusal = await eve.refused(addSticker, { params: { pack_id }, body })
      expect([pack_id, refusal.status, refusal.field]).toEqual([pack_id, 404, undefined])
    }
  })

  test('what is no picture, or only says that it is one, is refused', async () => {
    const { id: pack_id } = await made(ann, 'Pictures only')
    const png = new Uint8Array(await PNG(64))
    for (const [content, filename] of [
      ['hello', 'notes.txt'],
      ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'drawing.svg'],
      [png.slice(0, 60), 'half.png'],
      ['%PDF-1.7', 'looks.png'],
    ] as const) {
      const { id: file_id } = await ann.upload(content, filename)
      const refusal = await ann.refused(addSticker, { params: { pack_id }, body: { file_id, label: 'x' } })
      expect([filename, refusal.status, refusal.field]).toEqual([filename, 400, 'file_id'])
    }
    const body = { file_id: await stored(ann), label: '  ' }
    expect((await ann.refused(addSticker, { params: { pack_id }, body })).field).toBe('label')
  })

  test('a picture of more than 10 MB is too large', async () => {
    const { id: pack_id } = await made(ann, 'Small ones')
    const side = 1900
    const noise = randomBytes(side * side * 3)
    const large = await sharp(noise, { raw: { width: side, height: side, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer()
    const { id: file_id } = await ann.upload(new Uint8Array(large), 'large.png')
    const refusal = await ann.refused(addSticker, { params: { pack_id }, body: { file_id, label: 'x' } })
    expect([refusal.status, refusal.code, refusal.field]).toEqual([413, 'too_large', 'file_id'])
  })

  test(`a pack holds ${PACK_STICKERS_MAX}, also when the last place is wanted twice`, async () => {
    const { id: pack_id } = await made(ann, 'Full')
    await world.db.query(sql`
      insert into stickers (id, pack_id, label, position, object_key)
      select 1000000 + place, ${pack_id}, 'x', place, 'stickers/none.webp'
      from generate_series(1, ${PACK_STICKERS_MAX - 1}) place`)
    const answers = await Promise.allSettled([drawn(ann, pack_id, 'one'), drawn(ann, pack_id, 'other')])
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const body = { file_id: await stored(ann), label: 'x' }
    const refusal = await ann.refused(addSticker, { params: { pack_id }, body })
    expect([refusal.status, refusal.code]).toEqual([400, 'too_many_stickers'])
  })
})

describe('a pack that somebody shares', () => {
  test('is looked at, added once, and follows its owner', async () => {
    const fay = await world.user('fay')
    const pack = await made(ann, 'Shared')
    const token = pack.token!
    const whale = await drawn(ann, pack.id, 'whale')
    expect(await fay.call(previewStickerPack, { params: { token } })).toMatchObject({
      id: pack.id,
      name: 'Shared',
      is_own: false,
      is_added: false,
      stickers: [{ id: whale, label: 'whale' }],
    })
    expect(await packsOf(fay)).toEqual(['Emojis'])
    const added = await Promise.all(
      Array.from({ length: 5 }, () => fay.call(addStickerPack, { params: { token } })),
    )
    for (const one of added) expect(one).toMatchObject({ id: pack.id, is_own: false, is_added: true })
    expect(await packsOf(fay)).toEqual(['Shared', 'Emojis'])
    expect((await fay.call(listStickers)).map(({ label }) => label)).toEqual(['whale', ...NAMES])
    await ann.call(renameStickerPack, { params: { pack_id: pack.id }, body: { name: 'Renamed' } })
    expect(await packsOf(fay)).toEqual(['Renamed', 'Emojis'])
  })

  test('stays its owner’s: who added it can change nothing but their own list', async () => {
    const gil = await world.user('gil')
    const { id: pack_id, token } = await made(ann, 'Only read')
    const sticker_id = await drawn(ann, pack_id, 'boat')
    await gil.call(addStickerPack, { params: { token: token! } })
    const params = { pack_id }
    for (const refusal of [
      await gil.refused(renameStickerPack, { params, body: { name: 'Mine' } }),
      await gil.refused(deleteStickerPack, { params }),
      await gil.refused(orderStickers, { params, body: { sticker_ids: [] } }),
      await gil.refused(labelSticker, { params: { pack_id, sticker_id }, body: { label: 'x' } }),
      await gil.refused(removeSticker, { params: { pack_id, sticker_id } }),
      await ann.refused(removeStickerPack, { params }),
    ])
      expect([refusal.status, refusal.code]).toEqual([404, 'not_found'])
    await gil.call(removeStickerPack, { params })
    expect(await packsOf(gil)).toEqual(['Emojis'])
    expect((await gil.refused(removeStickerPack, { params })).status).toBe(404)
    expect(await ann.call(previewStickerPack, { params: { token: token! } })).toMatchObject({ is_own: true })
  })

  test('a wrong link leads nowhere', async () => {
    const { id } = await made(ann, 'Hidden')
    for (const token of ['x', String(id), '%', '00000000-0000-0000-0000-000000000000']) {
      expect((await eve.refused(previewStickerPack, { params: { token } })).status).toBe(404)
      expect((await eve.refused(addStickerPack, { params: { token } })).status).toBe(404)
    }
  })

  test('a list is full at some time, and then nothing more is added', async () => {
    const hal = await world.user('hal')
    const [ivy, joe] = [await world.user('ivy'), await world.user('joe')]
    const shared = await Promise.all(
      Array.from({ length: PACKS_MAX }, (_, at) => made(at % 2 ? ivy : joe, `Pack ${at}`)),
    )
    for (const { token } of shared) await hal.call(addStickerPack, { params: { token: token! } })
    expect((await hal.refused(createStickerPack, { body: { name: 'x' } })).code).toBe('too_many_packs')
    const { token } = await made(ivy, 'One too many')
    const refusal = await hal.refused(addStickerPack, { params: { token: token! } })
    expect([refusal.status, refusal.code]).toEqual([400, 'too_many_packs'])
    expect(await hal.call(addStickerPack, { params: { token: shared[0]!.token! } })).toMatchObject({
      is_added: true,
    })
  })
})

describe('what is taken away', () => {
  test('a deleted pack is gone from every list, and messages still show its stickers', async () => {
    const [kim, leo] = [await world.user('kim'), await world.user('leo')]
    const chat_id = await world.chat(kim, leo)
    const { id: pack_id, token } = await made(kim, 'Short-lived')
    const [sent, unsent] = [await drawn(kim, pack_id, 'sent'), await drawn(kim, pack_id, 'unsent')]
    await leo.call(addStickerPack, { params: { token: token! } })
    await kim.call(sendMessage, { params: { chat_id }, body: { sticker_id: sent } })
    await kim.call(deleteStickerPack, { params: { pack_id } })

    expect([await packsOf(kim), await packsOf(leo)]).toEqual([['Emojis'], ['Emojis']])
    expect((await leo.call(listMessages, { params: { chat_id } })).at(-1)).toMatchObject({
      sticker_id: sent,
      sticker_label: 'sent',
      sticker_url: `/stickers/${sent}/image`,
    })
    expect((await image(sent)).status).toBe(302)
    expect((await image(unsent)).status).toBe(404)
    for (const sticker_id of [sent, unsent])
      expect((await kim.refused(sendMessage, { params: { chat_id }, body: { sticker_id } })).field).toBe(
        'sticker_id',
      )
    for (const refusal of [
      await leo.refused(previewStickerPack, { params: { token: token! } }),
      await leo.refused(addStickerPack, { params: { token: token! } }),
      await kim.refused(renameStickerPack, { params: { pack_id }, body: { name: 'x' } }),
      await kim.refused(deleteStickerPack, { params: { pack_id } }),
    ])
      expect(refusal.status).toBe(404)
  })

  test('a sticker that was sent keeps its picture and its word, whatever becomes of it', async () => {
    const chat_id = await world.chat(ann, bob)
    const { id: pack_id } = await made(ann, 'Changing')
    const sticker_id = await drawn(ann, pack_id, 'before')
    const params = { pack_id, sticker_id }
    await ann.call(sendMessage, { params: { chat_id }, body: { sticker_id } })
    expect(await ann.call(labelSticker, { params, body: { label: ' after ' } })).toMatchObject({
      id: sticker_id,
      label: 'after',
      pack: 'Changing',
    })
    await ann.call(removeSticker, { params })
    expect((await ann.refused(removeSticker, { params })).status).toBe(404)
    expect((await bob.call(listMessages, { params: { chat_id } })).at(-1)).toMatchObject({
      sticker_id,
      sticker_label: 'before',
    })
    expect((await image(sticker_id)).status).toBe(302)
  })

  test('a sticker that is sent and removed at once is either sent with its picture or not sent', async () => {
    const chat_id = await world.chat(ann, bob)
    const { id: pack_id } = await made(ann, 'Racing')
    for (let round = 0; round < 20; round++) {
      const sticker_id = await drawn(ann, pack_id, 'quick')
      const [sent] = await Promise.allSettled([
        ann.call(sendMessage, { params: { chat_id }, body: { sticker_id } }),
        ann.call(removeSticker, { params: { pack_id, sticker_id } }),
        bob.call(sendMessage, { params: { chat_id }, body: { sticker_id } }),
      ])
      expect((await image(sticker_id)).status === 302 || sent.status === 'rejected').toBe(true)
    }
  })
})

test('what is deleted while the storage is away is gone at once, and its pictures go when it is back', async () => {
  const s3 = await startS3()
  const far = await newWorld({ env: s3.env })
  try {
    const [cat, dan] = [await far.user('cat'), await far.user('dan')]
    const [kept, deleted] = [await made(cat, 'Kept'), await made(cat, 'Deleted')]
    const stickers = await Promise.all(
      [kept, kept, deleted, deleted].map(({ id }, at) => drawn(cat, id, `number ${at}`)),
    )
    const [soon, later, unsent, sent] = stickers as [number, number, number, number]
    const picture = async (id: number) => {
      const led = await fetch(`${far.url}api/stickers/${id}/image`, { redirect: 'manual' })
      return led.headers.get('location') ?? led.status
    }
    const [pictureSoon, ...lasting] = (await Promise.all(stickers.map(picture))) as string[]
    const there = async (link: string) => (await fetch(link)).status
    await cat.call(removeSticker, { params: { pack_id: kept.id, sticker_id: soon } })
    await until('its picture is removed', async () => (await there(pictureSoon!)) === 404)

    const chat_id = await far.chat(cat, dan)
    await cat.call(sendMessage, { params: { chat_id }, body: { sticker_id: sent } })
    await s3.kill()
    await cat.call(removeSticker, { params: { pack_id: kept.id, sticker_id: later } })
    await cat.call(deleteStickerPack, { params: { pack_id: deleted.id } })
    const packs = await cat.call(listStickerPacks)
    expect(packs.map(({ name, stickers }) => [name, stickers.length])).toEqual([
      ['Kept', 0],
      ['Emojis', 8],
    ])
    for (const id of [later, unsent]) expect(await picture(id)).toBe(404)
    for (const sticker_id of [later, unsent])
      expect((await cat.refused(sendMessage, { params: { chat_id }, body: { sticker_id } })).status).toBe(404)

    await s3.start()
    expect(await Promise.all(lasting.map(there))).toEqual([200, 200, 200])
    await sweepStickers({ ...far.resources[0]!, log: pino({ level: 'silent' }) })
    expect(await Promise.all(lasting.map(there))).toEqual([404, 404, 200])
    expect(await picture(sent)).toBe(lasting[2]!)
    const left = await far.db.query<{ id: number }>(
      sql`select id::float8 from stickers where object_key is not null`,
    )
    expect(left).toEqual([{ id: sent }])
  } finally {
    await far.close()
    await s3.stop()
  }
})

const PNG = (side: number) =>
  sharp({ create: { width: side, height: side, channels: 4, background: '#0b728580' } })
    .png()
    .toBuffer()
const stored = async (who: Person, side = 64) =>
  (await who.upload(new Uint8Array(await PNG(side)), 'whale.png')).id

const files = new Map<Person, number>()
/** A sticker in a pack of this person's own. */
async function drawn(who: Person, pack_id: number, label: string): Promise<number> {
  const file_id = files.get(who) ?? (await stored(who))
  files.set(who, file_id)
  return (await who.call(addSticker, { params: { pack_id }, body: { file_id, label } })).id
}
