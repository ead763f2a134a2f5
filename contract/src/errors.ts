/** The closed list of refusals: the machine code on the wire and the status it is answered with. */
export const REFUSALS = {
  malformed: 400,
  invalid: 400,
  empty_message: 400,
  too_many_reactions: 400,
  owner_must_hand_over: 400,
  not_for_direct_chats: 400,
  too_many_packs: 400,
  too_many_stickers: 400,
  unauthorized: 401,
  wrong_credentials: 401,
  wrong_password: 403,
  blocked: 403,
  registration_closed: 403,
  not_allowed: 403,
  not_a_member: 403,
  banned: 403,
  too_old: 403,
  origin_not_allowed: 403,
  not_found: 404,
  method_not_allowed: 405,
  username_taken: 409,
  email_taken: 409,
  public_name_taken: 409,
  gone: 410,
  too_large: 413,
  unsupported_media_type: 415,
  slow_mode: 429,
  rate_limited: 429,
  busy: 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<string, number>

export type RefusalCode = keyof typeof REFUSALS

/** The body of every answer that is not a success. */
export interface ErrorBody {
  /** One sentence for a person, in English; clients have their own words for `code`. */
  error: string
  code: RefusalCode
  /** The one input at fault. */
  field?: string
}
