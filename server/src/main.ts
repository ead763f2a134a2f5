import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp, type App } from './app.ts'
import { adminDeed, CommandError } from './commands/admin.ts'
import { withDatabase } from './commands/database.ts'
import { demoDeed } from './commands/demo.ts'
import { ConfigError, describeSettings, readConfig, type Config } from './config.ts'
import { Refusal } from './http/refusal.ts'
import { openLog } from './log.ts'
import type { Db } from './ports/db/port.ts'
import { EmbeddedError, openEmbedded } from './ports/db/embedded.ts'
import { MigrationError, migrate, pendingMigrations } from './ports/db/migrations.ts'
import { openPostgres } from './ports/db/postgres.ts'
import { dumpSchema } from './ports/db/schema.ts'
import { FolderInUse, FolderUnusable } from './ports/folder.ts'
import { DatabaseUnusable, openDatabase, openResources } from './ports/open.ts'

const MIGRATIONS = join(import.meta.dir, '../migrations')
const WEB = join(import.meta.dir, '../../web/dist')
const STOP_MS = 9_500

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Marks an error whose message is already what a person needs. */
const PLAIN = 'plain'

/** Mistakes that a person can mend are said in a sentence; everything else is a fault with its trace. */
function explain(error: unknown, config?: Config): string {
  const kinds = [
    CommandError,
    ConfigError,
    DatabaseUnusable,
    EmbeddedError,
    FolderInUse,
    FolderUnusable,
    MigrationError,
    Refusal,
  ]
  const { code, cause, message, stack } = error as NodeJS.ErrnoException
  if (cause === PLAIN || kinds.some((kind) => error instanceof kind)) return message
  if (code === 'EADDRINUSE')
    return `Port ${config?.port} is taken by another program. Stop it, or choose another port: PORT=8081 npm start`
  if (code === 'EADDRNOTAVAIL')
    return `${config?.host} is not an address of this computer. Choose another: HOST=127.0.0.1, or HOST=0.0.0.0 for all of them.`
  if (code === 'EACCES' && config && config.port < 1024)
    return `Port ${config.port} needs rights that this account does not have. Choose one above 1023: PORT=8080 npm start`
  return stack ?? String(error)
}

/** What a start says, in one piece: whoever reads the first line finds the last one too. */
function greet(app: App, config: Config): void {
  const shown =
    config.public_url ?? app.url.replace(/127\.0\.0\.1|0\.0\.0\.0|\[::\]/, 'localhost').replace(/\/$/, '')
  const lines = [`\nThe messenger is ready: ${shown}`]
  const open = config.host === '0.0.0.0' || config.host === '::'
  if (open) {
    const addresses = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter((one) => one.family === 'IPv4' && !one.internal)
    for (const { address } of addresses) lines.push(`On other computers:     http://${address}:${app.port}`)
  } else
    lines.push(
      'Open it to other computers with: HOST=0.0.0.0 npm start   (and put HTTPS in front of it: README, "Operating")',
    )
  if (!config.rate_limits)
    lines.push('RATE_LIMITS=off: nothing slows down somebody who guesses passwords. For load tests only.')
  if (app.claim)
    lines.push(
      `There is no admin yet. Sign in or register, then open this once to become the first one:\n  ${shown}/admin/claim/${app.claim}`,
    )
  say([...lines, 'Stop it with Ctrl-C.\n'].join('\n'))
}

async function start(): Promise<void> {
  const config = readConfig(process.env)
  const log = openLog(config.log_level)
  let asked: string | null = null
  let stop: (() => Promise<void>) | null = null
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      const leave = (why: string) => {
        log.warn(`ending at once: ${why}`)
        process.exit(1)
      }
      if (asked) leave(`${signal} again`)
      asked = signal
      log.info(`stopping (${signal})`)
      setTimeout(() => leave(`not everything had stopped after ${STOP_MS / 1000} s`), STOP_MS)
      // One that comes while everything is still being opened waits for that: half of it could not be closed.
      void stop?.()
    })
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was not awaited'))

  const opened = await openResources(config, log, MIGRATIONS)
  const app = await startApp(opened.resources, WEB).catch(async (error: unknown) => {
    await opened.close()
    throw new Error(explain(error, config), { cause: PLAIN })
  })
  stop = async () => {
    await app.stop()
    await opened.close()
    process.exit(0)
  }
  if (asked) return stop()
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

/** What the migrations come to, from a database that lives only for this. */
async function schemaCommand(): Promise<void> {
  const data_dir = mkdtempSync(join(tmpdir(), 'messenger-schema-'))
  chmodSync(data_dir, 0o755)
  const log = openLog('warn')
  try {
    const embedded = await openEmbedded({ data_dir, log, fsync: false })
    const db = await openPostgres(embedded.url, { max: 1 })
    await migrate(db, MIGRATIONS)
    process.stdout.write(await dumpSchema(db))
    await db.close()
    await embedded.close()
  } finally {
    rmSync(data_dir, { recursive: true, force: true })
  }
}

function configCommand(): void {
  for (const { name, meaning, standard, value, source } of describeSettings(process.env)) {
    const from = source === 'default' ? 'default' : `from the ${source}; default: ${standard || 'none'}`
    say(`${name}=${value}\n    ${meaning}\n    ${from}`)
  }
  readConfig(process.env)
}

/** A deed of a command, on the configured database; what came of it is said. */
async function onDatabase(deed: (db: Db) => Promise<string>): Promise<void> {
  say(await withDatabase(readConfig(process.env), MIGRATIONS, deed))
}

const COMMANDS: Record<string, () => Promise<void> | void> = {
  start,
  migrate: () => migrateCommand(options.includes('--dry-run')),
  schema: schemaCommand,
  config: configCommand,
  admin: () => onDatabase(adminDeed(options)),
  demo: () => onDatabase(demoDeed(options.includes('--force'))),
}

const OPTIONS: Record<string, string[]> = { migrate: ['--dry-run'], demo: ['--force'] }
/** Commands that read their own words, and say how they are used. */
const READS_ITS_WORDS = new Set(['admin'])

const [command = 'start', ...options] = process.argv.slice(2)
const run = COMMANDS[command]
if (!run) {
  process.stderr.write(`There is no command "${command}": ${Object.keys(COMMANDS).join(', ')}.\n`)
  process.exit(2)
}
// A slip like --dryrun must not do what was only to be looked at.
const known = OPTIONS[command] ?? []
const slip = READS_ITS_WORDS.has(command) ? undefined : options.find((option) => !known.includes(option))
if (slip !== undefined) {
  const rest = known.length > 0 ? `it knows ${known.join(', ')}` : 'it takes none'
  process.stderr.write(`The command "${command}" has no option "${slip}": ${rest}.\n`)
  process.exit(2)
}
let code = 0
try {
  await run()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  code = 1
}
if (command !== 'start' || code !== 0) {
  // A pipe may still hold what was said.
  await new Promise<void>((said) => process.stdout.write('', () => said()))
  process.exit(code)
}
