/** A token bucket: `burst` at once, refilled at `perSecond`. */
export interface Rate {
  burst: number
  perSecond: number
}

export interface Limits {
  /** Takes one token; resolves to 0 when it may pass, otherwise to the seconds (> 0) until it may. */
  take(key: string, rate: Rate): Promise<number>
  /** Forgets a bucket, as after a right password. */
  forget(key: string): Promise<void>
  check(): Promise<void>
  close(): Promise<void>
}
