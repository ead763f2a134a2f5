import type { Page } from '@playwright/test'
import { expect, open, test, write } from './messenger.ts'

const MESSAGES = 320
/** However long the history, the document holds about this much of it. */
const NODES_MAX = 130

test('a long history: bounded document, no jump while it grows, newest by one button', async ({
  api,
  pair,
}) => {
  const { mia, leo, chat_id } = pair
  for (let n = 1; n <= MESSAGES; n++)
    await api.say(mia, chat_id, `message ${n} ${'and more words '.repeat(n % 9)}`)
  const page = await pair.openFor(mia)
  await expect(page.locator('.message').last()).toContainText(`message ${MESSAGES}`)
  const timeline = page.getByRole('log')
  await timeline.hover()

  let most = 0
  for (let step = 0; step < 60; step++) {
    const before = await visible(page)
    await page.mouse.wheel(0, -900)
    await settled(page)
    const after = await page.evaluate((seq) => {
      const element = document.querySelector(`.message[data-seq="${seq}"]`)
      return {
        nodes: document.querySelectorAll('.message').length,
        top: element?.getBoundingClientRect().top ?? null,
      }
    }, before.seq)
    most = Math.max(most, after.nodes)
    // Scrolling moves what was seen down by what was scrolled, and by nothing else.
    if (after.top !== null) expect(after.top - before.top).toBeLessThanOrEqual(901)
    if (after.top !== null) expect(after.top - before.top).toBeGreaterThanOrEqual(-1)
    if ((await page.getByText('message 1 ', { exact: false }).first().isVisible()) && before.seq <= 2) break
  }
  await expect(page.locator('.message[data-seq="1"]')).toBeVisible()
  expect(most).toBeLessThanOrEqual(NODES_MAX)

  const held = await visible(page)
  await api.say(leo, chat_id, 'something new')
  await expect(page.locator('.to-bottom .badge')).toContainText('1')
  expect((await visible(page)).top).toBeCloseTo(held.top, 0)
  await page.getByRole('button', { name: 'To the newest message' }).click()
  await expect(page.locator('.message').last()).toContainText('something new')
  await expect(page.locator('.to-bottom')).toHaveCount(0)
})

test('a chat opens at the first unread message, and coming back where one was', async ({
  browser,
  messenger,
  api,
}) => {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  const [chat_id, other] = [await api.direct(mia, leo), await api.room(mia, 'group', 'Elsewhere', [])]
  await api.say(mia, chat_id, 'I was here')
  for (let n = 1; n <= 90; n++) await api.say(leo, chat_id, `unread ${n}`)
  const page = await open(browser, messenger.url, mia)
  await page.locator('.chat-row', { hasText: 'Leo Berg' }).click()
  await expect(page.getByText('Unread messages')).toBeInViewport()
  await expect(page.locator('.message[data-seq="2"]')).toBeInViewport()
  await page.getByRole('log').hover()
  await page.mouse.wheel(0, 500)
  await settled(page)
  const place = await visible(page)
  expect(place.seq).toBeGreaterThan(3)
  await page.getByRole('link', { name: /Elsewhere/ }).click()
  await page.waitForURL(`**/app/c/${other}`)
  await page.locator('.chat-row', { hasText: 'Leo Berg' }).click()
  const moved = async () => {
    const now = await visible(page)
    return now.seq === place.seq ? Math.abs(now.top - place.top) : Infinity
  }
  await expect.poll(moved).toBeLessThan(2)
})

test('a draft is kept for each chat', async ({ api, pair }) => {
  const { mia } = pair
  await api.room(mia, 'group', 'Elsewhere', [])
  const page = await pair.openFor(mia)
  await page.getByRole('textbox', { name: 'Message' }).fill('half a thought')
  await page.getByRole('link', { name: /Elsewhere/ }).click()
  await expect(page.locator('.chat-row', { hasText: 'Leo Berg' })).toContainText('Draft:')
  await page.reload()
  await page.locator('.chat-row', { hasText: 'Leo Berg' }).click()
  await expect(page.getByRole('textbox', { name: 'Message' })).toHaveValue('half a thought')
  await write(page, 'half a thought, and the rest')
  await expect(page.locator('.chat-row', { hasText: 'Leo Berg' })).not.toContainText('Draft:')
})

/** Resolves when scrolling has come to rest. */
const settled = (page: Page) =>
  page.evaluate(async () => {
    const timeline = document.querySelector('.timeline')!
    const frame = () => new Promise(requestAnimationFrame)
    for (let still = 0, before = -1; still < 10; await frame()) {
      still = timeline.scrollTop === before ? still + 1 : 0
      before = timeline.scrollTop
    }
  })

/** The first message in sight, and where it is. */
function visible(page: Page): Promise<{ seq: number; top: number }> {
  return page.evaluate(() => {
    const box = document.querySelector('.timeline')!.getBoundingClientRect()
    const first = [...document.querySelectorAll<HTMLElement>('.message[data-seq]')].find(
      (one) => one.getBoundingClientRect().top >= box.top,
    )
    return { seq: Number(first?.dataset['seq'] ?? 0), top: first?.getBoundingClientRect().top ?? 0 }
  })
}
