import { Refusal } from '../../http/refusal.ts'

export function mayBeUsed({ is_over, is_used_up }: { is_over: boolean; is_used_up: boolean }): void {
  if (is_over || is_used_up) throw new Refusal('gone')
}

/** PostgreSQL's own end of time is later, but nothing that is written like this is. */
const LATEST = Date.UTC(10_000, 0)

/** When an invite ends: a time to come. */
export function endOf(expires_at: string | null | undefined, now: number): Date | null {
  if (expires_at === null || expires_at === undefined) return null
  const at = /^\d{4}-\d{2}-\d{2}T/.test(expires_at) ? Date.parse(expires_at) : NaN
  if (!(at > now && at < LATEST))
    throw new Refusal('invalid', {
      field: 'expires_at',
      error: 'expires_at has to be an ISO 8601 time to come.',
    })
  return new Date(at)
}
