import { afterAll, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startPostgres } from '../../testing/external.ts'
import { MIGRATIONS, scratchFolder } from '../../testing/postgres.ts'
import { migrate, pendingMigrations } from './migrations.ts'
import { sql } from './port.ts'
import { openPostgres } from './postgres.ts'

const FLYWAY = '11.8.2'
const DRIVER = '42.7.5'
const JARS = join(homedir(), '.cache', 'messenger-tests', `flyway-${FLYWAY}`)

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>flyway</artifactId><version>1</version><dependencies>
  <dependency><groupId>org.flywaydb</groupId><artifactId>flyway-core</artifactId><version>${FLYWAY}</version></dependency>
  <dependency><groupId>org.flywaydb</groupId><artifactId>flyway-database-postgresql</artifactId><version>${FLYWAY}</version></dependency>
  <dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>${DRIVER}</version></dependency>
  </dependencies></project>`

const PROGRAM = `import org.flywaydb.core.Flyway;
public class Run { public static void main(String[] a) {
  Flyway flyway = Flyway.configure().dataSource(a[1], "messenger", "").locations("filesystem:" + a[2]).load();
  if (a[0].equals("migrate")) System.out.println("migrated " + flyway.migrate().migrationsExecuted);
  else { flyway.validate(); System.out.println("valid " + flyway.info().applied().length); }
} }`

const scratch = scratchFolder()
afterAll(() => rmSync(scratch, { recursive: true }))

/** Fetches the real Flyway once, into a cache outside of the checkout. Answers why it cannot be had. */
function missing(): string | null {
  for (const program of ['java', 'mvn']) if (!Bun.which(program)) return `${program} is not on the PATH`
  if (existsSync(JARS)) return null
  mkdirSync(dirname(JARS), { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'messenger-flyway-'))
  try {
    writeFileSync(join(folder, 'pom.xml'), POM)
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
    const fetched = spawnSync('mvn', ['-q', '-B', goal, `-DoutputDirectory=${JARS}.new`], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 120_000,
    })
    if (fetched.status !== 0) return `Maven could not fetch it: ${fetched.stdout.slice(0, 500)}`
    renameSync(`${JARS}.new`, JARS)
    return null
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const reason = missing()
if (reason) process.stderr.write(`SKIPPED: the test against the real Flyway, because ${reason}.\n`)

test.skipIf(reason !== null)(
  'the real Flyway validates what we applied, continues it, and we continue what it applied',
  async () => {
    const server = await startPostgres()
    const db = await openPostgres(server.url, { max: 2 })
    try {
      const folder = join(scratch, 'migrations')
      const add = (name: string, text: string) => writeFileSync(join(folder, name), text)
      writeFileSync(join(scratch, 'Run.java'), PROGRAM)
      cpSync(MIGRATIONS, folder, { recursive: true })
      add(
        'V900__line_ends_and_blanks.sql',
        '\ufeffcreate table one (id integer);\r\n\r\n  insert into one values (1);\r\n',
      )
      const flyway = (command: 'migrate' | 'validate') => {
        const jdbc = `jdbc:${server.url.replace('postgres://messenger@', 'postgresql://')}`
        const args = ['-cp', join(JARS, '*'), join(scratch, 'Run.java'), command, jdbc, folder]
        const { status, stdout, stderr } = spawnSync('java', args, { encoding: 'utf8', timeout: 30_000 })
        return status === 0 ? stdout.trim() : `failed: ${stderr}`
      }
      const applied = (await migrate(db, folder)).length
      expect(flyway('validate')).toBe(`valid ${applied}`)

      add('V901__by_flyway.sql', 'create function two() returns integer language sql as $$ select 2; $$;\n')
      expect(flyway('migrate')).toBe('migrated 1')
      expect(await pendingMigrations(db, folder)).toEqual([])

      add('V902__by_us.sql', 'create table three (id integer);')
      expect((await migrate(db, folder)).map(({ script }) => script)).toEqual(['V902__by_us.sql'])
      expect(flyway('validate')).toBe(`valid ${applied + 2}`)

      add('V900__line_ends_and_blanks.sql', 'create table one (id bigint);')
      expect(flyway('validate')).toContain('checksum mismatch')
      await expect(migrate(db, folder)).rejects.toThrow('V900__line_ends_and_blanks.sql was changed')

      const [table] = await db.query(sql`
        select (select string_agg(conname, ',') from pg_constraint where conrelid = 'flyway_schema_history'::regclass) as keys,
          to_regclass('flyway_schema_history_s_idx') is not null as indexed`)
      expect(table as object).toEqual({ keys: 'flyway_schema_history_pk', indexed: true })
    } finally {
      await db.close()
      await server.stop()
    }
  },
)
