import { rounded, type Figure } from '../figures.ts'
import { Listeners } from '../listeners.ts'
import { BenchServer, FIRST_PERSON, residentBytes } from '../server.ts'

const SOCKETS = 10_000
const MB = 1024 * 1024

async function settled(pid: number): Promise<number> {
  let least = Infinity
  for (let n = 0; n < 10; n++) {
    await Bun.sleep(500)
    least = Math.min(least, residentBytes(pid))
  }
  return least
}

/** Memory of a server that does nothing, and what each idle socket adds, with one chat and with fifty. */
export async function memory(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const chats of [1, 50]) {
    const server = await BenchServer.start()
    try {
      await server.people(FIRST_PERSON, SOCKETS)
      // Chats of fifty people each: person p is in chats p, p + 1, … modulo their number.
      await server.sql.unsafe(`
        insert into chats (id, type, title, owner_id, member_count)
          select n, 'group', 'Group ' || n, 1, 50 from generate_series(1, ${SOCKETS}) n;
        insert into chat_heads (chat_id) select n from generate_series(1, ${SOCKETS}) n;
        insert into chat_members (chat_id, user_id)
          select (p + k * 199) % ${SOCKETS} + 1, p from generate_series(${FIRST_PERSON}, ${FIRST_PERSON + SOCKETS - 1}) p, generate_series(1, ${chats}) k;`)
      await server.analyze()
      const idle = await settled(server.pid)
      if (chats === 1)
        figures.push({
          work: 'memory of an idle server',
          measured: `${rounded(idle / MB)} MB`,
          floor: '80 MB',
          aim: '60 MB',
          limit: '',
          met: idle <= 80 * MB,
          values: { bytes: idle },
        })
      const tokens = Array.from({ length: SOCKETS }, (_, n) => server.token(FIRST_PERSON + n))
      const listeners = await Listeners.open(server.port, tokens)
      const each = ((await settled(server.pid)) - idle) / SOCKETS
      const floor = chats === 1 ? 4096 : 9216
      figures.push({
        work: `each of 10,000 idle sockets, ${chats === 1 ? 'one chat' : '50 chats'}`,
        measured: `${rounded(each / 1024, 2)} KB`,
        floor: chats === 1 ? '4 KB' : '9 KB',
        aim: '',
        limit: '',
        met: each <= floor,
        values: { bytes: each },
      })
      await listeners.close()
    } finally {
      await server.stop()
    }
  }
  return figures
}
