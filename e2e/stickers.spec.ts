import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { composer, expect, open, test } from './messenger.ts'

const stickers = (page: Page) => page.locator('.message img')
const drawn = (page: Page) =>
  expect
    .poll(() =>
      stickers(page).evaluateAll((all) => all.every((one) => (one as HTMLImageElement).naturalWidth > 0)),
    )
    .toBe(true)

test('who says hello with a sticker is seen by the other, without a bubble', async ({
  browser,
  messenger,
  pair,
}) => {
  const { mia, leo, chat_id } = pair
  const [a, b] = [await open(browser, messenger.url, mia), await open(browser, messenger.url, leo)]
  await a.goto(`/app/c/${chat_id}`)
  const tray = a.getByRole('group', { name: 'Send a sticker' })
  await expect(tray.getByRole('button')).toHaveCount(6)
  await tray.getByRole('button', { name: 'Send sticker: thumbs up' }).click()
  await expect(stickers(a)).toHaveAttribute('alt', 'Sticker: thumbs up')
  await expect(tray).toHaveCount(0)
  await drawn(a)

  const row = b.getByRole('link', { name: /Mia Sand/ })
  await expect(row.locator('.preview')).toContainText('Sticker')
  await row.click()
  await expect(stickers(b)).toHaveAttribute('alt', 'Sticker: thumbs up')
  await drawn(b)
  await expect(b.locator('.message .bubble')).toHaveClass(/bare/)

  await b.locator('.message').click({ button: 'right' })
  await expect(b.getByRole('menuitem', { name: 'Copy text' })).toHaveCount(0)
  await b.getByRole('menuitem', { name: 'Reply' }).click()
  await expect(b.locator('.reply-strip')).toContainText('Sticker')
  await composer(b).fill('Hello')
  await b.keyboard.press('Enter')
  await expect(a.locator('.quote')).toContainText('Sticker')
})

test('stickers are chosen by keyboard alone', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  await api.say(leo, chat_id, 'Hello')
  const page = await pair.openFor(pair.mia)
  const button = page.getByRole('button', { name: 'Stickers', exact: true })
  const picker = page.getByRole('dialog', { name: 'Stickers' })

  await button.press('Enter')
  const field = picker.getByRole('searchbox')
  await expect(field).toBeFocused()
  const { violations } = await new AxeBuilder({ page }).include('.picker').analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([])
  await page.keyboard.press('Escape')
  await expect(picker).toHaveCount(0)
  await expect(composer(page)).toBeFocused()

  await button.click()
  await picker.getByRole('button', { name: 'Send sticker: a big grin' }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('ArrowRight')
  await expect(picker.getByRole('button', { name: 'Send sticker: in tears' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(picker).toHaveCount(0)
  await expect(stickers(page)).toHaveAttribute('alt', 'Sticker: in tears')
  await expect(composer(page)).toBeFocused()

  await button.click()
  await expect(picker.getByText('Recently used')).toBeVisible()
  await field.fill('flame')
  await expect(picker.getByRole('button', { name: /^Send sticker/ })).toHaveCount(1)
  await field.fill('boat')
  await expect(picker.getByText('Nothing for “boat”')).toBeVisible()
  await field.fill('')
  await page.locator('.chat-bar h1').click({ trial: true })
  await page.mouse.click(700, 300)
  await expect(picker).toHaveCount(0)
})

test('a sticker that is chosen offline is sent later', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  await api.say(leo, chat_id, 'Hello')
  const page = await pair.openFor(pair.mia)
  await page.getByRole('button', { name: 'Stickers', exact: true }).click()
  const heart = page.getByRole('button', { name: 'Send sticker: a smiling heart' })
  await heart.waitFor()
  await page.context().setOffline(true)
  await heart.click()
  await expect(page.locator('.message').last().getByText('sending')).toBeAttached()
  await page.context().setOffline(false)
  await expect(page.locator('.message').last().getByText('sent', { exact: true })).toBeAttached()
  expect((await api.history(leo, chat_id)).at(-1)).toMatchObject({ sticker_label: 'heart', content: null })
})
