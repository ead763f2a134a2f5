import {
  changePassword,
  endSession,
  listSessions,
  login,
  logout,
  refresh,
  register,
  type Tokens,
} from '@messenger/contract'
import { Refusal } from '../../http/refusal.ts'
import { limited, serve, type Route } from '../../http/serve.ts'
import type { Sessions } from '../../http/session.ts'
import { tellNodes } from '../../ports/bus/tell.ts'
import type { Resources } from '../../ports/resources.ts'
import { invitedTo } from '../invites/queries.ts'
import type { Passwords } from './passwords.ts'
import {
  accountNamed,
  createInvitedUser,
  createUser,
  endSessionOf,
  isTaken,
  keepRefreshToken,
  openSession,
  type RefreshToken,
  passwordOf,
  sessionsOf,
  setPassword,
  useRefreshToken,
} from './queries.ts'
import { emailOf, refuseWeak } from './rules.ts'
import { hashOf, newTokenId } from './tokens.ts'

const PER_ACCOUNT = { burst: 10, perSecond: 1 / 6 }
const PER_ADDRESS = { burst: 60, perSecond: 1 }
const REGISTRATION = { burst: 100, perSecond: 1 }
const PASSWORD_CHANGE = { burst: 5, perSecond: 1 / 10 }
/** Several tabs may use one refresh token within this many seconds. */
const REFRESH_GRACE = 60
const USER_AGENT_MAX = 200

interface Deps {
  sessions: Sessions
  passwords: Passwords
  news: { joined: (chat_id: number, by: number, user_ids: readonly number[]) => Promise<void> }
  refresh_grace?: number
}

export const authRoutes = ({ sessions, passwords, news, refresh_grace = REFRESH_GRACE }: Deps): Route[] => {
  const tokensFor = async (
    who: { user_id: number; session_id: number; is_admin: boolean },
    config: Resources['config'],
    keep: (token: RefreshToken) => Promise<unknown>,
  ): Promise<Tokens> => {
    const [access_token, refresh_token] = await Promise.all([
      sessions.sign(who, 'access', config.jwt_access_ttl, newTokenId()),
      sessions.sign(who, 'refresh', config.jwt_refresh_ttl, newTokenId()),
    ])
    const { user_id, session_id } = who
    await keep({ hash: hashOf(refresh_token), session_id, user_id, ttl: config.jwt_refresh_ttl })
    return { access_token, refresh_token, token_type: 'Bearer', expires_in: config.jwt_access_ttl }
  }

  return [
    serve(register, async ({ body, address }, resources) => {
      const { config, db } = resources
      const token = config.registration === 'invite' ? (body.invite_token ?? null) : null
      if (config.registration !== 'open' && token === null) throw new Refusal('registration_closed')
      const email = emailOf(body.email)
      refuseWeak(body.password, 'password')
      await limited(resources, `register:${address}`, REGISTRATION)
      if (token !== null) await invitedTo(db, token)
      const taken = await isTaken(db, body.username, email)
      if (taken.username) throw new Refusal('username_taken', { field: 'username' })
      if (taken.email) throw new Refusal('email_taken', { field: 'email' })
      const password_hash = await passwords.hash(body.password)
      const display_name = body.display_name?.trim() ?? ''
      const user = { username: body.username, email, display_name, password_hash }
      if (token === null) return createUser(db, user)
      const { made, chat_id } = await createInvitedUser(db, user, token)
      await news.joined(chat_id, made.id, [made.id])
      return made
    }),

    serve(login, async ({ body, address, request }, resources) => {
      const { db, config, limits } = resources
      const name = body.username.trim()
      const account_key = `login:${name.toLowerCase()}`
      await limited(resources, `login-from:${address}`, PER_ADDRESS)
      await limited(resources, account_key, PER_ACCOUNT)
      const account = await accountNamed(db, name)
      const right = await passwords.verify(body.password, account?.password_hash ?? null)
      if (!account || !right) throw new Refusal('wrong_credentials')
      if (account.is_blocked) throw new Refusal('blocked')
      if (config.rate_limits) await limits.forget(account_key)
      if (passwords.outdated(account.password_hash))
        await setPassword(db, account.id, await passwords.hash(body.password))
      const user_agent = request.headers.get('user-agent')?.slice(0, USER_AGENT_MAX).toWellFormed() ?? null
      const { id: user_id, next_session_id: session_id, is_admin } = account
      const tokens = await tokensFor({ user_id, session_id, is_admin }, config, (token) =>
        openSession(db, { user_agent, address, token }),
      )
      return { ...tokens, user_id }
    }),

    serve(refresh, async ({ body }, resources) => {
      const { user_id, session_id } = await sessions.verify(body.refresh_token, 'refresh')
      const { verdict, is_admin } = await useRefreshToken(
        resources.db,
        { hash: hashOf(body.refresh_token), session_id, user_id },
        resources.config.jwt_refresh_ttl,
        refresh_grace,
      )
      if (verdict === 'reused') {
        resources.log.warn({ user_id, session_id }, 'a refresh token was used again: its session was ended')
        tellNodes(resources.bus, { type: 'session_ended', user_id, session_id })
      }
      if (verdict === 'blocked') throw new Refusal('blocked')
      if (verdict !== 'live') throw new Refusal('unauthorized')
      return tokensFor({ user_id, session_id, is_admin }, resources.config, (token) =>
        keepRefreshToken(resources.db, token),
      )
    }),

    serve(logout, async ({ me }, { db, bus }) => {
      await endSessionOf(db, me.id, me.session_id)
      tellNodes(bus, { type: 'session_ended', user_id: me.id, session_id: me.session_id })
      return null
    }),

    serve(listSessions, ({ me }, { db }) => sessionsOf(db, me.id, me.session_id)),

    serve(endSession, async ({ me, params }, { db, bus }) => {
      if (!(await endSessionOf(db, me.id, params.session_id))) throw new Refusal('not_found')
      tellNodes(bus, { type: 'session_ended', user_id: me.id, session_id: params.session_id })
      return null
    }),

    serve(changePassword, async ({ me, body }, resources) => {
      const { db, bus } = resources
      refuseWeak(body.new, 'new')
      await limited(resources, `password:${me.id}`, PASSWORD_CHANGE)
      if (!(await passwords.verify(body.current, await passwordOf(db, me.id))))
        throw new Refusal('wrong_password', { field: 'current' })
      await setPassword(db, me.id, await passwords.hash(body.new), me.session_id)
      tellNodes(bus, { type: 'sessions_ended', user_id: me.id, except: me.session_id })
      return null
    }),
  ]
}
