import type { Locator, Page } from '@playwright/test'
import { expect, open, test } from './messenger.ts'
import { sound } from './sound.ts'

/** A picture whose left half is red and whose right half is blue. */
async function halves(page: Page) {
  const bytes = await page.evaluate(
    async ([w, h]) => {
      const canvas = new OffscreenCanvas(w!, h!)
      const pen = canvas.getContext('2d')!
      pen.fillStyle = '#d03030'
      pen.fillRect(0, 0, w! / 2, h!)
      pen.fillStyle = '#3050d0'
      pen.fillRect(w! / 2, 0, w! / 2, h!)
      return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())]
    },
    [900, 300],
  )
  return { name: 'halves.png', mimeType: 'image/png', buffer: Buffer.from(bytes) }
}

/** The colours of a shown picture's left and right side: "red blue"; null until it is there. */
const sides = (avatar: Locator): Promise<string | null> =>
  avatar.locator('img').evaluate(async (shown: HTMLImageElement) => {
    if (!shown.complete || shown.naturalWidth === 0) return null
    const bitmap = await createImageBitmap(shown)
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    const pen = canvas.getContext('2d')!
    pen.drawImage(bitmap, 0, 0)
    const at = (share: number) => {
      const [red, , blue] = pen.getImageData(bitmap.width * share, bitmap.height / 2, 1, 1).data
      return red! > blue! ? 'red' : 'blue'
    }
    return `${bitmap.width === bitmap.height ? '' : 'not square '}${at(0.1)} ${at(0.9)}`
  })

test('one’s own photo is cut out, and seen wherever one’s name is', async ({ browser, messenger, api }) => {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  const group = await api.room(leo, 'group', 'Tea', [mia])
  await api.direct(mia, leo)
  await api.say(mia, group, 'here')
  const [a, b] = [await open(browser, messenger.url, mia), await open(browser, messenger.url, leo)]
  await b.goto(`/app/c/${group}`)
  await expect(b.locator('.turn .avatar')).toHaveText('MS')

  await a.goto('/app/settings/profile')
  await a.locator('.photo-field input[type=file]').setInputFiles(await halves(a))
  const dialog = a.getByRole('dialog', { name: 'Choose what shows' })
  await expect(dialog.locator('img')).toBeVisible()
  await sound(a, 'cutting out a photo')
  // To the left end: only red is left of it.
  await dialog.getByRole('application').focus()
  for (let n = 0; n < 30; n++) await a.keyboard.press('ArrowRight')
  await dialog.getByRole('button', { name: 'Use photo' }).click()
  await expect(dialog).toHaveCount(0)
  await expect.poll(() => sides(a.locator('.photo-field .avatar'))).toBe('red red')

  await expect.poll(() => sides(b.locator('.turn .avatar'))).toBe('red red')
  const row = b.locator('.chat-row', { hasText: 'Nothing said yet' })
  await expect.poll(() => sides(row.locator('.avatar'))).toBe('red red')
  // By her events, and as the server tells it afresh.
  await b.reload()
  await expect.poll(() => sides(row.locator('.avatar'))).toBe('red red')

  await a.getByRole('button', { name: 'Remove' }).click()
  await expect(a.locator('.photo-field .avatar')).toHaveText('MS')
  await expect(row.locator('.avatar img')).toHaveCount(0)
  await expect(row.locator('.avatar')).toHaveText('MS')
})

test('a group is made with a photo, and given another', async ({ browser, messenger, api }) => {
  const [mia, leo] = [await api.account('Mia Sand'), await api.account('Leo Berg')]
  await api.direct(mia, leo)
  const [a, b] = [await open(browser, messenger.url, mia), await open(browser, messenger.url, leo)]
  await a.goto('/app/new/group')
  const form = a.getByRole('dialog', { name: 'New group' })
  await form.locator('input[type=file]').setInputFiles(await halves(a))
  const dialog = a.getByRole('dialog', { name: 'Choose what shows' })
  await dialog.getByRole('button', { name: 'Use photo' }).click()
  await expect.poll(() => sides(form.locator('.photo-field .avatar'))).toBe('red blue')
  await form.getByLabel('Group name').fill('Lantern builders')
  await form.getByRole('button', { name: /Leo Berg/ }).click()
  await sound(a, 'a new group with a photo')
  await form.getByRole('button', { name: 'Create group' }).click()
  const row = b.locator('.chat-row', { hasText: 'Lantern builders' })
  await expect.poll(() => sides(row.locator('.avatar'))).toBe('red blue')
  await expect.poll(() => sides(a.locator('.chat-bar .avatar'))).toBe('red blue')

  await a
    .getByRole('link', { name: /Lantern builders.*2 members/ })
    .last()
    .click()
  await a.getByRole('button', { name: 'Edit' }).click()
  const edit = a.getByRole('dialog', { name: 'Edit' })
  await edit.locator('input[type=file]').setInputFiles(await halves(a))
  for (let quarter = 0; quarter < 2; quarter++)
    await dialog.getByRole('button', { name: 'Turn left' }).click()
  await dialog.getByRole('button', { name: 'Use photo' }).click()
  await edit.getByRole('button', { name: 'Save' }).click()
  await expect(edit).toHaveCount(0)
  await expect.poll(() => sides(row.locator('.avatar'))).toBe('blue red')
})

test('a file that is no picture is refused in words, and nothing changes', async ({
  browser,
  messenger,
  api,
}) => {
  const a = await open(browser, messenger.url, await api.account('Mia Sand'), {
    viewport: { width: 390, height: 844 },
    colorScheme: 'dark',
  })
  await a.goto('/app/settings/profile')
  const input = a.locator('.photo-field input[type=file]')
  await input.setInputFiles({ name: 'a.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') })
  await expect(a.getByRole('alert')).toContainText('This photo can’t be read')
  await expect(a.getByRole('dialog')).toHaveCount(0)
  await input.setInputFiles(await halves(a))
  await expect(a.getByRole('dialog').locator('img')).toBeVisible()
  await sound(a, 'cutting out a photo, phone')
  await a.keyboard.press('Escape')
  await expect(a.getByRole('dialog')).toHaveCount(0)
  await expect(a.locator('.photo-field .avatar')).toHaveText('MS')
})
