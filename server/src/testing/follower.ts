import { listChanges, sendMessage, type Message } from '@messenger/contract'
import { ApiRefusal, call, Ears, type Person } from './world.ts'

const RETRY_MS = 100
const NO_ANSWER_MS = 5000

/**
 * A client as the contract means it: sends under a client_id until it is answered, keeps the next revision, ignores a
 * known one, and asks for changes over a gap and after every reconnect.
 */
export class Follower {
  readonly held = new Map<number, Message>()
  readonly acknowledged: Message[] = []
  /** In the order of writing. */
  readonly written: string[] = []
  readonly #who: Person
  readonly #chat_id: number
  #revision = 0
  #ears: Ears | null = null
  #applied = 0
  #running = true
  #writing = false
  #catching = false
  #askedAgain = false

  constructor(who: Person, chat_id: number) {
    this.#who = who
    this.#chat_id = chat_id
  }

  get revision(): number {
    return this.#revision
  }

  /** Connects, and does so again for as long as it runs. */
  async run(): Promise<void> {
    while (this.#running) {
      if (!this.#ears || this.#ears.closed) await this.#connect()
      else this.#hear()
      await Bun.sleep(5)
    }
    this.#ears?.close()
  }

  stop(): void {
    this.#running = false
  }

  /** Writes one message every `every_ms`, each sent after the one before it was acknowledged, until told to stop. */
  async write(every_ms: number): Promise<void> {
    this.#writing = true
    for (let at = Date.now(); this.#writing; at += every_ms) {
      await Bun.sleep(Math.max(0, at - Date.now()))
      const client_id = crypto.randomUUID()
      this.written.push(client_id)
      for (;;) {
        const sent = await this.#call(sendMessage, {
          body: { content: String(this.written.length), client_id },
        })
        if (sent) {
          this.acknowledged.push(sent as Message)
          break
        }
        await Bun.sleep(RETRY_MS)
      }
    }
  }

  rest(): void {
    this.#writing = false
  }

  async #call(endpoint: typeof sendMessage | typeof listChanges, given: object): Promise<unknown> {
    try {
      const asked = call(
        this.#who.url,
        endpoint,
        { params: { chat_id: this.#chat_id }, ...given },
        this.#who.tokens.access_token,
      )
      return await Promise.race([asked, Bun.sleep(NO_ANSWER_MS).then(() => null)])
    } catch (error) {
      // A clear no would be a fault of the server's: nobody here does what is not allowed.
      if (error instanceof ApiRefusal && error.status !== 503) throw error
      return null
    }
  }

  async #connect(): Promise<void> {
    this.#ears = null
    this.#applied = 0
    const ears = new Ears(this.#who.url)
    try {
      await ears.opened()
      ears.say({ type: 'auth', token: this.#who.tokens.access_token })
      const silence = Bun.sleep(NO_ANSWER_MS).then(() => {
        throw new Error('no answer in time')
      })
      await Promise.race([ears.next('auth_ok'), silence])
      this.#ears = ears
      void this.#catchUp()
    } catch {
      ears.close()
      await Bun.sleep(RETRY_MS)
    }
  }

  #hear(): void {
    const { heard } = this.#ears!
    while (this.#applied < heard.length) {
      const event = heard[this.#applied++]!
      if (event.type === 'resync') void this.#catchUp()
      if (event.type !== 'message' || event.chat_id !== this.#chat_id || event.revision <= this.#revision)
        continue
      if (event.revision > this.#revision + 1) {
        void this.#catchUp()
        continue
      }
      this.#revision = event.revision
      this.held.set(event.id, { ...event, type: event.message_type })
    }
  }

  /** Whoever asks while it is under way knows of something newer than it may see. */
  async #catchUp(): Promise<void> {
    this.#askedAgain = true
    if (this.#catching) return
    this.#catching = true
    while (this.#askedAgain && this.#running) {
      this.#askedAgain = false
      await this.#follow()
    }
    this.#catching = false
  }

  async #follow(): Promise<void> {
    for (let more = true; more && this.#running;) {
      const page = (await this.#call(listChanges, { query: { after: this.#revision, limit: 500 } })) as {
        changes: Message[]
        revision: number
        has_more: boolean
      } | null
      if (!page) {
        await Bun.sleep(RETRY_MS)
        continue
      }
      for (const change of page.changes) this.held.set(change.id, change)
      this.#revision = Math.max(this.#revision, page.revision)
      more = page.has_more
    }
  }
}
