import { JSON_BODY_MAX } from '@messenger/contract'
import type { TObject, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Refusal } from './refusal.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** A text that no JSON client of ours could have meant: NUL, or half of a surrogate pair. */
const unspeakable = (text: string) => text.includes('\0') || !text.isWellFormed()

function refuseUnspeakable(value: unknown, field: string): void {
  if (typeof value === 'string') {
    if (unspeakable(value))
      throw new Refusal('invalid', { field, error: `${field} holds characters that are not text.` })
  } else if (Array.isArray(value)) {
    for (const item of value) refuseUnspeakable(item, field)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) refuseUnspeakable(item, field || key)
  }
}

/** Parses JSON from an untrusted text. Escapes are the only way in for NUL and lone surrogates, so only they are looked for. */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal('malformed', { error: 'The body is not valid JSON.' })
  }
  if (text.includes('\\u')) refuseUnspeakable(value, '')
  return value
}

export function decode(bytes: Uint8Array | ArrayBuffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Refusal('malformed', { error: 'The body is not valid UTF-8.' })
  }
}

/** Reads a body that gives no length, and stops at the limit. */
async function readCapped(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.byteLength
    if (size > JSON_BODY_MAX) throw new Refusal('too_large', { error: 'The body is larger than 1 MiB.' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The body as an object; an empty one is `{}`, whatever its content type. */
export async function readBody(request: Request): Promise<unknown> {
  const length = request.headers.get('content-length')
  if (length === '0' || (length === null && request.body === null)) return {}
  if (length !== null && Number(length) > JSON_BODY_MAX)
    throw new Refusal('too_large', { error: 'The body is larger than 1 MiB.' })
  const bytes =
    length === null ? await readCapped(request.body!) : new Uint8Array(await request.arrayBuffer())
  if (bytes.byteLength === 0) return {}
  const type = request.headers.get('content-type')
  if (type !== null && !/^application\/(.+\+)?json\b/i.test(type)) throw new Refusal('unsupported_media_type')
  return parseJson(decode(bytes))
}

export type Check = (value: unknown) => void

interface Described {
  description?: string
  const?: unknown
  anyOf?: readonly Described[]
}

const meaning = (one: Described | undefined): string | undefined =>
  one?.description ?? one?.anyOf?.map(meaning).find(Boolean)

/** The words of a closed list, as `light, dark, system`; undefined where there is more to it. */
function choices(one: Described | undefined): string | undefined {
  const words = one?.anyOf?.map((choice) => choice.const)
  return words?.every((word) => typeof word === 'string') ? words.join(', ') : undefined
}

/** A check that names the first field at fault. */
export function checker(schema: TSchema): Check {
  const compiled = Compile(schema)
  const { properties = {} } = schema as { properties?: Record<string, Described> }
  return (value) => {
    if (compiled.Check(value)) return
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Refusal('invalid', { error: 'The body has to be a JSON object.' })
    const found = [...compiled.Errors(value)]
    const missing = found.find((one) => one.keyword === 'required' && one.instancePath === '')
    const first = found.find((one) => one.instancePath !== '') ?? found[0]
    const required = (missing?.params as { requiredProperties?: string[] } | undefined)
      ?.requiredProperties?.[0]
    const field = required ?? (first?.instancePath.split('/')[1] || undefined)
    if (!field) throw new Refusal('invalid')
    // A pattern is for machines; what it means stands beside it.
    const meant = first?.keyword === 'pattern' ? meaning(properties[field]) : undefined
    const listed = choices(properties[field])
    const why = required
      ? 'is required'
      : listed
        ? `has to be one of ${listed}`
        : meant
          ? `has to be ${meant}`
          : (first?.message ?? 'is not valid')
    throw new Refusal('invalid', { field, error: `${field} ${why}.` })
  }
}

/** Any way to write a number in JSON, and with a plus. */
const NUMERIC = /^[+-]?\d{1,400}(\.\d{1,400})?(e[+-]?\d{1,4})?$/i

type Coerced = Record<string, unknown>
type PropertySchema = { type?: string; minimum?: number; maximum?: number }

const CLAMPED: ReadonlySet<string> = new Set(['limit', 'page', 'per_page'])

/**
 * Query and path values arrive as text: numbers and booleans are made of it as the schema asks. The sizes and
 * numbers of pages are clamped to their range, as the contract wants; any other number out of range is refused.
 */
export function coercer(schema: TObject): (given: Record<string, string | undefined>) => Coerced {
  const properties = Object.entries(schema.properties as Record<string, PropertySchema>)
  const required = new Set((schema as { required?: string[] }).required)
  // As forms send what nobody filled in; of a text that is required, it is the text.
  const isLeftOut = (name: string, { type }: PropertySchema) => type !== 'string' || !required.has(name)
  const check = checker(schema)
  return (given) => {
    const made: Coerced = {}
    for (const [name, property] of properties) {
      const text = given[name]
      if (text === undefined || (text === '' && isLeftOut(name, property))) continue
      if (CLAMPED.has(name) && NUMERIC.test(text)) {
        const { minimum = 1, maximum = Infinity } = property
        made[name] = Math.min(Math.max(Math.trunc(Number(text)), minimum), maximum)
      } else if (property.type === 'integer') {
        if (!/^-?\d{1,400}$/.test(text))
          throw new Refusal('invalid', { field: name, error: `${name} has to be a whole number.` })
        made[name] = Number(text)
      } else if (property.type === 'boolean') {
        if (!/^(true|false|1|0)$/.test(text))
          throw new Refusal('invalid', { field: name, error: `${name} has to be true or false.` })
        made[name] = text === 'true' || text === '1'
      } else {
        if (unspeakable(text))
          throw new Refusal('invalid', { field: name, error: `${name} holds characters that are not text.` })
        made[name] = text
      }
    }
    check(made)
    return made
  }
}
