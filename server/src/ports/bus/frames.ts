import type { Audience } from './port.ts'

/** Many events as one text: each is `audience length\n` and then so many UTF-16 units of it. */
export const batchOf = (events: readonly { audience: Audience; text: string }[]): string =>
  events.map(({ audience, text }) => `${audience} ${text.length}\n${text}`).join('')

/** The events of a batch that starts at `at`. */
export function* framesOf(batch: string, at: number): Generator<{ audience: Audience; text: string }> {
  while (at < batch.length) {
    const space = batch.indexOf(' ', at)
    const line = batch.indexOf('\n', space)
    const end = line + 1 + Number(batch.slice(space + 1, line))
    // Our own nodes wrote it; a foreign publisher on this channel is outside the house's trust anyway.
    yield { audience: batch.slice(at, space) as Audience, text: batch.slice(line + 1, end) }
    at = end
  }
}
