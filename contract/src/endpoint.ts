import type { Static, TObject, TSchema } from 'typebox'
import type { RefusalCode } from './errors.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Who may call: `user` needs an access token, `admin` one of a site admin, `optional` takes one when there is one,
 * `public` ignores it.
 * Membership and rights are the endpoint's own and named in `refusals`.
 */
export type Caller = 'user' | 'admin' | 'optional' | 'public'

export interface Endpoint<
  M extends Method = Method,
  Path extends string = string,
  Params extends TObject = TObject,
  Query extends TObject = TObject,
  Body extends TObject = TObject,
  Result extends TSchema = TSchema,
  C extends Caller = Caller,
> {
  readonly method: M
  /** As `/chats/:chat_id`; answered at the root and under `/api`. */
  readonly path: Path
  readonly caller: C
  /** The status of success; an endpoint that may answer another one says so in `statuses`. */
  readonly status: number
  readonly statuses: readonly number[]
  /** `multipart`: the body is a form (RFC 7578) and flows; `body` only describes it. */
  readonly takes: 'json' | 'multipart'
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly result: Result
  readonly refusals: readonly RefusalCode[]
  readonly summary: string
}

type Written<
  M extends Method,
  Path extends string,
  Params extends TObject,
  Query extends TObject,
  Body extends TObject,
  Result extends TSchema,
  C extends Caller,
> = {
  method: M
  path: Path
  summary: string
  caller?: C
  status?: number
  statuses?: readonly number[]
  takes?: 'json' | 'multipart'
  params?: Params
  query?: Query
  body?: Body
  result: Result
  refusals?: readonly RefusalCode[]
}

const NOTHING_ASKED = { type: 'object', properties: {} } as unknown as TObject<{}>

export function endpoint<
  const M extends Method,
  const Path extends string,
  Result extends TSchema,
  Params extends TObject = TObject<{}>,
  Query extends TObject = TObject<{}>,
  Body extends TObject = TObject<{}>,
  const C extends Caller = 'user',
>(
  written: Written<M, Path, Params, Query, Body, Result, C>,
): Endpoint<M, Path, Params, Query, Body, Result, C> {
  return {
    caller: 'user' as C,
    status: 200,
    statuses: [],
    takes: 'json',
    params: NOTHING_ASKED as unknown as Params,
    query: NOTHING_ASKED as unknown as Query,
    body: NOTHING_ASKED as unknown as Body,
    refusals: [],
    ...written,
  }
}

export type ParamsOf<E extends Endpoint> = Static<E['params']>
export type QueryOf<E extends Endpoint> = Static<E['query']>
export type BodyOf<E extends Endpoint> = Static<E['body']>
export type ResultOf<E extends Endpoint> = Static<E['result']>
