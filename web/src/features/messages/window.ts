import type { Message } from '@messenger/contract'

/**
 * What the client holds of a chat's history: one stretch without holes, the oldest first. `revision` is how far its
 * changes were followed; it says nothing about messages outside the stretch.
 */
export interface Window {
  messages: Message[]
  revision: number
  has_older: boolean
  has_newer: boolean
}

export const emptyWindow = (): Window => ({ messages: [], revision: 0, has_older: true, has_newer: false })

/** Where a seq is, or would be. */
function placeOf(messages: readonly Message[], seq: number): number {
  let low = 0
  let high = messages.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (messages[middle]!.seq < seq) low = middle + 1
    else high = middle
  }
  return low
}

export function found(window: Window, id: number): Message | undefined {
  return window.messages.find((message) => message.id === id)
}

/** Puts a message where it belongs: in place of its older self, at the end, or nowhere when that is not in sight. */
export function put(window: Window, message: Message): void {
  const { messages } = window
  const place = placeOf(messages, message.seq)
  const same = messages[place]
  if (same?.seq === message.seq) {
    if (message.revision >= same.revision) messages[place] = message
  } else if (place === messages.length) {
    if (!window.has_newer) messages.push(message)
  } else if (place > 0 || !window.has_older) messages.splice(place, 0, message)
  if (message.is_deleted || message.is_edited) refreshReplies(window, message)
}

/** Bubbles that quote a message follow its changes. */
function refreshReplies(window: Window, original: Message): void {
  window.messages.forEach((message, place) => {
    if (message.reply_to_message_id !== original.id) return
    window.messages[place] = { ...message, reply_to_content: original.content }
  })
}

/** A change without the whole message: an edit or a deletion. */
export function patch(window: Window, id: number, changes: Partial<Message>): void {
  const place = window.messages.findIndex((message) => message.id === id)
  if (place < 0) return
  const changed = { ...window.messages[place]!, ...changes }
  window.messages[place] = changed
  refreshReplies(window, changed)
}

/** Adds a page that ends before the stretch. */
export function addOlder(window: Window, page: readonly Message[], limit: number): void {
  const first = window.messages[0]?.seq ?? Infinity
  window.messages.unshift(...page.filter((message) => message.seq < first))
  window.has_older = page.length === limit
}

/** Adds a page that begins after the stretch. */
export function addNewer(window: Window, page: readonly Message[], limit: number): void {
  const last = window.messages.at(-1)?.seq ?? 0
  window.messages.push(...page.filter((message) => message.seq > last))
  window.has_newer = page.length === limit
}

/** Lets go of what is far from where the reader is, so that memory stays bounded. */
export function trim(window: Window, keep: 'older' | 'newer', limit: number): void {
  const { messages } = window
  if (messages.length <= limit) return
  if (keep === 'newer') {
    messages.splice(0, messages.length - limit)
    window.has_older = true
  } else {
    messages.splice(limit)
    window.has_newer = true
  }
}

/** What to do with an event of this revision: keep the next, ignore the known, catch up over a gap. */
export function verdictOn(window: Window, revision: number): 'keep' | 'ignore' | 'catch_up' {
  if (revision <= window.revision) return 'ignore'
  return revision === window.revision + 1 ? 'keep' : 'catch_up'
}
