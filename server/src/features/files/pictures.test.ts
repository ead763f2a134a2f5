import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import {
  createChat,
  getChat,
  getMe,
  getUser,
  linkChatAvatar,
  linkFile,
  listChats,
  listMessages,
  removeAvatar,
  sendMessage,
  setAvatar,
  setChatAvatar,
  updateChat,
  type StoredFile,
} from '@messenger/contract'
import sharp from 'sharp'
import { sql } from '../../ports/db/port.ts'
import { FILM, picture, recording, TONE } from '../../testing/media.ts'
import { until } from '../../testing/until.ts'
import { ApiRefusal, newWorld, type Person, type World } from '../../testing/world.ts'
import { attachmentFor, endJob } from './queries.ts'

let world: World
let ann: Person
let bob: Person
let eve: Person

beforeAll(async () => {
  world = await newWorld()
  ;[ann, bob, eve] = [await world.user('ann'), await world.user('bob'), await world.user('eve')]
})
afterAll(() => world.close())

const fetched = async (address: string | number) =>
  new Uint8Array(await (await fetch(address as string)).arrayBuffer())
const original = async (who: Person, file: StoredFile) => fetched(await who.leads(file.url))
const pixels = async (image: Uint8Array) =>
  createHash('sha256')
    .update(await sharp(image).raw().toBuffer())
    .digest('hex')
const hasPreview = (file: StoredFile) =>
  until('the preview is made', async () =>
    String(await ann.leads(`/files/${file.id}/preview`)).includes('/previews/'),
  )

describe('a picture', () => {
  test.each(['jpeg', 'png', 'webp'] as const)(
    'as %s is stored without place, camera and words, each pixel as it was and the right way up',
    async (format) => {
      const taken = await picture(format, { width: 700, height: 500, orientation: 6 })
      const telling = Buffer.from(taken)
      for (const word of ['Fotofon', 'Kamera-7']) expect(telling.includes(word)).toBe(true)
      const file = await ann.upload(taken, `IMG_0001.${format}`)
      expect(file).toMatchObject({ mime_type: `image/${format}`, width: 500, height: 700 })
      const stored = await original(ann, file)
      for (const word of ['Fotofon', 'Kamera-7', 'xmpmeta', 'telling'])
        expect(Buffer.from(stored).includes(word)).toBe(false)
      expect(stored.length).toBe(file.size)
      const { orientation, xmp, width } = await sharp(stored).metadata()
      expect([orientation, xmp === undefined || !Buffer.from(xmp).includes('Fotofon'), width]).toEqual([
        6,
        true,
        700,
      ])
      expect(await pixels(stored)).toBe(await pixels(taken))
    },
  )

  test.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)('as %s has its size told', async (format) => {
    const file = await ann.upload(
      await picture(format, { width: 320, height: 200, told: false }),
      `a.${format}`,
    )
    expect(file).toMatchObject({ mime_type: `image/${format}`, width: 320, height: 200 })
    expect(
      await (await fetch((await ann.leads(file.url)) as string)).headers.get('content-disposition'),
    ).toStartWith('inline')
  })

  test('keeps no second picture behind its end', async () => {
    const [one, hidden] = [await picture('jpeg', { told: false }), await picture('jpeg')]
    const file = await ann.upload(Buffer.concat([one, hidden]), 'moving.jpg')
    const stored = Buffer.from(await original(ann, file))
    expect(stored.includes('Fotofon')).toBe(false)
    expect(stored.length).toBeLessThanOrEqual(one.length)
  })

  test('has a preview and a placeholder after a moment, and is itself shown until then', async () => {
    const file = await ann.upload(
      await picture('jpeg', { width: 2000, height: 1000, orientation: 6 }),
      'large.jpg',
    )
    await hasPreview(file)
    const address = (await ann.leads(`/files/${file.id}/preview`)) as string
    const response = await fetch(address)
    expect(response.headers.get('content-disposition')).toStartWith('inline')
    expect(await ann.call(linkFile, { params: { file_id: file.id } })).toEqual({
      url: String(await ann.leads(file.url)).replace(world.url, '/'),
      preview_url: address.replace(world.url, '/'),
    })
    expect((await bob.refused(linkFile, { params: { file_id: file.id } })).code).toBe('not_found')
    const { format, width, height, exif } = await sharp(await response.arrayBuffer()).metadata()
    expect([format, width, height, exif]).toEqual(['webp', 320, 640, undefined])
    const attachment = (await attachmentFor(world.db, ann.id, [file.id])).get(file.id)!
    expect(attachment).toMatchObject({
      filename: 'large.jpg',
      width: 1000,
      height: 2000,
      preview: true,
      duration_seconds: null,
    })
    const placeholder = Buffer.from(attachment.placeholder!.split(',')[1]!, 'base64')
    expect((await sharp(placeholder).metadata()).height).toBe(16)
    expect(placeholder.length).toBeLessThan(400)
    expect(await bob.leads(`/files/${file.id}/preview`)).toBe(404)
  })

  test('that claims more pixels than any camera takes is refused, and one that cannot be drawn has no preview', async () => {
    const bomb = Buffer.from(await picture('png', { width: 8, height: 8, told: false }))
    bomb.writeUInt32BE(60_000, 16)
    bomb.writeUInt32BE(60_000, 20)
    const error = await ann.upload(bomb, 'bomb.png').catch((refused: unknown) => refused)
    expect([(error as ApiRefusal).status, (error as ApiRefusal).code]).toEqual([413, 'too_large'])
    const broken = Buffer.from(await picture('png', { told: false }))
    const file = await ann.upload(broken.fill(0x55, 200), 'broken.png').catch((refused: unknown) => refused)
    if (file instanceof ApiRefusal) expect([file.status, file.field]).toEqual([400, 'file'])
    const cut = await ann.upload((await picture('jpeg')).slice(0, 3000), 'cut.jpg')
    await until(
      'it was tried',
      async () =>
        (await world.db.query(sql`select from file_jobs where file_id = ${cut.id} and kind = 'preview'`))
          .length === 0,
    )
    expect(await ann.leads(`/files/${cut.id}/preview`)).toContain('_cut.jpg')
  })

  test('whose preview a crash interrupted gets it from whoever looks next', async () => {
    const file = await ann.upload(await picture('webp', { told: false }), 'a.webp')
    await hasPreview(file)
    await world.db.query(sql`update files set has_preview = false where id = ${file.id}`)
    await world.db.query(
      sql`insert into file_jobs (file_id, kind, attempts) values (${file.id}, 'preview', 1)`,
    )
    await ann.upload(await picture('webp', { told: false }), 'wakes.webp')
    await hasPreview(file)
  })
})

describe('sound and film', () => {
  test.each<[string, string[], Partial<StoredFile>]>([
    ['webm', [...TONE, '-c:a', 'libopus'], { mime_type: 'audio/webm' }],
    ['ogg', [...TONE, '-c:a', 'libopus'], { mime_type: 'audio/ogg' }],
    ['mp4', [...TONE, '-c:a', 'aac'], { mime_type: 'audio/mp4' }],
    ['m4a', [...TONE, '-c:a', 'aac'], { mime_type: 'audio/mp4' }],
    ['wav', TONE, { mime_type: 'audio/wav' }],
    ['flac', TONE, { mime_type: 'audio/flac' }],
    ['mp3', [...TONE, '-c:a', 'libmp3lame'], { mime_type: 'audio/mpeg' }],
    ['mp4', [...FILM, '-pix_fmt', 'yuv420p'], { mime_type: 'video/mp4', width: 320, height: 240 }],
    [
      'mov',
      [...FILM, '-pix_fmt', 'yuv420p', '-movflags', '+faststart'],
      { mime_type: 'video/quicktime', width: 320, height: 240 },
    ],
    ['webm', [...FILM, '-c:v', 'libvpx'], { mime_type: 'video/webm', width: 320, height: 240 }],
  ])('in %s made by %p tell their kind, length and size', async (extension, args, facts) => {
    const made = recording(extension, ...args)
    const file = await ann.upload(made, `made.${extension}`)
    expect(file).toMatchObject(facts)
    expect(file.duration_seconds).toBeWithin(1.9, 2.2)
    expect(file.width === undefined).toBe(facts.width === undefined)
    expect((await original(ann, file)).length).toBe(made.length)
  })

  test('of a phone are stored without the place', async () => {
    for (const extension of ['mov', 'mp4']) {
      const told = ['location=+52.5186+013.4083/', 'title=at the lake'].flatMap((one) => ['-metadata', one])
      const made = recording(
        extension,
        ...FILM,
        '-pix_fmt',
        'yuv420p',
        '-movflags',
        'use_metadata_tags',
        ...told,
      )
      const telling = (bytes: Uint8Array) =>
        ['+52.5186', 'at the lake'].filter((word) => Buffer.from(bytes).includes(word))
      expect(telling(made)).toHaveLength(2)
      const stored = await original(ann, await ann.upload(made, `film.${extension}`))
      expect(telling(stored)).toEqual([])
      expect(stored.length).toBe(made.length)
    }
  })
})

describe('somebody’s picture', () => {
  test('is a square of three sizes for everybody, and others hear of it', async () => {
    await world.chat(ann, bob)
    const hears = await bob.listen()
    const file = await ann.upload(await picture('jpeg', { width: 900, height: 700 }), 'me.jpg')
    expect(await eve.leads(`/users/${ann.id}/avatar`)).toBe(404)
    const { avatar_url } = await ann.call(setAvatar, { body: { file_id: file.id } })
    expect(avatar_url).toStartWith(`/users/${ann.id}/avatar`)
    expect(await hears.next('user_profile_updated')).toMatchObject({ user_id: ann.id, avatar_url })
    expect([
      (await ann.call(getMe)).avatar_url,
      (await eve.call(getUser, { params: { user_id: ann.id } })).avatar_url,
    ]).toEqual([avatar_url, avatar_url])
    expect((await bob.call(listChats)).find((row) => row.other_user_id === ann.id)!.other_avatar_url).toBe(
      avatar_url,
    )
    for (const [asked, side] of [
      ['', 256],
      ['?size=1', 96],
      ['?size=96', 96],
      ['?size=200', 256],
      ['?size=640', 640],
      ['?size=9000', 640],
    ] as const) {
      // Without a token: an <img> has none.
      const response = await fetch(`${world.url}api/users/${ann.id}/avatar${asked}`)
      expect(response.status).toBe(200)
      const { width, height, format, exif } = await sharp(await response.arrayBuffer()).metadata()
      expect([asked, width, height, format, exif]).toEqual([asked, side, side, 'webp', undefined])
    }
    expect((await fetch(`${world.url}${avatar_url.slice(1)}`)).status).toBe(200)
    await ann.call(removeAvatar)
    expect((await hears.next('user_profile_updated')).avatar_url).toBeNull()
    expect(await eve.leads(`/users/${ann.id}/avatar`)).toBe(404)
    expect(await eve.leads(`/users/${ann.id}/avatar?size=x`)).toBe(400)
  })

  test('is one’s own and a picture', async () => {
    const of_ann = await ann.upload(await picture('png'), 'a.png')
    const text = await bob.upload('no picture', 'a.txt')
    for (const [file_id, status] of [
      [of_ann.id, 404],
      [999_999, 404],
      [text.id, 400],
    ] as const) {
      const refusal = await bob.refused(setAvatar, { body: { file_id } })
      expect([file_id, refusal.status, refusal.field]).toEqual([file_id, status, 'file_id'])
    }
  })
})

describe('a chat’s picture', () => {
  test('is set by its owner, seen by its members alone, and by everybody where the chat is public', async () => {
    const chat_id = await world.group(ann, [bob])
    const hears = await bob.listen()
    const [of_ann, of_bob] = [
      await ann.upload(await picture('png'), 'a.png'),
      await bob.upload(await picture('png'), 'b.png'),
    ]
    const path = `/chats/${chat_id}/avatar`
    expect(
      (await bob.refused(setChatAvatar, { params: { chat_id }, body: { file_id: of_bob.id } })).code,
    ).toBe('not_allowed')
    expect(
      (await eve.refused(setChatAvatar, { params: { chat_id }, body: { file_id: of_bob.id } })).code,
    ).toBe('not_found')
    expect(
      (await ann.refused(setChatAvatar, { params: { chat_id }, body: { file_id: of_bob.id } })).code,
    ).toBe('not_found')
    const direct = await world.chat(ann, bob)
    expect(
      (await ann.refused(setChatAvatar, { params: { chat_id: direct }, body: { file_id: of_ann.id } })).code,
    ).toBe('not_for_direct_chats')
    const listed = async () => (await bob.call(listChats)).find((row) => row.id === chat_id)!.avatar_url
    expect(await listed()).toBeNull()
    const { avatar_url } = await ann.call(setChatAvatar, {
      params: { chat_id },
      body: { file_id: of_ann.id },
    })
    expect(await hears.next('chat_updated')).toMatchObject({ chat_id, title: 'A group', avatar_url })
    expect((await bob.call(getChat, { params: { chat_id } })).avatar_url).toBe(avatar_url)
    expect(await listed()).toBe(avatar_url)
    expect([typeof (await bob.leads(path)), await eve.leads(path)]).toEqual(['string', 404])
    expect((await fetch(`${world.url}api${path}`)).status).toBe(404)
    const small = { params: { chat_id }, query: { size: 90 } }
    expect((await eve.refused(linkChatAvatar, small)).code).toBe('not_found')
    const { url } = await bob.call(linkChatAvatar, small)
    const square = await fetch(new URL(url, world.url))
    expect((await sharp(await square.arrayBuffer()).metadata()).width).toBe(96)
    await ann.call(updateChat, { params: { chat_id }, body: { public_name: 'a_public_one' } })
    expect((await fetch(`${world.url}api${path}`)).status).toBe(200)
    expect(typeof (await eve.leads(path))).toBe('string')
  })

  test('may be any file of one’s own, but only a picture is shown', async () => {
    const chat_id = await world.channel(ann, [bob])
    const file = await ann.upload('words', 'words.txt')
    const { avatar_url } = await ann.call(setChatAvatar, { params: { chat_id }, body: { file_id: file.id } })
    expect(avatar_url).toStartWith(`/chats/${chat_id}/avatar`)
    expect(await bob.leads(`/chats/${chat_id}/avatar`)).toBe(404)
  })
})

describe('what nobody refers to', () => {
  const due = (file: StoredFile) =>
    world.db.query(sql`
      with older as (update files set created_at = now() - interval '25 hours', claimed_at = claimed_at - interval '2 hours' where id = ${file.id})
      insert into file_jobs (file_id, kind) values (${file.id}, 'check')
      on conflict (file_id, kind) do update set due_at = now()`)
  const looks = async () => {
    await ann.upload(await picture('webp', { width: 8, height: 8, told: false }), 'wakes.webp')
    await until(
      'the work is done',
      async () => (await world.db.query(sql`select from file_jobs where due_at <= now()`)).length === 0,
    )
    await until(
      'nothing is lent',
      async () =>
        (
          await world.db.query(
            sql`select from file_jobs where due_at < now() + interval '10 minutes' and attempts > 0`,
          )
        ).length === 0,
    )
  }
  const there = async (file: StoredFile) => {
    const known = await world.db.query(sql`select from files where id = ${file.id}`)
    return known.length > 0
  }
  const sent = async (chat_id: number, file: StoredFile) => {
    expect((await attachmentFor(world.db, ann.id, [file.id])).size).toBe(1)
    const { id } = await ann.call(sendMessage, { params: { chat_id }, body: { content: 'look' } })
    await world.db.query(
      sql`update messages set file_id = ${file.id} where chat_id = ${chat_id} and id = ${id}`,
    )
    return id
  }

  test('is removed after a day with all that was made of it, and what is referred to stays', async () => {
    const files = await Promise.all(
      ['unsent', 'sent', 'own', 'of-chat', 'young'].map((name) => ann.upload(name, `${name}.txt`)),
    )
    const [unsent, held, , , young] = files as [StoredFile, StoredFile, StoredFile, StoredFile, StoredFile]
    const [own, before] = [
      await ann.upload(await picture('png'), 'own.png'),
      await ann.upload(await picture('png'), 'before.png'),
    ]
    const chat_id = await world.chat(ann, bob)
    await sent(chat_id, held)
    await ann.call(setAvatar, { body: { file_id: before.id } })
    const square = String(await ann.leads(`/users/${ann.id}/avatar`))
    expect((await fetch(square)).status).toBe(200)
    await ann.call(setAvatar, { body: { file_id: own.id } })
    const link = String(await ann.leads(unsent.url))
    const kept = async () =>
      (
        await world.db.query<{ bytes: number }>(
          sql`select bytes::float8 from user_storage where user_id = ${ann.id}`,
        )
      )[0]!.bytes
    for (const file of [unsent, held, own, before]) await due(file)
    const bytes = await kept()
    await looks()
    expect(await Promise.all([unsent, held, own, before, young].map(there))).toEqual([
      false,
      true,
      true,
      false,
      true,
    ])
    expect(await Promise.all([link, square].map(async (one) => (await fetch(one)).status))).toEqual([
      404, 404,
    ])
    expect(await kept()).toBeLessThan(bytes)
    expect(await ann.leads(unsent.url)).toBe(404)
  })

  test('is a file whose last message was deleted for everyone, not one that another message still holds', async () => {
    const [once, twice, chat] = [
      await ann.upload('1', '1.txt'),
      await ann.upload('2', '2.txt'),
      await ann.upload('3', '3.txt'),
    ]
    const chat_id = await world.chat(ann, bob)
    const { id: other } = await ann.call(createChat, { body: { type: 'group', title: 'Other' } })
    const [of_once, of_twice] = [await sent(chat_id, once), await sent(chat_id, twice)]
    await sent(other, twice)
    await sent(other, chat)
    await world.db.query(
      sql`delete from file_jobs where file_id = any(${[once.id, twice.id, chat.id]}::bigint[])`,
    )
    for (const id of [of_once, of_twice])
      await world.db.query(
        sql`update messages set is_deleted = true, content = null where chat_id = ${chat_id} and id = ${id}`,
      )
    await world.db.query(sql`delete from messages where chat_id = ${other} and file_id = ${chat.id}`)
    await world.db.query(sql`update files set claimed_at = claimed_at - interval '2 hours'`)
    await looks()
    expect(await Promise.all([once, twice, chat].map(there))).toEqual([false, true, false])
  })

  test('stays as long as somebody may just be sending it', async () => {
    const file = await ann.upload('being sent', 'x.txt')
    await due(file)
    await attachmentFor(world.db, ann.id, [file.id])
    await looks()
    expect(await there(file)).toBe(true)
  })
})

test('a job that is wanted anew while it is done is done again', async () => {
  const { id: file_id } = await ann.upload('looked at', 'x.txt')
  const job = { file_id, kind: 'check' as const, attempts: 1 }
  const jobs = () => world.db.query(sql`select from file_jobs where file_id = ${file_id}`)
  await world.db.query(sql`update file_jobs set due_at = now() where file_id = ${file_id}`)
  await endJob(world.db, job)
  expect(await jobs()).toHaveLength(1)
  await world.db.query(
    sql`update file_jobs set due_at = now() + interval '1 minute' where file_id = ${file_id}`,
  )
  await endJob(world.db, job)
  expect(await jobs()).toHaveLength(0)
})

test('how long a sound lasts is told alike when it is sent, heard and read', async () => {
  const chat_id = await world.chat(ann, bob)
  const voice = await ann.upload(recording('webm', ...TONE, '-c:a', 'libopus'), 'voice.webm')
  const text = await ann.upload('no sound', 'x.txt')
  const hears = await bob.listen()
  for (const body of [
    { file_id: voice.id, type: 'voice' as const },
    { file_id: text.id, duration_seconds: 1.23456789 },
    { file_id: text.id, duration_seconds: 86_399.987 },
  ]) {
    const { id, duration_seconds } = await ann.call(sendMessage, { params: { chat_id }, body })
    expect(duration_seconds).toBeGreaterThan(1)
    const event = await hears.next('message', (message) => message.id === id)
    const [read] = await bob.call(listMessages, { params: { chat_id }, query: { limit: 1 } })
    expect([event.duration_seconds, read!.duration_seconds]).toEqual([duration_seconds, duration_seconds])
    if (body.file_id === voice.id) expect(duration_seconds).toBe(voice.duration_seconds!)
  }
})

test('a sender may send their own files and those they see, nobody else’s', async () => {
  const [own, seen, foreign] = [
    await bob.upload('own', 'a.txt'),
    await ann.upload('seen', 'b.txt'),
    await ann.upload('foreign', 'c.txt'),
  ]
  const chat_id = await world.chat(ann, bob)
  const { id } = await ann.call(sendMessage, { params: { chat_id }, body: { content: 'look' } })
  await world.db.query(
    sql`update messages set file_id = ${seen.id} where chat_id = ${chat_id} and id = ${id}`,
  )
  const may = await attachmentFor(world.db, bob.id, [own.id, seen.id, foreign.id, 999_999])
  expect([...may.keys()].toSorted((a, b) => a - b)).toEqual([own.id, seen.id].toSorted((a, b) => a - b))
  expect(may.get(seen.id)).toEqual({
    filename: 'b.txt',
    mime_type: 'text/plain',
    size: 4,
    width: null,
    height: null,
    duration_seconds: null,
    preview: false,
    placeholder: null,
  })
})
