import type { Endpoint } from '@messenger/contract'
import { promoteMember, leaveChat, removeMember, sendMessage } from '@messenger/contract'
import type { Person, World } from './world.ts'

/** Whoever may call: their standing in the chat that is asked about, or on the whole server. */
export const CALLERS = [
  'anonymous',
  'blocked',
  'stranger',
  'former member',
  'member',
  'admin',
  'owner',
  'site admin',
] as const
export type Caller = (typeof CALLERS)[number]

export type Place = 'group' | 'channel' | 'direct' | 'server'

export type People = Record<Exclude<Caller, 'anonymous'> | 'other', Person>

/** A chat with everybody in it who can be, one message of the owner's, and the caller's own where they may write. */
export interface Scene {
  world: World
  people: People
  caller: Person | null
  /** A plain member of the chat who is none of the callers; in a direct chat the other side. */
  other: Person
  chat_id: number
  message_id: number
  /** A message that the caller wrote, while they could; the owner's otherwise. */
  own_message_id: number
}

export interface Asked {
  params?: object
  query?: object
  body?: object
}

export interface Rule {
  endpoint: Endpoint
  place: Place
  /** What is special about this case, for a reader. */
  note: string
  ask: (scene: Scene) => Asked | Promise<Asked>
  /** Statuses in the order of CALLERS; null where there is no such caller. */
  expected: (number | null)[]
}

/** `expected`: a status for each of CALLERS, `-` where there is no such caller. */
export function rule(endpoint: Endpoint, place: Place, expected: string, ask: Rule['ask'], note = ''): Rule {
  const statuses = expected.trim().split(/\s+/)
  if (statuses.length !== CALLERS.length)
    throw new Error(`${endpoint.method} ${endpoint.path}: ${CALLERS.length} statuses are needed.`)
  return {
    endpoint,
    place,
    note,
    ask,
    expected: statuses.map((status) => (status === '-' ? null : Number(status))),
  }
}

/** What most calls ask about: the chat, a message in it, the caller’s own, another member, or nothing. */
export const chat = ({ chat_id }: Scene) => ({ params: { chat_id } })
export const message = ({ chat_id, message_id }: Scene) => ({ params: { chat_id, message_id } })
export const ownMessage = ({ chat_id, own_message_id }: Scene) => ({
  params: { chat_id, message_id: own_message_id },
})
export const other = ({ chat_id, other }: Scene) => ({ params: { chat_id, user_id: other.id } })
export const nothing = () => ({})

const writes = (who: Person, chat_id: number) =>
  who.call(sendMessage, { params: { chat_id }, body: { content: `by ${who.username}` } })

/** A new scene for one caller, so that no answer depends on the one before. */
export async function sceneFor(world: World, people: People, place: Place, caller: Caller): Promise<Scene> {
  const { owner, admin, member, other } = people
  const former = people['former member']
  const me = caller === 'anonymous' ? null : people[caller]
  const scene = { world, people, caller: me, other, chat_id: 0, message_id: 0, own_message_id: 0 }
  if (place === 'server') return scene
  if (place === 'direct') {
    const chat_id = await world.chat(member, other)
    const message = await writes(other, chat_id)
    const own = caller === 'member' ? await writes(member, chat_id) : message
    return { ...scene, chat_id, message_id: message.id, own_message_id: own.id }
  }
  const inside = [admin, member, former, other]
  const chat_id = await world[place](owner, inside)
  await owner.call(promoteMember, { params: { chat_id, user_id: admin.id } })
  const message = await writes(owner, chat_id)
  const mayWrite = place === 'group' ? ['admin', 'member', 'former member', 'owner'] : ['admin', 'owner']
  const own = me && mayWrite.includes(caller) ? await writes(me, chat_id) : message
  // Half of them went by themselves, half were sent away: it is the same.
  if (chat_id % 2) await former.call(leaveChat, { params: { chat_id } })
  else await owner.call(removeMember, { params: { chat_id, user_id: former.id } })
  return { ...scene, chat_id, message_id: message.id, own_message_id: own.id }
}

/** The table as a page for people. */
export function asMarkdown(rules: readonly Rule[]): string {
  const lines = [
    '# Who may call what',
    '',
    'Each line is one call; each cell the status that the caller gets. The page is made from the table in',
    '`server/src/testing/permissionTable.ts`, which the tests run against a server: `node_modules/.bin/bun server/src/testing/permissionPage.ts`.',
    '',
    '- _anonymous_ shows no token, _blocked_ one of an account that an admin blocked.',
    '- _stranger_ was never in the chat, _former member_ left it or was removed.',
    '- _site admin_ administers the server and is not in the chat.',
    '- 401 sign in first · 403 not allowed · 404 nothing there, or nothing for this caller · 400 not possible here.',
    '',
  ]
  for (const [room, some] of Map.groupBy(rules, ({ endpoint }) => endpoint.path.split('/')[1]!)) {
    lines.push(`## ${room}`, '')
    const rows = [
      ['call', 'where', ...CALLERS],
      ...some.map(({ endpoint, place, note, expected }) => [
        `\`${endpoint.method} ${endpoint.path}\`${note ? ` ${note}` : ''}`,
        place,
        ...expected.map((status) => (status === null ? '' : String(status))),
      ]),
    ]
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length), 3))
    const line = (cells: string[]) => `| ${cells.map((cell, n) => cell.padEnd(widths[n]!)).join(' | ')} |`
    lines.push(line(rows[0]!), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line), '')
  }
  return `${lines.join('\n').trimEnd()}\n`
}
