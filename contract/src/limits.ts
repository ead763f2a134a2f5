/** Limits that both sides check. Lengths are in characters (Unicode code points) unless said otherwise. */
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
/** A voice message's loudness as its sender drew it. */
export const WAVEFORM_VALUES = 64
export const WAVEFORM_PEAK = 100
export const MESSAGES_PAGE_MAX = 100
export const CHANGES_PAGE_MAX = 500
export const PINS_PAGE_MAX = 100
/** Earlier versions of a message that are kept; older ones go. */
export const EDITS_KEPT = 100
/** Bytes of UTF-8. */
export const EMOJI_MAX_BYTES = 32
/** Different reactions that one message may hold, and one person may give it. */
export const REACTIONS_MAX = 20
export const OWN_REACTIONS_MAX = 3
/** Messages whose reactions one request may ask for. */
export const REACTED_MESSAGES_MAX = 200
/** Messages that one request may forward. */
export const FORWARDS_MAX = 100
export const SEARCH_PAGE_MAX = 50
export const SEARCH_TERM_MAX = 200
export const MEMBERS_PAGE_MAX = 200
export const CHATS_PAGE_MAX = 500
export const BANS_PAGE_MAX = 200
export const INVITES_PAGE_MAX = 100
export const INVITE_USES_MAX = 1_000_000
export const SLOW_MODE_MAX_SECONDS = 86_400
/** One request may add this many people at once. */
export const MEMBER_IDS_MAX = 200
export const PACK_NAME_MAX = 64
export const STICKER_LABEL_MAX = 64
/** Packs that one person makes, and those in one person's list, added ones among them. */
export const OWN_PACKS_MAX = 20
export const PACKS_MAX = 30
export const PACK_STICKERS_MAX = 120
/** The largest file that a sticker is made of, in bytes. */
export const STICKER_FILE_MAX = 10 * 1024 * 1024
/** A sender may delete for everyone this long after sending. */
export const DELETE_FOR_EVERYONE_MS = 48 * 3600 * 1000
/** The largest JSON body, in bytes. */
export const JSON_BODY_MAX = 1024 * 1024
