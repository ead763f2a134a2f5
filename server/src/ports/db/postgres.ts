import { SQL } from 'bun'
import { DatabaseError, DatabaseUnavailable, type Db, type Statement, type Transaction } from './port.ts'

/** SQLSTATE classes and codes that say "not now", and not "not so": connection lost, shutting down, out of room. */
const UNAVAILABLE = /^(08|57P0[1-5]|53[0-3]|58030|25006)/
const CHECK_MS = 1000
const AGAIN_FOR_MS = 1000
/** Every statement of ours is fast with a plan that knows no values; planning each anew costs more than it saves. */
const CONNECTION = { application_name: 'messenger', plan_cache_mode: 'force_generic_plan', jit: 'off' }

interface PostgresError extends Error {
  errno?: unknown
  constraint?: string
}

/** The verdict of the server, or that there is none. */
function translated(error: unknown): Error {
  if (!(error instanceof Error)) return new DatabaseUnavailable(String(error))
  const { errno: sqlstate, constraint, message } = error as PostgresError
  if (typeof sqlstate !== 'string' || !/^[0-9A-Z]{5}$/.test(sqlstate)) {
    // Anything that did not come from the server is the connection's: closed, refused, timed out.
    const ours = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
    return ours ? error : new DatabaseUnavailable(message, { cause: error })
  }
  return UNAVAILABLE.test(sqlstate)
    ? new DatabaseUnavailable(message, { cause: error })
    : new DatabaseError(message, sqlstate, constraint ?? /constraint "([^"]+)"/.exec(message)?.[1] ?? null)
}

type Runner = Pick<SQL, 'unsafe'>

const run = async <Row>(runner: Runner, { text, values }: Statement): Promise<Row[]> => {
  try {
    const bound = values.map((value) => (value === undefined ? null : value))
    return (await runner.unsafe(text, bound as never[])) as Row[]
  } catch (error) {
    throw translated(error)
  }
}

/** A statement that begins with `with` may write in any of its steps. */
const reads = ({ text }: Statement) =>
  /^\s*select\b/i.test(text) || (/^\s*with\b/i.test(text) && !/\b(insert|update|delete|merge)\b/i.test(text))

/**
 * A killed backend shows as one failed query for each pooled connection, so a read may meet as many as there are. One
 * that waits for a database that does not answer at all is not made to wait again.
 */
const again =
  (runner: Runner, connections: number) =>
  async <Row>(statement: Statement): Promise<Row[]> => {
    const began = performance.now()
    for (let left = connections; ; left--)
      try {
        return await run<Row>(runner, statement)
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable) || !reads(statement)) throw error
        if (left === 0 || performance.now() - began > AGAIN_FOR_MS) throw error
      }
  }

const deadline = (ms: number) =>
  new Promise<never>((_, reject) =>
    setTimeout(() => reject(new DatabaseUnavailable('no answer in time')), ms).unref(),
  )

export interface PostgresOptions {
  /** Connections, two at least: half for what only reads, half for all else; each `line` has one more. */
  max: number
  replica_url?: string | null
}

/**
 * Opens its pools: what only reads never waits behind what waits for a lock or the disk. `idleTimeout` and
 * `maxLifetime` stay 0: they would close connections with queries in flight.
 */
export async function openPostgres(url: string, { max, replica_url }: PostgresOptions): Promise<Db> {
  const pools: SQL[] = []
  const open = (at: string, connections: number) => {
    const pool = new SQL(at, {
      max: connections,
      idleTimeout: 0,
      maxLifetime: 0,
      connectionTimeout: 10,
      connection: CONNECTION,
    } as never)
    pools.push(pool)
    return pool
  }
  const readers = Math.ceil(max / 2)
  const reading = open(url, readers)
  const writing = open(url, Math.max(1, max - readers))
  const read = again(reading, readers)
  const replica = replica_url ? again(open(replica_url, readers), readers) : read
  const db: Db = {
    query: (statement) => (reads(statement) ? read(statement) : run(writing, statement)),
    transaction: async <T>(work: (tx: Transaction) => Promise<T>) => {
      let thrown: { error: unknown } | null = null
      try {
        return (await writing.begin(async (tx) => {
          try {
            return await work({
              query: (statement) => run(tx, statement),
              script: async (text) => {
                await tx
                  .unsafe(text)
                  .simple()
                  .catch((error: unknown) => {
                    throw translated(error)
                  })
              },
            })
          } catch (error) {
            thrown = { error }
            throw error
          }
        })) as T
      } catch (error) {
        // What the work itself threw keeps its meaning; the rest is begin, commit or the connection.
        throw thrown ? (thrown as { error: unknown }).error : translated(error)
      }
    },
    line: () => ({ query: again(open(url, 1), 1) }),
    replica: { query: replica },
    check: async () => {
      await Promise.race([run(reading, { text: 'select 1', values: [] }), deadline(CHECK_MS)])
    },
    close: async () => {
      await Promise.all(pools.map((pool) => pool.close({ timeout: 2 })))
    },
  }
  return db
}
