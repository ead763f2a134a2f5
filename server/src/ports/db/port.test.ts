import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { pino } from 'pino'
import { startPostgres } from '../../testing/external.ts'
import { scratchFolder } from '../../testing/postgres.ts'
import { until } from '../../testing/until.ts'
import { openEmbedded } from './embedded.ts'
import { DatabaseError, DatabaseUnavailable, sql, type Db, type Queries } from './port.ts'
import { openPostgres } from './postgres.ts'

interface Server {
  url: string
  /** The server dies and comes back. */
  fall(): Promise<void>
  stop(): Promise<void>
}

/** Our own, which starts itself again when it is killed. */
async function embedded(): Promise<Server> {
  const data_dir = scratchFolder()
  const server = await openEmbedded({ data_dir, log: pino({ level: 'silent' }) })
  return {
    url: server.url,
    fall: async () => {
      const before = server.pid
      process.kill(before, 'SIGKILL')
      await until('it is started again', () => server.pid !== before)
    },
    stop: async () => {
      await server.close()
      rmSync(data_dir, { recursive: true })
    },
  }
}

async function external(): Promise<Server> {
  const server = await startPostgres()
  return { url: server.url, fall: () => server.restart(), stop: () => server.stop() }
}

const NOTHING = { text: 'select 1 as one', values: [] }
const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  )

for (const [twin, start] of [
  ['embedded', embedded],
  ['external', external],
] as const) {
  describe(`${twin} db`, () => {
    let server: Server
    let db: Db
    const opened: Db[] = []
    const open = async (max: number, replica_url?: string) => {
      const one = await openPostgres(server.url, { max, ...(replica_url ? { replica_url } : {}) })
      opened.push(one)
      return one
    }

    beforeAll(async () => {
      server = await start()
      db = await openPostgres(server.url, { max: 4 })
      await db.transaction((tx) =>
        tx.script(`
          create table things (id integer primary key, name text not null, parent integer);
          create unique index things_name_key on things (name);
          alter table things add constraint things_id check (id > 0);
          alter table things add constraint things_parent_fkey foreign key (parent) references things
            deferrable initially deferred;
          create function twice(n integer) returns integer language plpgsql as $$ begin return n * 2; end $$;`),
      )
    })
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()))
      await db.query(sql`delete from things`)
    })
    afterAll(async () => {
      await db.close()
      await server.stop()
    })

    test('values come back as they were given', async () => {
      const texts = ['a', `b"c\\,{}'`, null, '', 'NULL']
      const at = new Date('2026-01-02T03:04:05.678Z')
      const [row] = await db.query(sql`
        select ${[1, null, 2 ** 53 - 1]}::bigint[]::float8[] as ids, ${texts}::text[] as texts, ${at}::timestamptz as at,
          ${{ deep: [1, 'x'] }}::jsonb as object, ${undefined}::text as missing, ${[]}::bigint[] as none,
          ${[true, false]}::boolean[] as flags, ${Buffer.from([0, 255])}::bytea as bytes, 12::bigint::float8 as count`)
      const { ids, bytes, ...rest } = row as { ids: Float64Array; bytes: Uint8Array }
      expect([...ids]).toEqual([1, null as never, 2 ** 53 - 1])
      expect([...bytes]).toEqual([0, 255])
      expect(rest as object).toEqual({
        texts,
        at,
        object: { deep: [1, 'x'] },
        missing: null,
        none: [],
        flags: [true, false],
        count: 12,
      })
    })

    test('text that the database cannot hold is refused, and the connection goes on', async () => {
      const one = await open(1)
      expect(await thrownBy(one.query(sql`select ${'a\0b'}::text as x`))).toBeInstanceOf(DatabaseError)
      expect(await thrownBy(one.query(sql`select ${['a\0b']}::text[] as x`))).toBeInstanceOf(DatabaseError)
      expect(await one.query(sql`select ${'a\ud800b'}::text as x`)).toEqual([{ x: 'a\ufffdb' }])
      expect(await one.query(NOTHING)).toEqual([{ one: 1 }])
    })

    test('a refused statement says what was violated', async () => {
      await db.query(sql`insert into things values (1, 'one', null)`)
      const verdicts = [
        [sql`insert into things values (2, 'one', null)`, '23505', 'things_name_key'],
        [sql`insert into things values (1, 'two', null)`, '23505', 'things_pkey'],
        [sql`insert into things values (0, 'zero', null)`, '23514', 'things_id'],
        [sql`insert into things values (3, 'three', 7)`, '23503', 'things_parent_fkey'],
        [sql`select 'x'::integer`, '22P02', null],
        [sql`select * from nowhere`, '42P01', null],
        [sql`select from where`, '42601', null],
      ] as const
      for (const [statement, sqlstate, constraint] of verdicts) {
        const verdict = await thrownBy(db.query(statement))
        expect(verdict).toBeInstanceOf(DatabaseError)
        expect(verdict).toMatchObject({ sqlstate, constraint })
        expect(await thrownBy(db.transaction((tx) => tx.query(statement)))).toMatchObject({
          sqlstate,
          constraint,
        })
      }
    })

    test('a transaction is all or nothing, also when only the commit is refused', async () => {
      const own = new Error('ours')
      const thrown = await thrownBy(
        db.transaction(async (tx) => {
          await tx.query(sql`insert into things values (1, 'one', null)`)
          throw own
        }),
      )
      expect(thrown).toBe(own)
      const late = await thrownBy(
        db.transaction(async (tx) => void (await tx.query(sql`insert into things values (2, 'two', 77)`))),
      )
      expect(late).toMatchObject({ sqlstate: '23503', constraint: 'things_parent_fkey' })
      expect(await db.query(sql`select * from things`)).toEqual([])
      const kept = await db.transaction(async (tx) => {
        await tx.query(sql`insert into things values (1, 'one', null)`)
        return tx.query(sql`select id from things`)
      })
      expect(kept).toEqual([{ id: 1 }])
      expect(await db.query(sql`select id from things`)).toEqual([{ id: 1 }])
    })

    test('a script of many statements runs whole or not at all', async () => {
      expect(await db.query(sql`select twice(21) as n`)).toEqual([{ n: 42 }])
      const script = `insert into things values (1, 'one', null); insert into nowhere values (1);`
      expect(await thrownBy(db.transaction((tx) => tx.script(script)))).toMatchObject({ sqlstate: '42P01' })
      expect(await db.query(sql`select * from things`)).toEqual([])
    })

    test('each of many statements at once gets its own answer, beside transactions', async () => {
      const few = await open(3)
      const numbers = Array.from({ length: 1500 }, (_, n) => n)
      const answers = await Promise.all(
        numbers.map((n) =>
          n % 5 === 0
            ? few.transaction((tx) => tx.query<{ n: number }>(sql`select ${n}::integer as n`))
            : few.query<{ n: number }>(sql`select ${n}::integer as n`),
        ),
      )
      expect(answers.map(([row]) => row!.n)).toEqual(numbers)
    })

    test('what only reads is answered while all that writes waits for a lock', async () => {
      const shared = await open(4)
      await db.query(sql`insert into things values (1, 'one', null)`)
      const lock = Promise.withResolvers<void>()
      const held = Promise.withResolvers<void>()
      const rename = sql`update things set name = name || '!' where id = 1`
      const holder = db.transaction(async (tx) => {
        await tx.query(rename)
        held.resolve()
        await lock.promise
      })
      await held.promise
      const waiting = Array.from({ length: 12 }, (_, n) =>
        n % 3 === 0
          ? shared.transaction((tx) => tx.query(rename))
          : shared.query(n % 3 === 1 ? rename : sql`with made as (${rename}) select 1 as one`),
      )
      const reads = [
        NOTHING,
        sql`with all_things as (select * from things) select count(*)::int as one from all_things`,
      ]
      for (const read of [...reads, ...reads]) {
        const hung = Bun.sleep(5000).then(() => 'a read waits')
        expect(await Promise.race([shared.query(read), hung])).toEqual([{ one: 1 }])
      }
      lock.resolve()
      await Promise.all([holder, ...waiting])
      expect(await shared.query(sql`select name from things`)).toEqual([{ name: `one${'!'.repeat(13)}` }])
    })

    test('reads that may be old go to the replica, everything else to the primary', async () => {
      const here = sql`select current_database() as name`
      const [primary] = await db.query<{ name: string }>(here)
      expect(await db.replica.query(here)).toEqual([primary])
      const apart = await open(1, server.url.replace(/\/\w+(?=\?|$)/, '/template1'))
      expect(await apart.query(here)).toEqual([primary])
      expect(await apart.replica.query(here)).toEqual([{ name: 'template1' }])
    })

    test('a line is one connection apart from the pool, is found again when it is lost, and ends with the rest', async () => {
      const several = await openPostgres(server.url, { max: 2 })
      const line = several.line()
      const pid = async (on: Queries) =>
        (await on.query<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]!.pid
      const own = await pid(line)
      expect(await Promise.all(Array.from({ length: 20 }, () => pid(line)))).toEqual(Array(20).fill(own))
      expect(await Promise.all(Array.from({ length: 20 }, () => pid(several)))).not.toContain(own)
      await db.query(sql`select pg_terminate_backend(${own}::int)`)
      const again = await until('it answers again', () => pid(line).catch(() => null))
      expect(again).not.toBe(own)
      await several.close()
      const left = () => db.query(sql`select from pg_stat_activity where pid = ${again}::int`)
      await until('its connection is gone', async () => (await left()).length === 0)
    })

    test('a transaction whose connection is lost is unavailable and changed nothing', async () => {
      const lost = await thrownBy(
        db.transaction(async (tx) => {
          await tx.query(sql`insert into things values (1, 'one', null)`)
          await tx.query(sql`select pg_terminate_backend(pg_backend_pid())`)
        }),
      )
      expect(lost).toBeInstanceOf(DatabaseUnavailable)
      expect(await db.query(sql`select * from things`)).toEqual([])
    })

    test('when all connections are terminated under load no read fails and no write is lost', async () => {
      const load = await under(await open(4))
      for (let round = 0; round < 3; round++) {
        const before = load.done
        await db.query(
          sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
        )
        await until('the load goes on', () => load.done > before + 200)
      }
      const { failed, unexpected, written } = await load.end()
      expect(unexpected).toEqual([])
      expect(failed.read).toBe(0)
      const kept = await db.query<{ id: number }>(sql`select id from things`)
      const ids = new Set(kept.map(({ id }) => id))
      expect(written.filter((id) => !ids.has(id))).toEqual([])
    })

    test('a server that falls under load is unavailable until it is back, and no write is lost', async () => {
      const load = await under(await open(4))
      const [before, written_before] = [load.done, load.written]
      await server.fall()
      await until('the load goes on', () => load.done > before + 500 && load.written > written_before)
      const { unexpected, written } = await load.end()
      expect(unexpected).toEqual([])
      const ids = new Set((await db.query<{ id: number }>(sql`select id from things`)).map(({ id }) => id))
      expect(written.filter((id) => !ids.has(id))).toEqual([])
      await db.check()
    })

    /** Reads and writes without a pause; both may be refused for a while, and nothing else may happen. */
    async function under(on: Db) {
      const failed = { read: 0, write: 0 }
      const unexpected: unknown[] = []
      const written: number[] = []
      let [done, next, going] = [0, 0, true]
      const keep = async (what: keyof typeof failed, deed: () => Promise<void>) => {
        while (going) {
          try {
            await deed()
            done++
          } catch (error) {
            if (!(error instanceof DatabaseUnavailable)) unexpected.push(error)
            failed[what]++
            await new Promise((turn) => setTimeout(turn, 5))
          }
        }
      }
      const read = async () => {
        const [row] = await on.query<{ n: number }>(sql`select ${++next}::integer as n`)
        if (typeof row?.n !== 'number') throw new Error('a read was answered with nothing')
      }
      const write = async () => {
        const id = ++next
        await on.query(sql`insert into things values (${id}, ${`thing ${id}`}, null)`)
        written.push(id)
      }
      const both = async () => {
        const id = ++next
        await on.transaction(async (tx) => {
          await tx.query(sql`insert into things values (${id}, ${`thing ${id}`}, null)`)
          await tx.query(sql`select * from things where id = ${id}`)
        })
        written.push(id)
      }
      const workers = Array.from({ length: 24 }, (_, n) =>
        n % 3 === 0 ? keep('read', read) : keep('write', n % 3 === 1 ? write : both),
      )
      await until('the load runs', () => done > 100)
      return {
        get done() {
          return done
        },
        get written() {
          return written.length
        },
        end: async () => {
          going = false
          const hung = new Promise((_, reject) =>
            setTimeout(() => reject(new Error('a query hangs')), 8000).unref(),
          )
          await Promise.race([Promise.all(workers), hung])
          return { failed, unexpected, written }
        },
      }
    }

    test('a database that is not there is unavailable at once, not for ever', async () => {
      const nowhere = await openPostgres('postgres://messenger@127.0.0.1:1/postgres', { max: 1 })
      expect(await thrownBy(nowhere.query(NOTHING))).toBeInstanceOf(DatabaseUnavailable)
      expect(await thrownBy(nowhere.check())).toBeInstanceOf(DatabaseUnavailable)
      await nowhere.close()
    })
  })
}
