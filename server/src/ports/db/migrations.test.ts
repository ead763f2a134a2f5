import { afterAll, afterEach, expect, test } from 'bun:test'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshDatabase, MIGRATIONS, scratchFolder } from '../../testing/postgres.ts'
import { flywayChecksum, migrate, MigrationError, pendingMigrations, readMigrations } from './migrations.ts'
import { sql, type Db } from './port.ts'
import { openPostgres } from './postgres.ts'

const root = scratchFolder()
const cleanUps: (() => Promise<void>)[] = []
let folders = 0

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})
afterAll(() => rmSync(root, { recursive: true }))

function folderOf(files: Record<string, string>): string {
  const folder = join(root, String(++folders))
  mkdirSync(folder)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

async function emptyDatabase() {
  const { url, drop } = await freshDatabase('template0')
  cleanUps.push(drop)
  return url
}

async function open(url: string): Promise<Db> {
  const db = await openPostgres(url, { max: 2 })
  cleanUps.push(() => db.close())
  return db
}

const FIRST = { 'V1__make_things.sql': 'create table things (id integer);\ninsert into things values (1);\n' }
const SECOND = {
  'V2__twice.sql':
    'create function twice(n integer) returns integer language plpgsql as $$\nbegin return n * 2; end;\n$$;\n',
}
const scripts = (migrations: { script: string }[]) => migrations.map(({ script }) => script)
const history = (db: Db) =>
  db.query(sql`
    select installed_rank, version, description, type, script, checksum, success
    from flyway_schema_history order by installed_rank`)

test('what is missing is applied once, in order, and recorded', async () => {
  const db = await open(await emptyDatabase())
  expect(scripts(await migrate(db, folderOf(FIRST)))).toEqual(['V1__make_things.sql'])
  const both = folderOf({ ...SECOND, ...FIRST })
  expect(scripts(await migrate(db, both))).toEqual(['V2__twice.sql'])
  expect(await migrate(db, both)).toEqual([])
  expect(await db.query(sql`select twice(id) as n from things`)).toEqual([{ n: 2 }])
  const row = (version: number, description: string, script: string, text: string) => ({
    installed_rank: version,
    version: String(version),
    description,
    type: 'SQL',
    script,
    checksum: flywayChecksum(text),
    success: true,
  })
  expect(await history(db)).toEqual([
    row(1, 'make things', 'V1__make_things.sql', FIRST['V1__make_things.sql']),
    row(2, 'twice', 'V2__twice.sql', SECOND['V2__twice.sql']),
  ])
})

test('tenth comes after ninth', () => {
  const folder = folderOf({ 'V10__b.sql': '', 'V9__a.sql': '' })
  expect(scripts(readMigrations(folder))).toEqual(['V9__a.sql', 'V10__b.sql'])
})

test('a dry run names what would run and changes nothing', async () => {
  const db = await open(await emptyDatabase())
  const folder = folderOf({ ...FIRST, ...SECOND })
  expect(scripts(await pendingMigrations(db, folder))).toEqual(['V1__make_things.sql', 'V2__twice.sql'])
  expect(
    await db.query(sql`select relname from pg_class where relnamespace = 'public'::regnamespace`),
  ).toEqual([])
  await migrate(db, folderOf(FIRST))
  expect(scripts(await pendingMigrations(db, folder))).toEqual(['V2__twice.sql'])
})

test('a migration that fails leaves nothing behind, and those before it stay', async () => {
  const db = await open(await emptyDatabase())
  const broken = { 'V2__broken.sql': 'create table half (id integer);\nselect * from nowhere;\n' }
  await expect(migrate(db, folderOf({ ...FIRST, ...broken }))).rejects.toThrow('V2__broken.sql')
  const tables = sql`select relname as name from pg_class where relkind = 'r' and relname in ('things', 'half')`
  expect(await db.query(tables)).toEqual([{ name: 'things' }])
  expect(await history(db)).toHaveLength(1)
  expect(scripts(await migrate(db, folderOf({ ...FIRST, ...SECOND })))).toEqual(['V2__twice.sql'])
})

test('an applied migration that was changed is refused by its name', async () => {
  const db = await open(await emptyDatabase())
  await migrate(db, folderOf(FIRST))
  const changed = folderOf({ 'V1__make_things.sql': 'create table things (id bigint);', ...SECOND })
  for (const attempt of [migrate, pendingMigrations]) {
    const refusal = await attempt(db, changed).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(MigrationError)
    expect(String(refusal)).toContain('V1__make_things.sql was changed after it had been applied')
  }
  expect(await history(db)).toHaveLength(1)
})

test('a database that is newer than the program is refused by name', async () => {
  const db = await open(await emptyDatabase())
  await migrate(db, folderOf({ ...FIRST, ...SECOND }))
  await expect(migrate(db, folderOf(FIRST))).rejects.toThrow('V2__twice.sql was applied to this database')
})

test('a migration that comes too late is refused by name', async () => {
  const db = await open(await emptyDatabase())
  await migrate(db, folderOf({ 'V2__twice.sql': SECOND['V2__twice.sql'] }))
  await expect(migrate(db, folderOf({ ...FIRST, ...SECOND }))).rejects.toThrow(
    'V1__make_things.sql comes before',
  )
})

test('badly named and doubled migrations are refused by name', () => {
  expect(() => readMigrations(folderOf({ 'first.sql': '' }))).toThrow('first.sql is not named like')
  expect(() => readMigrations(folderOf({ 'V1__a.sql': '', 'V01__b.sql': '' }))).toThrow('V01__b.sql')
})

test('nodes that start together apply everything once', async () => {
  const url = await emptyDatabase()
  const slow = { 'V1__make_things.sql': `select pg_sleep(0.2);\n${FIRST['V1__make_things.sql']}` }
  const folder = folderOf({ ...slow, ...SECOND })
  const nodes = await Promise.all([1, 2, 3, 4].map(() => open(url)))
  const ran = await Promise.all(nodes.map((db) => migrate(db, folder)))
  expect(scripts(ran.flat()).sort()).toEqual(['V1__make_things.sql', 'V2__twice.sql'])
  expect(await nodes[0]!.query(sql`select id from things`)).toEqual([{ id: 1 }])
  expect(await history(nodes[0]!)).toHaveLength(2)
})

test('line ends and a byte order mark do not change a checksum, everything else does', () => {
  expect(flywayChecksum('select 1;\nselect 2;\n')).toBe(flywayChecksum('\ufeffselect 1;\r\nselect 2;'))
  expect(flywayChecksum('select 1;\n\nselect 2;')).toBe(flywayChecksum('select 1;\n\n\nselect 2;'))
  expect(flywayChecksum('select 1;')).not.toBe(flywayChecksum('select 1; '))
})

test('our own migrations can be applied', async () => {
  const db = await open(await emptyDatabase())
  expect(await migrate(db, MIGRATIONS)).toEqual(readMigrations(MIGRATIONS))
  expect(await pendingMigrations(db, MIGRATIONS)).toEqual([])
})
