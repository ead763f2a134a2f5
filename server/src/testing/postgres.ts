import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openEmbedded, type Embedded } from '../ports/db/embedded.ts'
import { programs } from '../ports/db/embedded/binaries.ts'
import { stopOrphan } from '../ports/db/embedded/orphan.ts'
import { madeBefore } from '../ports/db/embedded/place.ts'
import { migrate } from '../ports/db/migrations.ts'
import type { Db } from '../ports/db/port.ts'
import { openPostgres } from '../ports/db/postgres.ts'
import { lockFolder } from '../ports/folder.ts'

export const MIGRATIONS = join(import.meta.dir, '../../migrations')
const TEMPLATE = 'migrated'
const FOLDER = 'messenger-test-'
/** The data folder within a folder that is locked as long as its process lives. */
const LOCKED = 'shared'
const log = pino({ level: 'silent' })

/** The address of another database of the same server. */
export const databaseAt = (url: string, name: string) => url.replace(/\/messenger(?=\?|$)/, `/${name}`)

/** A data folder for one test or process; also the account that the database runs as can enter it. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), FOLDER))
  chmodSync(folder, 0o755)
  return folder
}

interface Cluster {
  embedded: Embedded
  admin: Db
}

let cluster: Promise<Cluster> | null = null
let databases = 0

/** Removes a folder whose database is just ending and may still write into it. */
function remove(folder: string): void {
  for (let attempt = 0; existsSync(folder) && attempt < 100; attempt++) {
    if (attempt > 0) Bun.sleepSync(20)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a test run that was killed left behind: its database is stopped and its folder goes. */
function sweep(): void {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(FOLDER))) {
    const folder = join(tmpdir(), name)
    let unlock = () => {}
    try {
      if (!readdirSync(folder).includes(LOCKED)) continue
      unlock = lockFolder(folder)
      const left = madeBefore(join(folder, LOCKED))
      if (left) stopOrphan(programs(left.account, log), left.place, left.account, log)
      remove(folder)
    } catch {
      // It is in use, or another process sweeps it.
    } finally {
      unlock()
    }
  }
}

/** One real PostgreSQL for all tests of a process, gone when the process is. */
async function startCluster(): Promise<Cluster> {
  sweep()
  const folder = scratchFolder()
  const unlock = lockFolder(folder)
  const embedded = await openEmbedded({ data_dir: join(folder, LOCKED), log, fsync: false })
  process.on('exit', () => {
    try {
      process.kill(embedded.pid, 'SIGQUIT')
    } catch {
      // It has stopped already.
    }
    unlock()
    remove(folder)
  })
  const admin = await openPostgres(embedded.url, { max: 1 })
  await admin.query({ text: `create database ${TEMPLATE}`, values: [] })
  const template = await openPostgres(databaseAt(embedded.url, TEMPLATE), { max: 1 })
  await migrate(template, MIGRATIONS)
  await template.close()
  return { embedded, admin }
}

/** A database of its own with the whole schema, copied from one that was migrated once; an empty one from 'template0'. */
export async function freshDatabase(template = TEMPLATE): Promise<{ url: string; drop(): Promise<void> }> {
  const { embedded, admin } = await (cluster ??= startCluster())
  const name = `test_${++databases}`
  await admin.query({ text: `create database ${name} template ${template}`, values: [] })
  return {
    url: databaseAt(embedded.url, name),
    drop: async () =>
      void (await admin.query({ text: `drop database if exists ${name} with (force)`, values: [] })),
  }
}
