// Lets schemathesis (Python) talk to a started server along its own /openapi.json: once as a stranger to every id, once
// with ids that are there. No fault, no answer that the description does not know, no answer of another shape.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './ports.mjs'
import { firstLines } from './reports.mjs'

const START_MS = 60_000
const CHECKS =
  'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance'
/** What would end the session that asks, or take from the other calls what they ask about. */
const ENDING =
  '/auth/(logout|password|sessions/)|^/chats/.chat_id.$|/leave$|/owner$|(soft-delete|toggle-admin|/block)$'
const PASSWORD = 'correct horse battery'

/** Runs both rounds; resolves to how many cases passed and failed. */
export async function fuzzApi(root) {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-fuzz-'))
  chmodSync(folder, 0o755)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = spawn(join(root, 'node_modules/.bin/bun'), ['server/src/main.ts'], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      DATA_DIR: join(folder, 'data'),
      RATE_LIMITS: 'off',
      LOG_LEVEL: 'error',
      ADMIN_USERNAME: 'fuzz_admin',
      ADMIN_PASSWORD: PASSWORD,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const kill = () => server.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(server, 'exit')
  try {
    await answers(`${url}/ready`, exited)
    const { token, ids } = await people(url)
    const round = (name, parameters, cases) => {
      const file = join(folder, `${name}.toml`)
      const given = Object.entries(parameters).map(
        ([key, value]) => `"path.${key}" = ${JSON.stringify(value)}`,
      )
      writeFileSync(file, `[parameters]\n${given.join('\n')}\n`)
      return schemathesis(folder, ['--config-file', file, 'run', `${url}/openapi.json`], token, cases)
    }
    const strange = await round('strange', {}, 15)
    const known = await round('known', ids, 40)
    const alive = (await fetch(`${url}/health`)).ok
    if (!alive) console.log('The server does not serve any more.')
    return {
      passed: strange.passed + known.passed,
      failed: strange.failed + known.failed + (alive ? 0 : 1),
      skipped: 0,
      told: [...strange.told, ...known.told],
    }
  } finally {
    server.kill('SIGTERM')
    await Promise.race([exited, pause(15_000, null, { ref: false })])
    kill()
    process.off('exit', kill)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An admin with a group, a message in it and somebody else: the ids that most paths ask for. */
async function people(url) {
  const call = async (method, path, body, token) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  const account = { username: 'fuzz_other', email: 'other@example.org', password: PASSWORD }
  const { id: user_id } = await call('POST', '/auth/register', account)
  const signedIn = await call('POST', '/auth/login', { username: 'fuzz_admin', password: PASSWORD })
  const token = signedIn.access_token
  const group = { type: 'group', title: 'Fuzz', public_name: 'fuzz_group', member_ids: [user_id] }
  const { id: chat_id } = await call('POST', '/chats', group, token)
  const { id: message_id } = await call('POST', `/chats/${chat_id}/messages`, { content: 'Hello' }, token)
  return {
    token,
    ids: { chat_id, message_id, user_id, username: account.username, public_name: group.public_name },
  }
}

/** One round; its summary says how many cases were made and how many of them failed. */
async function schemathesis(cwd, args, token, cases) {
  const options = ['--checks', CHECKS, '--phases', 'examples,coverage,fuzzing', '-n', String(cases)]
  const { code, said } = await run(cwd, 'schemathesis', [
    ...args,
    ...options,
    '-H',
    `Authorization: Bearer ${token}`,
    '--exclude-path-regex',
    ENDING,
    '--continue-on-failure',
    '--generation-deterministic',
    '--no-color',
  ])
  const number = (pattern) => Number(pattern.exec(said)?.[1] ?? 0)
  const passed = number(/Tested: (\d+)/)
  const failed = number(/(\d+) (?:found|unique failures?|failed)/)
  const good = code === 0 && passed > 0 && failed === 0
  const faults = said.slice(Math.max(0, said.search(/^=+ (FAILURES|ERRORS) =+$/m)))
  return { passed, failed: good ? 0 : Math.max(1, failed), told: good ? [] : [firstLines(faults)] }
}

function run(cwd, command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
    child.on('error', (error) => (said += String(error)))
    child.on('close', (code) => {
      // What went wrong stands before the summary; a good run needs no more than that.
      const summary = said.indexOf('SUMMARY')
      console.log(code === 0 && summary > 0 ? said.slice(summary) : said)
      resolve({ code: code ?? 1, said })
    })
  })
}

async function answers(url, exited) {
  let ended = false
  void exited.then(() => (ended = true))
  for (const until = Date.now() + START_MS; Date.now() < until && !ended; await pause(100)) {
    const up = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (up) return
  }
  throw new Error('the server did not start')
}
