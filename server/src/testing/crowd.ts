import { SignJWT } from 'jose'
import { sql } from '../ports/db/port.ts'
import { Person, type World } from './world.ts'

let crowds = 0

/** Ids of many people, made at once: hashing as many passwords would take longer than what is tried. */
export async function peopleOf(world: World, count: number): Promise<number[]> {
  const name = `crowd_${++crowds}_`
  const made = await world.db.query<{ id: number }>(sql`
    insert into users (username, email, display_name, password_hash)
    select ${name} || n, ${name} || n || '@example.org', 'Person ' || n, '' from generate_series(1, ${count}::int) n
    returning id::float8`)
  return made.map(({ id }) => id)
}

/** Makes them members of a chat, as if they had come one after the other. */
export async function seat(world: World, chat_id: number, user_ids: readonly number[]): Promise<void> {
  await world.db.query(sql`
    with seated as (
      insert into chat_members (chat_id, user_id, joined_at)
      select ${chat_id}, id, now() + n * interval '1 ms'
      from unnest(${user_ids}::bigint[]) with ordinality as u(id, n) returning 1
    )
    update chats set member_count = member_count + (select count(*) from seated) where id = ${chat_id}`)
}

/** As `peopleOf`, signed in. */
export async function crowd(world: World, count: number): Promise<Person[]> {
  const ids = await peopleOf(world, count)
  const sessions = await world.db.query<{ id: number; user_id: number }>(sql`
    insert into sessions (user_id, expires_at) select id, now() + interval '1 day' from unnest(${ids}::bigint[]) id
    returning id::float8, user_id::float8`)
  const secret = new TextEncoder().encode(world.config.jwt_secret!)
  return Promise.all(
    sessions.map(async ({ id, user_id }) => {
      const access_token = await new SignJWT({ type: 'access', is_admin: false, sid: id })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(String(user_id))
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(secret)
      const tokens = {
        access_token,
        refresh_token: '',
        token_type: 'Bearer' as const,
        expires_in: 3600,
        user_id,
      }
      return new Person(`of the crowd ${user_id}`, tokens, world.url, [])
    }),
  )
}
