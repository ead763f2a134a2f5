/** Limits that both sides check. Lengths are in characters (UTF-16 units) unless said otherwise. */
export const USERNAME_MIN = 3
export const USERNAME_MAX = 32
export const PASSWORD_MIN_BYTES = 6
export const PASSWORD_MAX_BYTES = 1024
export const DISPLAY_NAME_MAX = 64
export const BIO_MAX = 200
export const TITLE_MAX = 128
export const DESCRIPTION_MAX = 500
export const PUBLIC_NAME_MIN = 5
export const PUBLIC_NAME_MAX = 32
export const CONTENT_MAX = 4096
export const MESSAGES_PAGE_MAX = 100
export const CHANGES_PAGE_MAX = 500
export const SEARCH_PAGE_MAX = 50
export const SEARCH_TERM_MAX = 200
export const MEMBERS_PAGE_MAX = 200
export const CHATS_PAGE_MAX = 500
/** One request may add this many people at once. */
export const MEMBER_IDS_MAX = 200
/** A sender may delete for everyone this long after sending. */
export const DELETE_FOR_EVERYONE_MS = 48 * 3600 * 1000
/** The largest JSON body and the largest socket frame, in bytes. */
export const JSON_BODY_MAX = 1024 * 1024
