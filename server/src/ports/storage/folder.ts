import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { writeSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  BUCKETS,
  LINK_LIFE_SECONDS,
  StorageUnavailable,
  signingTime,
  type ObjectKey,
  type Shown,
  type Storage,
} from './port.ts'

/** Where uploads lie until they are whole; no key leads here. */
const PARTS = '.parts'
const SERVED_AT = '/files/blob/'
const KEY = new RegExp(`^(${BUCKETS.join('|')})(/[\\w-][\\w.-]*)+$`)
/** A write that held the loop longer than this was no write into memory: the disk is slow, and is waited for apart. */
const SLOW_MS = 4
/** Where somebody else had the core, the next one is quick again. */
const SLOW_IN_A_ROW = 2
/** So many chunks are waited for apart before one is tried at once again, twice as many after each slow try. */
const APART = 2
const APART_MAX = 1024

const missing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT'

async function reached<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new StorageUnavailable(`The folder for files cannot be used: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/**
 * Writes a chunk at once as long as the kernel takes it into memory: a write that is waited for lets ten uploads pile
 * up a megabyte each in the sockets meanwhile. A slow write may also have been a busy machine, so it is not for ever.
 */
function writer(file: FileHandle): (chunk: Uint8Array) => Promise<void> | void {
  let [slow, apart, again] = [0, 0, APART]
  return (chunk) => {
    if (apart > 0) {
      apart--
      return file.write(chunk).then(({ bytesWritten }) => {
        if (bytesWritten < chunk.byteLength) throw new Error('the disk is full')
      })
    }
    const started = performance.now()
    for (let at = 0; at < chunk.byteLength;) at += writeSync(file.fd, chunk, at)
    if (performance.now() - started <= SLOW_MS) [slow, again] = [0, APART]
    else if (++slow >= SLOW_IN_A_ROW) [apart, again] = [again, Math.min(2 * again, APART_MAX)]
  }
}

export interface FolderStorageOptions {
  folder: string
  /** Signs links. */
  secret: string
  now?: () => number
}

/** Objects as files, readable by our account alone; links lead to this server. */
export function openFolderStorage(options: FolderStorageOptions): Storage {
  const { folder, secret, now = Date.now } = options

  const pathOf = (key: ObjectKey) => {
    if (!KEY.test(key) || key.includes('..')) throw new Error(`"${key}" is no key of an object.`)
    return join(folder, key)
  }
  const signature = (key: string, expires: string, { mime_type, disposition }: Shown) =>
    createHmac('sha256', secret)
      .update(JSON.stringify([key, expires, mime_type, disposition]))
      .digest()

  async function stored(path: string, body: AsyncIterable<Uint8Array>): Promise<number> {
    const part = join(folder, PARTS, randomUUID())
    await reached(mkdir(dirname(part), { recursive: true, mode: 0o700 }))
    const file = await reached(open(part, 'wx', 0o600))
    let size = 0
    try {
      const write = writer(file)
      for await (const chunk of body) {
        const written = write(chunk)
        if (written) await written
        size += chunk.byteLength
      }
      await file.sync()
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await rename(part, path)
      return size
    } catch (error) {
      await rm(part, { force: true })
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
      return await reached(Promise.reject(error as Error))
    } finally {
      await file.close()
    }
  }

  return {
    origin: null,
    put: (key, body) => stored(pathOf(key), body),

    get: async (key, range) => {
      const file = Bun.file(pathOf(key))
      if (!(await file.exists())) return null
      return range ? file.slice(range.first, range.last + 1) : file
    },

    head: async (key) => {
      try {
        const { size, mtime } = await stat(pathOf(key))
        return { size, modified: mtime }
      } catch (error) {
        if (missing(error)) return null
        return reached(Promise.reject(error as Error))
      }
    },

    remove: async (keys) => {
      await reached(Promise.all(keys.map((key) => rm(pathOf(key), { force: true }))))
    },

    link: (key, shown) => {
      const expires = String(signingTime(now()).getTime() / 1000 + LINK_LIFE_SECONDS)
      const query = new URLSearchParams({
        type: shown.mime_type,
        disposition: shown.disposition,
        expires,
        signature: signature(key, expires, shown).toString('base64url'),
      })
      return `${SERVED_AT}${key}?${query}`
    },

    opened: ({ pathname, searchParams }) => {
      const at = pathname.indexOf(SERVED_AT)
      const key = pathname.slice(at + SERVED_AT.length)
      const [mime_type, disposition, expires, signed] = ['type', 'disposition', 'expires', 'signature'].map(
        (name) => searchParams.get(name),
      )
      if (at < 0 || !KEY.test(key) || !mime_type || !disposition || !expires || !signed) return null
      const shown = { mime_type, disposition }
      const [ours, theirs] = [signature(key, expires, shown), Buffer.from(signed, 'base64url')]
      if (theirs.toString('base64url') !== signed || theirs.length !== ours.length) return null
      if (!timingSafeEqual(ours, theirs) || Number(expires) * 1000 <= now()) return null
      return { key: key as ObjectKey, shown, expires: new Date(Number(expires) * 1000) }
    },

    sweep: async (before) => {
      const parts = join(folder, PARTS)
      let swept = 0
      for (const name of await readdir(parts).catch(() => [])) {
        const found = await stat(join(parts, name)).catch(() => null)
        if (!found || found.mtime >= before) continue
        await reached(rm(join(parts, name), { force: true }))
        swept++
      }
      return swept
    },

    check: async () => {
      const probe = join(folder, PARTS, `check-${randomUUID()}`)
      await reached(mkdir(dirname(probe), { recursive: true, mode: 0o700 }))
      const file = await reached(open(probe, 'wx', 0o600))
      await file.close()
      await reached(rm(probe))
    },

    close: () => Promise.resolve(),
  }
}
