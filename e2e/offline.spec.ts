import { bubbles, expect, test, write } from './messenger.ts'

test('what is written offline waits, keeps its order, and is sent once', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  const page = await pair.openFor(pair.mia)
  await write(page, 'before')
  await expect(page.locator('.message').last().getByText('sent', { exact: true })).toBeAttached()

  await page.context().setOffline(true)
  await expect(page.getByText('You’re offline.')).toBeVisible()
  for (const text of ['first', 'second', 'third']) await write(page, text)
  await expect(page.locator('.message').last().getByText('sending', { exact: true })).toBeAttached()
  await api.say(leo, chat_id, 'meanwhile')

  await page.context().setOffline(false)
  await expect(page.locator('.message').last().getByText('sent', { exact: true })).toBeAttached()
  await expect.poll(() => bubbles(page)).toEqual(['before', 'meanwhile', 'first', 'second', 'third'])
  expect((await api.history(leo, chat_id)).map(({ content }) => content)).toEqual([
    'before',
    'meanwhile',
    'first',
    'second',
    'third',
  ])
})

test('the outbox survives a reload and never sends twice', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  const page = await pair.openFor(pair.mia)
  // The server stores the first one, but its answer is lost on the way; the second never leaves.
  let answers = 0
  await page.route(`**/api/chats/${chat_id}/messages`, async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    if (++answers === 1) await route.fetch()
    await route.abort('connectionreset')
  })
  await page.routeWebSocket('**/ws', (socket) => void socket.close())
  await page.reload()
  await write(page, 'was stored')
  await write(page, 'was not')
  await expect(page.locator('.message').last().getByText('sending', { exact: true })).toBeAttached()

  const again = await page.context().newPage()
  await page.close()
  await again.goto(`/app/c/${chat_id}`)
  await expect.poll(() => bubbles(again)).toEqual(['was stored', 'was not'])
  await expect(again.getByText('sending', { exact: true })).toHaveCount(0)
  expect((await api.history(leo, chat_id)).map(({ content }) => content)).toEqual(['was stored', 'was not'])
})

test('a server that is killed and started again loses nothing, and pages catch up by themselves', async ({
  messenger,
  pair,
}) => {
  const [a, b] = await pair.openForBoth()
  await write(a, 'before the fall')
  await expect.poll(() => bubbles(b)).toEqual(['before the fall'])

  await messenger.stop('SIGKILL')
  await write(a, 'during')
  await expect(a.locator('.message').last().getByText('sending', { exact: true })).toBeAttached()
  await messenger.start()
  await expect.poll(() => bubbles(b), { timeout: 40_000 }).toEqual(['before the fall', 'during'])
  await expect(
    a
      .locator('.message')
      .last()
      .getByText(/^(sent|read)$/),
  ).toBeAttached()
  expect(await bubbles(a)).toEqual(['before the fall', 'during'])
})

test('a reload shows the last chats before the network answers, then catches up', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  await api.say(leo, chat_id, 'kept')
  const page = await pair.openFor(pair.mia)
  await expect.poll(() => bubbles(page)).toEqual(['kept'])
  // The stretch is written down a second after it was read.
  await expect
    .poll(() =>
      page.evaluate(async () => {
        const [found] = await indexedDB.databases()
        return new Promise((resolve) => {
          const asked = indexedDB.open(found!.name!)
          asked.onsuccess = () => {
            const count = asked.result.transaction('timelines').objectStore('timelines').count()
            count.onsuccess = () => resolve(count.result)
          }
        })
      }),
    )
    .toBe(1)
  let open_ = () => {}
  const answered = new Promise<void>((resolve) => (open_ = resolve))
  await page.route('**/api/**', async (route) => {
    await answered
    await route.continue()
  })
  await api.say(leo, chat_id, 'new')
  await page.reload()
  await expect.poll(() => bubbles(page)).toEqual(['kept'])
  open_()
  await expect.poll(() => bubbles(page)).toEqual(['kept', 'new'])
})

test('a laptop that slept through two hundred messages catches up by itself', async ({ api, pair }) => {
  const { mia, leo, chat_id } = pair
  const other = await api.room(leo, 'group', 'Elsewhere', [mia])
  const first = await api.say(leo, chat_id, 'before')
  const page = await pair.openFor(mia)
  await expect(page.locator('.message').last()).toContainText('before')
  await page.context().setOffline(true)
  await expect(page.getByText('You’re offline.')).toBeVisible()

  for (let n = 1; n <= 200; n++) await api.say(leo, chat_id, `meanwhile ${n}`)
  await api.say(leo, other, 'and elsewhere')
  await api.room(leo, 'group', 'Made meanwhile', [mia])
  await page.context().setOffline(false)

  await expect(page.locator('.chat-row', { hasText: 'Elsewhere' })).toContainText('and elsewhere')
  await expect(page.locator('.chat-row', { hasText: 'Made meanwhile' })).toBeVisible()
  await expect(page.locator('.chat-row', { hasText: 'meanwhile 200' })).toBeVisible()
  // Who was at the end stays at the end.
  await expect(page.locator('.message').last()).toContainText('meanwhile 200')
  expect(first.seq).toBe(1)
})

test('what changes while other changes are on their way is not missed', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  const one = await api.say(leo, chat_id, 'one')
  const two = await api.say(leo, chat_id, 'two')
  const page = await pair.openFor(pair.mia)
  await expect.poll(() => bubbles(page)).toEqual(['one', 'two'])
  await page.context().setOffline(true)
  await expect(page.getByText('You’re offline.')).toBeVisible()
  await api.edit(leo, chat_id, one.id, 'one, edited')

  let answer = () => {}
  const held = new Promise<void>((resolve) => (answer = resolve))
  let asked = 0
  await page.route(`**/api/chats/${chat_id}/changes*`, async (route) => {
    const response = await route.fetch()
    asked++
    await held
    await route.fulfill({ response })
  })
  await page.context().setOffline(false)
  await expect.poll(() => asked).toBeGreaterThan(0)
  await api.edit(leo, chat_id, two.id, 'two, edited')
  await expect(page.locator('.chat-row', { hasText: 'two, edited' })).toBeVisible()
  answer()
  await expect.poll(() => bubbles(page)).toEqual(['one, edited', 'two, edited'])
})

test('a server that is too busy to say what changed is asked again', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  const one = await api.say(leo, chat_id, 'one')
  const page = await pair.openFor(pair.mia)
  await expect.poll(() => bubbles(page)).toEqual(['one'])
  await page.context().setOffline(true)
  await expect(page.getByText('You’re offline.')).toBeVisible()
  await api.edit(leo, chat_id, one.id, 'edited')

  const refused = new Set<string>()
  await page.route(/\/api\/(sync|chats\/\d+\/changes)(\?|$)/, async (route) => {
    const path = new URL(route.request().url()).pathname
    if (refused.has(path)) return route.continue()
    refused.add(path)
    await route.fulfill({ status: 503, json: { error: 'busy', code: 'unavailable', field: null } })
  })
  await page.context().setOffline(false)
  await expect.poll(() => bubbles(page)).toEqual(['edited'])
  await expect(page.locator('.chat-row')).toContainText('edited')
  expect([...refused].toSorted()).toEqual([`/api/chats/${chat_id}/changes`, '/api/sync'])
})
