import {
  OWN_PACKS_MAX,
  PACKS_MAX,
  PACK_STICKERS_MAX,
  type Sticker,
  type StickerPack,
} from '@messenger/contract'
import { Refusal, refusing } from '../../http/refusal.ts'
import { sql, type Db, type Queries, type Statement } from '../../ports/db/port.ts'
import type { Picture, PictureKey } from './rows.ts'
import { BUILT_IN } from './rules.ts'

const URL: Statement = sql`'/stickers/' || s.id || '/image'`

const packFor = (user_id: number): Statement => sql`
  p.id::float8, p.name, p.token, coalesce(p.owner_id = ${user_id}, false) as is_own,
  p.owner_id is null or exists (
    select from sticker_pack_users u where u.user_id = ${user_id} and u.pack_id = p.id) as is_added,
  coalesce((
    select json_agg(
      json_build_object('id', s.id, 'label', s.label, 'url', ${URL}, 'pack_id', p.id, 'pack', p.name)
      order by s.position, s.id)
    from stickers s where s.pack_id = p.id), '[]') as stickers`

/** Writes the built-in pack as this version has it; safe while other nodes do the same. */
export async function keepBuiltIn(db: Queries): Promise<void> {
  const { id, name, stickers } = BUILT_IN
  await db.query(sql`
    with pack as (
      insert into sticker_packs as p (id, name) values (${id}, ${name})
      on conflict (id) do update set name = excluded.name where p.name <> excluded.name
    )
    insert into stickers as s (id, pack_id, label, position, asset)
    select made.id, ${id}, made.label, made.place, made.label
    from unnest(${stickers.map((one) => one.id)}::bigint[], ${stickers.map(({ label }) => label)}::text[])
      with ordinality as made (id, label, place)
    order by made.id
    on conflict (id) do update
    set pack_id = excluded.pack_id, label = excluded.label, position = excluded.position, asset = excluded.asset
    where (s.pack_id, s.label, s.position, s.asset)
      is distinct from (excluded.pack_id, excluded.label, excluded.position, excluded.asset)`)
}

/** A person's packs in their order, then the built-in one. */
export const packsOf = (db: Queries, user_id: number) =>
  db.query<StickerPack>(sql`
    select ${packFor(user_id)}
    from (
      select pack_id, position from sticker_pack_users where user_id = ${user_id}
      union all select ${BUILT_IN.id}::bigint, null
    ) mine
    join sticker_packs p on p.id = mine.pack_id
    order by mine.position, p.id`)

/** Refuses a pack that is not there. */
export async function packShared(db: Queries, user_id: number, token: string): Promise<StickerPack> {
  const [pack] = await db.query<StickerPack>(sql`
    select ${packFor(user_id)} from sticker_packs p where p.token = ${token}`)
  if (!pack) throw new Refusal('not_found')
  return pack
}

/** What one person does to their list at once happens one after the other: limits hold. */
const lockList = (tx: Queries, user_id: number) =>
  tx.query(sql`select 1 as one from users where id = ${user_id} for no key update`)

/** Puts a pack on top of a person's list; refuses when it is full. */
async function putOnTop(tx: Queries, user_id: number, pack_id: number): Promise<void> {
  const put = await refusing(
    tx.query(sql`
      insert into sticker_pack_users (user_id, pack_id, position)
      select ${user_id}, ${pack_id}, coalesce(min(position), 0) - 1
      from sticker_pack_users where user_id = ${user_id} having count(*) < ${PACKS_MAX}
      returning 1 as one`),
    // Deleted this very moment.
    { sticker_pack_users_pack_id_fkey: 'not_found' },
  )
  if (put.length === 0) throw new Refusal('too_many_packs')
}

export const createPack = (db: Db, user_id: number, name: string, token: string): Promise<StickerPack> =>
  db.transaction(async (tx) => {
    await lockList(tx, user_id)
    const [made] = await tx.query<{ id: number }>(sql`
      insert into sticker_packs (owner_id, name, token)
      select ${user_id}, ${name.trim()}, ${token}
      where (select count(*) from sticker_packs where owner_id = ${user_id}) < ${OWN_PACKS_MAX}
      returning id::float8`)
    if (!made) throw new Refusal('too_many_packs')
    await putOnTop(tx, user_id, made.id)
    return packShared(tx, user_id, token)
  })

export const addPack = (db: Db, user_id: number, token: string): Promise<StickerPack> =>
  db.transaction(async (tx) => {
    await lockList(tx, user_id)
    const pack = await packShared(tx, user_id, token)
    if (pack.is_added) return pack
    await putOnTop(tx, user_id, pack.id)
    return { ...pack, is_added: true }
  })

/** Takes an added pack off a person's list; refuses their own and one that is not there. */
export async function removePack(db: Queries, user_id: number, pack_id: number): Promise<void> {
  const removed = await db.query(sql`
    delete from sticker_pack_users u using sticker_packs p
    where u.user_id = ${user_id} and u.pack_id = ${pack_id} and p.id = u.pack_id and p.owner_id <> ${user_id}
    returning 1 as one`)
  if (removed.length === 0) throw new Refusal('not_found')
}

export async function renamePack(
  db: Queries,
  user_id: number,
  pack_id: number,
  name: string,
): Promise<StickerPack> {
  const [pack] = await db.query<StickerPack>(sql`
    update sticker_packs p set name = ${name.trim()} where p.id = ${pack_id} and p.owner_id = ${user_id}
    returning ${packFor(user_id)}`)
  if (!pack) throw new Refusal('not_found')
  return pack
}

/** Refuses whoever does not own the pack. */
async function lockOwn(tx: Queries, user_id: number, pack_id: number): Promise<void> {
  const own = await tx.query(sql`
    select 1 as one from sticker_packs where id = ${pack_id} and owner_id = ${user_id} for update`)
  if (own.length === 0) throw new Refusal('not_found')
}

/** Refuses whoever does not own the pack, and one that is full. */
export async function refuseFull(db: Queries, user_id: number, pack_id: number): Promise<void> {
  const [pack] = await db.query<{ is_full: boolean }>(sql`
    select (select count(*) from stickers where pack_id = p.id) >= ${PACK_STICKERS_MAX} as is_full
    from sticker_packs p where p.id = ${pack_id} and p.owner_id = ${user_id}`)
  if (!pack) throw new Refusal('not_found')
  if (pack.is_full) throw new Refusal('too_many_stickers')
}

/** Puts a sticker at the end of an own pack; refuses when the pack is full, or gone meanwhile. */
export const putSticker = (
  db: Db,
  user_id: number,
  pack_id: number,
  made: { id: number; label: string; object_key: PictureKey },
): Promise<Sticker> =>
  db.transaction(async (tx) => {
    await lockOwn(tx, user_id, pack_id)
    const [sticker] = await tx.query<Sticker>(sql`
      with put as (
        insert into stickers (id, pack_id, label, position, object_key)
        select ${made.id}, ${pack_id}, ${made.label.trim()}, coalesce(max(position), 0) + 1, ${made.object_key}
        from stickers where pack_id = ${pack_id} having count(*) < ${PACK_STICKERS_MAX}
        returning id, label, pack_id
      )
      select s.id::float8, s.label, ${URL} as url, s.pack_id::float8, p.name as pack
      from put s join sticker_packs p on p.id = s.pack_id`)
    if (!sticker) throw new Refusal('too_many_stickers')
    return sticker
  })

/** Deletes a pack; its stickers are in none from then on. Refuses whoever does not own it. */
export async function deletePack(db: Queries, user_id: number, pack_id: number): Promise<void> {
  const gone = await db.query(sql`
    delete from sticker_packs where id = ${pack_id} and owner_id = ${user_id} returning 1 as one`)
  if (gone.length === 0) throw new Refusal('not_found')
}

/** Takes a sticker out of an own pack. */
export async function removeStickerFrom(
  db: Queries,
  user_id: number,
  pack_id: number,
  sticker_id: number,
): Promise<void> {
  const taken = await db.query(sql`
    update stickers s set pack_id = null from sticker_packs p
    where s.id = ${sticker_id} and s.pack_id = ${pack_id} and p.id = s.pack_id and p.owner_id = ${user_id}
    returning 1 as one`)
  if (taken.length === 0) throw new Refusal('not_found')
}

/** Some of those that are in no pack and in no message: nobody can send them any more. */
export const unshownStickers = (db: Queries, limit: number) =>
  db.query<{ id: number; object_key: PictureKey }>(sql`
    select id::float8, object_key from stickers
    where pack_id is null and not is_used and object_key is not null order by id limit ${limit}`)

/** Their pictures are gone: the rows follow. */
export const eraseStickers = (db: Queries, ids: readonly number[]) =>
  db.query(sql`delete from stickers where id = any(${ids}::bigint[]) and pack_id is null and not is_used`)

export async function relabel(
  db: Queries,
  user_id: number,
  at: { pack_id: number; sticker_id: number },
  label: string,
): Promise<Sticker> {
  const [sticker] = await db.query<Sticker>(sql`
    update stickers s set label = ${label.trim()} from sticker_packs p
    where s.id = ${at.sticker_id} and s.pack_id = ${at.pack_id} and p.id = s.pack_id and p.owner_id = ${user_id}
    returning s.id::float8, s.label, ${URL} as url, s.pack_id::float8, p.name as pack`)
  if (!sticker) throw new Refusal('not_found')
  return sticker
}

/** Puts the packs of a list in this order, all or nothing; those left out follow as they were. */
export const orderPacks = (db: Db, user_id: number, pack_ids: readonly number[]): Promise<void> =>
  db.transaction(async (tx) => {
    await lockList(tx, user_id)
    const placed = await tx.query<{ is_asked: boolean }>(sql`
      update sticker_pack_users u set position = sorted.place
      from (
        select l.pack_id, asked.place is not null as is_asked,
          row_number() over (order by asked.place, l.position, l.pack_id) as place
        from sticker_pack_users l
        left join unnest(${pack_ids}::bigint[]) with ordinality as asked (id, place) on asked.id = l.pack_id
        where l.user_id = ${user_id}
      ) sorted
      where u.user_id = ${user_id} and u.pack_id = sorted.pack_id
      returning sorted.is_asked`)
    if (placed.filter((one) => one.is_asked).length < pack_ids.length)
      throw new Refusal('not_found', { field: 'pack_ids' })
  })

/** Puts the stickers of an own pack in this order, all or nothing; those left out follow as they were. */
export const orderInPack = (
  db: Db,
  user_id: number,
  pack_id: number,
  sticker_ids: readonly number[],
): Promise<void> =>
  db.transaction(async (tx) => {
    await lockOwn(tx, user_id, pack_id)
    const placed = await tx.query<{ is_asked: boolean }>(sql`
      update stickers s set position = sorted.place
      from (
        select l.id, asked.place is not null as is_asked,
          row_number() over (order by asked.place, l.position, l.id) as place
        from stickers l
        left join unnest(${sticker_ids}::bigint[]) with ordinality as asked (id, place) on asked.id = l.id
        where l.pack_id = ${pack_id}
      ) sorted
      where s.id = sorted.id
      returning sorted.is_asked`)
    if (placed.filter((one) => one.is_asked).length < sticker_ids.length)
      throw new Refusal('not_found', { field: 'sticker_ids' })
  })

/** Where a sticker's picture lies; of one that was taken out of its pack as long as messages show it. */
export async function pictureOf(db: Queries, sticker_id: number): Promise<Picture> {
  const [picture] = await db.query<Picture>(sql`
    select asset, object_key from stickers where id = ${sticker_id} and (pack_id is not null or is_used)`)
  if (!picture) throw new Refusal('not_found')
  return picture
}

/**
 * What a message keeps of a sticker; null when there is none to send. Its first use is written down in the same
 * statement, so that nobody takes the picture away meanwhile.
 */
export async function stickerFor(db: Queries, sticker_id: number): Promise<{ label: string } | null> {
  const [found] = await db.query<{ label: string }>(sql`
    with found as (select label, is_used from stickers where id = ${sticker_id} and pack_id is not null),
    marked as (
      update stickers set is_used = true
      where id = ${sticker_id} and pack_id is not null and exists (select from found where not is_used)
      returning label
    )
    select label from found where is_used union all select label from marked`)
  return found ?? null
}
