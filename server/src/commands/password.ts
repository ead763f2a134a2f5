import { randomInt } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** Read aloud without a mistake: no 0 and O, no 1, l and I. */
const SIGNS = 'abcdefghijkmnpqrstuvwxyz23456789'
const LENGTH = 20

/** 100 bits, in groups of five. */
export const generatedPassword = (): string =>
  Array.from(
    { length: LENGTH },
    (_, at) => (at > 0 && at % 5 === 0 ? '-' : '') + SIGNS[randomInt(SIGNS.length)],
  ).join('')

/** A line from a person, not echoed, or from a pipe; null for an empty one and for none. */
export async function askedPassword(question: string): Promise<string | null> {
  const { stdin, stdout } = process
  if (stdin.isTTY) stdout.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: silent, terminal: stdin.isTTY })
  const line = await new Promise<string>((said) => {
    lines.once('line', said)
    lines.once('close', () => said(''))
  })
  lines.close()
  if (stdin.isTTY) stdout.write('\n')
  return line === '' ? null : line
}
