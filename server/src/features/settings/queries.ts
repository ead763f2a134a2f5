import type { Settings } from '@messenger/contract'
import { sql, type Queries, type Statement } from '../../ports/db/port.ts'

const COLUMNS: Statement = sql`theme, notifications_enabled, language, last_seen_visibility, read_receipts_enabled`

export const STANDARD_SETTINGS: Settings = {
  theme: 'system',
  notifications_enabled: true,
  language: 'en',
  last_seen_visibility: 'everyone',
  read_receipts_enabled: true,
}

export async function settingsOf(db: Queries, user_id: number): Promise<Settings> {
  const [found] = await db.query<Settings>(
    sql`select ${COLUMNS} from user_settings where user_id = ${user_id}`,
  )
  return found ?? STANDARD_SETTINGS
}

/** Merges the given fields; those left out stay. */
export async function mergeSettings(db: Queries, user_id: number, given: Partial<Settings>): Promise<void> {
  const first = { ...STANDARD_SETTINGS, ...given }
  const or = (value: unknown) => value ?? null
  await db.query(sql`
    insert into user_settings as s (user_id, ${COLUMNS})
    values (${user_id}, ${first.theme}, ${first.notifications_enabled}, ${first.language},
      ${first.last_seen_visibility}, ${first.read_receipts_enabled})
    on conflict (user_id) do update set
      theme = coalesce(${or(given.theme)}::text, s.theme),
      notifications_enabled = coalesce(${or(given.notifications_enabled)}::boolean, s.notifications_enabled),
      language = coalesce(${or(given.language)}::text, s.language),
      last_seen_visibility = coalesce(${or(given.last_seen_visibility)}::text, s.last_seen_visibility),
      read_receipts_enabled = coalesce(${or(given.read_receipts_enabled)}::boolean, s.read_receipts_enabled),
      changed = pg_current_xact_id()`)
}
