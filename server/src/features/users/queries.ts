import type { Me, PublicUser } from '@messenger/contract'
import { Refusal, refusing } from '../../http/refusal.ts'
import { sql, type Queries, type Statement } from '../../ports/db/port.ts'
import type { Visibility } from './rules.ts'

const PUBLIC: Statement = sql`
  u.id::float8, u.username, coalesce(nullif(u.display_name, ''), u.username) as display_name, u.bio, u.is_admin,
  avatar_url('users', u.id, u.avatar_file_id)`

export interface FoundUser extends PublicUser {
  last_activity: Date | null
  visibility: Visibility
}

const withPresence = (where: Statement): Statement => sql`
  select ${PUBLIC}, u.last_activity, coalesce(s.last_seen_visibility, 'everyone') as visibility
  from users u left join user_settings s on s.user_id = u.id
  where u.is_active and ${where}`

async function oneUser(db: Queries, where: Statement): Promise<FoundUser> {
  const [user] = await db.query<FoundUser>(withPresence(where))
  if (!user) throw new Refusal('not_found')
  return user
}

export const userById = (db: Queries, id: number) => oneUser(db, sql`u.id = ${id}`)
export const userNamed = (db: Queries, name: string) => oneUser(db, sql`lower(u.username) = lower(${name})`)

export async function meOf(db: Queries, id: number): Promise<Me> {
  const [me] = await db.query<Omit<Me, 'created_at'> & { created_at: Date }>(sql`
    select ${PUBLIC}, u.email, u.created_at from users u where u.id = ${id} and u.is_active`)
  if (!me) throw new Refusal('unauthorized')
  return { ...me, created_at: me.created_at.toISOString() }
}

const FOUND_MAX = 50
/** Short words match too many rows for a trigram index: the search looks at this many at most. */
const LOOKED_AT_MAX = 5000

export const literally = (text: string) => text.replace(/[\\%_]/g, (sign) => `\\${sign}`)

/** Active people by a part of their names, the best match first. `%` and `_` are plain characters. */
export function searchUsers(db: Queries, words: string): Promise<PublicUser[]> {
  const asked = words.trim().toLowerCase()
  if (asked === '') return Promise.resolve([])
  const part = literally(asked)
  return db.query<PublicUser>(sql`
    with found as (
      select u.* from users u
      where (lower(u.username) || ' ' || lower(u.display_name)) like ${`%${part}%`} and u.is_active
        and (lower(u.username) like ${`%${part}%`} or lower(u.display_name) like ${`%${part}%`})
      limit ${LOOKED_AT_MAX}
    )
    select ${PUBLIC} from found u
    order by
      case
        when lower(u.username) = ${asked} then 0
        when lower(u.username) like ${`${part}%`} then 1
        when lower(u.display_name) like ${`${part}%`} then 2
        when lower(u.display_name) like ${`% ${part}%`} then 3
        else 4
      end, lower(u.username)
    limit ${FOUND_MAX}`)
}

export interface Profile {
  id: number
  username: string
  display_name: string
  bio: string | null
  avatar_url: string | null
}

export async function profileOf(db: Queries, id: number): Promise<Profile> {
  const [profile] = await db.query<Profile>(
    sql`select ${PUBLIC} from users u where u.id = ${id} and u.is_active`,
  )
  if (!profile) throw new Refusal('unauthorized')
  return profile
}

/** Changes what is given; fields left out (undefined) stay. */
export async function updateProfile(
  db: Queries,
  id: number,
  changes: {
    username?: string | null | undefined
    display_name?: string | null | undefined
    bio?: string | null | undefined
  },
): Promise<Profile> {
  const { username, display_name, bio } = changes
  const [profile] = await refusing(
    db.query<Profile>(sql`
      update users u set
        username = coalesce(${username ?? null}, u.username),
        display_name = case when ${display_name !== undefined} then ${(display_name ?? '').trim()} else u.display_name end,
        bio = case when ${bio !== undefined} then nullif(${(bio ?? '').trim()}, '') else u.bio end
      where u.id = ${id} and u.is_active
      returning ${PUBLIC}`),
    { users_username_key: { code: 'username_taken', field: 'username' } },
  )
  if (!profile) throw new Refusal('unauthorized')
  return profile
}
