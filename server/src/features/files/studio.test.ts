import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Refusal } from '../../http/refusal.ts'
import { picture } from '../../testing/media.ts'
import { Studio } from './studio.ts'

const before = process.env['TMPDIR']
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'messenger-studio-'))
})
afterAll(() => {
  if (before === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = before
  rmSync(folder, { recursive: true, force: true })
})

test('a disk that takes no picture now may take the next one: nobody waits for ever', async () => {
  const studio = new Studio()
  const image = new Blob([await picture('png', { width: 8, height: 8, told: false })])
  let bytes = 0
  const draw = () =>
    studio.draw(
      { mime_type: 'image/png', open: () => Promise.resolve(image) },
      [{ name: 'small', within: 4 }],
      async (_, drawn) => {
        for await (const chunk of drawn) bytes += chunk.length
      },
    )
  process.env['TMPDIR'] = join(folder, 'is-not-there')
  const refused = await draw().catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(Refusal)
  expect((refused as Refusal).code).toBe('busy')
  process.env['TMPDIR'] = folder
  expect(await draw()).toStartWith('data:image/webp;base64,')
  expect(bytes).toBeGreaterThan(0)
  studio.close()
})
