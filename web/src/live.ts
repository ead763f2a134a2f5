import type { ClientFrame, ServerEvent } from '@messenger/contract'
import { currentTokens, renew } from './api.ts'
import { NetworkError } from './errors.ts'
import { connectTo, connection, heard } from './wire.ts'

const PING_MS = 25_000
const PONG_MS = 8_000
const RETRY_MS = [1000, 2000, 4000, 8000, 16_000, 30_000]
/** A timer that comes this late was not run: the computer slept, and the socket is not to be believed. */
const SLEPT_MS = 15_000
const UNAUTHORIZED = 4401

let socket: WebSocket | null = null
let attempts = 0
let retryTimer: ReturnType<typeof setTimeout> | undefined
let pongTimer: ReturnType<typeof setTimeout> | undefined
let wanted = false
let active = true
let ticked = Date.now()

function sendNow(frame: ClientFrame): void {
  if (socket?.readyState === WebSocket.OPEN && connection.state === 'online')
    socket.send(JSON.stringify(frame))
}

function setActive(next: boolean): void {
  if (active === next) return
  active = next
  sendNow({ type: 'presence_update', status: next ? 'active' : 'away' })
}

function start(): void {
  if (wanted) return
  wanted = true
  attempts = 0
  open()
}

function stop(): void {
  wanted = false
  clearTimeout(retryTimer)
  drop()
  connection.state = 'off'
}

function retryNow(): void {
  if (!wanted || connection.state === 'online' || connection.state === 'connecting') return
  clearTimeout(retryTimer)
  open()
}

function open(): void {
  const tokens = currentTokens()
  if (!tokens) return stop()
  drop()
  connection.state = 'connecting'
  const opened = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`)
  socket = opened
  pongTimer = setTimeout(() => lose(opened), PONG_MS)
  opened.onopen = () => opened.send(JSON.stringify({ type: 'auth', token: tokens.access_token, active }))
  opened.onmessage = (message) => hear(opened, JSON.parse(String(message.data)) as ServerEvent)
  opened.onclose = (event) => lose(opened, event.code)
}

function drop(): void {
  clearTimeout(pongTimer)
  const old = socket
  socket = null
  old?.close()
}

function hear(from: WebSocket, event: ServerEvent): void {
  if (from !== socket) return
  if (event.type === 'pong' || event.type === 'auth_ok') clearTimeout(pongTimer)
  if (event.type === 'auth_ok') {
    attempts = 0
    connection.state = 'online'
    connection.ever = true
  }
  heard(event)
}

function lose(from: WebSocket, code = 0): void {
  if (from !== socket) return
  drop()
  if (!wanted) return
  if (code === UNAUTHORIZED) return void renewThenOpen()
  retryLater()
}

function retryLater(): void {
  const pause = RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)]! * (0.8 + Math.random() * 0.4)
  connection.state = 'waiting'
  connection.retry_at = Date.now() + pause
  clearTimeout(retryTimer)
  retryTimer = setTimeout(open, pause)
}

/** The token may have expired, or the session ended: the refresh tells which. */
async function renewThenOpen(): Promise<void> {
  connection.state = 'connecting'
  try {
    if (await renew()) retryLater()
    else stop()
  } catch (error) {
    if (!(error instanceof NetworkError)) attempts = Math.max(attempts, 2)
    retryLater()
  }
}

function ping(): void {
  if (connection.state !== 'online' || !socket) return
  const asked = socket
  sendNow({ type: 'ping', active })
  clearTimeout(pongTimer)
  pongTimer = setTimeout(() => lose(asked), PONG_MS)
}

/** Something changed around us: look whether the socket still lives, or try to get one. */
function hurry(): void {
  if (connection.state === 'online') ping()
  else retryNow()
}

/** Takes the line, and watches the computer's sleep and network; called once. */
export function watchConnection(): void {
  connectTo({ start, stop, setActive, say: sendNow, tryNow: retryNow })
  setInterval(ping, PING_MS)
  setInterval(() => {
    const slept = Date.now() - ticked > SLEPT_MS
    ticked = Date.now()
    if (slept) hurry()
  }, 5000)
  window.addEventListener('online', hurry)
  window.addEventListener('offline', () => {
    if (socket) lose(socket)
  })
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') hurry()
  })
}
