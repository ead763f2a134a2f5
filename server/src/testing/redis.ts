import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './port.ts'

const START_MS = 10_000

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Ends it for good, with its folder. */
  stop(): Promise<void>
  /** SIGKILL: it is gone with everything it knew. */
  kill(): Promise<void>
  /** SIGSTOP and SIGCONT: its sockets stay open and nothing answers. */
  hang(): void
  wake(): void
  /** Starts it again, empty, on the same port; resolves when it answers. */
  restart(): Promise<void>
}

/** A real redis-server on a free port that keeps nothing on disk; gone with this process, however that ends. */
export async function startRedis(): Promise<RedisServer> {
  if (!Bun.which('redis-server'))
    throw new Error('redis-server is not on the PATH: install it (Debian: apt-get install redis-server)')
  const folder = mkdtempSync(join(tmpdir(), 'messenger-redis-'))
  const port = await freePort()
  let child = await start()

  process.on('exit', cleanUp)

  function cleanUp() {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }

  async function start(): Promise<ChildProcess> {
    const settings = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
    const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    server.stdout.on('data', (text) => (said += text))
    server.stderr.on('data', (text) => (said += text))
    const until = Date.now() + START_MS
    while (!(await answers(port))) {
      if (server.exitCode !== null || Date.now() > until) {
        server.kill('SIGKILL')
        throw new Error(`redis-server did not start:\n${said}`)
      }
      await pause(10)
    }
    return server
  }

  async function kill() {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    hang: () => child.kill('SIGSTOP'),
    wake: () => child.kill('SIGCONT'),
    restart: async () => {
      await kill()
      child = await start()
    },
    stop: async () => {
      await kill()
      process.off('exit', cleanUp)
      cleanUp()
    },
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (reply) => done(reply.toString().startsWith('+PONG')))
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
    function done(yes: boolean) {
      socket.destroy()
      resolve(yes)
    }
  })
}
