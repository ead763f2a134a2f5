import type { MessageType, SystemEvent } from '@messenger/contract'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { Refusal } from '../../http/refusal.ts'
import type { Bus } from '../../ports/bus/port.ts'
import { DatabaseUnavailable, type Db, type Queries } from '../../ports/db/port.ts'
import { ownReactions } from '../reactions/queries.ts'
import { repliedTo } from './queries.ts'
import type { Senders } from './senders.ts'
import { isRepeated, sentBefore, slowModeWait, storeMessages, type Send, type Sent } from './store.ts'
import { eventText, messageBody, type Sender, type StoredMessage } from './wire.ts'

/** A stored message: its JSON after `type`, made once. `repeated` when this client_id had been sent before. */
export interface Written {
  body: string
  message_type: MessageType
  repeated: boolean
}

interface Waiting {
  send: Send
  /** How many of those behind it have to ride in the same batch. */
  together: number
  resolve: (written: Written) => void
  reject: (error: unknown) => void
}

type Stored = { one: Waiting; sent: Sent }[]

/** A batch that is with the database. */
interface UnderWay {
  readonly batch: Waiting[]
  /** Never rejected: nobody may be waiting for it yet. */
  readonly stored: Promise<Stored | Error>
}

interface Lane {
  /** Always the same process of the database: what it needs for the next batch is still in its caches. */
  readonly line: Queries
  readonly waiting: Waiting[]
  /** The one that the database works on, and the one that it finds when it is done. */
  readonly under_way: UnderWay[]
  busy: boolean
  /** How many should wait before the next batch leaves, at least one. */
  wanted: number
  /** When the last batch was answered, and how long it takes from one to the next, in ms. */
  answered: number
  round: number
  /** Ends the wait for more sends; null while nobody waits. */
  enough: (() => void) | null
}

/**
 * Commits that may be in flight at once. A chat always rides in the same lane, so its events leave in order. More lanes
 * make smaller batches, and a batch has a price of its own (0.3 ms of the database's time, where a message has 0.04): on
 * two cores one lane stores 14 k/s, two 12 k/s (docs/decisions/0001).
 */
const LANES = Math.min(4, Math.max(1, availableParallelism() - 1))
const BATCH_MAX = 512
/**
 * What a batch costs for itself is what so many of its rows cost. Those who were answered together send again at nearly the
 * same time: a batch of fewer waits for them (docs/decisions/0014).
 */
const WORTH_SENDING = 16
const GATHER_MS = 2
const ROUND_MAX_MS = 5
/**
 * So many go to the database while a batch is under way there: it takes them up at once, and does not wait until this
 * process hears of the one and sends the other (docs/decisions/0016).
 */
const WORTH_SENDING_AHEAD = 2 * WORTH_SENDING
/** After a pause as long as this nobody is expected any more. */
const QUIET_MS = 20
/** More than this many waiting sends are refused: the database is not keeping up. */
const WAITING_MAX = 20_000
/** A send with a client_id is tried again after these pauses when the database drops the connection. */
const RETRY_AFTER_MS = [30, 100, 300, 600, 1000, 2000]
/** Repeats come in crowds, when clients connect again: for so long after one, more are reckoned with. */
const REPEATS_FOR_MS = 5000

const turn = () => new Promise<void>((next) => setImmediate(next))

/**
 * Of few who send as often as they are answered all ride together. Of many some are always waiting, and who needs longer
 * is not waited for.
 */
function noteAnswer(lane: Lane, size: number): void {
  const now = performance.now()
  lane.round += (now - lane.answered - lane.round) / 4
  lane.answered = now
  const ahead = lane.under_way[0]?.batch.length ?? 0
  const senders = size + ahead + lane.waiting.length
  const few = senders < 2 * WORTH_SENDING && lane.round < ROUND_MAX_MS
  lane.wanted = few ? Math.min(senders, WORTH_SENDING) : 1
}

const isWorthSending = ({ waiting, wanted }: Lane) => waiting.length >= wanted

/** Resolves when enough are waiting or have been waited for; at the earliest in the next turn of the loop. */
async function gathered(lane: Lane): Promise<void> {
  await turn()
  if (isWorthSending(lane)) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS)
    lane.enough = () => {
      clearTimeout(timer)
      lane.enough = null
      // What else this turn brings rides with them.
      setImmediate(resolve)
    }
  })
  lane.enough = null
}

/**
 * Sends ride together: those that arrive while a commit is in flight form the next batch, one statement and one fsync
 * for all of them. A lane that was idle adds no wait beyond the turn of the loop, which gathers the sends that came in it.
 */
export class MessageWriter {
  readonly #db: Db
  readonly #bus: Bus
  readonly #senders: Senders
  readonly #log: Logger
  readonly #stored: (sends: readonly Send[]) => void
  readonly #handedOver: () => void
  readonly #lanes: Lane[]
  #waiting = 0
  #repeatsUntil = 0

  constructor(deps: {
    db: Db
    bus: Bus
    senders: Senders
    log: Logger
    /** Told what each commit brought. */
    stored: (sends: readonly Send[]) => void
    /** Called when a batch is with the database: until it is answered, the loop has time. */
    handedOver: () => void
  }) {
    this.#db = deps.db
    this.#bus = deps.bus
    this.#senders = deps.senders
    this.#log = deps.log
    this.#stored = deps.stored
    this.#handedOver = deps.handedOver
    this.#lanes = Array.from({ length: LANES }, () => ({
      line: deps.db.line(),
      waiting: [],
      under_way: [],
      busy: false,
      wanted: 1,
      answered: 0,
      round: 0,
      enough: null,
    }))
  }

  /** Resolves after the commit; the event was published by then. Throws `Refusal` or `DatabaseUnavailable`. */
  write(send: Send): Promise<Written> {
    return this.#enqueue(send, 0)
  }

  /** Many sends of one chat in one commit, in their order: all are stored or none. */
  writeAll(sends: readonly Send[]): Promise<Written[]> {
    if (this.#waiting + sends.length > WAITING_MAX) throw new Refusal('unavailable', { retry_after: 1 })
    return Promise.all(sends.map((send, index) => this.#enqueue(send, sends.length - 1 - index)))
  }

  /** What a chat says of itself: a `system` message of whoever did it, who may have left by now. Counts as unread for nobody. */
  announce(chat_id: number, sender_id: number, system_event: SystemEvent): Promise<Written> {
    const said = { content: null, client_id: null, reply_to_message_id: null }
    return this.write({ chat_id, sender_id, ...said, message_type: 'system', more: { system_event } })
  }

  #enqueue(send: Send, together: number): Promise<Written> {
    if (this.#waiting >= WAITING_MAX) throw new Refusal('unavailable', { retry_after: 1 })
    return new Promise((resolve, reject) => {
      const lane = this.#lanes[send.chat_id % LANES]!
      this.#waiting++
      lane.waiting.push({ send, together, resolve, reject })
      if (lane.enough && isWorthSending(lane)) lane.enough()
      // What has to ride together is whole only with its last.
      if (together === 0) this.#sendAhead(lane)
      if (lane.busy) return
      lane.busy = true
      void this.#run(lane)
    })
  }

  /** Resolves when nothing is in flight. */
  async drained(): Promise<void> {
    while (this.#waiting > 0) await new Promise((turn) => setTimeout(turn, 5))
  }

  /** Batches one after the other; the next one is with the database while the answers of the one before are made. */
  async #run(lane: Lane): Promise<void> {
    const now = performance.now()
    if (now - lane.answered > QUIET_MS) Object.assign(lane, { wanted: 1, answered: now, round: 0 })
    await gathered(lane)
    this.#begin(lane)
    for (let first = lane.under_way[0]; first; first = lane.under_way[0]) {
      const stored = await first.stored
      lane.under_way.shift()
      noteAnswer(lane, first.batch.length)
      if (stored instanceof Error) await this.#recover(lane, first.batch, stored)
      else {
        if (lane.under_way.length > 0) this.#sendAhead(lane)
        else if (isWorthSending(lane)) {
          this.#begin(lane)
          // The driver writes at the end of a turn: without one, the database would wait until the answers are made.
          await turn()
        }
        await this.#finish(first.batch, stored)
      }
      if (lane.under_way.length > 0) continue
      await gathered(lane)
      this.#begin(lane)
    }
    lane.busy = false
  }

  #sendAhead(lane: Lane): void {
    if (lane.under_way.length === 1 && lane.waiting.length >= WORTH_SENDING_AHEAD) this.#begin(lane)
  }

  #begin(lane: Lane): void {
    const last = lane.waiting[BATCH_MAX - 1]
    const batch = lane.waiting.splice(0, BATCH_MAX + (last?.together ?? 0))
    if (batch.length === 0) return
    // After the turn in which the driver writes it, and in which the answers of the batch before it are made.
    setImmediate(() => setImmediate(this.#handedOver))
    const repeats = performance.now() < this.#repeatsUntil
    const stored = this.#storeAll(lane.line, batch, repeats).catch((error: unknown) => error as Error)
    lane.under_way.push({ batch, stored })
  }

  async #finish(batch: readonly Waiting[], stored: Stored): Promise<void> {
    try {
      await this.#tell(stored)
    } catch (error) {
      for (const one of batch) one.reject(error)
    }
    this.#waiting -= batch.length
  }

  /**
   * What was sent behind a batch that failed was stored before it is: it is told first, or tried again after it. Nothing is
   * sent ahead meanwhile, as nothing is under way.
   */
  async #recover(lane: Lane, batch: Waiting[], error: Error): Promise<void> {
    const failed = [{ batch, error }]
    for (const behind of lane.under_way.splice(0)) {
      const stored = await behind.stored
      if (stored instanceof Error) failed.push({ batch: behind.batch, error: stored })
      else await this.#finish(behind.batch, stored)
    }
    for (const one of failed) {
      const again = this.#storeAgain(lane.line, one.batch, one.error)
      const stored = await again.catch((failure: unknown) => failure as Error)
      if (stored instanceof Error) for (const { reject } of one.batch) reject(stored)
      await this.#finish(one.batch, stored instanceof Error ? [] : stored)
    }
  }

  async #tell(results: Stored): Promise<void> {
    if (results.length === 0) return
    const kept = results.filter(({ sent }) => sent.id !== null)
    const people = await this.#senders.of(
      kept.flatMap(({ one, sent }) =>
        sent.reply ? [one.send.sender_id, sent.reply.sender_id] : one.send.sender_id,
      ),
    )
    this.#stored(kept.map(({ one }) => one.send))
    for (const { one, sent } of kept) {
      const body = bodyOf(one.send, sent, people)
      this.#bus.publish(`chat:${one.send.chat_id}`, eventText(body))
      one.resolve({ body, message_type: one.send.message_type, repeated: false })
    }
    const repeated: Waiting[] = []
    for (const { one, sent } of results) {
      if (sent.refusal === 'not_found') one.reject(new Refusal('not_found', { field: 'reply_to_message_id' }))
      else if (sent.refusal === 'slow_mode') void this.#refuseSlow(one)
      else if (sent.refusal) one.reject(new Refusal(sent.refusal))
      else if (sent.id === null) repeated.push(one)
    }
    if (repeated.length > 0) await this.#answerRepeated(repeated)
  }

  /** How long to wait is asked for the refused alone: the statement that stores carries nothing for it. */
  async #refuseSlow({ send, reject }: Waiting): Promise<void> {
    try {
      const retry_after = await slowModeWait(this.#db, { chat_id: send.chat_id, user_id: send.sender_id })
      reject(new Refusal('slow_mode', { retry_after }))
    } catch (error) {
      reject(error)
    }
  }

  /** Sends without a client_id are refused at once when nobody can say whether they were committed. */
  async #storeAgain(line: Queries, batch: Waiting[], error: unknown): Promise<Stored> {
    let left = batch
    let failure = error
    for (const pause of [...RETRY_AFTER_MS, null]) {
      if (!isRepeated(failure) && !(failure instanceof DatabaseUnavailable))
        return this.#storeApart(line, left, failure)
      this.#reckonWithRepeats()
      if (failure instanceof DatabaseUnavailable) {
        const safe = pause === null ? [] : left.filter((one) => one.send.client_id !== null)
        for (const one of left) if (!safe.includes(one)) one.reject(failure)
        left = safe
        if (left.length === 0 || pause === null) return []
        await new Promise((turn) => setTimeout(turn, pause))
      }
      try {
        return await this.#storeAll(line, left, true)
      } catch (again) {
        failure = again
      }
    }
    return []
  }

  #reckonWithRepeats(): void {
    this.#repeatsUntil = performance.now() + REPEATS_FOR_MS
  }

  /**
   * Nearly all sends are new: a repeat shows by the unique key, and fails the statement. Where `repeats` are reckoned
   * with it does not.
   */
  async #storeAll(line: Queries, batch: readonly Waiting[], repeats: boolean): Promise<Stored> {
    const sent = await storeMessages(
      line,
      batch.map((one) => one.send),
      { repeats },
    )
    return batch.map((one, index) => ({ one, sent: sent[index]! }))
  }

  /** The statement itself failed: apart, so that a bad row refuses itself (and what rides with it), not its neighbours. */
  async #storeApart(line: Queries, batch: Waiting[], error: unknown): Promise<Stored> {
    const apart: Waiting[][] = []
    for (let at = 0; at < batch.length; at += apart.at(-1)!.length)
      apart.push(batch.slice(at, at + 1 + batch[at]!.together))
    if (apart.length === 1) throw error
    this.#log.error(
      { err: error, sends: batch.length },
      'a batch of messages was refused by the database; trying them apart',
    )
    const results: Stored = []
    for (const part of apart) {
      try {
        results.push(...(await this.#storeAll(line, part, true)))
      } catch (failure) {
        for (const one of part) one.reject(failure)
      }
    }
    return results
  }

  async #answerRepeated(repeated: Waiting[]): Promise<void> {
    const found = await sentBefore(
      this.#db,
      repeated.map((one) => one.send),
    )
    const people = await this.#senders.of(found.map((message) => message.sender_id))
    for (const one of repeated) {
      const first = found.find(
        ({ chat_id, client_id, sender_id }) =>
          chat_id === one.send.chat_id &&
          sender_id === one.send.sender_id &&
          client_id === one.send.client_id,
      )
      if (!first) one.reject(new Refusal('gone'))
      else {
        const { message_type } = first
        one.resolve({ body: await this.#firstBody(first, people), message_type, repeated: true })
      }
    }
  }

  async #firstBody(message: StoredMessage, people: Map<number, Sender>): Promise<string> {
    const reply_id = message.reply_to_message_id
    const [reply] = reply_id === null ? [] : await repliedTo(this.#db, message.chat_id, [reply_id])
    const replied = reply && (await this.#senders.of([reply.sender_id])).get(reply.sender_id)
    const reader = { chat_id: message.chat_id, user_id: message.sender_id }
    const own = message.more?.reactions ? await ownReactions(this.#db, reader, [message.id]) : null
    const mine = own?.get(message.id) ?? new Set()
    return messageBody(message, { sender: people.get(message.sender_id)!, reply, replied, mine })
  }
}

function bodyOf(send: Send, sent: Sent, people: Map<number, Sender>): string {
  const message: StoredMessage = {
    id: sent.id!,
    chat_id: send.chat_id,
    seq: sent.seq,
    revision: sent.revision,
    sender_id: send.sender_id,
    client_id: send.client_id,
    message_type: send.message_type,
    content: send.content,
    is_edited: false,
    updated_ms: null,
    is_deleted: false,
    reply_to_message_id: send.reply_to_message_id,
    more: send.more,
  }
  const sender = people.get(send.sender_id)!
  if (!sent.reply) return messageBody(message, { sender })
  return messageBody(message, { sender, reply: sent.reply, replied: people.get(sent.reply.sender_id) })
}
