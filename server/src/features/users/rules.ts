import type { UserWithPresence } from '@messenger/contract'

export type Visibility = 'everyone' | 'approx_only' | 'nobody'
type Approx = NonNullable<UserWithPresence['last_seen_approx']>
type ShownPresence = Pick<UserWithPresence, 'is_online' | 'last_activity' | 'last_seen_approx'>

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** How long ago, as vaguely as the contract allows. */
export function approximately(last_activity: Date | null, now: Date): Approx {
  const ago = last_activity ? now.getTime() - last_activity.getTime() : Infinity
  if (ago < 5 * MINUTE) return 'just now'
  if (ago < 60 * MINUTE) return 'within an hour'
  if (ago < DAY) return 'today'
  return ago < 7 * DAY ? 'this week' : 'long ago'
}

/** What a signed-in viewer sees of somebody; the person themselves and site admins see everything. */
export function shownPresence(
  target: { visibility: Visibility; is_online: boolean; last_activity: Date | null },
  viewer: { is_self: boolean; is_admin: boolean },
  now: Date,
): ShownPresence {
  const { visibility, is_online, last_activity } = target
  if (visibility === 'everyone' || viewer.is_self || viewer.is_admin)
    return { is_online, last_activity: last_activity?.toISOString() ?? null }
  const hidden = { is_online: null, last_activity: null }
  if (visibility === 'nobody') return hidden
  return { ...hidden, last_seen_approx: is_online ? 'just now' : approximately(last_activity, now) }
}
