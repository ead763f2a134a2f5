import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Bus } from './bus/port.ts'
import type { Db } from './db/port.ts'
import type { Limits } from './limits/port.ts'
import type { Presence } from './presence/port.ts'
import type { Storage } from './storage/port.ts'

/** Everything outside that a request may need. `main.ts` opens it, tests open it, nobody else does. */
export interface Resources {
  config: Config & { jwt_secret: string }
  db: Db
  bus: Bus
  presence: Presence
  limits: Limits
  storage: Storage
  log: Logger
}
