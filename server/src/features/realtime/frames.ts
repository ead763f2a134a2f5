import { ClientFrame, type ServerEvent } from '@messenger/contract'
import { checker, parseJson, type Check } from '../../http/input.ts'
import { Refusal } from '../../http/refusal.ts'

const checks = Object.fromEntries(
  Object.entries(ClientFrame).map(([type, schema]) => [type, checker(schema)]),
) as Record<string, Check>

/** A frame that satisfies the contract; throws `Refusal` with the field at fault. */
export function readFrame(text: string): ClientFrame {
  const frame = parseJson(text)
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame))
    throw new Refusal('malformed', { error: 'A frame has to be a JSON object.' })
  const type = (frame as { type?: unknown }).type
  const check = typeof type === 'string' && Object.hasOwn(checks, type) ? checks[type] : undefined
  if (!check)
    throw new Refusal('invalid', { field: 'type', error: 'type is not one that this socket knows.' })
  check(frame)
  return frame as ClientFrame
}

/** The client_id of a frame that may not be valid otherwise, so that the sender learns which message was refused. */
export function clientIdIn(text: string): string | undefined {
  try {
    const { client_id } = JSON.parse(text) as { client_id?: unknown }
    return typeof client_id === 'string' && client_id.length <= 64 ? client_id : undefined
  } catch {
    return undefined
  }
}

export function errorFrame(error: unknown, client_id?: string): ServerEvent {
  const refusal = error instanceof Refusal ? error : new Refusal('internal')
  const { code, error: sentence, field } = { ...refusal.body() }
  const { retry_after } = refusal.details
  return {
    type: 'error',
    message: sentence,
    error: sentence,
    code,
    ...(client_id === undefined ? {} : { client_id }),
    ...(field === undefined ? {} : { field }),
    ...(retry_after === undefined ? {} : { retry_after: Math.ceil(retry_after) }),
  }
}
