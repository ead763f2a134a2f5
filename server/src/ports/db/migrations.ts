import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { DatabaseError, sql, type Db, type Queries, type Transaction } from './port.ts'

/** A migration that cannot be run as it lies there; the message names it. */
export class MigrationError extends Error {}

export interface Migration {
  version: number
  description: string
  script: string
  checksum: number
  text: string
}

/** Any number that only we use: nodes that start together wait for each other here. */
const LOCK = 7_315_020_250_101

/**
 * Flyway's checksum of an SQL migration: CRC-32 over the UTF-8 bytes of its lines without their ends and without a
 * byte order mark, as a signed 32-bit integer.
 */
export function flywayChecksum(text: string): number {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines.reduce((sum, line) => crc32(Buffer.from(line), sum), 0) | 0
}

/** The migrations of a folder by their version. */
export function readMigrations(folder: string): Migration[] {
  const found = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .map((script) => {
      const named = /^V(\d+)__(\w+)\.sql$/.exec(script)
      if (!named) throw new MigrationError(`${script} is not named like V1__what_it_does.sql`)
      const text = readFileSync(join(folder, script), 'utf8').replace(/^\ufeff/, '')
      const [, version, words] = named
      return {
        version: Number(version),
        description: words!.replaceAll('_', ' '),
        script,
        checksum: flywayChecksum(text),
        text,
      }
    })
    .sort((a, b) => a.version - b.version)
  found.forEach((one, index) => {
    if (one.version === found[index - 1]?.version)
      throw new MigrationError(`${found[index - 1]!.script} and ${one.script} have the same version`)
  })
  return found
}

/** As Flyway makes it, so that Flyway itself can go on from here. */
const HISTORY = `
  create table if not exists flyway_schema_history (
    installed_rank integer not null,
    version varchar(50),
    description varchar(200) not null,
    type varchar(20) not null,
    script varchar(1000) not null,
    checksum integer,
    installed_by varchar(100) not null,
    installed_on timestamp not null default now(),
    execution_time integer not null,
    success boolean not null,
    constraint flyway_schema_history_pk primary key (installed_rank)
  );
  create index if not exists flyway_schema_history_s_idx on flyway_schema_history (success);`

interface Applied {
  version: string | null
  script: string
  checksum: number | null
  success: boolean
}

const exists = async (db: Queries) =>
  (
    await db.query<{ found: boolean }>(sql`select to_regclass('flyway_schema_history') is not null as found`)
  )[0]!.found

const applied = (db: Queries) =>
  db.query<Applied>(
    sql`select version, script, checksum, success from flyway_schema_history order by installed_rank`,
  )

/** Those that are still to run; refuses by name when one that ran is missing, changed, failed or was overtaken. */
function remaining(migrations: readonly Migration[], done: readonly Applied[]): Migration[] {
  const ran = new Map(done.filter(({ version }) => version !== null).map((one) => [Number(one.version), one]))
  for (const one of ran.values()) {
    if (!one.success)
      throw new MigrationError(
        `${one.script} failed half-way in an earlier run; repair the database before going on.`,
      )
    const file = migrations.find(({ version }) => version === Number(one.version))
    if (!file)
      throw new MigrationError(
        `${one.script} was applied to this database, but this version of the messenger does not have it: the database is newer than the program.`,
      )
    if (one.checksum !== null && one.checksum !== file.checksum)
      throw new MigrationError(
        `${file.script} was changed after it had been applied (checksum ${one.checksum}, now ${file.checksum}). Migrations go forward: undo the change and add a new file.`,
      )
  }
  const newest = Math.max(0, ...ran.keys())
  const left = migrations.filter(({ version }) => !ran.has(version))
  const overtaken = left.find(({ version }) => version < newest)
  if (overtaken)
    throw new MigrationError(`${overtaken.script} comes before migrations that were applied already.`)
  return left
}

/** What `migrate` would run. Reads only. */
export async function pendingMigrations(db: Db, folder: string): Promise<Migration[]> {
  const migrations = readMigrations(folder)
  return remaining(migrations, (await exists(db)) ? await applied(db) : [])
}

async function run(tx: Transaction, { script, text }: Migration): Promise<void> {
  try {
    await tx.script(text)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new MigrationError(`${script} failed, and nothing of it was kept: ${error.message}`, {
      cause: error,
    })
  }
}

/**
 * Runs what is missing, each migration in a transaction of its own together with its record. Nodes that start at once
 * wait for the first. Answers what ran.
 */
export async function migrate(db: Db, folder: string): Promise<Migration[]> {
  const migrations = readMigrations(folder)
  if ((await exists(db)) && remaining(migrations, await applied(db)).length === 0) return []
  const ran: Migration[] = []
  for (;;) {
    const next = await db.transaction(async (tx) => {
      await tx.query(sql`select pg_advisory_xact_lock(${LOCK}::bigint)`)
      for (const statement of HISTORY.split(';').filter((one) => one.trim()))
        await tx.query({ text: statement, values: [] })
      const [migration] = remaining(migrations, await applied(tx))
      if (!migration) return null
      const started = performance.now()
      await run(tx, migration)
      await tx.query(sql`
        insert into flyway_schema_history
          (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success)
        select coalesce(max(installed_rank), 0) + 1, ${String(migration.version)}, ${migration.description}, 'SQL',
          ${migration.script}, ${migration.checksum}::integer, current_user,
          ${Math.round(performance.now() - started)}::integer, true
        from flyway_schema_history`)
      return migration
    })
    if (!next) return ran
    ran.push(next)
  }
}
