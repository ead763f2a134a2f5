import { jwtVerify, SignJWT } from 'jose'
import { remember } from '../remember.ts'
import { Refusal } from './refusal.ts'

/** Who is calling, as of at most a second ago. */
export interface Caller {
  id: number
  username: string
  display_name: string
  session_id: number
  is_admin: boolean
}

/** What the database knows of a session: absent when it ended or its user is blocked or deleted. */
export interface LiveSession {
  session_id: number
  user_id: number
  username: string
  display_name: string
  is_admin: boolean
}

export type LoadSessions = (session_ids: readonly number[]) => Promise<LiveSession[]>

interface Known {
  caller: Caller
  /** Seconds since the epoch, from the token. */
  expires: number
  /** When the database last confirmed the session, in ms. */
  confirmed: number
}

/** A blocked or ended session is refused at once on a node that hears of it, and after this long on one that does not. */
const CONFIRMED_FOR_MS = 1000
const REMEMBERED_TOKENS = 50_000

/**
 * Access tokens (RFC 7519, HS256). A token's signature is checked once; that its session still lives is confirmed with
 * the database every second, all sessions that ask in one turn together.
 */
export class Sessions {
  readonly #secret: Uint8Array
  readonly #load: LoadSessions
  readonly #known = new Map<string, Known>()
  #asking: { ids: Set<number>; answer: Promise<Map<number, LiveSession>> } | null = null

  constructor(secret: string, load: LoadSessions) {
    this.#secret = new TextEncoder().encode(secret)
    this.#load = load
  }

  async sign(
    claims: { user_id: number; session_id: number; is_admin: boolean },
    type: 'access' | 'refresh',
    ttl: number,
    id?: string,
  ) {
    const jwt = new SignJWT({ type, is_admin: claims.is_admin, sid: claims.session_id })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(String(claims.user_id))
      .setIssuedAt()
      .setExpirationTime(`${ttl}s`)
    if (id) jwt.setJti(id)
    return jwt.sign(this.#secret)
  }

  /** The claims of a good token of this type; throws `unauthorized` for anything else. */
  async verify(token: string, type: 'access' | 'refresh') {
    const { payload } = await jwtVerify(token, this.#secret, { algorithms: ['HS256'] }).catch(() => {
      throw new Refusal('unauthorized')
    })
    const user_id = Number(payload.sub)
    const session_id = payload['sid']
    if (
      payload['type'] !== type ||
      !Number.isSafeInteger(user_id) ||
      typeof session_id !== 'number' ||
      !payload.exp
    )
      throw new Refusal('unauthorized')
    return { user_id, session_id, expires: payload.exp }
  }

  /** The caller at once when the token was confirmed within the last second, otherwise after asking the database. */
  caller(token: string): Caller | Promise<Caller> {
    const known = this.#known.get(token)
    const now = Date.now()
    if (known && now - known.confirmed < CONFIRMED_FOR_MS && now < known.expires * 1000) return known.caller
    return this.#confirm(token, known)
  }

  /** As `caller`, without remembering the token: a socket shows it once. */
  async callerOnce(token: string): Promise<Caller> {
    const claims = await this.verify(token, 'access')
    return this.#alive(claims)
  }

  /** Forgets what was confirmed, so that the next call of these is checked against the database. */
  doubt(who: { user_id?: number; session_id?: number }): void {
    for (const known of this.#known.values())
      if (known.caller.id === who.user_id || known.caller.session_id === who.session_id) known.confirmed = 0
  }

  /** Those of these sessions that live, read afresh. */
  async live(session_ids: readonly number[]): Promise<Map<number, LiveSession>> {
    return new Map((await this.#load(session_ids)).map((row) => [row.session_id, row]))
  }

  async #confirm(token: string, known: Known | undefined): Promise<Caller> {
    const expires = known ? known.expires : 0
    const claims = known
      ? { user_id: known.caller.id, session_id: known.caller.session_id, expires }
      : await this.verify(token, 'access')
    const asked = Date.now()
    const caller = await this.#alive(claims).catch((error: unknown) => {
      if (error instanceof Refusal) this.#known.delete(token)
      throw error
    })
    remember(this.#known, token, { caller, expires: claims.expires, confirmed: asked }, REMEMBERED_TOKENS)
    return caller
  }

  /** Who these claims are of; throws `unauthorized` when their time or their session is over. */
  async #alive(claims: { user_id: number; session_id: number; expires: number }): Promise<Caller> {
    if (Date.now() >= claims.expires * 1000) throw new Refusal('unauthorized')
    const live = (await this.#ask(claims.session_id)).get(claims.session_id)
    if (!live || live.user_id !== claims.user_id) throw new Refusal('unauthorized')
    const { session_id, username, display_name, is_admin } = live
    return { id: live.user_id, username, display_name, session_id, is_admin }
  }

  #ask(session_id: number): Promise<Map<number, LiveSession>> {
    if (!this.#asking) {
      const ids = new Set<number>()
      const answer = new Promise<void>((turn) => setImmediate(turn)).then(async () => {
        this.#asking = null
        return this.live([...ids])
      })
      this.#asking = { ids, answer }
    }
    this.#asking.ids.add(session_id)
    return this.#asking.answer
  }
}
