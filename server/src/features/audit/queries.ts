import type { AuditAction, AuditEntry, QueryOf, listAudit } from '@messenger/contract'
import { sql, type Queries } from '../../ports/db/port.ts'

/** Who acts: an admin, or a command on the server's own machine. */
export interface Actor {
  id: number | null
  name: string
  address: string | null
}

export const COMMAND: Actor = { id: null, name: 'command line', address: null }

export interface Noted {
  action: AuditAction
  target?: { type: NonNullable<AuditEntry['target_type']>; id: number; name: string | null } | undefined
  before?: object | undefined
  after?: object | undefined
}

/** Writes a line that nothing can change any more: the table refuses it. */
export const note = (db: Queries, actor: Actor, { action, target, before, after }: Noted) =>
  db.query(sql`
    insert into audit_log (actor_id, actor_name, action, target_type, target_id, target_name, address, before, after)
    values (${actor.id}, ${actor.name}, ${action}, ${target?.type ?? null}, ${target?.id ?? null},
      ${target?.name ?? null}, ${actor.address}, ${before ?? null}::jsonb, ${after ?? null}::jsonb)`)

/** The newest lines first. */
export async function auditLines(
  db: Queries,
  asked: QueryOf<typeof listAudit> & { limit: number },
): Promise<AuditEntry[]> {
  const { actor_id, action, target_type, target_id, before_id, limit } = asked
  const rows = await db.query<Omit<AuditEntry, 'at'> & { at: Date }>(sql`
    select id::float8, at, actor_id::float8, actor_name, action, target_type, target_id::float8, target_name, address,
      before, after
    from audit_log
    where true
      ${actor_id === undefined ? sql`` : sql`and actor_id = ${actor_id}`}
      ${action === undefined ? sql`` : sql`and action = ${action}`}
      ${target_type === undefined ? sql`` : sql`and target_type = ${target_type}`}
      ${target_id === undefined ? sql`` : sql`and target_id = ${target_id}`}
      ${before_id === undefined ? sql`` : sql`and id < ${before_id}`}
    order by id desc limit ${limit}`)
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}
