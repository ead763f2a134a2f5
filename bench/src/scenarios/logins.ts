import { pbkdf2 } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { percentile, rounded, type Figure } from '../figures.ts'
import { requestText } from '../http.ts'
import { closedLoop, WARM_UP } from '../load.ts'
import type { BenchServer } from '../server.ts'

const derive = promisify(pbkdf2)

/** Hashes a second when every core does nothing else. */
async function hashesAlone(seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      while (performance.now() < end) {
        await derive('correct horse', 'sixteen bytes of', 600_000, 32, 'sha256')
        done++
      }
    }),
  )
  return done / seconds
}

/** A storm of logins beside 50 posts a second: neither waits for the other. */
export async function logins(server: BenchServer, first: number, seconds: number): Promise<Figure> {
  await server.people(first, 4)
  const chat_id = await server.group([first, first + 1, first + 2, first + 3])
  const account = { username: 'stormy', email: 'stormy@example.org', password: 'correct horse' }
  const [door] = await server.connect(1)
  await door!.send(requestText('POST', '/api/auth/register', null, account))
  door!.close()
  const alone = await hashesAlone(4)

  const posting = await server.connect(4)
  const steady = async () => {
    const began = performance.now()
    const samples: number[] = []
    await Promise.all(
      posting.map(async (connection, n) => {
        for (let at = began + n * 20; at < began + seconds * 1000; at += 80) {
          await Bun.sleep(Math.max(0, at - performance.now()))
          const sent = performance.now()
          await connection.send(server.post(chat_id, server.token(first + n), 'a message'))
          samples.push(performance.now() - sent)
        }
      }),
    )
    return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) }
  }
  await closedLoop(posting, (n) => server.post(chat_id, server.token(first + n), 'a message'), WARM_UP, 0)
  await steady()
  const unloaded = await steady()
  const storm = await server.connect(24)
  const body = requestText('POST', '/api/auth/login', null, {
    username: account.username,
    password: account.password,
  })
  const [measured, loaded] = await Promise.all([
    closedLoop(storm, () => body, seconds, WARM_UP),
    Bun.sleep(WARM_UP * 1000).then(steady),
  ])
  for (const one of [...posting, ...storm]) one.close()
  const share = measured.rate / alone
  return {
    work: 'login storm, 24 at once, beside 50 posts/s',
    measured: `${rounded(measured.rate)} logins/s (× ${rounded(share, 2)} of the hash alone); p99 of posts ${rounded(unloaded.p99)} → ${rounded(loaded.p99)} ms (× ${rounded(loaded.p99 / unloaded.p99, 2)})`,
    floor: '× 0.9; × 2',
    aim: '',
    limit: `PBKDF2 on all cores: ${rounded(alone)}/s`,
    met: share >= 0.9 && loaded.p99 <= 2 * unloaded.p99 && measured.failed === 0,
    values: {
      rate: measured.rate,
      share,
      unloaded: unloaded.p99,
      loaded: loaded.p99,
      unloaded50: unloaded.p50,
      loaded50: loaded.p50,
      alone,
    },
  }
}
