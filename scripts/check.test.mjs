// Proves that the import directions are held: each row writes a file that imports what its room may not,
// and dependency-cruiser must refuse exactly that file by the name of its rule.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const room = `forbidden${process.pid}`
const imports = (...paths) => paths.map((path) => `import '${path}'\n`).join('')
const component = (...paths) =>
  `<script setup lang="ts">\n${imports(...paths)}</script>\n<template><i /></template>\n`

const ROWS = [
  ['contract-is-a-word', `contract/src/${room}.ts`, imports('../../server/src/http/refusal.ts')],
  ['contract-is-a-word', `contract/src/${room}-runs.ts`, imports('node:fs')],
  ['port-is-a-promise', `server/src/ports/${room}/port.ts`, imports('redis')],
  ['port-knows-no-feature', `server/src/ports/${room}/redis.ts`, imports('../../features/chats/queries.ts')],
  ['port-knows-its-own-vendor', `server/src/ports/${room}/s3.ts`, imports('../limits/embedded.ts')],
  ['vendor-lives-in-its-port', `server/src/http/${room}-vendor.ts`, imports('redis')],
  ['http-knows-no-feature', `server/src/http/${room}.ts`, imports('../features/chats/queries.ts')],
  ['http-knows-promises-only', `server/src/http/${room}-bus.ts`, imports('../ports/bus/redis.ts')],
  ['queries-are-sql', `server/src/features/${room}/queries.ts`, imports('../../ports/bus/port.ts')],
  ['queries-are-sql', `server/src/features/${room}-http/queries.ts`, imports('../../http/serve.ts')],
  ['queries-are-sql', `server/src/features/${room}-clock/queries.ts`, imports('node:timers')],
  ['queries-are-sql', `server/src/features/${room}/drafts.ts`, imports('../../ports/bus/port.ts')],
  ['rules-are-pure', `server/src/features/${room}/rules.ts`, imports('../../ports/db/port.ts')],
  ['routes-belong-to-app', `server/src/features/${room}/other.ts`, imports('../chats/routes.ts')],
  ['features-meet-in-queries', `server/src/features/${room}/again.ts`, imports('../realtime/sockets.ts')],
  [
    'features-know-promises-only',
    `server/src/features/${room}/bus.ts`,
    imports('../../ports/bus/embedded.ts'),
  ],
  ['realtime-holds-no-rule', `server/src/features/realtime/${room}.ts`, imports('../messages/rules.ts')],
  ['app-belongs-to-main', `server/src/features/${room}/app.ts`, imports('../../app.ts')],
  ['testing-stays-in-tests', `server/src/http/${room}-test.ts`, imports('../testing/until.ts')],
  ['server-knows-the-contract-only', `server/src/${room}.ts`, imports('../../web/src/api.ts')],
  ['web-knows-the-contract-only', `web/src/${room}.ts`, imports('../../server/src/http/refusal.ts')],
  ['bench-speaks-over-the-wire', `bench/${room}.ts`, imports('../server/src/app.ts')],
  ['e2e-speaks-over-the-wire', `e2e/${room}.ts`, imports('../server/src/app.ts')],
  ['store-is-truth', `web/src/features/${room}/store.ts`, imports('../../live.ts')],
  ['picture-fetches-nothing', `web/src/features/${room}/Picture.vue`, component('../../api.ts')],
  [
    'picture-shows-its-own-room',
    `web/src/features/${room}/Second.vue`,
    component('../../platform/browser.ts'),
  ],
  ['furniture-knows-no-chat', `web/src/ui/${room}.vue`, component('../api.ts')],
  ['furniture-knows-no-chat', `web/src/ui/${room}-contract.ts`, imports('@messenger/contract')],
  ['tauri-lives-in-desktop', `web/src/${room}-tauri.ts`, imports('@tauri-apps/api')],
  ['no-cycles', `server/src/http/${room}-a.ts`, imports(`./${room}-b.ts`)],
]
const HELPERS = [[`server/src/http/${room}-b.ts`, imports(`./${room}-a.ts`)]]

const files = [...ROWS.map(([, path, text]) => [path, text]), ...HELPERS]
const folders = new Set()
const remove = () => {
  for (const [path] of files) rmSync(join(ROOT, path), { force: true })
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
let violations = []

before(() => {
  process.on('exit', remove)
  for (const [path, text] of files) {
    const folder = dirname(join(ROOT, path))
    if (!existsSync(folder)) {
      mkdirSync(folder, { recursive: true })
      folders.add(folder)
    }
    writeFileSync(join(ROOT, path), text)
  }
  const { stdout } = cruise('json')
  violations = JSON.parse(stdout).summary.violations
})
after(remove)

for (const [rule, path, text] of ROWS) {
  test(`${rule}: ${path.replaceAll(room, 'x')} may not say ${/import '[^']*'/.exec(text)?.[0].replaceAll(room, 'x')}`, () => {
    const found = violations.filter(({ from }) => from === path).map((violation) => violation.rule.name)
    assert.ok(found.includes(rule), `expected ${rule}, got: ${found.join(', ') || 'nothing'}`)
  })
}

test('a forbidden import makes the check fail', () => {
  const { status, stdout } = cruise('err')
  assert.notEqual(status, 0)
  for (const [rule, path] of ROWS) assert.ok(stdout.includes(`${rule}: ${path}`), `${rule}: ${path}`)
})

function cruise(output) {
  const cruiser = join(ROOT, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs')
  const args = [cruiser, '--config', '.dependency-cruiser.cjs', '--output-type', output]
  return spawnSync(process.execPath, [...args, ...files.map(([path]) => path)], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
}
