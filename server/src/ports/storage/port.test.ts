import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { startS3, type S3Server } from '../../testing/s3.ts'
import { openFolderStorage } from './folder.ts'
import { StorageUnavailable, type Content, type ObjectKey, type Storage } from './port.ts'
import { openS3Storage } from './s3.ts'

const log = pino({ level: 'silent' })
const MB = 1024 * 1024
let s3: S3Server
let folder: string
let now = Date.now()
const opened: Storage[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'messenger-files-'))
  s3 = await startS3()
})
afterAll(async () => {
  await s3.stop()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(async () => {
  now = Date.now()
  await Promise.all(opened.splice(0).map((storage) => storage.close()))
})

const openFolder = () => Promise.resolve(openFolderStorage({ folder, secret: 'signs links', now: () => now }))
const openS3 = () =>
  openS3Storage(
    { ...s3, region: 'us-east-1', bucket_prefix: 'bh-', public_endpoint: null, now: () => now },
    log,
  )

const key = (name = 'a.txt'): ObjectKey => `uploads/${crypto.randomUUID()}_${name}`
const shown = { mime_type: 'text/plain', disposition: 'inline; filename="a.txt"' }

async function* flowing(...chunks: (Uint8Array | string | Error)[]) {
  for (const chunk of chunks) {
    await Promise.resolve()
    if (chunk instanceof Error) throw chunk
    yield typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
  }
}

/** Random bytes in chunks that no boundary of a part falls together with. */
function large(megabytes: number) {
  const bytes = new Uint8Array(megabytes * MB)
  for (let at = 0; at < bytes.length; at += 65_536)
    crypto.getRandomValues(bytes.subarray(at, at + Math.min(65_536, bytes.length - at)))
  const chunks = Array.from({ length: Math.ceil(bytes.length / 100_000) }, (_, n) =>
    bytes.subarray(n * 100_000, (n + 1) * 100_000),
  )
  return { bytes, chunks }
}

const text = (content: Content | null) => (content ? new Response(content).text() : null)

const twins = [
  ['folder', openFolder],
  ['S3', openS3],
] as const

for (const [twin, open] of twins) {
  describe(`${twin} storage`, () => {
    const kept = async () => {
      const storage = await open()
      opened.push(storage)
      return storage
    }

    test('gives back what was put, whole or a part of it', async () => {
      const storage = await kept()
      const mine = key()
      expect(await storage.put(mine, flowing('hello ', 'world'), 'text/plain')).toBe(11)
      expect(await text(await storage.get(mine))).toBe('hello world')
      expect(await text(await storage.get(mine, { first: 6, last: 8 }))).toBe('wor')
      expect(await storage.head(mine)).toEqual({ size: 11, modified: expect.any(Date) })
      expect((await storage.head(mine))!.modified.getTime()).toBeWithin(now - 60_000, now + 60_000)
      await storage.check()
    })

    test('takes nothing, and much, unchanged', async () => {
      const storage = await kept()
      const [empty, whole] = [key(), key('large.bin')]
      expect(await storage.put(empty, flowing(), 'text/plain')).toBe(0)
      expect(await text(await storage.get(empty))).toBe('')
      const { bytes, chunks } = large(12)
      expect(await storage.put(whole, flowing(...chunks), 'application/octet-stream')).toBe(bytes.length)
      const back = new Uint8Array(await new Response(await storage.get(whole)).arrayBuffer())
      expect(Bun.hash(back)).toBe(Bun.hash(bytes))
    })

    test('says that there is nothing where there is nothing, and removes what is there and what is not', async () => {
      const storage = await kept()
      const mine = key()
      expect([await storage.get(mine), await storage.head(mine)]).toEqual([null, null])
      await storage.put(mine, flowing('x'), 'text/plain')
      await storage.remove([mine, key()])
      expect([await storage.get(mine), await storage.head(mine)]).toEqual([null, null])
    })

    test.each([0, 11])(
      'of an upload that breaks off after %p MB nothing can be seen and nothing stays',
      async (size) => {
        const storage = await kept()
        const mine = key()
        const broken = storage.put(mine, flowing(...large(size).chunks, new Error('cut off')), 'text/plain')
        expect(await broken.catch((error: Error) => error.message)).toBe('cut off')
        expect(await storage.head(mine)).toBeNull()
        expect(await storage.sweep(new Date(Date.now() + 60_000))).toBe(0)
      },
    )

    test('while an upload flows nothing can be seen of it', async () => {
      const storage = await kept()
      const mine = key()
      const seen: unknown[] = []
      async function* watched() {
        for (const chunk of large(6).chunks) {
          yield chunk
          if (seen.length === 0) seen.push(await storage.head(mine), await storage.get(mine))
        }
      }
      await storage.put(mine, watched(), 'text/plain')
      expect(seen).toEqual([null, null])
      expect(await storage.head(mine)).toMatchObject({ size: 6 * MB })
    })

    test('a link stays the same for a while, then changes', async () => {
      const storage = await kept()
      const mine = key('Ünïcode name.txt'.replace(/[^\w.]/g, '_'))
      now = 1_800_000_000_000 - (1_800_000_000_000 % 1_200_000)
      const first = storage.link(mine, shown)
      now += 15 * 60_000
      expect(storage.link(mine, shown)).toBe(first)
      now += 5 * 60_000
      expect(storage.link(mine, shown)).not.toBe(first)
      expect(storage.link(mine, { ...shown, mime_type: 'image/png' })).not.toBe(storage.link(mine, shown))
    })
  })
}

describe('links of the folder', () => {
  const at = (link: string) => new URL(link, 'http://here')

  test('open what they were made for until they expire', async () => {
    const storage = await openFolder()
    const mine = key()
    const link = at(storage.link(mine, shown))
    expect(storage.opened(link)).toMatchObject({ key: mine, shown })
    now += 40 * 60_000
    expect(storage.opened(link)).not.toBeNull()
    now += 20 * 60_000
    expect(storage.opened(link)).toBeNull()
  })

  test('open nothing when any part of them is altered', async () => {
    const storage = await openFolder()
    const link = storage.link(key(), shown)
    expect(storage.opened(at(link))).not.toBeNull()
    const altered = (name: string, value: string) => {
      const url = at(link)
      url.searchParams.set(name, value)
      return url
    }
    const signature = at(link).searchParams.get('signature')!
    for (const url of [
      altered('type', 'text/html'),
      altered('disposition', 'inline; filename="b.txt"'),
      altered('expires', String(Number(at(link).searchParams.get('expires')) + 1)),
      altered('signature', signature.slice(0, -1)),
      altered('signature', `${signature}=`),
      altered('signature', 'A'.repeat(43)),
      altered('signature', ''),
      at(link.replace('_a.txt', '_b.txt')),
      at(link.replace('uploads/', 'avatars/')),
      at(link.split('?')[0]!),
      at('/files/blob/../../etc/passwd'),
    ])
      expect([url.href, storage.opened(url)]).toEqual([url.href, null])
    expect(openFolderStorage({ folder, secret: 'another' }).opened(at(link))).toBeNull()
  })
})

test('the folder takes no key that leads out of it', async () => {
  const storage = await openFolder()
  for (const bad of [
    'uploads/../../x',
    'uploads/..',
    '../x',
    'uploads//x',
    'uploads/.hidden',
    '/etc/passwd',
    'other/x',
  ])
    expect(await storage.head(bad as ObjectKey).catch((error: Error) => error.message)).toContain('no key')
})

test('the folder sweeps what a crash left of an upload, and only when it is old', async () => {
  const storage = await openFolder()
  const parts = join(folder, '.parts')
  await Bun.write(join(parts, 'left-by-a-crash'), 'half')
  expect(await storage.sweep(new Date(Date.now() - 60_000))).toBe(0)
  utimesSync(join(parts, 'left-by-a-crash'), 1, 1)
  expect(await storage.sweep(new Date(Date.now() - 60_000))).toBe(1)
  expect(readdirSync(parts)).toEqual([])
})

describe('links of S3', () => {
  test('are fetched by anybody without a header, with the name and type that they were made with', async () => {
    const storage = await openS3()
    const mine = key('ü(1)!.txt'.replace('ü', 'u'))
    await storage.put(mine, flowing('hello'), 'application/octet-stream')
    const link = storage.link(mine, shown)
    expect(link).toContain('X-Amz-Credential=messenger%2F')
    const response = await fetch(link, { headers: { range: 'bytes=1-2' } })
    expect([response.status, await response.text()]).toEqual([206, 'el'])
    expect(response.headers.get('content-type')).toBe('text/plain')
    expect(response.headers.get('content-disposition')).toBe(shown.disposition)
  })

  test('are refused when altered or expired', async () => {
    const storage = await openS3()
    const mine = key()
    await storage.put(mine, flowing('hello'), 'text/plain')
    const link = storage.link(mine, shown)
    expect((await fetch(link)).status).toBe(200)
    expect((await fetch(link.replace('inline', 'attachment'))).status).toBe(403)
    expect((await fetch(link.replace(/.$/, (last) => (last === '0' ? '1' : '0')))).status).toBe(403)
    now -= 2 * 3600_000
    expect((await fetch(storage.link(mine, shown))).status).toBe(403)
  })

  test('lead to the public host', async () => {
    const storage = await openS3Storage(
      {
        ...s3,
        region: 'eu-central-1',
        bucket_prefix: 'bh-',
        public_endpoint: 'https://files.example.org/s3',
      },
      log,
    )
    const link = new URL(storage.link(key('x.txt'), shown))
    expect([link.origin, storage.origin]).toEqual(['https://files.example.org', 'https://files.example.org'])
    expect(link.pathname).toStartWith('/s3/bh-uploads/uploads/')
  })
})

describe('S3 that is away', () => {
  test('is named, loses no half of an upload, and is used again when it is back', async () => {
    await s3.kill()
    const storage = await openS3()
    const mine = key()
    for (const failing of [
      storage.check(),
      storage.put(mine, flowing('x'), 'text/plain'),
      storage.get(mine),
      storage.head(mine),
      storage.remove([mine]),
    ])
      expect(
        await failing.then(
          () => null,
          (error: unknown) => error,
        ),
      ).toBeInstanceOf(StorageUnavailable)
    await s3.start()
    await storage.check()
    await storage.put(mine, flowing('back'), 'text/plain')
    expect(await text(await storage.get(mine))).toBe('back')
  })

  test('that was away when we started is ready as soon as it is there, without the first upload', async () => {
    await s3.kill()
    const options = { ...s3, region: 'us-east-1', bucket_prefix: 'late-', public_endpoint: null }
    const storage = await openS3Storage(options, log)
    await s3.start()
    await storage.check()
    expect(await storage.head(key())).toBeNull()
  })

  test('what a crash left of an upload is swept', async () => {
    const storage = await openS3()
    const mine = key()
    async function* breaking() {
      yield* large(6).chunks
      // As when the process is killed: nobody can tell the storage that nothing more comes.
      await s3.kill()
      yield* large(6).chunks
    }
    expect(await storage.put(mine, breaking(), 'text/plain').catch((error: unknown) => error)).toBeInstanceOf(
      StorageUnavailable,
    )
    await s3.start()
    expect(await storage.sweep(new Date(Date.now() - 60_000))).toBe(0)
    expect(await storage.head(mine)).toBeNull()
    expect(await storage.sweep(new Date(Date.now() + 60_000))).toBe(1)
    expect(await storage.sweep(new Date(Date.now() + 60_000))).toBe(0)
  })

  test('wrong keys are refused in words that do not hold them', async () => {
    const options = {
      ...s3,
      secret_access_key: 'wrong',
      region: 'us-east-1',
      bucket_prefix: 'bh-',
      public_endpoint: null,
    }
    const storage = await openS3Storage(options, log)
    const error = await storage.put(key(), flowing('x'), 'text/plain').catch((refused: Error) => refused)
    expect(error).toBeInstanceOf(StorageUnavailable)
    expect((error as Error).message).not.toContain('wrong')
  })
})
