import { pino, type Logger } from 'pino'

const LEVELS: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: '',
  40: 'warning: ',
  50: 'error: ',
  60: 'fatal: ',
}

interface Line {
  level: number
  time: number
  msg: string
  err?: { stack?: string; message?: string }
  [more: string]: unknown
}

/** One line for a person at a terminal: the time, what happened, and what belongs to it. */
function forPerson(text: string): string {
  const { level, time, msg, err, pid, hostname, ...more } = JSON.parse(text) as Line
  void [pid, hostname]
  const details = Object.entries(more).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const trace = err ? `\n${err.stack ?? err.message ?? ''}` : ''
  return `${new Date(time).toTimeString().slice(0, 8)} ${LEVELS[level] ?? ''}${msg}${details.join('')}${trace}\n`
}

/** JSON lines for machines; short lines when a person is looking. */
export function openLog(level: string): Logger {
  const person = process.stdout.isTTY === true
  return pino(
    { level, base: undefined as never },
    { write: (text: string) => void process.stdout.write(person ? forPerson(text) : text) },
  )
}
