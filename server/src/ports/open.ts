import { createHmac } from 'node:crypto'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { openEmbeddedBus } from './bus/embedded.ts'
import { openEmbedded, type Embedded } from './db/embedded.ts'
import { migrate } from './db/migrations.ts'
import { DatabaseError, sql, type Db } from './db/port.ts'
import { openPostgres } from './db/postgres.ts'
import { keptSecret, lockFolder } from './folder.ts'
import { openEmbeddedLimits } from './limits/embedded.ts'
import { openEmbeddedPresence } from './presence/embedded.ts'
import type { Resources } from './resources.ts'
import { openFolderStorage } from './storage/folder.ts'
import type { Storage } from './storage/port.ts'

const WAIT_MS = 15_000

export interface Opened {
  resources: Resources
  /** Gives everything back, the database last. */
  close(): Promise<void>
}

/** The configured database cannot be used; the message says why. */
export class DatabaseUnusable extends Error {}

/** Waits for a database that starts at the same time as we do, as in a compose file. */
async function untilUsable(db: Db, log: Logger): Promise<void> {
  const end = Date.now() + WAIT_MS
  for (let attempt = 0; ; attempt++) {
    try {
      await db.check()
      break
    } catch (error) {
      const why = (error as Error).message
      if (error instanceof DatabaseError)
        throw new DatabaseUnusable(`The database of DATABASE_URL refuses: ${why}.`, { cause: error })
      if (Date.now() > end)
        throw new DatabaseUnusable(
          `The database of DATABASE_URL does not answer (${why}). Is the address right, and does it run?`,
          { cause: error },
        )
      if (attempt === 0) log.warn(`The database of DATABASE_URL does not answer yet (${why}): waiting.`)
      await pause(250)
    }
  }
  const [server] = await db.query<{ version: string; number: number }>(
    sql`select current_setting('server_version') as version, current_setting('server_version_num')::integer as number`,
  )
  if (server!.number < 160_000)
    throw new DatabaseUnusable(
      `The database of DATABASE_URL is PostgreSQL ${server!.version}; the messenger needs 16 or newer.`,
    )
}

/** The configured database, or our own in the data folder. */
export async function openDatabase(config: Config, log: Logger): Promise<{ db: Db; close(): Promise<void> }> {
  const { database_url, database_replica_url, database_pool: max } = config
  if (database_url) {
    const db = await openPostgres(database_url, { max, replica_url: database_replica_url })
    try {
      await untilUsable(db, log)
    } catch (error) {
      await db.close()
      throw error
    }
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

type NodePorts = Pick<Resources, 'bus' | 'presence' | 'limits'>

const openAlone = (): NodePorts => ({
  bus: openEmbeddedBus(),
  presence: openEmbeddedPresence(),
  limits: openEmbeddedLimits(),
})

/** The Redis client is 14 MB in memory: it is loaded where there is a Redis only. */
async function openShared(url: string, log: Logger): Promise<NodePorts> {
  const [{ openRedisBus }, { openRedisPresence }, { openRedisLimits }] = await Promise.all([
    import('./bus/redis.ts'),
    import('./presence/redis.ts'),
    import('./limits/redis.ts'),
  ])
  const [bus, presence, limits] = await Promise.all([
    openRedisBus(url, log),
    openRedisPresence(url, log),
    openRedisLimits(url, log),
  ])
  return { bus, presence, limits }
}

/** The configured S3, or the data folder. Links to it are signed with a key that is made of the one for sessions. */
export async function openStorage(config: Config & { jwt_secret: string }, log: Logger): Promise<Storage> {
  const { s3_endpoint, s3_access_key_id, s3_secret_access_key, jwt_secret } = config
  if (s3_endpoint && s3_access_key_id && s3_secret_access_key) {
    const { openS3Storage } = await import('./storage/s3.ts')
    const { s3_public_endpoint: public_endpoint, s3_region: region, s3_bucket_prefix: bucket_prefix } = config
    const keys = { access_key_id: s3_access_key_id, secret_access_key: s3_secret_access_key }
    return openS3Storage({ endpoint: s3_endpoint, public_endpoint, region, bucket_prefix, ...keys }, log)
  }
  const secret = createHmac('sha256', jwt_secret).update('links to files').digest('base64url')
  return openFolderStorage({ folder: join(resolve(config.data_dir), 'files'), secret })
}

/** Opens everything that the configuration names, and brings the schema up to date. */
export async function openResources(config: Config, log: Logger, migrations: string): Promise<Opened> {
  const { redis_url } = config
  const database = await openDatabase(config, log)
  try {
    const applied = await migrate(database.db, migrations)
    for (const { script } of applied) log.info(`applied ${script}`)
    const { bus, presence, limits } = await (redis_url ? openShared(redis_url, log) : openAlone())
    if (redis_url && !config.jwt_secret)
      log.warn(
        'JWT_SECRET is not set: each node signs with a secret of its own and refuses the tokens of the others.',
      )
    const jwt_secret = config.jwt_secret ?? keptSecret(resolve(config.data_dir), 'jwt-secret')
    if (redis_url && !config.s3_endpoint)
      log.warn('S3_ENDPOINT is not set: files lie in the data folder, which all nodes have to share.')
    const complete = { ...config, jwt_secret }
    const storage = await openStorage(complete, log)
    return {
      resources: { config: complete, db: database.db, bus, presence, limits, storage, log },
      close: async () => {
        await Promise.all([bus.close(), presence.close(), limits.close(), storage.close()])
        await database.close()
      },
    }
  } catch (error) {
    await database.close()
    throw error
  }
}
