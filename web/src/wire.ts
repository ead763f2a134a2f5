import { reactive } from 'vue'
import type { ClientFrame, ServerEvent } from '@messenger/contract'

/** What stores and pictures know of the socket: what it hears, and that something can be said. `live.ts` holds it. */

type Heard<T extends ServerEvent['type']> = Extract<ServerEvent, { type: T }>
type Listener = (event: ServerEvent) => void

/** `retry_at` is in ms since 1970 while waiting to try again. */
export const connection = reactive<{
  state: 'off' | 'connecting' | 'online' | 'waiting'
  retry_at: number
  ever: boolean
}>({
  state: 'off',
  retry_at: 0,
  ever: false,
})

const listeners = new Map<string, Set<Listener>>()
const readyListeners = new Set<() => void>()
let line: Line | null = null

interface Line {
  start(): void
  stop(): void
  /** Whether somebody looks at the window: who does not is shown as away. */
  setActive(active: boolean): void
  /** Says something when the socket is open; what is lost otherwise may be lost (typing, presence). */
  say(frame: ClientFrame): void
  /** Tries to connect now instead of at the next time. */
  tryNow(): void
}

export function on<T extends ServerEvent['type']>(type: T, listener: (event: Heard<T>) => void): void {
  const known = listeners.get(type) ?? new Set()
  listeners.set(type, known.add(listener as Listener))
}

/** Called after every sign-in of the socket: whatever was missed meanwhile is asked for now. */
export const onReady = (listener: () => void): void => void readyListeners.add(listener)

/** Hands an event to all who wait for its type. */
export function heard(event: ServerEvent): void {
  if (event.type === 'auth_ok') for (const listener of readyListeners) listener()
  for (const listener of listeners.get(event.type) ?? []) listener(event)
}

export const start = (): void => line?.start()
export const stop = (): void => line?.stop()
export const setActive = (active: boolean): void => line?.setActive(active)
export const say = (frame: ClientFrame): void => line?.say(frame)
export const tryNow = (): void => line?.tryNow()

/** The one socket takes the line. */
export const connectTo = (socket: Line): void => void (line = socket)
