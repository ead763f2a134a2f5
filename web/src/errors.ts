import type { ErrorBody, RefusalCode } from '@messenger/contract'

/** What the server said no with. `code` has words in the locales. */
export class ApiError extends Error {
  readonly status: number
  readonly code: RefusalCode
  readonly field: string | null
  /** Seconds, when the server named a time to wait. */
  readonly retry_after: number | null
  readonly request_id: string | null
  constructor(status: number, body: Partial<ErrorBody>, headers: Headers) {
    super(body.error ?? String(status))
    this.status = status
    this.code = body.code ?? 'internal'
    this.field = body.field ?? null
    const after = headers.get('retry-after')
    this.retry_after = after === null ? null : Number(after)
    this.request_id = headers.get('x-request-id')
  }
}

/** The server did not answer at all: offline, restarting, or too slow. */
export class NetworkError extends Error {}

/** Nobody said no: the same call may work a moment later. */
export const mayPass = (error: unknown): boolean =>
  error instanceof NetworkError ||
  (error instanceof ApiError && (error.status === 429 || error.status >= 500))

/** It is not there, or no longer for us. */
export const isOutOfReach = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 403 || error.status === 404)
