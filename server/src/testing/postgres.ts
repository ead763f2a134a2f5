import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openEmbedded, type Embedded } from '../ports/db/embedded.ts'
import { migrate } from '../ports/db/migrations.ts'
import type { Db } from '../ports/db/port.ts'
import { openPostgres } from '../ports/db/postgres.ts'

export const MIGRATIONS = join(import.meta.dir, '../../migrations')
const TEMPLATE = 'migrated'

/** The address of another database of the same server. */
export const databaseAt = (url: string, name: string) => url.replace(/\/messenger(?=\?|$)/, `/${name}`)

interface Cluster {
  embedded: Embedded
  admin: Db
}

let cluster: Promise<Cluster> | null = null
let databases = 0

/** One real PostgreSQL for all tests of a process, gone when the process is. */
async function startCluster(): Promise<Cluster> {
  const data_dir = mkdtempSync(join(tmpdir(), 'messenger-test-'))
  const embedded = await openEmbedded({ data_dir, log: pino({ level: 'silent' }), fsync: false })
  process.on('exit', () => {
    try {
      process.kill(embedded.pid, 'SIGQUIT')
    } catch {
      // It has stopped already.
    }
    rmSync(data_dir, { recursive: true, force: true })
  })
  const admin = await openPostgres(embedded.url, { max: 1 })
  await admin.query({ text: `create database ${TEMPLATE}`, values: [] })
  const template = await openPostgres(databaseAt(embedded.url, TEMPLATE), { max: 1 })
  await migrate(template, MIGRATIONS)
  await template.close()
  return { embedded, admin }
}

/** A database of its own with the whole schema, copied from one that was migrated once. */
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
