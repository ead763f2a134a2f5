import {
  claimAdmin,
  getAccount,
  getStats,
  listAccounts,
  listAudit,
  listChats,
  listSupportThreads,
  login,
  register,
} from '@messenger/contract'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { MIGRATIONS } from './testing/postgres.ts'
import { alive, Installation } from './testing/process.ts'
import { until } from './testing/until.ts'
import { call, Ears, PASSWORD } from './testing/world.ts'

const ann = { username: 'ann_', email: 'ann@example.org', password: PASSWORD }
const signUp = (url: string) => call(url, register, { body: ann })
const signIn = (url: string) => call(url, login, { body: { username: ann.username, password: ann.password } })

let home: Installation
beforeEach(() => void (home = new Installation()))
afterEach(() => home.clean())

describe('a start', () => {
  test('says where the messenger is and how to open it, and one after it finds everything again', async () => {
    const first = home.start()
    const url = await first.ready()
    expect(first.said).toContain('HOST=0.0.0.0 npm start')
    await signUp(url)
    expect(await first.end('SIGTERM')).toBe(0)
    expect(home.database).toBeNull()
    const second = home.start()
    await signIn(await second.ready())
    expect(await second.end('SIGINT')).toBe(0)
  })

  test('open to other computers names an address that this one can open, and theirs', async () => {
    const messenger = home.start({ HOST: '0.0.0.0' })
    const url = await messenger.ready()
    expect(new URL(url).hostname).toBe('localhost')
    expect((await fetch(`${url}health`)).status).toBe(200)
    expect(messenger.said).not.toContain('0.0.0.0')
  })

  test('on a folder in use is refused in one sentence, and the first goes on', async () => {
    const first = home.start()
    const url = await first.ready()
    for (const args of [[], ['migrate']]) {
      const second = home.run(args)
      expect(await second.end()).toBe(1)
      expect(second.said.trim().split('\n')).toHaveLength(1)
      expect(second.said).toContain(`${home.data_dir} is in use by a messenger that runs already`)
      expect(second.said).toContain(`(process ${first.child.pid})`)
    }
    await signUp(url)
  })

  test('on a taken port is refused in one sentence that names it, and leaves no database behind', async () => {
    const other = createServer()
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
    const { port } = other.address() as { port: number }
    try {
      const messenger = home.start({ PORT: String(port) })
      expect(await messenger.end()).toBe(1)
      expect(messenger.said.trim().split('\n')).toHaveLength(1)
      expect(messenger.said).toContain(`Port ${port} is taken`)
      expect(home.database).toBeNull()
    } finally {
      other.close()
    }
  })

  test('after kill -9 of the server finds the database that was left running, and everything in it', async () => {
    const first = home.start()
    await signUp(await first.ready())
    await first.end('SIGKILL')
    const orphan = home.database!
    expect(alive(orphan)).toBe(true)
    const second = home.start()
    await signIn(await second.ready())
    expect(alive(orphan)).toBe(false)
    expect(home.database).not.toBe(orphan)
  })

  test('after kill -9 of everything recovers, and nothing that was acknowledged is lost', async () => {
    const first = home.start()
    await signUp(await first.ready())
    const killed = home.database!
    first.child.kill('SIGKILL')
    process.kill(killed, 'SIGKILL')
    await first.end()
    const second = home.start()
    await signIn(await second.ready())
  })

  test('leaves a stranger alone who got the process id of a database that is gone', async () => {
    const first = home.start()
    await first.ready()
    expect(await first.end('SIGTERM')).toBe(0)
    const { uid, gid } = statSync(home.place)
    const stranger = spawn('sleep', ['60'], { uid, gid, stdio: 'ignore' })
    try {
      writeFileSync(join(home.place, 'postmaster.pid'), `${stranger.pid}\n${home.place}\n1\n5432\n\n\n`)
      await home.start().ready()
      expect(alive(stranger.pid!)).toBe(true)
    } finally {
      stranger.kill('SIGKILL')
    }
  })

  test('starts the database again when that dies alone', async () => {
    const messenger = home.start({ LOG_LEVEL: 'silent' })
    const url = await messenger.ready()
    await signUp(url)
    const killed = home.database!
    process.kill(killed, 'SIGKILL')
    await until('it answers again', () => signIn(url).then(Boolean, () => false))
    expect(home.database).not.toBe(killed)
    expect(await messenger.end('SIGTERM')).toBe(0)
  })

  test.skipIf(process.getuid?.() !== 0)(
    'by root runs the database as somebody else, also where that account cannot enter',
    async () => {
      chmodSync(home.folder, 0o700)
      for (const round of [1, 2]) {
        const messenger = home.start()
        const url = await messenger.ready()
        await (round === 1 ? signUp(url) : signIn(url))
        expect(home.place.startsWith(home.folder)).toBe(false)
        expect(statSync(`/proc/${home.database}`).uid).not.toBe(0)
        expect(statSync(home.place).mode & 0o777).toBe(0o700)
        expect(await messenger.end('SIGTERM')).toBe(0)
      }
    },
  )

  test('names every mistake of the configuration at once', async () => {
    const wrong = {
      TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8, 10.0.0.0/33',
      CORS_ORIGINS: 'https://x.example/app',
    }
    const messenger = home.start({ PORT: 'x', JWT_SECRET: 'short', REGISTRATION: 'perhaps', ...wrong })
    expect(await messenger.end()).toBe(1)
    expect(messenger.said).toContain('TRUSTED_PROXIES holds "10.0.0.0/33", which is neither an IP address')
    expect(messenger.said).toContain('CORS_ORIGINS holds "https://x.example/app", which is not an origin')
    for (const name of ['PORT', 'JWT_SECRET', 'REGISTRATION'])
      expect(messenger.said).toContain(`${name} has to be`)
    expect(existsSync(home.data_dir)).toBe(false)
  })
})

describe('a stop', () => {
  test('finishes what is in flight, closes sockets with 1012 and exits with 0 within ten seconds', async () => {
    const messenger = home.start()
    const url = await messenger.ready()
    await signUp(url)
    const ears = new Ears(url)
    await ears.opened()
    // Hashing the password takes long enough for the signal to come first.
    const answer = signIn(url)
    const begun = await fetch(`${url}metrics`).then((response) => response.ok)
    expect(begun).toBe(true)
    const asked = performance.now()
    messenger.child.kill('SIGTERM')
    expect((await answer).access_token).toBeString()
    expect(await messenger.end()).toBe(0)
    expect(performance.now() - asked).toBeLessThan(10_000)
    await until('the socket is told', () => ears.closed !== null)
    expect(ears.closed!.code).toBe(1012)
    expect(home.database).toBeNull()
  })

  test('that is asked for during the start comes as soon as it can be clean', async () => {
    const messenger = home.start()
    await until('the database is being started', () => home.database !== null)
    expect(await messenger.end('SIGTERM')).toBe(0)
    expect(home.database).toBeNull()
  })

  test('that is asked for twice comes at once', async () => {
    const messenger = home.start()
    const url = await messenger.ready()
    const database = home.database!
    // A database that does not stop.
    process.kill(database, 'SIGSTOP')
    try {
      messenger.child.kill('SIGINT')
      // Two signals that come together are one.
      const refused = () =>
        fetch(`${url}health`).then(
          () => false,
          () => true,
        )
      await until('nobody is let in any more', refused)
      messenger.child.kill('SIGINT')
      expect(await messenger.end()).toBe(1)
      expect(messenger.said).toContain('ending at once: SIGINT again')
    } finally {
      process.kill(database, 'SIGCONT')
    }
  })
})

describe('a command', () => {
  test('config prints every setting with its meaning and source, and no secret', async () => {
    const secret = 'a secret that is long enough, by far'
    const config = home.run(['config'], { JWT_SECRET: secret, PORT: '9999' })
    expect(await config.end()).toBe(0)
    expect(config.said).toContain('PORT=9999')
    expect(config.said).toContain('from the environment; default: 8080')
    expect(config.said).toContain('JWT_SECRET=(set)')
    expect(config.said).not.toContain(secret)
    expect(existsSync(home.data_dir)).toBe(false)
  })

  test('migrate --dry-run prints what would run, and only migrate runs it', async () => {
    const dry = () => home.run(['migrate', '--dry-run'])
    const first = dry()
    expect(await first.end()).toBe(0)
    expect(first.said).toContain('-- V1__initial_schema.sql')
    expect(first.said).toContain(readFileSync(join(MIGRATIONS, 'V1__initial_schema.sql'), 'utf8').trim())
    const real = home.run(['migrate'])
    expect(await real.end()).toBe(0)
    expect(real.said).toContain('applied V1__initial_schema.sql')
    const last = dry()
    expect(await last.end()).toBe(0)
    expect(last.said.trim()).toBe('The database is up to date.')
  })

  test('with an option that it does not know does nothing', async () => {
    for (const args of [
      ['migrate', '--dryrun'],
      ['start', 'now'],
    ]) {
      const slip = home.run(args)
      expect(await slip.end()).toBe(2)
      expect(slip.said).toContain(`has no option "${args[1]}"`)
    }
    expect(existsSync(home.data_dir)).toBe(false)
  })
  test('admin makes, promotes and lets in again, and says so in a sentence while the messenger runs', async () => {
    const run = async (...args: string[]) => {
      const command = home.run(['admin', ...args])
      return { code: await command.end(), said: command.said.trim() }
    }
    const passwordIn = (said: string) => /shown only now: (\S+)$/.exec(said)![1]!
    const made = await run('create', 'root_')
    expect(made).toMatchObject({ code: 0 })
    expect(await run('create', 'ROOT_')).toEqual({ code: 1, said: 'This username is taken.' })
    expect(await run('create', 'no spaces')).toMatchObject({ code: 1 })
    expect(await run('promote', 'nobody')).toEqual({ code: 1, said: 'There is nobody called nobody.' })
    for (const args of [[], ['create'], ['constructor', 'x'], ['create', 'one', 'two']])
      expect((await run(...args)).said).toContain('Usage: messenger admin create|promote|reset-password')

    const messenger = home.start()
    const url = await messenger.ready()
    // There is an admin: no link is offered.
    expect(messenger.said).not.toContain('/admin/claim/')
    await signUp(url)
    const running = await run('promote', ann.username)
    expect(running).toMatchObject({ code: 1 })
    expect(running.said).toContain('in use by a messenger that runs already')
    const signedIn = (password: string) => call(url, login, { body: { username: 'root_', password } })
    const { access_token } = await signedIn(passwordIn(made.said))
    expect((await call(url, getStats, {}, access_token)).total_users).toBe(2)
    await messenger.end('SIGTERM')

    expect(await run('promote', ann.username)).toEqual({ code: 0, said: 'ann_ is an admin.' })
    const reset = await run('reset-password', 'root_')
    const again = home.start({ PORT: '0' })
    const there = await again.ready()
    const tokens = await signIn(there)
    const { entries } = await call(there, listAudit, {}, tokens.access_token)
    expect(entries).toMatchObject([
      { action: 'password_reset', target_name: 'root_', actor_id: null, actor_name: 'command line' },
      { action: 'admin_granted', target_name: 'ann_' },
      { action: 'user_created', target_name: 'root_' },
    ])
    const entered = (password: string) =>
      call(there, login, { body: { username: 'root_', password } }).then(Boolean, () => false)
    expect(await entered(passwordIn(made.said))).toBe(false)
    expect(await entered(passwordIn(reset.said))).toBe(true)
  })

  test('start offers a one-time link while there is no admin, and whoever opens it is the first', async () => {
    const messenger = home.start()
    const url = await messenger.ready()
    await signUp(url)
    const { access_token } = await signIn(url)
    await until('the link is printed', () => messenger.said.includes('/admin/claim/'))
    const token = /\/admin\/claim\/(\S+)/.exec(messenger.said)![1]!
    await call(url, claimAdmin, { body: { token } }, access_token)
    expect((await call(url, getStats, {}, access_token)).total_users).toBe(1)
    await messenger.end('SIGTERM')
    const second = home.start()
    await second.ready()
    expect(second.said).not.toContain('/admin/claim/')
  })

  test('demo fills an empty database with an organisation to look at, and no other', async () => {
    const demo = home.run(['demo'])
    expect(await demo.end()).toBe(0)
    const password = /shown only now: (\S+)/.exec(demo.said)![1]!
    const again = home.run(['demo'])
    expect(await again.end()).toBe(1)
    expect(again.said).toContain('There are people in this database already')
    const url = await home.start().ready()
    const { access_token, user_id } = await call(url, login, { body: { username: 'anna', password } })
    const asked = { params: { user_id } }
    const stats = await call(url, getStats, {}, access_token)
    expect(stats).toMatchObject({ total_users: 12, dau: expect.any(Number) })
    expect(stats.total_messages).toBeGreaterThan(200)
    expect(stats.msg_trend.filter(({ count }) => count > 0).length).toBeGreaterThan(9)
    const { entries } = await call(url, listAudit, {}, access_token)
    expect(entries).toMatchObject([
      { action: 'admin_granted', actor_name: 'command line', target_id: user_id, target_name: 'anna' },
    ])
    const chats = await call(url, listChats, {}, access_token)
    expect(new Set(chats.map(({ type }) => type))).toEqual(new Set(['direct', 'group', 'channel']))
    expect(chats.every((chat) => chat.last_message && Date.parse(chat.last_at!) < Date.now())).toBe(true)
    expect(chats.some((chat) => chat.unread_count > 0)).toBe(true)
    const { messages } = await call(url, getAccount, asked, access_token)
    expect(messages.length).toBeGreaterThan(10)
    expect((await call(url, listAccounts, {}, access_token)).total).toBe(12)
    const { threads } = await call(url, listSupportThreads, {}, access_token)
    expect(threads).toMatchObject([{ username: 'lena', last_from_staff: false }])
  })

  test('that does not exist is answered with those that do', async () => {
    const wrong = home.run(['begin'])
    expect(await wrong.end()).toBe(2)
    expect(wrong.said).toContain('start, migrate, schema, config, admin, demo')
  })
})
