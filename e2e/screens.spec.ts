import { expect, open, test, write } from './messenger.ts'
import { sound } from './sound.ts'

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

for (const colorScheme of ['light', 'dark'] as const)
  for (const [size, device] of [
    ['desktop', {}],
    ['phone', PHONE],
  ] as const)
    test(`every screen is accessible: ${size}, ${colorScheme}`, async ({ browser, messenger, api }) => {
      test.setTimeout(180_000)
      const mia = await api.account('Mia Sand')
      const leo = await api.account('Maximiliana Featherstonehaugh-Wollstonecraft')
      const chat_id = await api.direct(mia, leo)
      const group = await api.room(
        mia,
        'group',
        'A group with a name that is longer than any row could ever show in one line',
        [leo],
      )
      const channel = await api.room(leo, 'channel', 'News', [mia])
      await api.say(
        leo,
        chat_id,
        'Hello 👋 see https://example.org/a/very/long/address/that/has/no/end?and=many&words=in&it=indeed',
      )
      await api.say(leo, chat_id, 'مرحبا، كيف حالك؟')
      await api.say(mia, group, '🎉🎉')
      await api.say(leo, channel, 'A post')

      const invite = await api.invite(mia, group)
      const stranger = await (
        await browser.newContext({ ...device, colorScheme, baseURL: messenger.url })
      ).newPage()
      for (const path of ['/login', '/register', '/nothing/here', invite, '/join/no-such-invite']) {
        await stranger.goto(path)
        await stranger.locator('h1').waitFor()
        await sound(stranger, path)
        if (size === 'phone' && ['/login', '/register'].includes(path)) {
          const { width } = (await stranger
            .getByRole('button', { name: /^(Sign in|Create account)$/ })
            .boundingBox())!
          expect.soft(width, `${path} uses the width of a phone`).toBeGreaterThan(300)
          await expect.soft(stranger.locator('.gate > .view')).toBeHidden()
        }
      }
      const page = await open(browser, messenger.url, mia, { ...device, colorScheme })
      await page.getByRole('link', { name: /Maximiliana/ }).waitFor()
      await sound(page, 'list')
      const screens: [string, string][] = [
        [`/app/c/${chat_id}`, '.message'],
        [`/app/c/${chat_id}/details`, '.identity'],
        [`/app/c/${group}`, '.message'],
        [`/app/c/${group}/details`, '.identity'],
        [invite, 'h1'],
        [`/app/c/${channel}`, '.message'],
        ['/app/new', 'dialog[open]'],
        ['/app/new/group', 'dialog[open]'],
        ['/app/new/channel', 'dialog[open]'],
        ['/app/archive', 'h1'],
        ['/app/settings', '.page-head'],
        ['/app/settings/profile', '.card'],
        ['/app/settings/appearance', '.card'],
        ['/app/settings/privacy', '.card'],
        ['/app/settings/sessions', '.card .row'],
        ['/app/settings/language', '.card'],
      ]
      for (const [path, shown] of screens) {
        await page.goto(path)
        await page.locator(shown).locator('visible=true').first().waitFor()
        await sound(page, path)
      }
      await page.goto(`/app/c/${group}/details`)
      await page.getByRole('button', { name: 'New invite link' }).click()
      await page.locator('dialog[open]').waitFor()
      await sound(page, 'invite dialog')
      await page.goto(`/app/c/${chat_id}`)
      await page.locator('.message').last().click({ button: 'right' })
      await page.getByRole('menu').waitFor()
      await sound(page, 'message menu')
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await page.locator('dialog[open]').waitFor()
      await sound(page, 'delete dialog')
    })

test('a phone shows one pane at a time, and Back goes back', async ({ browser, messenger, api }) => {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  const chat_id = await api.direct(mia, leo)
  await api.say(leo, chat_id, 'Hello')
  const page = await open(browser, messenger.url, mia, PHONE)
  await expect(page.locator('.pane.main')).toBeHidden()
  await page.getByRole('link', { name: /Leo Berg/ }).click()
  await expect(page.locator('.pane.list')).toBeHidden()
  await expect(page.locator('.message').last()).toContainText('Hello')
  await write(page, 'Hi')
  await page.locator('.chat-bar .who').click()
  await expect(page.locator('.pane.details')).toBeVisible()
  await page.goBack()
  await expect(page.locator('.message').last()).toContainText('Hi')
  await page.goBack()
  await expect(page.locator('.pane.list')).toBeVisible()
  await expect(page.getByRole('link', { name: /Leo Berg/ })).toContainText('Hi')
})

test('a tablet shows the details over the chat, which stays where it is', async ({
  browser,
  messenger,
  api,
}) => {
  const mia = await api.account('Mia Sand')
  const group = await api.room(mia, 'group', 'Harbour crew', [])
  const page = await open(browser, messenger.url, mia, { viewport: { width: 900, height: 700 } })
  await page.goto(`/app/c/${group}`)
  const chat = page.locator('.pane.main')
  await page.locator('.chat-bar .who').click()
  const details = (await page.locator('.pane.details').boundingBox())!
  expect([details.y, details.height, details.x + details.width]).toEqual([0, 700, 900])
  expect((await chat.boundingBox())!.height).toBe(700)
  await page.getByRole('link', { name: 'Close details' }).click()
  await expect(page.locator('.pane.details')).toHaveCount(0)
})

test('a chat is reached, read and answered by keyboard alone', async ({ browser, messenger, api }) => {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  const chat_id = await api.direct(mia, leo)
  await api.say(leo, chat_id, 'Hello')
  const page = await open(browser, messenger.url, mia)
  await page.getByRole('link', { name: /Leo Berg/ }).waitFor()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').fill('leo')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/app/c/${chat_id}`)
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeFocused()
  await expect(page.locator('.message').last()).toContainText('Hello')
  await page.keyboard.press('Control+ArrowUp')
  await expect(page.locator('.reply-strip')).toContainText('Hello')
  await page.keyboard.type('Hello yourself')
  await page.keyboard.press('Enter')
  await expect(page.locator('.message').last()).toContainText('Hello yourself')
  // What is on its way cannot be deleted yet.
  await expect(page.locator('.message').last().getByText('sent', { exact: true })).toBeAttached()
  await page.keyboard.press('?')
  await page.getByRole('textbox', { name: 'Message' }).fill('')
  await page.getByRole('log').focus()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Delete')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
})
