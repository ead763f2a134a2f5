import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import {
  deleteChat,
  deleteMessage,
  leaveChat,
  ready,
  removeMember,
  sendMessage,
  type ErrorBody,
  type StoredFile,
} from '@messenger/contract'
import { sql } from '../../ports/db/port.ts'
import { startS3 } from '../../testing/s3.ts'
import { until } from '../../testing/until.ts'
import { ApiRefusal, call, newWorld, type Person, type World } from '../../testing/world.ts'

let world: World
let ann: Person
let bob: Person
let eve: Person
const MB = 1024 * 1024

beforeAll(async () => {
  world = await newWorld({
    env: {
      MAX_FILE_SIZE_MB: '2',
      UPLOAD_IDLE_SECONDS: '1',
      BLOCKED_FILE_TYPES: 'application/x-elf,video/x-ms*',
    },
  })
  ;[ann, bob, eve] = [await world.user('ann'), await world.user('bob'), await world.user('eve')]
})
afterAll(() => world.close())

/** Everything that lies in the folder of files. */
function lying(): string[] {
  const folder = join(world.config.data_dir, 'files')
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : []
}
const rows = async () =>
  (await world.db.query<{ n: number }>(sql`select count(*)::int as n from files`))[0]!.n

/** A message that holds a file, as sending one stores it. */
async function holding(chat_id: number, sender: Person, file_id: number): Promise<number> {
  const { id } = await sender.call(sendMessage, { params: { chat_id }, body: { content: 'look' } })
  await world.db.query(
    sql`update messages set file_id = ${file_id}, message_type = 'file' where chat_id = ${chat_id} and id = ${id}`,
  )
  return id
}

const sees = async (who: Person, file: StoredFile) => {
  const [to, preview] = [await who.leads(file.url), await who.leads(`/files/${file.id}/preview`)]
  expect(typeof preview).toBe(typeof to)
  return typeof to === 'string' ? (await fetch(to)).status : to
}

describe('a stored file', () => {
  test('comes back as it was, to its owner, under its name', async () => {
    const file = await ann.upload('Grüße\n', 'Grüße für "Ann" 100%.txt')
    expect(file).toEqual({
      id: expect.any(Number),
      filename: 'Grüße für "Ann" 100%.txt',
      mime_type: 'text/plain',
      object_key: expect.stringMatching(/^uploads\/[0-9a-f-]{36}_[A-Za-z0-9._-]+\.txt$/),
      size: 8,
      url: `/files/${file.id}/download`,
    })
    const response = await fetch((await ann.leads(file.url)) as string)
    expect(await response.text()).toBe('Grüße\n')
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename="Gr__e f_r _Ann_ 100_.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20f%C3%BCr%20%22Ann%22%20100%25.txt`,
    )
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('content-security-policy')).toContain('sandbox')
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  })

  test('is given in parts, and not again to who has it', async () => {
    const file = await ann.upload('0123456789', 'digits.txt')
    const link = (await ann.leads(file.url)) as string
    expect(await ann.leads(file.url)).toBe(link)
    const asked = (headers: Record<string, string>) => fetch(link, { headers })
    const whole = await asked({})
    const etag = whole.headers.get('etag')!
    expect([whole.status, whole.headers.get('accept-ranges')]).toEqual([200, 'bytes'])
    for (const [range, body, told] of [
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
      ['bytes=5-500', '56789', 'bytes 5-9/10'],
    ] as const) {
      const part = await asked({ range })
      expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, body, told])
    }
    const beyond = await asked({ range: 'bytes=10-' })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    expect((await asked({ range: 'bytes=4-2' })).status).toBe(200)
    expect((await asked({ 'if-none-match': `"x", ${etag}` })).status).toBe(304)
    expect((await asked({ 'if-none-match': '"x"' })).status).toBe(200)
    expect((await asked({ 'if-modified-since': whole.headers.get('last-modified')! })).status).toBe(304)
    expect((await asked({ range: 'bytes=0-1', 'if-range': etag })).status).toBe(206)
    expect((await asked({ range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200)
    const head = await fetch(link, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
  })

  test('of which the link was altered is refused', async () => {
    const link = (await ann.leads((await ann.upload('x', 'x.txt')).url)) as string
    expect((await fetch(link)).status).toBe(200)
    for (const altered of [
      link.replace('text%2Fplain', 'text%2Fhtml'),
      link.replace('attachment', 'inline'),
      link.replace(/expires=\d+/, 'expires=9999999999'),
      link.replace(/signature=./, 'signature=~'),
      link.split('?')[0]!,
      link.replace('_x.txt', '_y.txt'),
    ]) {
      const response = await fetch(altered)
      expect([altered, response.status, ((await response.json()) as ErrorBody).code]).toEqual([
        altered,
        403,
        'not_allowed',
      ])
    }
  })

  test.each([
    ['a page', '<!doctype html><script>alert(1)</script>', 'page.png', 'text/html'],
    [
      'a drawing that may run',
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
      'a.svg',
      'image/svg+xml',
    ],
    ['XML', '<?xml version="1.0"?><x/>', 'x.jpg', 'text/xml'],
    ['bytes', new Uint8Array([0, 1, 2, 3]), 'a.jpg', 'application/octet-stream'],
    ['a PDF', '%PDF-1.7\n', 'a.html', 'application/pdf'],
    ['nothing', '', 'empty.png', 'text/plain'],
  ])('that is %s is told by its bytes and never shown in place', async (_, content, name, type) => {
    const file = await ann.upload(content, name)
    expect(file.mime_type).toBe(type)
    const response = await fetch((await ann.leads(file.url)) as string)
    expect(response.headers.get('content-disposition')).toStartWith('attachment')
    expect(response.headers.get('content-type')).not.toMatch(/html|svg|xml/)
  })
})

describe('who may read', () => {
  test('is the owner, and who is in a chat with it: no stranger, nobody who left or was removed', async () => {
    const file = await ann.upload('for friends', 'friends.txt')
    const chat_id = await world.group(ann, [bob, eve])
    expect([await sees(ann, file), await sees(bob, file), await sees(eve, file)]).toEqual([200, 404, 404])
    await holding(chat_id, ann, file.id)
    const stranger = await world.user('stranger')
    expect([await sees(bob, file), await sees(eve, file), await sees(stranger, file)]).toEqual([
      200, 200, 404,
    ])
    await bob.call(leaveChat, { params: { chat_id } })
    await ann.call(removeMember, { params: { chat_id, user_id: eve.id } })
    expect([await sees(bob, file), await sees(eve, file), await sees(ann, file)]).toEqual([404, 404, 200])
  })

  test('is nobody but the owner after the message was deleted for everyone', async () => {
    const file = await ann.upload('a slip', 'slip.txt')
    const chat_id = await world.chat(ann, bob)
    const message_id = await holding(chat_id, ann, file.id)
    expect(await sees(bob, file)).toBe(200)
    await ann.call(deleteMessage, { params: { chat_id, message_id }, body: { for_everyone: true } })
    expect([await sees(bob, file), await sees(ann, file)]).toEqual([404, 200])
  })

  test('is not who deleted the message, or the chat, for themselves', async () => {
    const [one, other] = [await ann.upload('1', '1.txt'), await ann.upload('2', '2.txt')]
    const chat_id = await world.chat(ann, bob)
    const message_id = await holding(chat_id, ann, one.id)
    await holding(chat_id, ann, other.id)
    await bob.call(deleteMessage, { params: { chat_id, message_id } })
    expect([await sees(bob, one), await sees(bob, other)]).toEqual([404, 200])
    await bob.call(deleteChat, { params: { chat_id } })
    expect(await sees(bob, other)).toBe(404)
  })

  test('a forwarded file is read by who is in the other chat, whoever stored it', async () => {
    const file = await ann.upload('passed on', 'on.txt')
    await holding(await world.chat(ann, bob), ann, file.id)
    expect(await sees(eve, file)).toBe(404)
    await holding(await world.chat(bob, eve), bob, file.id)
    expect(await sees(eve, file)).toBe(200)
  })

  test('is told nothing of what is not there', async () => {
    for (const id of ['999999', '9007199254740991'])
      expect(await ann.leads(`/files/${id}/download`)).toBe(404)
    expect(await ann.leads('/files/abc/download')).toBe(400)
    const file = await ann.upload('x', 'x.txt')
    expect((await fetch(`${world.url}api${file.url}`, { redirect: 'manual' })).status).toBe(401)
  })
})

/** A form written by hand: parts as they are given, each ended as it should be. */
const form = (...parts: string[]) => ({
  body: `${parts.map((part) => `--frontier\r\n${part}\r\n`).join('')}--frontier--\r\n`,
  headers: { 'content-type': 'multipart/form-data; boundary=frontier' },
})
const part = (disposition: string, content = 'x') =>
  `Content-Disposition: form-data; ${disposition}\r\n\r\n${content}`

describe('a form', () => {
  test('may hold other fields before and after its file', async () => {
    const { body, headers } = form(
      part('name="note"', 'before'),
      part('name="any"; filename="a.txt"\r\nContent-Type: image/png', 'the file'),
      part('name="after"', 'y'),
    )
    const response = await ann.post(body, headers)
    expect([response.status, await response.json()]).toEqual([
      201,
      expect.objectContaining({ size: 8, mime_type: 'text/plain' }),
    ])
  })

  test.each([
    ['C:\\\\Users\\\\ann\\\\report.txt', 'report.txt'],
    ['../../etc/passwd', 'passwd'],
    ['/etc/cron.d/job', 'job'],
    ['%22quoted%22.txt', '"quoted".txt'],
    [`${'n'.repeat(300)}.jpeg`, `${'n'.repeat(195)}.jpeg`],
  ])('that names a file %p stores it as %p', async (given, name) => {
    const { body, headers } = form(part(`name="file"; filename="${given}"`))
    const file = (await (await ann.post(body, headers)).json()) as StoredFile
    expect(file.filename).toBe(name)
    expect(file.object_key).toMatch(/^uploads\/[0-9a-f-]{36}_[\w.-]+$/)
    expect(file.object_key).not.toContain('..')
  })

  const file = part('name="file"; filename="a.txt"')
  const multipart = (boundary: string) => ({ 'content-type': `multipart/form-data${boundary}` })
  test.each<[string, string, Record<string, string>, number, string, string | null]>([
    ['without a boundary', form(file).body, multipart(''), 400, 'malformed', null],
    [
      'with a boundary that is too long',
      form(file).body,
      multipart(`; boundary=${'x'.repeat(200)}`),
      400,
      'malformed',
      null,
    ],
    ['with another boundary', form(file).body, multipart('; boundary=other'), 400, 'malformed', null],
    ['that is empty', '', multipart('; boundary=frontier'), 400, 'malformed', null],
    ['that is JSON', '{}', { 'content-type': 'application/json' }, 415, 'unsupported_media_type', null],
    ['without a file', form(part('name="file"')).body, form().headers, 400, 'invalid', 'file'],
    ['with two files', form(file, file).body, form().headers, 400, 'invalid', 'file'],
    [
      'with no name of its file',
      form(part('name="file"; filename=""')).body,
      form().headers,
      400,
      'invalid',
      'filename',
    ],
    [
      'with dots for a name',
      form(part('name="file"; filename=".."')).body,
      form().headers,
      400,
      'invalid',
      'filename',
    ],
    [
      'with NUL in the name',
      form(part('name="file"; filename="a\0.txt"')).body,
      form().headers,
      400,
      'invalid',
      'filename',
    ],
    [
      'with a name that turns around',
      form(part('name="file"; filename="a\u202Egpj.exe"')).body,
      form().headers,
      400,
      'invalid',
      'filename',
    ],
    [
      'with a name that is no text',
      form(part('name="file"; filename*=UTF-8\'\'%ff.txt')).body,
      form().headers,
      400,
      'malformed',
      null,
    ],
    ['that breaks off in its file', form(file).body.slice(0, -20), form().headers, 400, 'malformed', null],
    ['that breaks off after its file', form(file).body.slice(0, -4), form().headers, 400, 'malformed', null],
    ['without a disposition', form('X: y\r\n\r\nz').body, form().headers, 400, 'malformed', null],
    [
      'with endless headers',
      form(part(`name="${'x'.repeat(40_000)}"`)).body,
      form().headers,
      400,
      'malformed',
      null,
    ],
    [
      'with endless other fields',
      form(part('name="x"', 'y'.repeat(MB)), file).body,
      form().headers,
      413,
      'too_large',
      null,
    ],
    [
      'with a program',
      form(part('name="file"; filename="a.txt"', '\x7fELF\x02\x01\x01\0\0\0')).body,
      form().headers,
      415,
      'unsupported_media_type',
      'file',
    ],
    [
      'with HEIC',
      form(part('name="file"; filename="a.jpg"', '\0\0\0\x18ftypheic\0\0\0\0mif1heic')).body,
      form().headers,
      415,
      'unsupported_media_type',
      'file',
    ],
    [
      'with what only begins as a picture',
      form(part('name="file"; filename="a.png"', 'GIF89a')).body.replace(
        'GIF89a',
        '\x89PNG\r\n\x1a\nnonsense',
      ),
      form().headers,
      400,
      'invalid',
      'file',
    ],
  ])('%s is refused, and nothing stays', async (_, body, headers, status, code, field) => {
    await until('earlier uploads are gone', () => lying().every((one) => !one.includes('.parts')))
    const [objects, known] = [lying().length, await rows()]
    const response = await ann.post(Buffer.from(body, /[^\0-\xff]/.test(body) ? 'utf8' : 'latin1'), headers)
    const refused = (await response.json()) as ErrorBody
    expect([response.status, refused.code, refused.field ?? null]).toEqual([status, code, field])
    expect(lying()).toHaveLength(objects)
    expect(await rows()).toBe(known)
  })

  test('that is too large is refused while it flows, and nothing stays', async () => {
    const [objects, known] = [lying().length, await rows()]
    expect((await ann.upload(new Uint8Array(2 * MB), 'just.bin')).size).toBe(2 * MB)
    const error = await ann
      .upload(new Uint8Array(2 * MB + 1), 'over.bin')
      .catch((refused: unknown) => refused)
    expect(error).toBeInstanceOf(ApiRefusal)
    expect([(error as ApiRefusal).status, (error as ApiRefusal).code]).toEqual([413, 'too_large'])
    expect([lying().length, await rows()]).toEqual([objects + 1, known + 1])
  })
})

/** What a raw socket hears: uploads that no client library would send. */
function raw(head: Record<string, string>, body: string, { end = false } = {}): Promise<string> {
  const { hostname, port } = new URL(world.url)
  const lines = { host: 'x', authorization: `Bearer ${ann.tokens.access_token}`, ...head }
  return new Promise((resolve) => {
    let heard = ''
    const socket = createConnection({ host: hostname, port: Number(port) })
    socket.on('data', (bytes) => {
      heard += bytes.toString()
      if (heard.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('close', () => resolve(heard))
    socket.on('error', () => undefined)
    socket.write(
      `POST /api/files HTTP/1.1\r\n${Object.entries(lines)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n${body}`,
    )
    if (end) setTimeout(() => socket.destroy(), 50)
  })
}

describe('an upload', () => {
  const headers = form().headers
  const begun = form(part('name="file"; filename="a.bin"', 'z'.repeat(100_000))).body.slice(0, -30)

  test('that announces five gigabytes is refused before it sends them', async () => {
    const heard = await raw({ ...headers, 'content-length': String(5 * 1024 * MB) }, '')
    expect(heard).toStartWith('HTTP/1.1 413')
    expect(JSON.parse(heard.slice(heard.indexOf('\r\n\r\n')))).toEqual({
      error: `A file may have ${world.config.max_file_size_mb} MB here.`,
      code: 'too_large',
      field: 'file',
    })
  })

  test('that stops sending is given up, and nothing stays', async () => {
    const [objects, known] = [lying().length, await rows()]
    const heard = await raw({ ...headers, 'content-length': '1000000' }, begun)
    expect(heard).toStartWith('HTTP/1.1 400')
    expect(heard).toContain('malformed')
    expect([lying().length, await rows()]).toEqual([objects, known])
  })

  test('whose client goes away leaves nothing', async () => {
    const [objects, known] = [lying().length, await rows()]
    await raw({ ...headers, 'content-length': '1000000' }, begun, { end: true })
    await until('it is cleaned up', async () => lying().length === objects && (await rows()) === known)
  })

  test('flows without a length too', async () => {
    const { body } = form(part('name="file"; filename="a.txt"', 'in pieces'))
    const chunks = [...body].map((letter) => `1\r\n${letter}\r\n`).join('')
    const heard = await raw({ ...headers, 'transfer-encoding': 'chunked' }, `${chunks}0\r\n\r\n`)
    expect(heard).toStartWith('HTTP/1.1 201')
    expect(heard).toContain('"size":9')
  })
})

describe('with a quota', () => {
  test('each person keeps so much and no more, also when they try at once, and removing makes room', async () => {
    const small = await newWorld({ env: { USER_QUOTA_MB: '1' } })
    try {
      const [cat, dan] = [await small.user('cat'), await small.user('dan')]
      const half = new Uint8Array(0.4 * MB)
      const tried = await Promise.allSettled(
        Array.from({ length: 5 }, (_, n) => cat.upload(half, `${n}.bin`)),
      )
      expect(tried.filter((one) => one.status === 'fulfilled')).toHaveLength(2)
      for (const one of tried)
        if (one.status === 'rejected')
          expect([(one.reason as ApiRefusal).status, (one.reason as Error).message]).toEqual([
            413,
            expect.stringContaining('1 MB'),
          ])
      expect((await dan.upload(half, 'of another.bin')).size).toBe(half.length)
      const [kept] = await small.db.query<{ bytes: number; files: number }>(
        sql`select bytes::float8, files from user_storage where user_id = ${cat.id}`,
      )
      expect(kept).toEqual({ bytes: 2 * half.length, files: 2 })
    } finally {
      await small.close()
    }
  })
})

describe('without its storage', () => {
  test('the server names what is missing, and messages go on', async () => {
    const s3 = await startS3()
    const far = await newWorld({ env: { ...s3.env, S3_PUBLIC_ENDPOINT: 'https://files.example.org' } })
    try {
      const [cat, dan] = [await far.user('cat'), await far.user('dan')]
      const chat_id = await far.chat(cat, dan)
      const file = await cat.upload('kept in S3', 'x.txt')
      const link = new URL((await cat.leads(file.url)) as string)
      expect(link.origin).toBe('https://files.example.org')
      expect(link.search).toContain('X-Amz-Credential=messenger%2F')
      expect(await call(far.url, ready)).toMatchObject({ status: 'ok', checks: { storage: 'ok' } })
      await s3.kill()
      const error = await cat.upload('x', 'x.txt').catch((refused: unknown) => refused)
      expect([(error as ApiRefusal).status, (error as ApiRefusal).code]).toEqual([503, 'unavailable'])
      expect((error as ApiRefusal).message).toContain('storage')
      const response = await fetch(`${far.url}ready`)
      expect([response.status, await response.json()]).toEqual([
        503,
        { status: 'unavailable', checks: expect.objectContaining({ storage: 'failing', database: 'ok' }) },
      ])
      expect(
        (await dan.call(sendMessage, { params: { chat_id }, body: { content: 'still here' } })).content,
      ).toBe('still here')
      await s3.start()
      await until('it takes files again', () =>
        cat.upload('x', 'x.txt').then(
          () => true,
          () => false,
        ),
      )
    } finally {
      await far.close()
      await s3.stop()
    }
  })
})
