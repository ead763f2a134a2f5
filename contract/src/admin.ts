import { Type, type Static } from 'typebox'
import { ChatType, Role } from './chats.ts'
import { endpoint } from './endpoint.ts'
import { Message } from './messages.ts'
import { Count, Id, NoContent, Time, nullable } from './parts.ts'

/** Page numbers and sizes are clamped to their range, never refused. */
export const page = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }))
export const perPage = (standard: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: standard }))

const Trend = Type.Array(
  Type.Object({ day: Type.String({ description: 'YYYY-MM-DD, UTC' }), count: Count }),
  {
    description: 'the last 14 days, the oldest first, zeros included',
  },
)

export const Stats = Type.Object({
  total_users: Type.Integer({ description: 'accounts that are active' }),
  dau: Type.Integer({ description: 'people whose last activity was today (UTC)' }),
  wau: Type.Integer({ description: 'people whose last activity was within the last 7 days (UTC)' }),
  total_chats: Count,
  chats_by_type: Type.Object({ direct: Count, group: Count, channel: Count }),
  total_messages: Type.Integer({ description: 'of the chats that exist, deleted ones included' }),
  messages_today: Count,
  new_users_today: Count,
  blocked_users: Count,
  online_now: Count,
  storage_bytes: Count,
  reg_trend: Trend,
  msg_trend: Trend,
})
export type Stats = Static<typeof Stats>

export const getStats = endpoint({
  method: 'GET',
  path: '/admin-api/stats',
  summary: 'What is going on here, from counters that the writes keep.',
  caller: 'admin',
  result: Stats,
})

export const AdminUser = Type.Object({
  id: Id,
  username: Type.String(),
  display_name: Type.String(),
  email: Type.String(),
  is_active: Type.Boolean(),
  is_admin: Type.Boolean(),
  is_blocked: Type.Boolean(),
  created_at: Time,
  last_activity: nullable(Time),
})
export type AdminUser = Static<typeof AdminUser>

const UserStatus = Type.Union([
  Type.Literal('active'),
  Type.Literal('blocked'),
  Type.Literal('admin'),
  Type.Literal('inactive'),
])
export type UserStatus = Static<typeof UserStatus>

export const listAccounts = endpoint({
  method: 'GET',
  path: '/admin-api/users',
  summary: 'All accounts, the newest first; `q` is a part of a username, display name or email address.',
  caller: 'admin',
  query: Type.Object({
    page,
    per_page: perPage(20),
    q: Type.Optional(Type.String({ maxLength: 200 })),
    status: Type.Optional(UserStatus),
  }),
  result: Type.Object({
    users: Type.Array(AdminUser),
    page: Count,
    per_page: Count,
    total: Count,
    total_pages: Count,
  }),
})

const UserParams = Type.Object({ user_id: Id })

const AccountChat = Type.Object({
  id: Id,
  type: ChatType,
  title: nullable(Type.String()),
  public_name: nullable(Type.String()),
  member_count: Count,
  role: Role,
  joined_at: Time,
  last_at: nullable(Time),
  other_user_id: nullable(Id),
  other_username: nullable(Type.String()),
})
export type AccountChat = Static<typeof AccountChat>

export const getAccount = endpoint({
  method: 'GET',
  path: '/admin-api/users/:user_id',
  summary:
    'One account with what it sent, its chats (the 100 that moved last) and its newest messages (none where ADMIN_READS_MESSAGES is off).',
  caller: 'admin',
  params: UserParams,
  result: Type.Object({
    user: AdminUser,
    message_count: Type.Integer({ description: 'sent, whatever became of them' }),
    chats: Type.Array(AccountChat),
    messages: Type.Array(Message, { description: 'the latest 50 of those chats, the newest first' }),
  }),
  refusals: ['not_found'],
})

const deed = <const Path extends string>(path: Path, summary: string) =>
  endpoint({
    method: 'POST',
    path,
    summary,
    caller: 'admin',
    status: 204,
    params: UserParams,
    result: NoContent,
    refusals: ['not_found'],
  })

export const blockAccount = deed(
  '/admin-api/users/:user_id/block',
  'Ends every session and socket of this person; they cannot sign in again. 400 on oneself.',
)
export const unblockAccount = deed('/admin-api/users/:user_id/unblock', 'Lets this person sign in again.')
export const deleteAccount = deed(
  '/admin-api/users/:user_id/soft-delete',
  'Frees the name and address; messages stay, as of a "Deleted account". Groups are left, owned ones handed over. 400 on oneself.',
)
export const toggleAdmin = deed(
  '/admin-api/users/:user_id/toggle-admin',
  'Gives or takes the rights of an admin. Nobody takes them from themselves (400), so one admin always stays.',
)

export const FoundMessages = Type.Object({
  messages: Type.Array(Message, { description: 'the newest first' }),
  page: Count,
  per_page: Count,
  total: nullable(Count),
  total_pages: nullable(Count),
})

export const listAllMessages = endpoint({
  method: 'GET',
  path: '/admin-api/messages',
  summary:
    'Messages of anybody, the newest first. Pages reach back 1,000 messages, or as far as one chat goes with `before_id`; `q` looks at the newest 20,000. Each reading is written to the audit log.',
  caller: 'admin',
  query: Type.Object({
    page,
    per_page: perPage(50),
    user_id: Type.Optional(Id),
    chat_id: Type.Optional(Id),
    before_id: Type.Optional(Type.Integer({ ...Id, description: 'with chat_id: only those before it' })),
    q: Type.Optional(Type.String({ maxLength: 200 })),
  }),
  result: FoundMessages,
})

export const AuditAction = Type.Union([
  Type.Literal('user_blocked'),
  Type.Literal('user_unblocked'),
  Type.Literal('user_deleted'),
  Type.Literal('user_created'),
  Type.Literal('admin_granted'),
  Type.Literal('admin_revoked'),
  Type.Literal('admin_claimed'),
  Type.Literal('password_reset'),
  Type.Literal('messages_read'),
  Type.Literal('support_sent'),
  Type.Literal('support_assigned'),
  Type.Literal('support_answer_created'),
  Type.Literal('support_answer_changed'),
  Type.Literal('support_answer_deleted'),
])
export type AuditAction = Static<typeof AuditAction>

const AuditTarget = Type.Union([Type.Literal('user'), Type.Literal('chat'), Type.Literal('answer')])

const AuditState = nullable(Type.Record(Type.String(), Type.Unknown()))

/** Who did what to whom, when and from where. Names are as they were then. */
export const AuditEntry = Type.Object({
  id: Id,
  at: Time,
  actor_id: nullable(Id),
  actor_name: Type.String(),
  action: AuditAction,
  target_type: nullable(AuditTarget),
  target_id: nullable(Id),
  target_name: nullable(Type.String()),
  address: nullable(Type.String()),
  before: AuditState,
  after: AuditState,
})
export type AuditEntry = Static<typeof AuditEntry>

export const listAudit = endpoint({
  method: 'GET',
  path: '/admin-api/audit',
  summary: 'The audit log, the newest first; it can only be read.',
  caller: 'admin',
  query: Type.Object({
    actor_id: Type.Optional(Id),
    action: Type.Optional(AuditAction),
    target_type: Type.Optional(AuditTarget),
    target_id: Type.Optional(Id),
    before_id: Type.Optional(Id),
    limit: perPage(50),
  }),
  result: Type.Object({ entries: Type.Array(AuditEntry), next_before_id: nullable(Id) }),
})

export const claimAdmin = endpoint({
  method: 'POST',
  path: '/admin-api/claim',
  summary:
    'Makes the caller the first admin, with the token of the one-time link that a start prints while there is none. 410 once there is one.',
  status: 204,
  body: Type.Object({ token: Type.String({ minLength: 1, maxLength: 200 }) }),
  result: NoContent,
  refusals: ['not_found', 'gone', 'rate_limited'],
})
