import { percentile, rounded, type Figure } from '../figures.ts'
import { BenchServer } from '../server.ts'

/** From the process to its first answer, when everything is there already. */
export async function start(): Promise<Figure> {
  const server = await BenchServer.start(false)
  const times: number[] = []
  for (let n = 0; n < 5; n++) {
    await server.down()
    times.push(await server.up(false))
  }
  await server.stop()
  const median = percentile(times, 0.5)
  return {
    work: 'second start to the first answered request',
    measured: `${rounded(median / 1000, 2)} s`,
    floor: '2 s',
    aim: '1 s',
    limit: '',
    met: median <= 2000,
    values: { median, slowest: Math.max(...times) },
  }
}
