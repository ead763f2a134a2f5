import { PASSWORD_MAX_BYTES, PASSWORD_MIN_BYTES } from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'

/** One @ with something on both sides and no space: the rest is between the address and its post office. */
export function emailOf(given: string): string {
  const email = given.trim()
  if (!/^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)*$/.test(email))
    throw new Refusal('invalid', {
      field: 'email',
      error: 'email has to be an address like ann@example.org.',
    })
  return email
}

/** Spaces around a password are part of it; its length is counted in bytes of UTF-8. */
export function refuseWeak(password: string, field: string): void {
  const bytes = Buffer.byteLength(password)
  if (bytes < PASSWORD_MIN_BYTES || bytes > PASSWORD_MAX_BYTES)
    throw new Refusal('invalid', {
      field,
      error: `${field} has to be ${PASSWORD_MIN_BYTES} to ${PASSWORD_MAX_BYTES} bytes long.`,
    })
}
