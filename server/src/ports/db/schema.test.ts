import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshDatabase } from '../../testing/postgres.ts'
import type { Db } from './port.ts'
import { openPostgres } from './postgres.ts'
import { dumpSchema } from './schema.ts'

const COMMITTED = readFileSync(join(import.meta.dir, '../../../schema.sql'), 'utf8')

async function onFresh<T>(template: string | undefined, work: (db: Db) => Promise<T>): Promise<T> {
  const { url, drop } = await freshDatabase(template)
  const db = await openPostgres(url, { max: 1 })
  try {
    return await work(db)
  } finally {
    await db.close()
    await drop()
  }
}

test('server/schema.sql is what the migrations come to (npm run schema --workspace server)', async () => {
  expect(COMMITTED).toBe(await onFresh(undefined, dumpSchema))
})

test('server/schema.sql makes the same database as the migrations', async () => {
  const again = await onFresh('template0', async (db) => {
    await db.transaction((tx) => tx.script(COMMITTED))
    return dumpSchema(db)
  })
  expect(again).toBe(COMMITTED)
})
