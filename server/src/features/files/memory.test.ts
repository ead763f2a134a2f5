import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { login, register, type StoredFile } from '@messenger/contract'
import { Installation, type Messenger } from '../../testing/process.ts'
import { startS3, type S3Server } from '../../testing/s3.ts'
import { call, PASSWORD } from '../../testing/world.ts'

const MB = 1024 * 1024
const SIZE = 50 * MB
const AT_ONCE = 10

let s3: S3Server
const installations: Installation[] = []
beforeAll(async () => {
  s3 = await startS3()
})
afterAll(async () => {
  for (const one of installations) await one.clean()
  await s3.stop()
})

/** Resident memory of a process, in MB: now, and the most since `rest` was called. */
const resident = (pid: number, what: 'VmRSS' | 'VmHWM') =>
  Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) /
  1024
const rest = (pid: number) => Bun.write(`/proc/${pid}/clear_refs`, '5')

const FILE = new Uint8Array(SIZE)
crypto.getRandomValues(FILE.subarray(0, 65_536))

async function upload(url: string, token: string): Promise<StoredFile> {
  const form = new FormData()
  form.append('file', new Blob([FILE]), 'large.bin')
  const response = await fetch(`${url}files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: form,
  })
  expect(response.status).toBe(201)
  return (await response.json()) as StoredFile
}

async function started(
  env: Record<string, string>,
): Promise<{ messenger: Messenger; url: string; token: string }> {
  const installation = new Installation()
  installations.push(installation)
  const messenger = installation.start(env)
  const url = await messenger.ready()
  const body = { username: 'ann', email: 'ann@example.org', password: PASSWORD }
  await call(url, register, { body })
  return { messenger, url, token: (await call(url, login, { body })).access_token }
}

test.each([
  ['the folder', 16, () => ({})],
  ['S3', 120, () => s3.env],
] as const)(
  'ten uploads of 50 MB at once to %s let the server grow by %p MB at most',
  async (_, most, env) => {
    const { messenger, url, token } = await started({ ...env(), RATE_LIMITS: 'off' })
    const pid = messenger.child.pid!
    await upload(url, token)
    await rest(pid)
    const before = resident(pid, 'VmRSS')
    const stored = await Promise.all(Array.from({ length: AT_ONCE }, () => upload(url, token)))
    const grown = resident(pid, 'VmHWM') - before
    expect(stored.map((file) => file.size)).toEqual(Array.from({ length: AT_ONCE }, () => SIZE))
    expect(grown).toBeLessThanOrEqual(most)
  },
)
