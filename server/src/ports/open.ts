import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { openEmbeddedBus } from './bus/embedded.ts'
import { openRedisBus } from './bus/redis.ts'
import { openEmbedded, type Embedded } from './db/embedded.ts'
import { migrate } from './db/migrations.ts'
import type { Db } from './db/port.ts'
import { openPostgres } from './db/postgres.ts'
import { keptSecret, lockFolder } from './folder.ts'
import { openEmbeddedLimits } from './limits/embedded.ts'
import { openRedisLimits } from './limits/redis.ts'
import { openEmbeddedPresence } from './presence/embedded.ts'
import { openRedisPresence } from './presence/redis.ts'
import type { Resources } from './resources.ts'

export interface Opened {
  resources: Resources
  /** Gives everything back, the database last. */
  close(): Promise<void>
}

/** The configured database, or our own in the data folder. */
export async function openDatabase(config: Config, log: Logger): Promise<{ db: Db; close(): Promise<void> }> {
  const { database_url, database_replica_url, database_pool: max } = config
  if (database_url) {
    const db = await openPostgres(database_url, { max, replica_url: database_replica_url })
    return { db, close: () => db.close() }
  }
  const data_dir = resolve(config.data_dir)
  const unlock = lockFolder(data_dir)
  let embedded: Embedded | null = null
  try {
    embedded = await openEmbedded({ data_dir, log })
    const db = await openPostgres(embedded.url, { max })
    const { close } = embedded
    return {
      db,
      close: async () => {
        await db.close()
        await close()
        unlock()
      },
    }
  } catch (error) {
    await embedded?.close()
    unlock()
    throw error
  }
}

/** Opens everything that the configuration names, and brings the schema up to date. */
export async function openResources(config: Config, log: Logger, migrations: string): Promise<Opened> {
  const { redis_url } = config
  const database = await openDatabase(config, log)
  try {
    const applied = await migrate(database.db, migrations)
    for (const { script } of applied) log.info(`applied ${script}`)
    const [bus, presence, limits] = await Promise.all([
      redis_url ? openRedisBus(redis_url, log) : openEmbeddedBus(),
      redis_url ? openRedisPresence(redis_url, log) : openEmbeddedPresence(),
      redis_url ? openRedisLimits(redis_url, log) : openEmbeddedLimits(),
    ])
    const jwt_secret = config.jwt_secret ?? keptSecret(resolve(config.data_dir), 'jwt-secret')
    return {
      resources: { config: { ...config, jwt_secret }, db: database.db, bus, presence, limits, log },
      close: async () => {
        await Promise.all([bus.close(), presence.close(), limits.close()])
        await database.close()
      },
    }
  } catch (error) {
    await database.close()
    throw error
  }
}
