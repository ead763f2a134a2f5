import { Type, type TSchema } from 'typebox'
import * as limits from './limits.ts'

/** An id, a seq or a revision: a whole number below 2^53. */
export const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
export const Time = Type.String({ description: 'ISO 8601, UTC, milliseconds' })
export const Uuid = Type.String({
  description: 'a UUID (RFC 9562)',
  pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
})
export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
export const NoContent = Type.Null({ description: 'No body (204).' })

export const Username = Type.String({
  pattern: `^[A-Za-z0-9_]{${limits.USERNAME_MIN},${limits.USERNAME_MAX}}$`,
  description: `${limits.USERNAME_MIN} to ${limits.USERNAME_MAX} letters (A–Z), digits or underscores`,
})
export const PublicName = Type.String({
  pattern: `^[A-Za-z0-9_]{${limits.PUBLIC_NAME_MIN},${limits.PUBLIC_NAME_MAX}}$`,
  description: `${limits.PUBLIC_NAME_MIN} to ${limits.PUBLIC_NAME_MAX} letters (A–Z), digits or underscores`,
})
export const ChatParams = Type.Object({ chat_id: Id })
export const MessageInChat = Type.Object({ chat_id: Id, message_id: Id })
/** Page sizes are clamped to their range by the server, never refused. */
export const limit = (standard: number, maximum: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, default: standard }))
