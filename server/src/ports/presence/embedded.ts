import type { Presence } from './port.ts'

/** Presence of a node that is alone: whoever is here is everyone. */
export function openEmbeddedPresence(): Presence {
  const here = new Set<number>()
  return {
    enter: (user_id) => {
      const wasOffline = !here.has(user_id)
      here.add(user_id)
      return Promise.resolve(wasOffline)
    },
    leave: (user_id) => Promise.resolve(here.delete(user_id)),
    online: (user_ids) => Promise.resolve(new Set(user_ids.filter((id) => here.has(id)))),
    count: () => Promise.resolve(here.size),
    check: () => Promise.resolve(),
    close: () => {
      here.clear()
      return Promise.resolve()
    },
  }
}
