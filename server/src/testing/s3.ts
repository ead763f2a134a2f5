import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './port.ts'
import { until } from './until.ts'

/** Where scripts/programs.mjs builds it. */
const BUILT = join(homedir(), '.cache/messenger/bin/versitygw')

export interface S3Server {
  readonly endpoint: string
  readonly access_key_id: string
  readonly secret_access_key: string
  /** The environment of a messenger that keeps its files here. */
  readonly env: Record<string, string>
  /** SIGKILL; what it holds stays on its disk. */
  kill(): Promise<void>
  /** Starts it again on the same port with what it held. */
  start(): Promise<void>
  /** Ends it for good, with its folder. */
  stop(): Promise<void>
}

/** A real S3 server (versitygw) on a free port; gone with this process. */
export async function startS3(): Promise<S3Server> {
  const program = Bun.which('versitygw') ?? (existsSync(BUILT) ? BUILT : null)
  if (!program)
    throw new Error(
      'versitygw is missing: `npm test` builds it where there is Go, scripts/programs.mjs says how',
    )
  const folder = mkdtempSync(join(tmpdir(), 'messenger-s3-'))
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const keys = { access_key_id: 'messenger', secret_access_key: 'a secret of tests' }
  let child = await started()
  process.on('exit', cleanUp)

  function cleanUp() {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }

  async function started(): Promise<ChildProcess> {
    const [data, sidecar] = [join(folder, 'data'), join(folder, 'sidecar')]
    for (const one of [data, sidecar]) mkdirSync(one, { recursive: true })
    const args = ['--port', `127.0.0.1:${port}`, '--health', '/health', 'posix', '--sidecar', sidecar, data]
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      ROOT_ACCESS_KEY_ID: keys.access_key_id,
      ROOT_SECRET_ACCESS_KEY: keys.secret_access_key,
    }
    const server = spawn(program!, args, { env, stdio: 'ignore' })
    const answers = () =>
      fetch(`${endpoint}/health`).then(
        (response) => response.ok,
        () => false,
      )
    await until('versitygw answers', answers)
    return server
  }

  async function kill() {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  return {
    endpoint,
    ...keys,
    env: {
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: keys.access_key_id,
      S3_SECRET_ACCESS_KEY: keys.secret_access_key,
    },
    kill,
    start: async () => void (child = await started()),
    stop: async () => {
      await kill()
      process.off('exit', cleanUp)
      cleanUp()
    },
  }
}
