import type { Resources } from '../../ports/resources.ts'
import { sweepMessages, unsweptChats } from './deletion.ts'

const SWEPT_AT_ONCE = 2000

type Parts = Pick<Resources, 'db' | 'log'>

/** The messages of a deleted chat go in steps, after the answer. */
export async function sweep({ db, log }: Parts, chat_id: number): Promise<void> {
  try {
    while ((await sweepMessages(db, chat_id, SWEPT_AT_ONCE)) > 0);
  } catch (error) {
    log.error({ err: error, chat_id }, 'messages of a deleted chat are left over')
  }
}

/** The same for several, one after the other. */
export async function sweepAll(parts: Parts, chat_ids: readonly number[]): Promise<void> {
  for (const chat_id of chat_ids) await sweep(parts, chat_id)
}

/** Goes on where a node that was stopped left off: nobody reads those messages, and they hold files. */
export async function sweepLeftOver(parts: Parts): Promise<void> {
  try {
    await sweepAll(parts, await unsweptChats(parts.db))
  } catch (error) {
    parts.log.error({ err: error }, 'what is left of deleted chats could not be looked for')
  }
}
