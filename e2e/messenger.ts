import { test as base, expect, type Browser, type BrowserContextOptions, type Page } from '@playwright/test'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
export const PASSWORD = 'correct horse'

/** One of its own for a test, with what an operator would set; gone when the test is over. */
export async function withMessenger(
  env: Record<string, string>,
  use: (messenger: Messenger) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-e2e-'))
  const messenger = new Messenger(await freePort(), folder, env)
  try {
    await messenger.start()
    await use(messenger)
  } finally {
    await messenger.stop('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** A messenger of its own, as `npm start` runs it, that can be killed and started again. */
export class Messenger {
  readonly port: number
  readonly folder: string
  readonly #env: Record<string, string>
  /** What its starts printed. */
  said = ''
  #process: ChildProcess | null = null

  constructor(port: number, folder: string, env: Record<string, string> = {}) {
    this.port = port
    this.folder = folder
    this.#env = env
  }

  get url(): string {
    return `http://localhost:${this.port}`
  }

  async start(): Promise<void> {
    const child = spawn(join(ROOT, 'node_modules/.bin/bun'), [join(ROOT, 'server/src/main.ts')], {
      env: {
        ...process.env,
        PORT: String(this.port),
        DATA_DIR: join(this.folder, 'data'),
        RATE_LIMITS: 'off',
        LOG_LEVEL: 'warn',
        ...this.#env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout.on('data', (text) => (this.said += String(text)))
    this.#process = child
    const end = Date.now() + 60_000
    for (;;) {
      const ready = await fetch(`${this.url}/ready`)
        .then((answer) => answer.ok)
        .catch(() => false)
      if (ready) return
      if (child.exitCode !== null || Date.now() > end) throw new Error('the messenger did not start')
      await new Promise((next) => setTimeout(next, 50))
    }
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await exited
  }
}

export interface Account {
  username: string
  name: string
  user_id: number
  token: string
}

async function ask<T>(url: string, path: string, body?: object, token?: string, method = 'POST'): Promise<T> {
  const answer = await fetch(`${url}/api${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return (answer.status === 204 ? null : await answer.json()) as T
}

let made = 0

/** Somebody with an account, and what they do without a browser. */
export class Api {
  readonly url: string
  constructor(url: string) {
    this.url = url
  }

  async account(name: string): Promise<Account> {
    const username = `${name
      .split(' ')[0]!
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')}_${++made}`
    const body = { username, email: `${username}@example.org`, password: PASSWORD, display_name: name }
    await ask(this.url, '/auth/register', body)
    return this.signIn(username, name)
  }

  async signIn(username: string, name: string): Promise<Account> {
    const body = { username, password: PASSWORD }
    const tokens = await ask<{ user_id: number; access_token: string }>(this.url, '/auth/login', body)
    return { username, name, user_id: tokens.user_id, token: tokens.access_token }
  }

  async direct(one: Account, other: Account): Promise<number> {
    const body = { type: 'direct', member_ids: [other.user_id] }
    return (await ask<{ id: number }>(this.url, '/chats', body, one.token)).id
  }

  async room(owner: Account, type: 'group' | 'channel', title: string, members: Account[]): Promise<number> {
    const body = { type, title, member_ids: members.map((one) => one.user_id) }
    return (await ask<{ id: number }>(this.url, '/chats', body, owner.token)).id
  }

  /** The path of a link into a chat. */
  async invite(who: Account, chat_id: number, invite: object = {}): Promise<string> {
    return (await ask<{ link: string }>(this.url, `/chats/${chat_id}/invites`, invite, who.token)).link
  }

  say(who: Account, chat_id: number, content: string): Promise<{ id: number; seq: number }> {
    return ask(this.url, `/chats/${chat_id}/messages`, { content, client_id: randomUUID() }, who.token)
  }

  edit(who: Account, chat_id: number, message_id: number, content: string): Promise<object> {
    return ask(this.url, `/chats/${chat_id}/messages/${message_id}`, { content }, who.token, 'PUT')
  }

  history(who: Account, chat_id: number): Promise<{ content: string; seq: number }[]> {
    return ask(this.url, `/chats/${chat_id}/messages?limit=100`, undefined, who.token, 'GET')
  }
}

/** A browser of their own in which somebody is signed in. */
export async function open(
  browser: Browser,
  url: string,
  who: Account,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ ...options, baseURL: url })
  const page = await context.newPage()
  await page.goto('/login')
  await page.getByLabel('Username or email').fill(who.username)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/app')
  return page
}

/** Fills in the form of a new account, in English, and sends it. */
export async function register(page: Page, name: string, username: string): Promise<void> {
  await page.getByLabel('Your name').fill(name)
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Email').fill(`${username}@example.org`)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
}

/** Two people with a chat of their own, in which nothing has been said yet. */
interface Pair {
  mia: Account
  leo: Account
  chat_id: number
  /** The chat in a browser of one of them. */
  openFor: (who: Account) => Promise<Page>
  /** The same for both, Mia first. */
  openForBoth: () => Promise<[Page, Page]>
}

async function newPair(browser: Browser, api: Api): Promise<Pair> {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  const chat_id = await api.direct(mia, leo)
  const openFor = async (who: Account) => {
    const page = await open(browser, api.url, who)
    await page.goto(`/app/c/${chat_id}`)
    return page
  }
  return { mia, leo, chat_id, openFor, openForBoth: async () => [await openFor(mia), await openFor(leo)] }
}

export const composer = (page: Page) => page.getByRole('textbox', { name: /^(Message|Post)$/ })

export async function write(page: Page, text: string): Promise<void> {
  await composer(page).fill(text)
  await page.keyboard.press('Enter')
}

/** The words of all bubbles, in their order. */
export const bubbles = (page: Page): Promise<string[]> =>
  page.locator('.message .text').evaluateAll((all) =>
    all.map((one) => {
      const copy = one.cloneNode(true) as HTMLElement
      copy.querySelector('.meta')?.remove()
      return copy.textContent.trim()
    }),
  )

export const test = base.extend<{ api: Api; pair: Pair; faults: string[] }, { messenger: Messenger }>({
  messenger: [async ({}, use) => withMessenger({}, use), { scope: 'worker', timeout: 90_000 }],
  api: async ({ messenger }, use) => use(new Api(messenger.url)),
  pair: async ({ browser, api }, use) => use(await newPair(browser, api)),
  /** What any page of a test complained about: an error fails the test. */
  faults: [
    async ({ browser }, use) => {
      const faults: string[] = []
      const watch = (page: Page) => {
        page.on('pageerror', (error) => faults.push(error.message))
        page.on('console', (said) => {
          // A refused or lost request is said by the browser itself, and is often what a test is about.
          const network = /^Failed to load resource|WebSocket connection to/.test(said.text())
          if (said.type() === 'error' && !network) faults.push(said.text())
        })
      }
      const newContext = browser.newContext.bind(browser)
      browser.newContext = async (options) => {
        const context = await newContext(options)
        context.on('page', watch)
        return context
      }
      await use(faults)
      browser.newContext = newContext
      expect(faults).toEqual([])
    },
    { auto: true },
  ],
})

export { expect }
