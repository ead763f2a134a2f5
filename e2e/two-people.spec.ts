import { bubbles, composer, expect, open, PASSWORD, register, test, write } from './messenger.ts'

test('two people register, find each other by name, and chat', async ({ browser, messenger }) => {
  const join = async (name: string, username: string) => {
    const page = await (await browser.newContext({ baseURL: messenger.url })).newPage()
    await page.goto('/')
    await page.getByRole('link', { name: 'Create account' }).click()
    await register(page, name, username)
    await page.waitForURL('**/app')
    return page
  }
  const ann = await join('Ann Lindqvist', 'ann_l')
  const bob = await join('Bob Oliveira', 'bob_o')

  await ann.getByPlaceholder('Search').fill('oliv')
  await ann.getByRole('button', { name: /Bob Oliveira/ }).click()
  await ann.waitForURL('**/app/c/*')
  await expect(ann.getByText('Say hello to Bob Oliveira')).toBeVisible()
  await expect(ann.locator('.chat-bar')).toContainText('online')
  for (const text of ['one', 'two', 'three']) await write(ann, text)

  const row = bob.getByRole('link', { name: /Ann Lindqvist/ })
  await expect(row).toContainText('three')
  await expect(row.locator('.badge')).toContainText('3')
  await expect(ann.locator('.message').last().getByText('sent', { exact: true })).toBeAttached()
  await row.click()
  await expect(bob.getByText('Unread messages')).toBeVisible()
  expect(await bubbles(bob)).toEqual(['one', 'two', 'three'])
  await expect(row.locator('.badge')).toHaveCount(0)
  await expect(ann.locator('.message').last().getByText('read', { exact: true })).toBeAttached()

  await composer(bob).pressSequentially('hm')
  await expect(ann.locator('.chat-bar')).toContainText('typing…')
  await write(bob, 'four')
  await expect.poll(() => bubbles(ann)).toEqual(['one', 'two', 'three', 'four'])

  await bob.context().close()
  await expect(ann.locator('.chat-bar')).toContainText('last seen', { timeout: 8000 })
})

test('reply, edit and delete reach the other side', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  await api.say(leo, chat_id, 'What time?')
  const [a, b] = await pair.openForBoth()

  await a.locator('.message').first().click({ button: 'right' })
  await a.getByRole('menuitem', { name: 'Reply' }).click()
  await write(a, 'At sevn')
  await expect(b.locator('.quote')).toContainText('What time?')

  await composer(a).press('ArrowUp')
  await expect(composer(a)).toHaveValue('At sevn')
  await write(a, 'At seven')
  await expect(b.locator('.message').last()).toContainText('At seven')
  await expect(b.locator('.message').last()).toContainText('edited')

  await a.locator('.message').last().click({ button: 'right' })
  await a.getByRole('menuitem', { name: 'Delete' }).click()
  await a.getByRole('button', { name: 'Delete for everyone' }).click()
  for (const page of [a, b])
    await expect(page.locator('.message').last()).toContainText('This message was deleted')
})

test('a group is made, people are added, a subscriber of a channel only reads', async ({
  browser,
  messenger,
  api,
}) => {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  const page = await open(browser, messenger.url, mia)
  await page.goto('/app/new/group')
  await page.getByLabel('Group name').fill('Harbour crew')
  await page.getByRole('searchbox', { name: 'Find people' }).fill(leo.username)
  await page.getByRole('button', { name: new RegExp(leo.name) }).click()
  await page.getByRole('button', { name: 'Create group' }).click()
  await page.waitForURL('**/app/c/*')
  await expect(page.locator('.chat-bar')).toContainText('2 members')
  await write(page, 'Welcome')

  const channel = await api.room(mia, 'channel', 'News', [leo])
  await api.say(mia, channel, 'First post')
  const other = await open(browser, messenger.url, leo)
  await expect(other.getByRole('link', { name: /Harbour crew/ })).toContainText('Welcome')
  await other.getByRole('link', { name: /News/ }).click()
  await expect(other.getByText('First post', { exact: true }).last()).toBeVisible()
  await expect(composer(other)).toHaveCount(0)
  await other.getByRole('button', { name: 'Mute' }).click()
  await expect(other.getByRole('button', { name: 'Unmute' })).toBeVisible()
})

test('a wrong password is said in words, and the form keeps what was typed', async ({
  browser,
  messenger,
  api,
}) => {
  const mia = await api.account('Mia Sand')
  const page = await (await browser.newContext({ baseURL: messenger.url })).newPage()
  await page.goto('/login')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByText('Type your username or email address.')).toBeVisible()
  await page.getByLabel('Username or email').fill(mia.username)
  await page.getByLabel('Password', { exact: true }).fill('wrong horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('alert')).toContainText('don’t match')
  await expect(page.getByLabel('Username or email')).toHaveValue(mia.username)
})

test('the interface speaks English, Russian and German', async ({ browser, messenger, api }) => {
  const mia = await api.account('Mia Sand')
  const page = await open(browser, messenger.url, mia)
  await page.goto('/app/settings/language')
  await page.getByText('Русский').click()
  await expect(page.getByRole('heading', { name: 'Чаты' })).toBeVisible()
  await page.getByText('Deutsch').click()
  await expect(page.getByRole('button', { name: 'Ungelesen' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('button', { name: 'Ungelesen' })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('lang', 'de')
})

test('an account keeps the language in which it was made, on another device too', async ({
  browser,
  messenger,
}) => {
  const page = await (await browser.newContext({ baseURL: messenger.url, locale: 'de-DE' })).newPage()
  await page.goto('/register')
  await page.getByLabel('Dein Name').fill('Jörg Sand')
  await page.getByLabel('Benutzername').fill('joerg')
  await page.getByLabel('E-Mail').fill('joerg@example.org')
  await page.getByLabel('Passwort', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Konto anlegen' }).click()
  await page.waitForURL('**/app')
  await expect(page.getByText('Noch keine Chats')).toBeVisible()
  await page.reload()
  await expect(page.getByText('Noch keine Chats')).toBeVisible()
  const account = { username: 'joerg', name: 'Jörg Sand', user_id: 0, token: '' }
  const other = await open(browser, messenger.url, account)
  await expect(other.getByText('Noch keine Chats')).toBeVisible()
  await expect(other.locator('html')).toHaveAttribute('lang', 'de')
})

test('the link that a start prints makes whoever opens it the first admin, once', async ({
  browser,
  messenger,
}) => {
  const link = [...messenger.said.matchAll(/http\S+\/admin\/claim\/\S+/g)].at(-1)![0]
  const page = await (await browser.newContext({ baseURL: messenger.url })).newPage()
  await page.goto(new URL(link).pathname)
  await page.getByRole('link', { name: 'Create account' }).click()
  await register(page, 'Olga Root', 'olga_root')
  await expect(page.getByRole('heading', { name: 'You look after this server now' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
})
