import type { Page } from '@playwright/test'
import { gzipSync } from 'node:zlib'
import { expect, open, test } from './messenger.ts'

const KB = 1024

/** Every script and style that the page asks for, as what it weighs by gzip. */
function weigh(page: Page): Map<string, Promise<number>> {
  const weights = new Map<string, Promise<number>>()
  page.on('response', (response) => {
    const kind = response.request().resourceType()
    if (kind === 'script' || kind === 'stylesheet')
      weights.set(
        response.url(),
        response.body().then((body) => gzipSync(body, { level: 9 }).length),
      )
  })
  return weights
}

const sum = async (weights: Map<string, Promise<number>>) =>
  (await Promise.all(weights.values())).reduce((all, one) => all + one, 0)

test('the first screen and an open chat stay within their weight', async ({ browser, messenger, api }) => {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  const chat_id = await api.direct(mia, leo)
  await api.say(leo, chat_id, 'Hello')

  const stranger = await (await browser.newContext({ baseURL: messenger.url })).newPage()
  const door = weigh(stranger)
  await stranger.goto('/login', { waitUntil: 'networkidle' })
  const first = await sum(door)

  const kept = await open(browser, messenger.url, mia)
  const page = await kept.context().newPage()
  const chat = weigh(page)
  await page.goto(`/app/c/${chat_id}`)
  await expect(page.locator('.message').last()).toContainText('Hello')
  await page.waitForLoadState('networkidle')
  const opened = await sum(chat)

  console.log(`sign-in page ${(first / KB).toFixed(1)} KB, open chat ${(opened / KB).toFixed(1)} KB of gzip`)
  expect(door.size).toBeGreaterThan(1)
  expect(first).toBeLessThanOrEqual(110 * KB)
  expect(opened).toBeLessThanOrEqual(150 * KB)
})
