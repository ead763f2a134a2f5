/** Below this many listeners a publish is cheap enough to leave at once. */
const FEW_LISTENERS = 48
/** A topic is never held back longer than this, in ms. */
const HOLD_MAX_MS = 15
/** How many texts a flush should carry: the price of fan-out is the write per socket, not its bytes. */
const TEXTS_PER_FLUSH = 6
/** A topic that has so many is full: with more they would no longer fit into one write (16 KB in uWebSockets). */
const TEXTS_FULL = 16
/** A full topic leaves when the loop has time, if it had some within `IDLE_SEEN_MS`, after `FULL_MAX_MS` at the latest. */
const IDLE_SEEN_MS = 20
const FULL_MAX_MS = 3
/** To more than these it takes longer than the loop ever waits: it leaves at once. */
const MANY_LISTENERS = 300
/** How fast the estimate of a topic's rate forgets, in ms. */
const RATE_WINDOW_MS = 250

interface Topic {
  texts: string[]
  timer: ReturnType<typeof setTimeout> | null
  flushed: number
  /** Texts per ms, decaying. */
  rate: number
  heard: number
}

export interface Outlet {
  publish(topic: string, text: string): void
  listeners(topic: string): number
}

/**
 * Holds a hot topic back a few milliseconds, so that its texts leave each socket in one write. A quiet topic is never
 * held: the first text leaves at once, and a wait begins only when another is expected within it.
 */
export class Pacing {
  readonly #outlet: Outlet
  readonly #topics = new Map<string, Topic>()
  readonly #full = new Set<string>()
  #idle = -Infinity
  readonly #sweep: ReturnType<typeof setInterval>

  constructor(outlet: Outlet) {
    this.#outlet = outlet
    this.#sweep = setInterval(() => this.#forgetQuiet(), 10_000)
    this.#sweep.unref()
  }

  publish(name: string, text: string): void {
    const listeners = this.#outlet.listeners(name)
    if (listeners < FEW_LISTENERS) {
      if (this.#topics.has(name)) this.flush(name)
      this.#outlet.publish(name, text)
      return
    }
    const now = performance.now()
    let topic = this.#topics.get(name)
    if (!topic) this.#topics.set(name, (topic = { texts: [], timer: null, flushed: 0, rate: 0, heard: now }))
    topic.rate = topic.rate * Math.exp((topic.heard - now) / RATE_WINDOW_MS) + 1 / RATE_WINDOW_MS
    topic.heard = now
    topic.texts.push(text)
    if (topic.texts.length === TEXTS_FULL) this.#filled(name, topic, listeners)
    if (topic.texts.length >= TEXTS_FULL || topic.timer !== null) return
    const wait = topic.flushed + holdFor(topic.rate) - now
    topic.timer = setTimeout(() => this.flush(name), Math.max(0, wait))
  }

  /** Called when the loop waits for something else, as the database: writing to many sockets then holds nobody up. */
  idle(): void {
    this.#idle = performance.now()
    for (const name of this.#full) this.flush(name)
  }

  #filled(name: string, topic: Topic, listeners: number): void {
    // What else this turn of the loop brings leaves with them.
    if (listeners > MANY_LISTENERS || topic.heard - this.#idle > IDLE_SEEN_MS)
      return void setImmediate(() => this.flush(name))
    this.#full.add(name)
    if (topic.timer !== null) clearTimeout(topic.timer)
    topic.timer = setTimeout(() => this.flush(name), FULL_MAX_MS)
  }

  /** Lets a topic's texts out now: before anyone's subscription to it changes. */
  flush(name: string): void {
    const topic = this.#topics.get(name)
    if (!topic) return
    if (topic.timer !== null) clearTimeout(topic.timer)
    topic.timer = null
    this.#full.delete(name)
    if (topic.texts.length === 0) return
    topic.flushed = performance.now()
    const { texts } = topic
    topic.texts = []
    for (const text of texts) this.#outlet.publish(name, text)
  }

  close(): void {
    clearInterval(this.#sweep)
    for (const name of [...this.#topics.keys()]) this.flush(name)
    this.#topics.clear()
  }

  #forgetQuiet(): void {
    const now = performance.now()
    for (const [name, topic] of this.#topics)
      if (topic.timer === null && now - topic.heard > 10_000) this.#topics.delete(name)
  }
}

/** Milliseconds to hold a topic with this many texts per ms; 0 where no other is expected meanwhile. */
export function holdFor(rate: number): number {
  if (rate * HOLD_MAX_MS < 1) return 0
  return Math.min(HOLD_MAX_MS, TEXTS_PER_FLUSH / rate)
}
