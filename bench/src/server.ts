import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, chmodSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { SQL } from 'bun'
import { Connection, requestText } from './http.ts'

/** The lowest id of a person of ours: the messenger has accounts of its own below. */
export const FIRST_PERSON = 1001

const ROOT = join(import.meta.dir, '../..')
const SECRET = 'only the benchmark knows this secret'
const TICKS_PER_SECOND = 100

/** Gives a process and its threads a core of their own, or all of them; nothing where that cannot be asked for. */
export function pin(pid: number, core: number | null): void {
  const cores = core === null ? `0-${availableParallelism() - 1}` : String(core)
  spawnSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' })
}

const childrenOf = (pid: number): number[] =>
  readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid ? [Number(entry)] : []
    } catch {
      return []
    }
  })

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((ready) => probe.once('listening', ready))
  const { port } = probe.address() as AddressInfo
  await new Promise((closed) => probe.close(closed))
  return port
}

/** CPU seconds that a process has used, in all its threads. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A messenger as an operator starts it, with its embedded database, on a core of its own where there are two. */
export class BenchServer {
  readonly port: number
  readonly folder: string
  #child: ChildProcess | null = null
  #sql: SQL | null = null

  private constructor(port: number, folder: string) {
    this.port = port
    this.folder = folder
  }

  static async start(pinned = true): Promise<BenchServer> {
    const folder = mkdtempSync(join(tmpdir(), 'messenger-bench-'))
    chmodSync(folder, 0o755)
    const server = new BenchServer(await freePort(), folder)
    await server.up(pinned)
    return server
  }

  /** Starts it (again); resolves to the milliseconds from the spawn to the first answer. */
  async up(pinned = true): Promise<number> {
    const started = performance.now()
    this.#child = spawn(join(ROOT, 'node_modules/.bin/bun'), [join(ROOT, 'server/src/main.ts')], {
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        PORT: String(this.port),
        DATA_DIR: this.#data,
        JWT_SECRET: SECRET,
        RATE_LIMITS: 'off',
        LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    for (;;) {
      if (this.#child.exitCode !== null) throw new Error('the server did not start')
      const answered = await fetch(`http://127.0.0.1:${this.port}/health`).then(
        (answer) => answer.ok,
        () => false,
      )
      if (answered) break
      await Bun.sleep(2)
    }
    const took = performance.now() - started
    if (pinned) {
      pin(this.pid, 0)
      for (const pid of [this.database, ...childrenOf(this.database)]) pin(pid, null)
    }
    this.#sql = new SQL({
      path: join(this.place, '.s.PGSQL.5432'),
      username: 'messenger',
      password: this.password,
      database: 'messenger',
      max: 1,
    })
    return took
  }

  get pid(): number {
    return this.#child!.pid!
  }

  get sql(): SQL {
    return this.#sql!
  }

  get #data(): string {
    return join(this.folder, 'data')
  }

  get place(): string {
    const note = join(this.#data, 'postgres-is-in.txt')
    return existsSync(note) ? readFileSync(note, 'utf8').trim() : join(this.#data, 'postgres')
  }

  get password(): string {
    return readFileSync(join(this.#data, 'database-password'), 'utf8').trim()
  }

  get database(): number {
    return Number(readFileSync(join(this.place, 'postmaster.pid'), 'utf8').split('\n')[0])
  }

  /** Stops it as an operator does. */
  async down(): Promise<void> {
    await this.#sql?.close()
    this.#sql = null
    const child = this.#child!
    const exited = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    await exited
  }

  async stop(): Promise<void> {
    await this.down()
    rmSync(this.folder, { recursive: true, force: true })
  }

  connect(count: number): Promise<Connection[]> {
    return Promise.all(Array.from({ length: count }, () => Connection.open(this.port)))
  }

  /** An access token as the server makes them, for the session that `seed` gave this user. */
  token(user_id: number): string {
    const now = Math.floor(Date.now() / 1000)
    const head = base64({ alg: 'HS256', typ: 'JWT' })
    const body = base64({
      type: 'access',
      is_admin: false,
      sid: user_id,
      sub: String(user_id),
      iat: now,
      exp: now + 36_000,
    })
    const signature = createHmac('sha256', SECRET).update(`${head}.${body}`).digest('base64url')
    return `${head}.${body}.${signature}`
  }

  /**
   * People `first … first + count - 1`, each with a session of the same number. Over the wire every account costs a
   * password hash: ten thousand of them would take longer than everything that is measured.
   */
  async people(first: number, count: number): Promise<void> {
    await this.sql.unsafe(`
      insert into users (id, username, email, display_name, password_hash)
        select n, 'person_' || n, 'person_' || n || '@example.org', 'Person ' || n, 'none'
        from generate_series(${first}, ${first + count - 1}) n;
      insert into user_settings (user_id) select n from generate_series(${first}, ${first + count - 1}) n;
      insert into sessions (id, user_id, expires_at)
        select n, n, now() + interval '1 day' from generate_series(${first}, ${first + count - 1}) n;`)
  }

  /** A group of these people, by SQL: see `people`. Answers its id. */
  async group(members: readonly number[]): Promise<number> {
    const [made] = (await this.sql.unsafe(
      `with made as (
         insert into chats (type, title, owner_id, member_count) values ('group', 'A group', ${members[0]}, ${members.length}) returning id
       ), head as (insert into chat_heads (chat_id) select id from made)
       insert into chat_members (chat_id, user_id, role)
         select made.id, u, case when u = ${members[0]} then 'owner' else 'member' end
         from made, unnest(array[${members.join(',')}]::bigint[]) u
       returning chat_id::float8`,
    )) as { chat_id: number }[]
    return made!.chat_id
  }

  /** Fills chats with messages of one writer, as many as wanted, unread by everybody else. */
  async fill(chat_ids: readonly number[], sender_id: number, count: number): Promise<void> {
    await this.sql.unsafe(`
      insert into messages (id, chat_id, seq, revision, sender_id, content, created_at)
        select message_id_at(now() - interval '10 days') + n::bigint * 4096 + c % 4096, c, n, n, ${sender_id},
          'Message ' || n || ': ' || repeat('some words ', (n % 12)::int), now() - interval '10 days' + n * interval '1 ms'
        from unnest(array[${chat_ids.join(',')}]::bigint[]) c, generate_series(1, ${count}) n;
      update chat_heads set last_seq = ${count}, revision = ${count}, last_at = now() - chat_id * interval '1 second',
        last_message_id = message_id_at(now() - interval '10 days') + ${count} * 4096::bigint + chat_id % 4096,
        preview_message_id = (select max(id) from messages m where m.chat_id = chat_heads.chat_id)
        where chat_id = any(array[${chat_ids.join(',')}]::bigint[]);
      update chat_heads set last_message_id = preview_message_id
        where chat_id = any(array[${chat_ids.join(',')}]::bigint[]);`)
  }

  async analyze(): Promise<void> {
    await this.sql.unsafe('vacuum analyze')
    await this.sql.unsafe('checkpoint')
  }

  post(chat_id: number, token: string, content: string): string {
    return requestText('POST', `/api/chats/${chat_id}/messages`, token, {
      content,
      client_id: crypto.randomUUID(),
    })
  }
}
