import { health, ready } from '@messenger/contract'
import { answer, serve, type Route } from '../../http/serve.ts'

interface Checked {
  check(): Promise<void>
}

const state = (part: Checked) =>
  part.check().then(
    () => 'ok' as const,
    () => 'failing' as const,
  )

export const opsRoutes = ({ version }: { version: string }): Route[] => [
  serve(health, () => ({ status: 'ok' as const, version, uptime_seconds: Math.round(process.uptime()) })),

  serve(ready, async (_, { db, bus, presence, limits, storage }) => {
    const parts = { database: db, bus, presence, limits, storage }
    const checks = Object.fromEntries(
      await Promise.all(
        Object.entries(parts).map(async ([name, part]) => [name, await state(part)] as const),
      ),
    )
    const fine = Object.values(checks).every((one) => one === 'ok')
    return answer(fine ? 200 : 503, { status: fine ? 'ok' : 'unavailable', checks })
  }),
]
