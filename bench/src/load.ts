import type { Connection, Reply } from './http.ts'
import { percentile } from './figures.ts'

export interface Measured {
  /** Answers per second. */
  rate: number
  /** Milliseconds. */
  p50: number
  p99: number
  failed: number
}

/** Before anything is counted, in seconds. */
export const WARM_UP = 2

/** Each connection asks again as soon as it was answered, for `seconds` after a warm-up; not 2xx counts as failed. */
export async function closedLoop(
  connections: readonly Connection[],
  next: (connection: number) => string,
  seconds: number,
  warm = 1,
  onReply?: (reply: Reply, sent: number) => void,
): Promise<Measured> {
  const begin = performance.now() + warm * 1000
  const end = begin + seconds * 1000
  const latencies: number[] = []
  let failed = 0
  await Promise.all(
    connections.map(async (connection, n) => {
      for (;;) {
        const sent = performance.now()
        if (sent >= end) return
        const reply = await connection.send(next(n), onReply !== undefined)
        const now = performance.now()
        if (reply.status >= 300) failed++
        onReply?.(reply, sent)
        if (now >= begin && now <= end) latencies.push(now - sent)
      }
    }),
  )
  return {
    rate: latencies.length / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    failed,
  }
}
