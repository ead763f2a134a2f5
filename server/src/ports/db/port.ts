/**
 * SQL with its values apart: `sql` builds it, a port runs it. Values are always parameters; a nested
 * statement is spliced in and its parameters renumbered.
 */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

const isStatement = (value: unknown): value is Statement =>
  typeof value === 'object' && value !== null && 'text' in value && 'values' in value

export function sql(strings: TemplateStringsArray, ...values: unknown[]): Statement {
  let text = strings[0] ?? ''
  const bound: unknown[] = []
  values.forEach((value, index) => {
    if (isStatement(value)) {
      text += value.text.replace(/\$(\d+)/g, (_, n: string) => `$${Number(n) + bound.length}`)
      bound.push(...value.values)
    } else {
      bound.push(value)
      text += `$${bound.length}`
    }
    text += strings[index + 1] ?? ''
  })
  return { text, values: bound }
}

/**
 * Arrays are bound as PostgreSQL arrays (cast them: `${ids}::bigint[]`), Dates as timestamptz, objects as jsonb.
 * `timestamptz` comes back as Date. `bigint` comes back as a string: select ids and counts as `::float8`,
 * which is exact below 2^53.
 */
export interface Queries {
  query<Row>(statement: Statement): Promise<Row[]>
}

export interface Transaction extends Queries {
  /** Runs a file of many statements, without values. */
  script(text: string): Promise<void>
}

export interface Db extends Queries {
  /** All or nothing, READ COMMITTED, on one connection; rolled back when `work` throws. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** A connection of its own, opened when it is first used: for statements that follow each other closely. */
  line(): Queries
  /** For reads that may be a moment old; the primary itself where no replica is configured. */
  readonly replica: Queries
  /** Throws when the database does not answer within a second. */
  check(): Promise<void>
  close(): Promise<void>
}

/** A statement that the database refused, with what a query needs to translate the verdict. */
export class DatabaseError extends Error {
  readonly sqlstate: string
  readonly constraint: string | null
  constructor(message: string, sqlstate: string, constraint: string | null) {
    super(message)
    this.sqlstate = sqlstate
    this.constraint = constraint
  }
}

/** The database did not answer (gone, restarting, out of connections): the same call may work a moment later. */
export class DatabaseUnavailable extends Error {}
