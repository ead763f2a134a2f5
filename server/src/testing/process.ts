import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { scratchFolder } from './postgres.ts'
import { until } from './until.ts'

const MAIN = join(import.meta.dir, '../main.ts')

export const alive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    // Where there is no /proc, the signal alone has to tell.
    return process.platform !== 'linux' && (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** A messenger as an operator starts it: a process with a data folder. */
export class Messenger {
  readonly child: ChildProcess
  said = ''

  constructor(args: string[], env: Record<string, string>) {
    const surroundings = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' }
    this.child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...surroundings, PORT: '0', LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (text) => (this.said += String(text)))
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** Its address, when it serves. */
  async ready(): Promise<string> {
    const url = await until('the messenger is ready', () => {
      if (this.ended) throw new Error(`it ended instead: ${this.said}`)
      return /ready: (\S+)/.exec(this.said)?.[1]
    })
    return `${url}/`
  }

  /** Its exit code, or the signal that ended it. */
  async end(signal?: NodeJS.Signals): Promise<number | string> {
    if (signal) this.child.kill(signal)
    await until('the messenger ends', () => this.ended)
    return this.child.exitCode ?? this.child.signalCode!
  }
}

/** A data folder with the messengers that run on it; `clean` ends them and removes everything, whatever happened. */
export class Installation {
  readonly folder = scratchFolder()
  readonly data_dir = join(this.folder, 'data')
  readonly #messengers: Messenger[] = []

  start(env: Record<string, string> = {}): Messenger {
    return this.run([], env)
  }

  run(args: string[], env: Record<string, string> = {}): Messenger {
    const messenger = new Messenger(args, { DATA_DIR: this.data_dir, ...env })
    this.#messengers.push(messenger)
    return messenger
  }

  /** PostgreSQL's data directory. */
  get place(): string {
    const note = join(this.data_dir, 'postgres-is-in.txt')
    return existsSync(note) ? readFileSync(note, 'utf8').trim() : join(this.data_dir, 'postgres')
  }

  /** The database's process; null when it has stopped. */
  get database(): number | null {
    const file = join(this.place, 'postmaster.pid')
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : null
  }

  async clean(): Promise<void> {
    for (const messenger of this.#messengers) {
      messenger.child.kill('SIGKILL')
      await messenger.end()
    }
    const { database, place } = this
    if (database && alive(database)) {
      process.kill(database, 'SIGQUIT')
      await until('its database ends', () => !alive(database))
    }
    if (!place.startsWith(this.folder)) rmSync(dirname(place), { recursive: true, force: true })
    rmSync(this.folder, { recursive: true, force: true })
  }
}
