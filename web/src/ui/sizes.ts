const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const
const STEP = 1024

/** How large a file is, as the reader's language writes it: 4.2 MB. */
export function sizeOf(bytes: number, language: string): string {
  let value = bytes
  let place = 0
  while (value >= STEP && place < UNITS.length - 1) {
    value /= STEP
    place++
  }
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: UNITS[place]!,
    unitDisplay: place === 0 ? 'long' : 'short',
    maximumFractionDigits: place < 2 || value >= 100 ? 0 : 1,
  }).format(value)
}

/** Minutes and seconds: 0:42. */
export function lengthOf(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

const TAIL = 9

/** A file's name in two parts, of which the first may be cut: the ending stays in sight. */
export function splitName(name: string): { head: string; tail: string } {
  const letters = [...name]
  const cut = letters.length <= TAIL * 2 ? letters.length : letters.length - TAIL
  return { head: letters.slice(0, cut).join(''), tail: letters.slice(cut).join('') }
}

const ENDING_MAX = 4

/** What is written on a file's icon: its ending. */
export function endingOf(name: string): string {
  const ending = /\.([\p{L}\p{N}]+)$/u.exec(name)?.[1] ?? ''
  return [...ending].length <= ENDING_MAX ? ending.toUpperCase() : ''
}
