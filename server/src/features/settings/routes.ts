import { getSettings, updateSettings } from '@messenger/contract'
import { serve, type Route } from '../../http/serve.ts'
import { tell } from '../../ports/bus/tell.ts'
import { mergeSettings, settingsOf } from './queries.ts'

export const settingsRoutes: Route[] = [
  serve(getSettings, ({ me }, { db }) => settingsOf(db, me.id)),

  serve(updateSettings, async ({ me, body }, { db, bus }) => {
    await mergeSettings(db, me.id, body)
    tell(bus, `user:${me.id}`, { type: 'settings_changed' })
    return null
  }),
]
