import * as demo from '../features/demo/queries.ts'
import { PEOPLE, ROOMS, SUPPORT, type Name, type Talk } from '../features/demo/story.ts'
import { makePartitions } from '../features/messages/queries.ts'
import { firstIdAt } from '../features/messages/rules.ts'
import { supportAccount } from '../features/support/queries.ts'
import { Passwords } from '../features/auth/passwords.ts'
import type { Db, Transaction } from '../ports/db/port.ts'
import { CommandError } from './admin.ts'
import { generatedPassword } from './password.ts'

const DAY_MS = 24 * 3600 * 1000
const MINUTE_MS = 60_000
const MONTHS_AHEAD = 12
/** Older than the oldest message. */
const BEGAN_DAYS_AGO = 21

/** Minutes between one line and the next, as people type. */
const pauseAfter = (line: string, n: number) => 1 + ((line.length * 7 + n * 3) % 5)

/** The messages of a room as they are stored, all before `now`. */
function historyOf(
  talks: readonly Talk[],
  ids: ReadonlyMap<string, number>,
  now: number,
): demo.DemoMessage[] {
  const today = now - (now % DAY_MS)
  const messages: demo.DemoMessage[] = []
  for (const { days_ago, at, lines } of talks.toSorted(
    (one, other) => other.days_ago - one.days_ago || one.at - other.at,
  )) {
    let sent = today - days_ago * DAY_MS + at * MINUTE_MS
    // The night is young: what would be said later today was said yesterday.
    if (sent > now - lines.length * 6 * MINUTE_MS) sent -= DAY_MS
    for (const [n, line] of lines.entries()) {
      const [, who, answers, words, edited] = /^(\w+) (\^*)(.*?)(\*?)$/.exec(line)!
      const reply_to = answers === '' ? null : (messages.at(-answers!.length)?.id ?? null)
      const id = Math.max(firstIdAt(sent), (messages.at(-1)?.id ?? 0) + 1)
      messages.push({ id, sender_id: ids.get(who!)!, content: words!, reply_to, edited: edited === '*' })
      sent += pauseAfter(line, n) * MINUTE_MS
    }
  }
  return messages
}

async function settle(tx: Transaction, ids: ReadonlyMap<string, number>, now: number): Promise<number> {
  const made = new Date(now - (BEGAN_DAYS_AGO + 1) * DAY_MS)
  const idsOf = (names: readonly Name[]) => names.map((name) => ids.get(name)!)
  let stored = 0
  for (const { members, behind, talks, ...room } of ROOMS) {
    const chat_id = await demo.makeChat(tx, { ...room, member_ids: idsOf(members), made })
    const messages = historyOf(talks, ids, now)
    await demo.makeHistory(tx, chat_id, messages, idsOf(behind))
    stored += messages.length
  }
  return stored
}

/** One thread of the inbox, which the staff has not read to its end. */
async function askSupport(tx: Transaction, ids: ReadonlyMap<string, number>, now: number): Promise<number> {
  const support_id = await supportAccount(tx)
  const plain = { title: null, description: null, public_name: null, made: new Date(now - 6 * DAY_MS) }
  const chat_id = await demo.makeChat(tx, {
    ...plain,
    type: 'direct',
    member_ids: [ids.get('lena')!, support_id],
  })
  const messages = historyOf([SUPPORT], new Map([...ids, ['support', support_id]]), now)
  await demo.makeHistory(tx, chat_id, messages, [support_id])
  return messages.length
}

/**
 * A small organisation to look at: people with one password, groups, channels, direct chats, three weeks of messages.
 * Refuses a database in which somebody is, unless `force`; then nobody of the demo becomes an admin.
 */
export const demoDeed =
  (force: boolean) =>
  async (db: Db): Promise<string> => {
    const inhabited = await demo.anybody(db)
    if (inhabited && !force)
      throw new CommandError(
        'There are people in this database already. To put the demo beside them: --force',
      )
    await makePartitions(db, MONTHS_AHEAD)
    const password = generatedPassword()
    const passwords = new Passwords()
    const hash = await passwords.hash(password).finally(() => passwords.close())
    const now = Date.now()
    const stored = await db.transaction(async (tx) => {
      const people = PEOPLE.map(([username, display_name, bio], n) => ({
        username,
        display_name,
        bio,
        joined: new Date(now - (BEGAN_DAYS_AGO - (n % 9)) * DAY_MS),
        last_activity: new Date(now - ((n * 7) % 60) * 3600 * 1000),
      }))
      const ids = await demo.makePeople(tx, people, hash)
      if (ids.size < PEOPLE.length) {
        const taken = PEOPLE.map(([name]) => name).filter((name) => !ids.has(name))
        throw new CommandError(`These names are taken here, so the demo has no room: ${taken.join(', ')}.`)
      }
      if (!inhabited) await demo.makeAdmin(tx, { id: ids.get('anna')!, name: 'anna' })
      return (await settle(tx, ids, now)) + (await askSupport(tx, ids, now))
    })
    const names = PEOPLE.map(([name, full]) => `  ${name.padEnd(8)} ${full}`)
    return [
      `A bakery of ${PEOPLE.length} people with ${stored} messages is there:`,
      ...names,
      `Everybody's password, shown only now: ${password}`,
      ...(inhabited ? [] : ['anna is an admin.']),
    ].join('\n')
  }
