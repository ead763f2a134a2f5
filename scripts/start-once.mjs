// Runs `npm start` as a stranger would: on an empty data folder, until the sign-in page answers, then SIGTERM.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './ports.mjs'

const START_MS = 180_000
const STOP_MS = 20_000

/** Resolves to 0 when the messenger came up, answered and ended with 0. */
export async function startOnce(root) {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-start-'))
  // The database's account, which is not root, has to be able to come in.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const child = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, PORT: String(port), DATA_DIR: join(folder, 'data') },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It is gone already, as it should be.
    }
  }
  process.once('exit', kill)
  const exited = once(child, 'exit')
  try {
    const started = performance.now()
    const came = await firstOf(
      exited.then(() => false),
      comesUp(`http://localhost:${port}`),
    )
    if (!came) return fail('npm start did not come up')
    console.log(`npm start answered after ${((performance.now() - started) / 1000).toFixed(1)} s`)
    child.kill('SIGTERM')
    const ended = await firstOf(exited, pause(STOP_MS, null, { ref: false }))
    if (!ended) return fail(`npm start did not end within ${STOP_MS / 1000} s of SIGTERM`)
    const [code, signal] = ended
    return code === 0 ? 0 : fail(`npm start ended with ${signal ?? code} instead of 0`)
  } finally {
    kill()
    process.off('exit', kill)
    rmSync(folder, { recursive: true, force: true })
  }
}

const firstOf = (...promises) => Promise.race(promises)

async function comesUp(origin) {
  const until = Date.now() + START_MS
  while (Date.now() < until) {
    if ((await answers(`${origin}/health`)) && (await answers(`${origin}/`, '<div id="app"'))) return true
    await pause(200)
  }
  return false
}

async function answers(url, text = '') {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) })
    return response.ok && (await response.text()).includes(text)
  } catch {
    return false
  }
}

function fail(why) {
  console.log(why)
  return 1
}
