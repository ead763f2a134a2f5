import { Type, type Static } from 'typebox'
import { endpoint } from './endpoint.ts'
import { NoContent } from './parts.ts'

const Theme = Type.Union([Type.Literal('light'), Type.Literal('dark'), Type.Literal('system')])
const Visibility = Type.Union([Type.Literal('everyone'), Type.Literal('approx_only'), Type.Literal('nobody')])

export const Settings = Type.Object({
  theme: Theme,
  notifications_enabled: Type.Boolean(),
  language: Type.String({ minLength: 2, maxLength: 16 }),
  last_seen_visibility: Visibility,
  read_receipts_enabled: Type.Boolean(),
})
export type Settings = Static<typeof Settings>

export const getSettings = endpoint({
  method: 'GET',
  path: '/settings',
  summary: 'The caller’s settings.',
  result: Settings,
})

export const updateSettings = endpoint({
  method: 'PUT',
  path: '/settings',
  summary: 'Merges the given fields into the caller’s settings.',
  status: 204,
  body: Type.Partial(Settings),
  result: NoContent,
})
