import type * as admin from './admin.ts'
import type * as auth from './auth.ts'
import type * as chats from './chats.ts'
import type { Endpoint } from './endpoint.ts'
import type * as messages from './messages.ts'
import type * as settings from './settings.ts'
import type * as support from './support.ts'
import type * as sync from './sync.ts'
import type * as users from './users.ts'

type Everything = typeof admin &
  typeof auth &
  typeof chats &
  typeof messages &
  typeof settings &
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
