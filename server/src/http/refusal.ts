import { REFUSALS, type ErrorBody, type RefusalCode } from '@messenger/contract'
import { DatabaseError } from '../ports/db/port.ts'

/** One sentence for a person who has no client with better words. */
const SENTENCES: Record<RefusalCode, string> = {
  malformed: 'The request could not be read.',
  invalid: 'One of the values is not valid.',
  empty_message: 'A message needs a text.',
  too_many_reactions: 'There are too many different reactions on this message.',
  owner_must_hand_over: 'The owner hands the chat over to somebody before leaving it.',
  not_for_direct_chats: 'That is not possible in a direct chat.',
  too_many_packs: 'There is no room for another sticker pack. Remove one first.',
  too_many_stickers: 'This pack is full.',
  unauthorized: 'Sign in first: the token is missing, wrong or no longer good.',
  wrong_credentials: 'The name or the password is wrong.',
  wrong_password: 'The current password is wrong.',
  blocked: 'This account is blocked.',
  registration_closed: 'Registration is closed on this server.',
  not_allowed: 'You are not allowed to do that.',
  not_a_member: 'You are not a member of this chat.',
  banned: 'Whoever is banned from this chat cannot be in it.',
  too_old: 'That message is too old to be deleted for everyone.',
  origin_not_allowed: 'This page may not open a connection here.',
  not_found: 'There is nothing here, or nothing for you.',
  method_not_allowed: 'This address does not answer that method.',
  username_taken: 'This username is taken.',
  email_taken: 'This email address is taken.',
  public_name_taken: 'This link is taken.',
  gone: 'This is no longer there.',
  too_large: 'That is too large.',
  unsupported_media_type: 'The body has to be JSON.',
  slow_mode: 'This chat is in slow mode. Wait a moment before the next message.',
  rate_limited: 'Too many requests. Try again in a moment.',
  busy: 'Too many people are signing in right now. Try again in a moment.',
  internal: 'Something went wrong here. It has been written down.',
  unavailable: 'The server cannot answer right now. Try again in a moment.',
}

export interface RefusalDetails {
  /** The one input at fault. */
  field?: string
  /** Seconds, for `Retry-After`. */
  retry_after?: number
  /** A better sentence than the code's own. */
  error?: string
}

/** The one way to say no. Anything else that is thrown is a bug, and answered `internal`. */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly details: RefusalDetails
  constructor(code: RefusalCode, details: RefusalDetails = {}) {
    super(details.error ?? SENTENCES[code])
    this.code = code
    this.details = details
  }

  get status(): number {
    return REFUSALS[this.code]
  }

  /** What goes with it: when to come back, how to sign in (RFC 9110 §11.6.1). */
  headers(): Record<string, string> {
    const { retry_after } = this.details
    if (this.status === 401) return { 'www-authenticate': 'Bearer' }
    return retry_after === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retry_after))) }
  }

  body(): ErrorBody {
    const { field } = this.details
    return { error: this.message, code: this.code, ...(field === undefined ? {} : { field }) }
  }
}

/** Lets the database decide: its verdict on a named constraint becomes a refusal. */
export async function refusing<T>(
  work: Promise<T>,
  verdicts: Record<string, RefusalCode | { code: RefusalCode; field: string }>,
): Promise<T> {
  try {
    return await work
  } catch (error) {
    const verdict =
      error instanceof DatabaseError && error.constraint ? verdicts[error.constraint] : undefined
    if (!verdict) throw error
    throw typeof verdict === 'string'
      ? new Refusal(verdict)
      : new Refusal(verdict.code, { field: verdict.field })
  }
}
