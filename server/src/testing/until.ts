import { setTimeout as pause } from 'node:timers/promises'

/**
 * Waits for a condition, never for a time: resolves to the first truthy answer, throws after `ms`. That is for what hangs,
 * so it is longer than anything takes on a machine that does much else.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  ms = 60_000,
): Promise<Exclude<T, false | null | undefined>> {
  const end = Date.now() + ms
  for (;;) {
    const answer = await condition()
    if (answer) return answer as Exclude<T, false | null | undefined>
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain until ${what}`)
    await pause(5)
  }
}
