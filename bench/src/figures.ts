/** The value below which `share` of the sorted-in-place samples lie; 0 without samples. */
export function percentile(samples: number[], share: number): number {
  if (samples.length === 0) return 0
  samples.sort((a, b) => a - b)
  return samples[Math.min(samples.length - 1, Math.floor(samples.length * share))]!
}

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits))

/** One line of the table: what was measured, against which floor and aim, beside which limit of the same run. */
export interface Figure {
  work: string
  measured: string
  floor: string
  aim: string
  /** What the machine could do at all in the same run; '' where nothing comparable was measured. */
  limit: string
  met: boolean
  /** The raw numbers. */
  values: Record<string, number>
}

export function table(figures: readonly Figure[]): string {
  const head = ['work', 'measured', 'floor', 'aim', 'limit in the same run', '']
  const rows = figures.map(({ work, measured, floor, aim, limit, met }) => [
    work,
    measured,
    floor,
    aim,
    limit,
    met ? 'ok' : 'below the floor',
  ])
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
