import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Refusal } from '../../http/refusal.ts'
import type { Content } from '../../ports/storage/port.ts'
import type { Drawing, Drawn } from './painter.ts'

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const PAINTER = join(import.meta.dirname, 'painter.ts')
const DRAWING_MAX_MS = 60_000
/** A process that had nothing to draw for this long is ended: an idle server keeps its memory to itself. */
const IDLE_MS = 20_000
const WAITING_MAX = 20

/** The file is no picture that can be drawn: trying again would not help. */
export class NoPicture extends Error {}

export interface Wanted {
  name: string
  square?: number
  within?: number
}

/** Where pictures are drawn: one after the other, in a process of its own that comes and goes. */
export class Studio {
  #painter: ChildProcess | null = null
  #answer: ((drawn: Drawn | null) => void) | null = null
  #closed = false
  #idle: ReturnType<typeof setTimeout> | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /**
   * Draws what is wanted and hands each over when all is drawn; answers the placeholder. Throws `NoPicture`, and `busy`
   * when it may be tried again.
   */
  async draw(
    original: { mime_type: string; open: () => Promise<Content | null> },
    wanted: readonly Wanted[],
    keep: (name: string, picture: AsyncIterable<Uint8Array>) => Promise<unknown>,
  ): Promise<string> {
    if (this.#waiting >= WAITING_MAX) throw new Refusal('busy', { retry_after: 5 })
    this.#waiting++
    const turn = this.#queue
    let done = () => {}
    this.#queue = new Promise<void>((resolve) => (done = resolve))
    try {
      await turn
      return await inFolder(async (folder) => {
        const from = join(folder, 'original')
        const content = await original.open()
        if (!content) throw new NoPicture('it is gone')
        await write(from, content)
        const to = wanted.map(({ name, ...size }) => ({ path: join(folder, name), ...size }))
        const drawn = await this.#ask({ mime_type: original.mime_type, from, to })
        if (!drawn) throw later()
        if ('error' in drawn) throw new NoPicture(drawn.error)
        for (const { name } of wanted) await keep(name, chunksOf(join(folder, name)))
        return drawn.placeholder
      })
    } finally {
      this.#waiting--
      done()
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#idle)
    this.#painter?.kill('SIGKILL')
  }

  /** Null when the process ended over it, or was ended. */
  #ask(drawing: Drawing): Promise<Drawn | null> {
    if (this.#closed) return Promise.resolve(null)
    clearTimeout(this.#idle)
    const painter = (this.#painter ??= this.#start())
    return new Promise<Drawn | null>((resolve) => {
      const late = setTimeout(() => painter.kill('SIGKILL'), DRAWING_MAX_MS)
      this.#answer = (drawn) => {
        clearTimeout(late)
        this.#answer = null
        this.#idle = setTimeout(() => painter.kill(), IDLE_MS)
        this.#idle.unref()
        resolve(drawn)
      }
      painter.stdin!.write(`${JSON.stringify(drawing)}\n`)
    })
  }

  #start(): ChildProcess {
    const painter = spawn(process.execPath, [PAINTER], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH },
    })
    createInterface({ input: painter.stdout! }).on('line', (line) =>
      this.#answer?.(JSON.parse(line) as Drawn),
    )
    painter.stdin!.on('error', () => undefined)
    const gone = () => {
      if (this.#painter === painter) this.#painter = null
      this.#answer?.(null)
    }
    painter.once('exit', gone).once('error', gone)
    return painter
  }
}

const later = () => new Refusal('busy', { retry_after: 5, error: 'The picture could not be drawn just now.' })

/** A folder for as long as `work` takes. A disk without room for it may have some later. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  let folder: string | null = null
  try {
    folder = await mkdtemp(join(tmpdir(), 'messenger-drawing-'))
    return await work(folder)
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : later()
  } finally {
    if (folder) await rm(folder, { recursive: true, force: true })
  }
}

async function write(path: string, content: Content): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    const stream = content instanceof Blob ? content.stream() : content
    for await (const chunk of stream) await file.write(chunk)
  } finally {
    await file.close()
  }
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r')
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
