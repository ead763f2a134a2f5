import type { Pending } from '../../kept.ts'

/** Its file, if it has one, is with the server. */
export const isReady = (one: Pending): boolean => one.parcel === null || one.file_id !== null

/**
 * The next that may be sent of one chat's outbox, given in the order of writing. A text need not wait for an upload, but
 * what was chosen together keeps its order, and an album leaves when all of it is there: nothing can come between.
 */
export function nextToSend(outbox: readonly Pending[]): Pending | undefined {
  const waiting = outbox.filter(({ state }) => state === 'waiting')
  const firstOfBatch = (one: Pending) =>
    !one.batch_id || waiting.find(({ batch_id }) => batch_id === one.batch_id) === one
  const albumIsReady = ({ album_id }: Pending) =>
    album_id === null || waiting.every((other) => other.album_id !== album_id || isReady(other))
  return waiting.find((one) => isReady(one) && firstOfBatch(one) && albumIsReady(one))
}
