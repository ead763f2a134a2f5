// What this machine's runtime can broadcast at all: texts of a message event's size, eight in each turn of the loop,
// held back only while the sockets have not taken what they were given.
const TEXT = JSON.stringify({ type: 'message', id: 1, chat_id: 1, seq: 1, content: 'x'.repeat(820) })
const TEXTS_PER_TURN = 8
const sockets = new Set<Bun.ServerWebSocket<unknown>>()

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch(request, self) {
    if (new URL(request.url).pathname === '/ws' && self.upgrade(request)) return undefined
    if (new URL(request.url).pathname === '/go') setImmediate(turn)
    return new Response('ok')
  },
  websocket: {
    open: (socket) => {
      socket.subscribe('all')
      sockets.add(socket)
    },
    message: () => undefined,
    close: (socket) => void sockets.delete(socket),
  },
})

function turn(): void {
  const [one] = sockets
  if ((one?.getBufferedAmount() ?? 0) < 256 * 1024)
    for (let n = 0; n < TEXTS_PER_TURN; n++) server.publish('all', TEXT)
  setImmediate(turn)
}
