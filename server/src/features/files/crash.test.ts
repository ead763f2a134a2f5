import { afterAll, expect, test } from 'bun:test'
import { existsSync, readdirSync, utimesSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { login, register, type StoredFile } from '@messenger/contract'
import { Installation } from '../../testing/process.ts'
import { until } from '../../testing/until.ts'
import { call, PASSWORD } from '../../testing/world.ts'

const installation = new Installation()
afterAll(() => installation.clean())

const folder = join(installation.data_dir, 'files')
const files = (within: string) => (existsSync(join(folder, within)) ? readdirSync(join(folder, within)) : [])
const body = { username: 'ann', email: 'ann@example.org', password: PASSWORD }

/** Sends half of an upload and stays connected. */
function half(url: string, token: string) {
  const { hostname, port } = new URL(url)
  const socket = createConnection({ host: hostname, port: Number(port) })
  socket.on('error', () => undefined)
  socket.write(
    `POST /files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-length: 10000000\r\n` +
      'content-type: multipart/form-data; boundary=b\r\n\r\n' +
      '--b\r\ncontent-disposition: form-data; name="file"; filename="half.bin"\r\n\r\n',
  )
  socket.write(new Uint8Array(1_000_000))
  return socket
}

test('a server that is killed in the middle of an upload shows nothing of it, goes on, and sweeps it when it is old', async () => {
  const first = installation.start()
  const url = await first.ready()
  await call(url, register, { body })
  const { access_token } = await call(url, login, { body })
  const socket = half(url, access_token)
  await until('it flows in', () => files('.parts').length === 1)
  await first.end('SIGKILL')
  socket.destroy()
  expect([files('.parts').length, files('uploads')]).toEqual([1, []])

  const second = installation.start()
  const again = await second.ready()
  const { access_token: token } = await call(again, login, { body })
  const headers = { authorization: `Bearer ${token}` }
  const of_half = await fetch(`${again}files/1/download`, { headers, redirect: 'manual' })
  expect(of_half.status).toBe(404)
  const form = new FormData()
  form.append('file', new Blob(['whole']), 'whole.txt')
  const file = (await (
    await fetch(`${again}files`, { method: 'POST', headers, body: form })
  ).json()) as StoredFile
  expect(await (await fetch(`${again}${file.url.slice(1)}`, { headers })).text()).toBe('whole')
  expect(files('uploads')).toHaveLength(1)
  await second.end('SIGTERM')

  for (const part of files('.parts')) utimesSync(join(folder, '.parts', part), 1, 1)
  const third = installation.start()
  await third.ready()
  await until('it is swept', () => files('.parts').length === 0)
  expect(await third.end('SIGTERM')).toBe(0)
})

test('no link is written into the log', async () => {
  const messenger = installation.start({ LOG_LEVEL: 'trace' })
  const url = await messenger.ready()
  const { access_token: token } = await call(url, login, { body })
  const form = new FormData()
  form.append('file', new Blob(['x']), 'x.txt')
  const headers = { authorization: `Bearer ${token}` }
  const file = (await (
    await fetch(`${url}files`, { method: 'POST', headers, body: form })
  ).json()) as StoredFile
  const response = await fetch(`${url}files/${file.id}/download`, { headers, redirect: 'manual' })
  const link = `${url}${response.headers.get('location')!.slice(1)}`
  expect([(await fetch(link)).status, (await fetch(link.replace('text', 'nottext'))).status]).toEqual([
    200, 403,
  ])
  await messenger.end('SIGTERM')
  expect(messenger.said).not.toContain('signature')
  expect(messenger.said).not.toContain(new URL(link).searchParams.get('signature')!)
})
