import { listAudit } from '@messenger/contract'
import { serve, type Route } from '../../http/serve.ts'
import { auditLines } from './queries.ts'

const LINES = 50

export const auditRoutes: Route[] = [
  serve(listAudit, async ({ query }, { db }) => {
    const limit = query.limit ?? LINES
    const entries = await auditLines(db, { ...query, limit })
    return { entries, next_before_id: entries.length === limit ? entries.at(-1)!.id : null }
  }),
]
