import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  addMembers,
  archiveChat,
  banUser,
  createChat,
  createInvite,
  deleteChat,
  deleteMessage,
  editMessage,
  favoriteChat,
  getChatRow,
  handOver,
  joinByInvite,
  leaveChat,
  listChanges,
  markRead,
  muteChat,
  pinChat,
  promoteMember,
  removeMember,
  sendMessage,
  sync,
  unpinChat,
  updateChat,
  updateSettings,
  updateUser,
  type Message,
  type ServerEvent,
} from '@messenger/contract'
import { openPostgres } from '../../ports/db/postgres.ts'
import { sql } from '../../ports/db/port.ts'
import { Copy } from '../../testing/copy.ts'
import { peopleOf } from '../../testing/crowd.ts'
import { newWorld, type Person, type World } from '../../testing/world.ts'

let world: World
let ann: Person
let bob: Person

beforeAll(async () => {
  world = await newWorld()
  ;[ann, bob] = [await world.user('ann'), await world.user('bob')]
})
afterAll(() => world.close())

const send = (who: Person, chat_id: number, content = 'hi', more: object = {}) =>
  who.call(sendMessage, { params: { chat_id }, body: { content, ...more } })
const begin = async (who: Person) => (await who.call(sync)).revision!
const since = (who: Person, after: number) => who.call(sync, { query: { after } })

describe('sync', () => {
  test('says nothing when nothing happened, and begins where it is asked to', async () => {
    const after = await begin(ann)
    expect(await since(ann, after)).toMatchObject({ own: [], chats: [], has_more: false })
  })

  test('names the chats that are behind, and only to those who are in them', async () => {
    const [chat_id, other] = [await world.group(ann, [bob]), await world.group(ann, [])]
    const [annAt, bobAt] = [await begin(ann), await begin(bob)]
    await send(ann, chat_id)
    await send(ann, other)
    const told = await since(bob, bobAt)
    expect(told.chats).toEqual([{ chat_id, revision: 1, last_seq: 1, last_read_seq: 0, unread_count: 1 }])
    expect(told.own).toEqual([])
    // Sending moves one's own mark: that is a change of one's own.
    const own = (await since(ann, annAt)).own!.map((change) => change.kind === 'chat' && change.chat_id)
    expect(own.toSorted()).toEqual([chat_id, other].toSorted())
    expect((await since(bob, told.revision!)).chats).toEqual([])
  })

  test('tells one’s own changes on another device: marks, settings, hidden messages, chats that came and went', async () => {
    const [stays, goes] = [await world.group(ann, [bob]), await world.group(ann, [bob])]
    const message = await send(ann, stays)
    const after = await begin(bob)
    await bob.call(pinChat, { params: { chat_id: stays } })
    await bob.call(leaveChat, { params: { chat_id: goes } })
    await bob.call(deleteMessage, {
      params: { chat_id: stays, message_id: message.id },
      body: { for_everyone: false },
    })
    await bob.call(updateSettings, { body: { theme: 'dark' } })
    const comes = await world.group(ann, [bob])
    const { own } = await since(bob, after)
    expect(own).toContainEqual({ kind: 'chat_gone', chat_id: goes })
    expect(own).toContainEqual({ kind: 'message_hidden', chat_id: stays, message_id: message.id })
    expect(own!.find((change) => change.kind === 'settings')).toMatchObject({ settings: { theme: 'dark' } })
    const rows = own!.flatMap((change) => (change.kind === 'chat' ? [change.chat] : []))
    expect(rows.map(({ id }) => id).toSorted()).toEqual([stays, comes].toSorted())
    expect(rows.find(({ id }) => id === stays)).toEqual(
      await bob.call(getChatRow, { params: { chat_id: stays } }),
    )
    expect((await since(ann, after)).own!.some((change) => change.kind !== 'chat')).toBe(false)
  })

  test('misses nothing that commits late', async () => {
    const chat_id = await world.group(ann, [bob])
    const late = await openPostgres(world.config.database_url!, { max: 1 })
    let after = 0
    await late.transaction(async (tx) => {
      await tx.query(
        sql`update chat_members set is_pinned = true, changed = pg_current_xact_id() where chat_id = ${chat_id} and user_id = ${bob.id}`,
      )
      // Others commit meanwhile, and are told.
      await send(ann, chat_id)
      after = (await since(bob, 1)).revision ?? (await begin(bob))
      expect((await since(bob, after)).own).toEqual([])
    })
    const { own } = await since(bob, after)
    expect(own!.map((change) => change.kind === 'chat' && change.chat.is_pinned)).toEqual([true])
    await late.close()
  })

  test('a revision that this database never gave, or one too far behind, begins afresh', async () => {
    expect(await since(ann, 2 ** 50)).toEqual({ reset: true })
  })
})

describe('changes', () => {
  test('after any revision they come to the same history, also when taken in small pages', async () => {
    const chat_id = await world.group(ann, [bob])
    const messages: Message[] = []
    for (let n = 0; n < 12; n++) messages.push(await send(n % 2 ? ann : bob, chat_id, `m${n}`))
    for (const n of [1, 3, 5])
      await ann.call(editMessage, {
        params: { chat_id, message_id: messages[n]!.id },
        body: { content: `edited ${n}` },
      })
    await ann.call(deleteMessage, {
      params: { chat_id, message_id: messages[7]!.id },
      body: { for_everyone: true },
    })
    const follow = async (after: number, limit: number) => {
      const held = new Map(messages.filter(({ revision }) => revision <= after).map((one) => [one.id, one]))
      for (;;) {
        const page = await bob.call(listChanges, { params: { chat_id }, query: { after, limit } })
        for (const change of page.changes) held.set(change.id, change)
        after = page.revision
        if (!page.has_more) return { after, held: [...held.values()].toSorted((a, b) => a.seq - b.seq) }
      }
    }
    const fresh = await follow(0, 500)
    expect(fresh.after).toBe(16)
    for (const after of [0, 1, 6, 12])
      for (const limit of [1, 3, 500]) {
        const { held } = await follow(after, limit)
        expect(held.map(({ id, content }) => [id, content])).toEqual(
          fresh.held.map(({ id, content }) => [id, content]),
        )
      }
  })
})

describe('state before + events = state fetched afresh', () => {
  interface Scene {
    direct: number
    group: number
    channel: number
    message: Message
    own: Message
    cat: Person
  }
  const deeds: [ServerEvent['type'], string, (scene: Scene) => Promise<unknown>][] = [
    ['message', 'somebody writes', ({ group }) => send(ann, group, 'new')],
    ['message', 'somebody writes a long one', ({ group }) => send(ann, group, 'long '.repeat(200))],
    ['message', 'one writes oneself', ({ group }) => send(bob, group, 'from another device')],
    [
      'message',
      'somebody answers',
      ({ group, message }) => send(ann, group, 'answer', { reply_to_message_id: message.id }),
    ],
    [
      'message',
      'many write at once',
      ({ group, direct }) =>
        Promise.all(
          Array.from({ length: 40 }, (_, n) => send(n % 2 ? ann : bob, n % 3 ? group : direct, `m${n}`)),
        ),
    ],
    ['message', 'somebody posts in a channel', ({ channel }) => send(ann, channel, 'post')],
    [
      'message_updated',
      'the newest is edited',
      ({ group, message }) =>
        ann.call(editMessage, {
          params: { chat_id: group, message_id: message.id },
          body: { content: 'edited' },
        }),
    ],
    [
      'message_updated',
      'what was answered is edited',
      async ({ group, message }) => {
        await send(bob, group, 'answer', { reply_to_message_id: message.id })
        await ann.call(editMessage, {
          params: { chat_id: group, message_id: message.id },
          body: { content: 'edited' },
        })
      },
    ],
    [
      'message_deleted',
      'the newest is deleted',
      ({ group, message }) =>
        ann.call(deleteMessage, {
          params: { chat_id: group, message_id: message.id },
          body: { for_everyone: true },
        }),
    ],
    [
      'message_deleted',
      'an older one is deleted',
      async ({ group, message }) => {
        await send(ann, group, 'newer')
        await ann.call(deleteMessage, {
          params: { chat_id: group, message_id: message.id },
          body: { for_everyone: true },
        })
      },
    ],
    [
      'message_hidden',
      'one deletes for oneself',
      ({ group, message }) =>
        bob.call(deleteMessage, {
          params: { chat_id: group, message_id: message.id },
          body: { for_everyone: false },
        }),
    ],
    [
      'chat_marks',
      'one reads elsewhere',
      ({ group }) => bob.call(markRead, { params: { chat_id: group }, body: {} }),
    ],
    [
      'chat_marks',
      'one reads a part elsewhere',
      async ({ group }) => {
        await send(ann, group)
        await send(ann, group)
        await bob.call(markRead, { params: { chat_id: group }, body: { seq: 3 } })
      },
    ],
    [
      'read_receipt',
      'somebody reads',
      async ({ group }) => {
        await send(bob, group)
        await ann.call(markRead, { params: { chat_id: group }, body: {} })
      },
    ],
    ['chat_marks', 'one pins', ({ group }) => bob.call(pinChat, { params: { chat_id: group } })],
    [
      'chat_marks',
      'one pins and unpins',
      async ({ group }) => {
        await bob.call(pinChat, { params: { chat_id: group } })
        await bob.call(unpinChat, { params: { chat_id: group } })
      },
    ],
    [
      'chat_marks',
      'one makes a favourite',
      ({ group }) => bob.call(favoriteChat, { params: { chat_id: group } }),
    ],
    ['chat_marks', 'one mutes', ({ group }) => bob.call(muteChat, { params: { chat_id: group }, body: {} })],
    ['chat_marks', 'one archives', ({ group }) => bob.call(archiveChat, { params: { chat_id: group } })],
    ['chat_created', 'somebody opens a group', () => world.group(ann, [bob], 'A new one')],
    [
      'chat_created',
      'somebody writes for the first time',
      async ({ cat }) => {
        const { id } = await cat.call(createChat, { body: { member_ids: [bob.id] } })
        await send(cat, id, 'hello')
      },
    ],
    [
      'chat_created',
      'somebody adds one',
      async ({ cat }) => {
        const chat_id = await world.group(ann, [cat])
        await send(ann, chat_id, 'before')
        await ann.call(addMembers, { params: { chat_id }, body: { user_ids: [bob.id] } })
        await send(ann, chat_id, 'after')
      },
    ],
    [
      'chat_updated',
      'a title changes',
      ({ group }) =>
        ann.call(updateChat, { params: { chat_id: group }, body: { title: 'Renamed', description: 'Anew' } }),
    ],
    [
      'chat_updated',
      'what members may changes',
      ({ group }) =>
        ann.call(updateChat, {
          params: { chat_id: group },
          body: {
            who_may_post: 'admins',
            who_may_add: 'admins',
            who_may_pin: 'members',
            slow_mode_seconds: 9,
          },
        }),
    ],
    [
      'message',
      'the chat says of itself who left, and somebody writes after it',
      async ({ group, cat }) => {
        await ann.call(addMembers, { params: { chat_id: group }, body: { user_ids: [cat.id] } })
        await cat.call(leaveChat, { params: { chat_id: group } })
        await send(ann, group, 'a pity')
      },
    ],
    [
      'message',
      'the chat says of itself what one did oneself',
      async ({ group, cat }) => {
        await send(ann, group, 'not read yet')
        await bob.call(addMembers, { params: { chat_id: group }, body: { user_ids: [cat.id] } })
      },
    ],
    [
      'chat_member_role',
      'one becomes the owner',
      ({ group }) => ann.call(handOver, { params: { chat_id: group }, body: { user_id: bob.id } }),
    ],
    [
      'chat_created',
      'one joins by an invite on another device',
      async () => {
        const chat_id = await world.group(ann, [])
        await send(ann, chat_id, 'before')
        const { token } = await ann.call(createInvite, { params: { chat_id }, body: {} })
        await bob.call(joinByInvite, { params: { token } })
        await send(ann, chat_id, 'after')
      },
    ],
    [
      'chat_members_changed',
      'many are added at once',
      async ({ group }) =>
        ann.call(addMembers, { params: { chat_id: group }, body: { user_ids: await peopleOf(world, 30) } }),
    ],
    [
      'chat_member_left',
      'one is banned',
      ({ group }) => ann.call(banUser, { params: { chat_id: group, user_id: bob.id } }),
    ],
    [
      'chat_member_joined',
      'somebody joins',
      ({ group, cat }) => ann.call(addMembers, { params: { chat_id: group }, body: { user_ids: [cat.id] } }),
    ],
    [
      'chat_member_left',
      'somebody is removed',
      async ({ group, cat }) => {
        await ann.call(addMembers, { params: { chat_id: group }, body: { user_ids: [cat.id] } })
        await ann.call(removeMember, { params: { chat_id: group, user_id: cat.id } })
      },
    ],
    [
      'chat_member_left',
      'one is removed',
      ({ group }) => ann.call(removeMember, { params: { chat_id: group, user_id: bob.id } }),
    ],
    [
      'chat_member_left',
      'one leaves on another device',
      ({ group }) => bob.call(leaveChat, { params: { chat_id: group } }),
    ],
    [
      'chat_member_role',
      'one is made an admin',
      ({ group }) => ann.call(promoteMember, { params: { chat_id: group, user_id: bob.id } }),
    ],
    [
      'chat_deleted',
      'the owner deletes',
      ({ group }) => ann.call(deleteChat, { params: { chat_id: group }, body: { for_everyone: true } }),
    ],
    [
      'chat_deleted',
      'one clears a direct chat elsewhere',
      ({ direct }) => bob.call(deleteChat, { params: { chat_id: direct }, body: {} }),
    ],
    [
      'user_profile_updated',
      'somebody is called otherwise',
      async ({ group, message }) => {
        await send(bob, group, 'answer', { reply_to_message_id: message.id })
        await ann.call(updateUser, {
          params: { user_id: ann.id },
          body: { display_name: `Ann the ${Date.now()}` },
        })
      },
    ],
  ]

  let scenes = 0
  test.each(deeds)('%s: %s', async (type, _, deed) => {
    const cat = await world.user(`cat_${++scenes}`)
    const [direct, group, channel] = [
      await world.chat(ann, bob),
      await world.group(ann, [bob]),
      await world.channel(ann, [bob]),
    ]
    await send(ann, direct, 'direct')
    const own = await send(bob, group, 'mine')
    const message = await send(ann, group, 'theirs')
    // A stranger, and somebody who was in all of it until now.
    const [eve, dan] = [await world.user(`eve_${scenes}`), await world.user(`dan_${scenes}`)]
    for (const chat_id of [group, channel])
      await ann.call(addMembers, { params: { chat_id }, body: { user_ids: [dan.id] } })
    const outside = [await eve.listen(), await dan.listen()]
    for (const chat_id of [group, channel])
      await ann.call(removeMember, { params: { chat_id, user_id: dan.id } })
    for (const ears of outside) await ears.settled()
    const known = outside.map((ears) => ears.heard.length)
    const hears = await bob.listen()
    const copy = await new Copy(bob).fetch()
    await hears.settled()
    await copy.hear(hears.heard)
    await deed({ direct, group, channel, message, own, cat })
    await hears.next(type)
    await hears.settled()
    await copy.hear(hears.heard)
    expect(copy.state).toEqual((await new Copy(bob).fetch()).state)
    for (const [n, ears] of outside.entries()) {
      await ears.settled()
      // People who shared a chat may hear of a name, and that somebody is here; of what is said and done, nothing.
      const heard = ears.heard.slice(known[n]).filter(({ type: one }) => one !== 'pong' && one !== 'presence')
      expect(heard).toEqual([])
      ears.close()
    }
    hears.close()
  })

  test('every event that moves a client’s state is tried', () => {
    const moving: ServerEvent['type'][] = [
      'message',
      'message_updated',
      'message_deleted',
      'message_hidden',
      'read_receipt',
      'chat_marks',
      'chat_created',
      'chat_updated',
      'chat_deleted',
      'chat_member_joined',
      'chat_members_changed',
      'chat_member_left',
      'chat_member_role',
      'user_profile_updated',
    ]
    expect(moving.filter((type) => !deeds.some(([tried]) => tried === type))).toEqual([])
  })
})
