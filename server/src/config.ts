import { readFileSync } from 'node:fs'
import { isRange } from './http/proxies.ts'

export interface Config {
  host: string
  port: number
  public_url: string | null
  data_dir: string
  database_url: string | null
  database_replica_url: string | null
  database_pool: number
  redis_url: string | null
  /** Null: one is generated into the data folder. */
  jwt_secret: string | null
  /** Seconds. */
  jwt_access_ttl: number
  /** Seconds. */
  jwt_refresh_ttl: number
  cors_origins: string[]
  trusted_proxies: string[]
  registration: 'open' | 'invite' | 'closed'
  edit_history: boolean
  admin_username: string | null
  admin_password: string | null
  admin_reads_messages: boolean
  rate_limits: boolean
  /** Null: files lie in the data folder. */
  s3_endpoint: string | null
  s3_public_endpoint: string | null
  s3_region: string
  s3_access_key_id: string | null
  s3_secret_access_key: string | null
  s3_bucket_prefix: string
  max_file_size_mb: number
  /** 0: none. */
  user_quota_mb: number
  blocked_file_types: string[]
  /** Seconds. */
  upload_idle: number
  log_level: string
}

type Environment = Record<string, string | undefined>

interface Setting {
  name: string
  meaning: string
  /** As it would be written in the environment; '' for none. */
  standard: string
  secret?: boolean
  /** Turns the text into the value; throws a sentence that ends "NAME …". */
  read: (text: string) => unknown
}

const text = (value: string) => value
const nothingOr = (value: string) => (value === '' ? null : value)
const list = (value: string) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)

const ranges = (value: string) => {
  const wrong = list(value).find((item) => !isRange(item))
  if (wrong !== undefined)
    throw new Error(`holds "${wrong}", which is neither an IP address nor a range like 10.0.0.0/8`)
  return list(value)
}

/** Origins as a browser sends them (RFC 6454 §6.2), so that they can be compared as they are. */
const origins = (value: string) =>
  list(value).map((item) => {
    if (item === '*') return item
    const { origin, href } = URL.canParse(item) ? new URL(item) : { origin: 'null', href: '' }
    if (origin === 'null' || href !== `${origin}/`)
      throw new Error(`holds "${item}", which is not an origin like https://chat.example.org`)
    return origin
  })

const whole = (minimum: number, maximum: number) => (value: string) => {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < minimum || number > maximum)
    throw new Error(`has to be a whole number from ${minimum} to ${maximum}`)
  return number
}

const oneOf =
  (...choices: string[]) =>
  (value: string) => {
    if (!choices.includes(value)) throw new Error(`has to be one of ${choices.join(', ')}`)
    return value
  }

const url =
  (...protocols: string[]) =>
  (value: string) => {
    if (value === '') return null
    if (!protocols.some((protocol) => value.startsWith(`${protocol}://`)) || !URL.canParse(value))
      throw new Error(
        `has to be an address that begins with ${protocols.map((one) => `${one}://`).join(' or ')}`,
      )
    return value
  }

const SETTINGS: Record<keyof Config, Setting> = {
  host: {
    name: 'HOST',
    standard: '127.0.0.1',
    read: text,
    meaning: 'Address to listen on; 0.0.0.0 opens it to other computers.',
  },
  port: {
    name: 'PORT',
    standard: '8080',
    read: whole(0, 65_535),
    meaning: 'Port to listen on; 0 takes a free one.',
  },
  public_url: {
    name: 'PUBLIC_URL',
    standard: '',
    read: (value) => url('http', 'https')(value.replace(/\/+$/, '')),
    meaning: 'How people reach the server, as https://chat.example.org. Its pages may open sockets.',
  },
  data_dir: {
    name: 'DATA_DIR',
    standard: './data',
    read: text,
    meaning: 'Folder for everything that is kept: the database, files, generated secrets.',
  },
  database_url: {
    name: 'DATABASE_URL',
    standard: '',
    secret: true,
    read: url('postgres', 'postgresql'),
    meaning: 'A PostgreSQL 16 or newer; without it one of our own runs in the data folder.',
  },
  database_replica_url: {
    name: 'DATABASE_REPLICA_URL',
    standard: '',
    secret: true,
    read: url('postgres', 'postgresql'),
    meaning: 'A read replica, for reads that may be a moment old.',
  },
  database_pool: {
    name: 'DATABASE_POOL',
    standard: '8',
    read: whole(2, 1000),
    meaning:
      'Connections to the database, half of them for what only reads; what stores messages has up to four more.',
  },
  redis_url: {
    name: 'REDIS_URL',
    standard: '',
    secret: true,
    read: url('redis', 'rediss'),
    meaning: 'A Redis 7 or Valkey, needed as soon as there is more than one node.',
  },
  jwt_secret: {
    name: 'JWT_SECRET',
    standard: '',
    secret: true,
    read: (value) => {
      if (value !== '' && Buffer.byteLength(value) < 32) throw new Error('has to be at least 32 bytes long')
      return nothingOr(value)
    },
    meaning:
      'Signs access tokens, 32 bytes or more; the same on all nodes. Without it one is generated into the data folder.',
  },
  jwt_access_ttl: {
    name: 'JWT_ACCESS_TTL',
    standard: '3600',
    read: whole(30, 86_400),
    meaning: 'Life of an access token, in seconds.',
  },
  jwt_refresh_ttl: {
    name: 'JWT_REFRESH_TTL',
    standard: '604800',
    read: whole(60, 31_536_000),
    meaning: 'Life of a session that is not used, in seconds.',
  },
  cors_origins: {
    name: 'CORS_ORIGINS',
    standard: '',
    read: origins,
    meaning: 'Pages elsewhere that may call the API, separated by commas.',
  },
  trusted_proxies: {
    name: 'TRUSTED_PROXIES',
    standard: '',
    read: ranges,
    meaning:
      'Proxies whose X-Forwarded-For is believed: addresses and ranges like 10.0.0.0/8, separated by commas.',
  },
  registration: {
    name: 'REGISTRATION',
    standard: 'open',
    read: oneOf('open', 'invite', 'closed'),
    meaning: 'Who may make an account: open, invite or closed.',
  },
  edit_history: {
    name: 'EDIT_HISTORY',
    standard: 'on',
    read: (value) => oneOf('on', 'off')(value) === 'on',
    meaning: 'Earlier versions of edited messages, kept for their senders and site admins: on or off.',
  },
  admin_username: {
    name: 'ADMIN_USERNAME',
    standard: '',
    read: nothingOr,
    meaning: 'The first admin, made at a start when there is none.',
  },
  admin_password: {
    name: 'ADMIN_PASSWORD',
    standard: '',
    secret: true,
    read: nothingOr,
    meaning: 'The password of the first admin.',
  },
  admin_reads_messages: {
    name: 'ADMIN_READS_MESSAGES',
    standard: 'on',
    read: (value) => oneOf('on', 'off')(value) === 'on',
    meaning: 'Whether admins may read messages of chats they are not in; each reading is in the audit log.',
  },
  rate_limits: {
    name: 'RATE_LIMITS',
    standard: 'on',
    read: (value) => oneOf('on', 'off')(value) === 'on',
    meaning: 'Limits per person and address; off is for load tests.',
  },
  s3_endpoint: {
    name: 'S3_ENDPOINT',
    standard: '',
    read: url('http', 'https'),
    meaning: 'An S3 server for files, as https://s3.example.org; without it they lie in the data folder.',
  },
  s3_public_endpoint: {
    name: 'S3_PUBLIC_ENDPOINT',
    standard: '',
    read: url('http', 'https'),
    meaning:
      'How people reach that server, where it is another address; a proxy in between has to keep Host.',
  },
  s3_region: {
    name: 'S3_REGION',
    standard: 'us-east-1',
    read: text,
    meaning: 'The region of the S3 server.',
  },
  s3_access_key_id: {
    name: 'S3_ACCESS_KEY_ID',
    standard: '',
    read: nothingOr,
    meaning: 'Whose key it is that files are kept with.',
  },
  s3_secret_access_key: {
    name: 'S3_SECRET_ACCESS_KEY',
    standard: '',
    secret: true,
    read: nothingOr,
    meaning: 'The key itself.',
  },
  s3_bucket_prefix: {
    name: 'S3_BUCKET_PREFIX',
    standard: 'bh-',
    read: (value) => {
      if (!/^[a-z0-9][a-z0-9.-]{0,40}$/.test(value))
        throw new Error('has to be lower case letters, digits, - and .')
      return value
    },
    meaning: 'Beginning of the names of the buckets avatars, uploads, stickers and test-artifacts.',
  },
  max_file_size_mb: {
    name: 'MAX_FILE_SIZE_MB',
    standard: '50',
    read: whole(1, 100_000),
    meaning: 'The largest file that is taken, in MB (of 1,048,576 bytes).',
  },
  user_quota_mb: {
    name: 'USER_QUOTA_MB',
    standard: '0',
    read: whole(0, 100_000_000),
    meaning: 'How much one person may keep here, in MB; 0 for as much as there is room.',
  },
  blocked_file_types: {
    name: 'BLOCKED_FILE_TYPES',
    standard: 'application/x-msdownload,application/x-elf,application/x-mach-binary',
    read: list,
    meaning:
      'Types of files that are not taken, as their bytes tell; separated by commas, * at the end for all.',
  },
  upload_idle: {
    name: 'UPLOAD_IDLE_SECONDS',
    standard: '30',
    read: whole(1, 55),
    meaning: 'An upload that sends nothing for this long is given up.',
  },
  log_level: {
    name: 'LOG_LEVEL',
    standard: 'info',
    read: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    meaning: 'How much is logged: trace, debug, info, warn, error, fatal or silent.',
  },
}

/** Every mistake of a configuration at once, a sentence each. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(
      `The configuration has ${mistakes.length === 1 ? 'a mistake' : 'mistakes'}:\n  ${mistakes.join('\n  ')}`,
    )
    this.mistakes = mistakes
  }
}

interface Given {
  text: string
  source: 'default' | 'environment' | 'file'
}

function given(setting: Setting, env: Environment): Given {
  const { name, secret, standard } = setting
  const [value, file] = [env[name], secret ? env[`${name}_FILE`] : undefined]
  if (value !== undefined && value !== '' && file) throw new Error(`and ${name}_FILE are both set`)
  if (file) {
    try {
      return { text: readFileSync(file, 'utf8').trim(), source: 'file' }
    } catch {
      throw new Error(`is to be read from ${file} (${name}_FILE), which cannot be read`)
    }
  }
  return value === undefined || value === ''
    ? { text: standard, source: 'default' }
    : { text: value, source: 'environment' }
}

/** Reads everything once; an empty environment is a good one. Throws `ConfigError`. */
export function readConfig(env: Environment): Config {
  const mistakes: string[] = []
  const entries = Object.entries(SETTINGS).map(([key, setting]) => {
    try {
      return [key, setting.read(given(setting, env).text)]
    } catch (error) {
      mistakes.push(`${setting.name} ${(error as Error).message}.`)
      return [key, null]
    }
  })
  const config = Object.fromEntries(entries) as Config
  if ((config.admin_username === null) !== (config.admin_password === null))
    mistakes.push('ADMIN_USERNAME and ADMIN_PASSWORD go together: one of them is missing.')
  const s3 = [config.s3_endpoint, config.s3_access_key_id, config.s3_secret_access_key]
  if (s3.includes(null) && s3.some((one) => one !== null))
    mistakes.push(
      'S3_ENDPOINT, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together: one of them is missing.',
    )
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return config
}

export interface DescribedSetting {
  name: string
  meaning: string
  standard: string
  secret: boolean
  value: string
  source: Given['source']
}

/** Every setting as `messenger config` prints it; secrets are not shown, mistakes are for `readConfig` to name. */
export function describeSettings(env: Environment): DescribedSetting[] {
  return Object.values(SETTINGS).map((setting) => {
    const { name, meaning, standard, secret = false } = setting
    try {
      const { text: value, source } = given(setting, env)
      return { name, meaning, standard, secret, source, value: secret && value !== '' ? '(set)' : value }
    } catch {
      return { name, meaning, standard, secret, source: 'environment', value: '(a mistake)' }
    }
  })
}
