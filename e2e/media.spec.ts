import type { Page } from '@playwright/test'
import { composer, expect, open, test } from './messenger.ts'

/** A picture as a camera would give it, drawn by the browser. */
async function picture(page: Page, name: string, [width, height] = [800, 600]) {
  const bytes = await page.evaluate(
    async ([w, h]) => {
      const canvas = new OffscreenCanvas(w!, h!)
      const pen = canvas.getContext('2d')!
      const sky = pen.createLinearGradient(0, 0, 0, h!)
      sky.addColorStop(0, '#27496d')
      sky.addColorStop(1, '#f6c76d')
      pen.fillStyle = sky
      pen.fillRect(0, 0, w!, h!)
      return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())]
    },
    [width, height],
  )
  return { name, mimeType: 'image/png', buffer: Buffer.from(bytes) }
}

const choose = (page: Page, files: Awaited<ReturnType<typeof picture>>[]) =>
  page.locator('.composer input[type=file]').first().setInputFiles(files)

/** Whether the first picture of the last message is there, and not only its box. */
const drawn = (page: Page) =>
  page
    .locator('.message')
    .last()
    .locator('img')
    .first()
    .evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)

test('a photo is looked at, sent with its caption, and seen by the other', async ({ pair }) => {
  const [a, b] = await pair.openForBoth()
  await composer(a).waitFor()

  await choose(a, [await picture(a, 'harbour.png')])
  const preview = a.getByRole('dialog', { name: 'Send a photo' })
  await preview.getByLabel('Caption').fill('The harbour at seven')
  await preview.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(preview).toHaveCount(0)

  for (const page of [a, b]) {
    await expect(page.locator('.message').last()).toContainText('The harbour at seven')
    await expect.poll(() => drawn(page)).toBe(true)
  }
  await expect(a.locator('.message').last().getByText('read', { exact: true })).toBeAttached()
  // The box has the picture's own shape, before and after it came.
  const box = (await b.locator('.message').last().locator('.picture').boundingBox())!
  expect(box.width / box.height).toBeCloseTo(4 / 3, 1)
  await expect(b.locator('.chat-row').first()).toContainText('The harbour at seven')
})

test('several pictures become one album, and what else was chosen follows', async ({ pair }) => {
  const [a, b] = await pair.openForBoth()
  await composer(a).waitFor()

  const files = await Promise.all([1, 2, 3, 4].map((place) => picture(a, `${place}.png`)))
  await choose(a, [
    ...files,
    { name: 'programme.txt', mimeType: 'text/plain', buffer: Buffer.from('at six') },
  ])
  // The last picture arrives after the file: what was chosen keeps its order all the same.
  let uploads = 0
  let answers = 0
  const fileIsThere = a.waitForResponse((answer) => answer.url().endsWith('/api/files') && ++answers === 3)
  await a.route('**/api/files', async (route) => {
    if (++uploads === 3) await fileIsThere
    await route.continue()
  })
  const preview = a.getByRole('dialog', { name: 'Send 4 photos, a file' })
  await preview.getByRole('button', { name: 'Remove 2.png' }).click()
  await a
    .getByRole('dialog', { name: 'Send 3 photos, a file' })
    .getByRole('button', { name: 'Send', exact: true })
    .click()

  for (const page of [a, b]) {
    await expect(page.locator('.album .picture')).toHaveCount(3)
    await expect(page.locator('.message')).toHaveCount(2)
    await expect(page.locator('.message').last()).toContainText('programme.txt')
  }
  await b.getByRole('button', { name: 'Open 3.png' }).click()
  const viewer = b.getByRole('dialog', { name: 'Picture 2 of 3' })
  await expect.poll(() => viewer.locator('img.loaded').count()).toBe(1)
  await b.keyboard.press('+')
  await expect(viewer.getByText('140 %')).toBeVisible()
  await b.keyboard.press('0')
  await b.keyboard.press('ArrowRight')
  await expect(b.getByRole('dialog', { name: 'Picture 3 of 3' })).toBeVisible()
  await b.keyboard.press('Escape')
  await expect(b.getByRole('dialog')).toHaveCount(0)

  const saved = b.waitForEvent('download')
  await b.getByRole('button', { name: /Save programme.txt/ }).click()
  expect((await saved).suggestedFilename()).toBe('programme.txt')
})

test('a picture that was chosen offline waits, survives a reload, and is sent once', async ({
  api,
  pair,
}) => {
  const { mia, leo, chat_id } = pair
  const page = await pair.openFor(mia)
  await composer(page).waitFor()
  await page.route('**/api/files', (route) => route.abort())
  await choose(page, [await picture(page, 'pier.png')])
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(page.getByRole('button', { name: 'Cancel upload' })).toBeVisible()
  await page.waitForFunction(
    (user_id) =>
      new Promise((resolve) => {
        const opening = indexedDB.open(`messenger-${user_id}`)
        opening.onsuccess = () => {
          const asked = opening.result.transaction('bytes').objectStore('bytes').count()
          asked.onsuccess = () => {
            opening.result.close()
            resolve(asked.result === 1)
          }
        }
      }),
    mia.user_id,
  )
  await page.unroute('**/api/files')
  await page.reload()
  await expect(page.locator('.message').last().getByText('sent', { exact: true })).toBeAttached()
  await expect(page.locator('.message')).toHaveCount(1)
  expect(await api.history(leo, chat_id)).toHaveLength(1)
})

test('an upload is called off', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  const page = await pair.openFor(pair.mia)
  await composer(page).waitFor()
  await page.route('**/api/files', () => undefined)
  await choose(page, [await picture(page, 'pier.png')])
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.getByRole('button', { name: 'Cancel upload' }).click()
  await expect(page.locator('.message')).toHaveCount(0)
  expect(await api.history(leo, chat_id)).toEqual([])
})

test('a file that the server does not take says why, and can be thrown away', async ({ pair }) => {
  const page = await pair.openFor(pair.mia)
  await composer(page).waitFor()
  const program = Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), Buffer.alloc(256)])
  await choose(page, [{ name: 'tool', mimeType: 'application/octet-stream', buffer: program }])
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await expect(page.locator('.failed-note')).toContainText('The server does not take files of this kind.')
  await page.locator('.failed-note').getByRole('button', { name: 'Delete' }).click()
  await expect(page.locator('.message')).toHaveCount(0)
})

test('a voice message is recorded, heard again, sent, and played by the other', async ({ api, pair }) => {
  const { leo } = pair
  const other_chat = await api.direct(leo, await api.account('Jun Watanabe'))
  const [a, b] = await pair.openForBoth()

  await a.getByRole('button', { name: 'Record a voice message' }).click()
  await expect(a.getByRole('timer')).toHaveText('0:02')
  await a.keyboard.press('Escape')
  await expect(a.getByRole('button', { name: /^Play voice message/ })).toBeVisible()
  await a.getByRole('button', { name: 'Send', exact: true }).click()

  await expect(a.locator('.voice')).toBeVisible()
  await expect(b.locator('.voice .wave rect')).toHaveCount(64)
  await expect(b.locator('.chat-row').first()).toContainText('Voice message')
  await b.locator('.voice .play').click()
  await expect(b.locator('.voice').getByRole('button', { name: /^Pause/ })).toBeVisible()
  await expect.poll(() => b.locator('.voice .wave .played').count()).toBeGreaterThan(2)
  await b.locator('.voice .play').click()

  // What plays goes on when another chat is opened, and can be stopped from there.
  await b.locator('.voice .play').click()
  await b.locator(`[data-chat="${other_chat}"]`).click()
  const player = b.getByRole('region', { name: 'Voice message' })
  await expect(player).toContainText('Mia Sand')
  await player.getByRole('button', { name: 'Stop' }).click()
  await expect(player).toHaveCount(0)
})

test('reactions and pins reach the other side, by mouse and by keyboard', async ({ api, pair }) => {
  const { leo, chat_id } = pair
  await api.say(leo, chat_id, 'Lanterns at six')
  const [a, b] = await pair.openForBoth()

  await a.locator('.message').click({ button: 'right' })
  await a.getByRole('menuitemcheckbox', { name: '👍' }).click()
  await expect(a.getByRole('button', { name: '👍, 1, including yours' })).toBeVisible()
  await b.getByRole('button', { name: '👍, 1', exact: true }).click()
  await expect(a.getByRole('button', { name: '👍, 2, including yours' })).toBeVisible()

  await a.getByRole('log').focus()
  await a.keyboard.press('ArrowUp')
  await a.keyboard.press('ArrowRight')
  await a.keyboard.press('Enter')
  await expect(b.getByRole('button', { name: '👍, 1, including yours' })).toBeVisible()

  await b.locator('.message').click({ button: 'right' })
  await b.getByRole('menuitem', { name: 'Pin', exact: true }).click()
  for (const page of [a, b])
    await expect(page.getByRole('region', { name: 'Pinned message' })).toContainText('Lanterns at six')
  await a
    .getByRole('region', { name: 'Pinned message' })
    .getByRole('button', { name: /Lanterns/ })
    .click()
  await expect(a.locator('.message[data-flash]')).toHaveCount(1)
  await a.locator('.message').click({ button: 'right' })
  await a.getByRole('menuitem', { name: 'Unpin' }).click()
  await expect(b.getByRole('region', { name: 'Pinned message' })).toHaveCount(0)
})

test('a message is forwarded, and says whose it was', async ({ browser, messenger, api }) => {
  const [mia, leo, jun] = [
    await api.account('Mia Sand'),
    await api.account('Leo Berg'),
    await api.account('Jun Watanabe'),
  ]
  const [from, to] = [await api.direct(mia, leo), await api.direct(mia, jun)]
  await api.say(leo, from, 'The permit is granted')
  await api.say(jun, to, 'Any news?')
  const [a, b] = [await open(browser, messenger.url, mia), await open(browser, messenger.url, jun)]
  await a.goto(`/app/c/${from}`)
  await b.goto(`/app/c/${to}`)
  await a.locator('.message').click({ button: 'right' })
  await a.getByRole('menuitem', { name: 'Forward' }).click()
  await a
    .getByRole('dialog')
    .getByRole('button', { name: /Jun Watanabe/ })
    .click()
  await expect(b.locator('.message').last()).toContainText('The permit is granted')
  await expect(b.locator('.forwarded')).toContainText('Forwarded from Leo Berg')
})
