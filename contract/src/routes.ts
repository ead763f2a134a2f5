import type * as admin from './admin.ts'
import type * as auth from './auth.ts'
import type * as chats from './chats.ts'
import type { Endpoint } from './endpoint.ts'
import type * as files from './files.ts'
import type * as invites from './invites.ts'
import type * as forwards from './forwards.ts'
import type * as messages from './messages.ts'
import type * as pins from './pins.ts'
import type * as reactions from './reactions.ts'
import type * as search from './search.ts'
import type * as settings from './settings.ts'
import type * as stickers from './stickers.ts'
import type * as support from './support.ts'
import type * as sync from './sync.ts'
import type * as users from './users.ts'

type Everything = typeof admin &
  typeof auth &
  typeof chats &
  typeof files &
  typeof forwards &
  typeof invites &
  typeof messages &
  typeof pins &
  typeof reactions &
  typeof search &
  typeof settings &
  typeof stickers &
  typeof support &
  typeof sync &
  typeof users
type Named = Everything[keyof Everything]
type Found<T> =
  T extends Endpoint<infer _M, infer _P, infer _A, infer _Q, infer _B, infer _R, infer _C> ? T : never
type Endpoints = Found<Named>

/**
 * Every endpoint by what is said on the wire, as `'POST /chats/:chat_id/messages'`: a client that imports only this
 * type is checked against the contract and carries none of its schemas.
 */
export type Routes = { [E in Endpoints as `${E['method']} ${E['path']}`]: E }
