import { Api, composer, expect, open, PASSWORD, register, test, withMessenger } from './messenger.ts'

test('a link is made, a stranger comes in by it, and when it is ended it says so', async ({
  browser,
  messenger,
  api,
}) => {
  const mia = await api.account('Mia Sand')
  const chat_id = await api.room(mia, 'group', 'Harbour crew', [])
  const page = await open(browser, messenger.url, mia)
  await page.goto(`/app/c/${chat_id}/details`)
  await page.getByRole('button', { name: 'New invite link' }).click()
  const dialog = page.getByRole('dialog', { name: 'New invite link' })
  await dialog.getByText('1 day').click()
  await dialog.getByText('10', { exact: true }).click()
  await dialog.getByRole('button', { name: 'Create link' }).click()
  await expect(page.getByText(/The link is ready/)).toBeVisible()
  const link = page.locator('.invite')
  await expect(link).toContainText('0 of 10 used')
  const path = `/join/${(await link.locator('bdi').textContent())!.split('/join/')[1]!}`

  const noor = await (await browser.newContext({ baseURL: messenger.url })).newPage()
  await noor.goto(path)
  await expect(noor.getByRole('heading', { name: 'Harbour crew' })).toBeVisible()
  await expect(noor.getByText('1 member')).toBeVisible()
  await noor.getByRole('link', { name: 'Create account' }).click()
  await register(noor, 'Noor Haddad', `noor_${Date.now()}`)
  await expect(noor.getByText('You join as Noor Haddad.')).toBeVisible()
  await noor.getByRole('button', { name: 'Join group' }).click()
  await noor.waitForURL(`**/app/c/${chat_id}`)
  await expect(composer(noor)).toBeVisible()
  await noor.goto(path)
  await noor.getByRole('button', { name: 'Open chat' }).click()
  await noor.waitForURL(`**/app/c/${chat_id}`)

  await page.reload()
  await expect(link).toContainText('1 of 10 used')
  await page.getByRole('button', { name: /^More about/ }).click()
  await page.getByRole('menuitem', { name: 'End this link' }).click()
  await expect(link).toHaveCount(0)
  const leo = await open(browser, messenger.url, await api.account('Leo Berg'))
  await leo.goto(path)
  await expect(leo.getByRole('heading', { name: 'This invite has ended' })).toBeVisible()
  await leo.goto('/join/no-such-invite')
  await expect(leo.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
})

test('where accounts are made by invite alone, a link for one person makes one and leads into its chat', async ({
  browser,
}) => {
  const env = { REGISTRATION: 'invite', ADMIN_USERNAME: 'root_of_all', ADMIN_PASSWORD: PASSWORD }
  await withMessenger(env, async (messenger) => {
    const api = new Api(messenger.url)
    const root = await api.signIn('root_of_all', 'Root')
    const chat_id = await api.room(root, 'channel', 'Everybody', [])
    const path = await api.invite(root, chat_id, { max_uses: 1 })
    const page = await (await browser.newContext({ baseURL: messenger.url })).newPage()
    await page.goto(path)
    await page.getByRole('link', { name: 'Create account' }).click()
    await register(page, 'Noor Haddad', 'noor')
    await page.waitForURL(`**/app/c/${chat_id}`)
    await expect(page.locator('.chat-bar')).toContainText('Everybody')
    await page.context().close()
  })
})
