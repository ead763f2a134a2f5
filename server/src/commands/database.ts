import type { Config } from '../config.ts'
import { openLog } from '../log.ts'
import { migrate } from '../ports/db/migrations.ts'
import type { Db } from '../ports/db/port.ts'
import { openDatabase } from '../ports/open.ts'

/** The configured database for one deed, its schema brought up to date first. */
export async function withDatabase<T>(
  config: Config,
  migrations: string,
  deed: (db: Db) => Promise<T>,
): Promise<T> {
  const { db, close } = await openDatabase(config, openLog('warn'))
  try {
    await migrate(db, migrations)
    return await deed(db)
  } finally {
    await close()
  }
}
