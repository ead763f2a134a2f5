import { join } from 'node:path'
import { networkInterfaces } from 'node:os'
import { startApp, type App } from './app.ts'
import { ConfigError, describeSettings, readConfig, type Config } from './config.ts'
import { openLog } from './log.ts'
import { EmbeddedError } from './ports/db/embedded.ts'
import { MigrationError, migrate, pendingMigrations } from './ports/db/migrations.ts'
import { dumpSchema } from './ports/db/schema.ts'
import { FolderInUse } from './ports/folder.ts'
import { openDatabase, openResources } from './ports/open.ts'

const MIGRATIONS = join(import.meta.dir, '../migrations')
const WEB = join(import.meta.dir, '../../web/dist')
const STOP_MS = 9_500

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Mistakes that a person can mend are said in a sentence; everything else is a fault with its trace. */
function explain(error: unknown, config?: Config): string {
  const known = [ConfigError, EmbeddedError, MigrationError, FolderInUse].some(
    (kind) => error instanceof kind,
  )
  if (known) return (error as Error).message
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
    return `Port ${config?.port} is taken by another program. Stop it, or choose another port: PORT=8081 npm start`
  if ((error as NodeJS.ErrnoException).code === 'EACCES' && config && config.port < 1024)
    return `Port ${config.port} needs rights that this account does not have. Choose one above 1023: PORT=8080 npm start`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function greet(app: App, config: Config): void {
  const shown = config.public_url ?? app.url.replace('127.0.0.1', 'localhost').replace(/\/$/, '')
  say(`\nThe messenger is ready: ${shown}`)
  const open = config.host === '0.0.0.0' || config.host === '::'
  if (open) {
    const addresses = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter((one) => one.family === 'IPv4' && !one.internal)
    for (const { address } of addresses) say(`On other computers:     http://${address}:${app.port}`)
  } else
    say(
      'Open it to other computers with: HOST=0.0.0.0 npm start   (and put HTTPS in front of it: README, "Operating")',
    )
  if (!config.rate_limits)
    say('RATE_LIMITS=off: nothing slows down somebody who guesses passwords. For load tests only.')
  say('Stop it with Ctrl-C.\n')
}

async function start(): Promise<void> {
  const config = readConfig(process.env)
  const log = openLog(config.log_level)
  let stopping: Promise<void> | null = null
  const opened = await openResources(config, log, MIGRATIONS).catch((error: unknown) => {
    throw Object.assign(error as Error, { config })
  })
  const app = await startApp(opened.resources, WEB).catch(async (error: unknown) => {
    await opened.close()
    process.stderr.write(`${explain(error, config)}\n`)
    process.exit(1)
  })
  const stop = (signal: string) => {
    if (stopping) process.exit(1)
    log.info(`stopping (${signal})`)
    stopping = (async () => {
      const late = setTimeout(() => process.exit(1), STOP_MS)
      await app.stop()
      await opened.close()
      clearTimeout(late)
      process.exit(0)
    })()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal))
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was not awaited'))
  greet(app, config)
}

async function migrateCommand(dry: boolean): Promise<void> {
  const config = readConfig(process.env)
  const { db, close } = await openDatabase(config, openLog('warn'))
  try {
    const migrations = dry ? await pendingMigrations(db, MIGRATIONS) : await migrate(db, MIGRATIONS)
    if (migrations.length === 0) say('The database is up to date.')
    for (const { script, text } of migrations) say(dry ? `-- ${script}\n${text}` : `applied ${script}`)
  } finally {
    await close()
  }
}

async function schemaCommand(): Promise<void> {
  const { db, close } = await openDatabase(readConfig(process.env), openLog('warn'))
  try {
    process.stdout.write(await dumpSchema(db))
  } finally {
    await close()
  }
}

function configCommand(): void {
  for (const { name, meaning, standard, value, source } of describeSettings(process.env))
    say(
      `${name}=${value}\n    ${meaning}\n    ${source === 'default' ? 'default' : `from the ${source}; default: ${standard || 'none'}`}`,
    )
}

const COMMANDS: Record<string, () => Promise<void> | void> = {
  start,
  migrate: () => migrateCommand(process.argv.includes('--dry-run')),
  schema: schemaCommand,
  config: configCommand,
}

const command = process.argv[2] ?? 'start'
const run = COMMANDS[command]
if (!run) {
  process.stderr.write(`There is no command "${command}": ${Object.keys(COMMANDS).join(', ')}.\n`)
  process.exit(2)
}
try {
  await run()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
}
if (command !== 'start') process.exit(0)
