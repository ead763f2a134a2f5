// Proves that a failed test is told by its name, its file and its error, as bun and vitest tell it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bunSummary, vitestReport } from './reports.mjs'

const BIN = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules', '.bin')
const folder = mkdtempSync(join(tmpdir(), 'messenger-reports-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const failing = (name, runner) => `import { expect, test } from '${runner}'
test('stands', () => {})
test('${name}', () => { expect('what came').toBe('what was asked') })
`

test('bun test tells what failed, in which file, and its errors', () => {
  mkdirSync(join(folder, 'server'))
  writeFileSync(join(folder, 'server/first.test.ts'), failing('falls', 'bun:test'))
  writeFileSync(join(folder, 'server/second.test.ts'), failing('falls too', 'bun:test'))
  const { stdout, stderr } = spawnSync(join(BIN, 'bun'), ['test', '--parallel=2', 'server/'], {
    cwd: folder,
    encoding: 'utf8',
  })
  const { passed, failed, told } = bunSummary(stdout + stderr)
  const [names, ...errors] = told
  assert.deepEqual([passed, failed, errors.length], [2, 2, 2])
  assert.match(names, /^server\/first\.test\.ts: \(fail\) falls \[/m)
  assert.match(names, /^server\/second\.test\.ts: \(fail\) falls too \[/m)
  for (const place of ['first.test.ts:3', 'second.test.ts:3'])
    assert.ok(errors.some((error) => error.includes('what was asked') && error.includes(place)))
})

test('vitest tells a failed test, and a file that cannot be loaded', () => {
  const report = join(folder, 'web.json')
  const assertion = { status: 'failed', fullName: 'the list falls', failureMessages: ['expected 1, got 2'] }
  const testResults = [
    { status: 'failed', name: 'web/a.test.ts', message: '', assertionResults: [assertion] },
    { status: 'failed', name: 'web/b.test.ts', message: 'no such module', assertionResults: [] },
  ]
  const counts = { numPassedTests: 1, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0 }
  writeFileSync(report, JSON.stringify({ ...counts, testResults }))
  const { failed, told } = vitestReport(report)
  assert.equal(failed, 2)
  assert.deepEqual(told, ['web/b.test.ts\nno such module', 'the list falls\nexpected 1, got 2'])
})
