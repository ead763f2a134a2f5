import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import de from './de.json'
import en from './en.json'
import ru from './ru.json'

type Words = { [name: string]: string | Words }

const flat = (words: Words, before = ''): [string, string][] =>
  Object.entries(words).flatMap(([name, value]) =>
    typeof value === 'string'
      ? [[before + name, value] as [string, string]]
      : flat(value, `${before}${name}.`),
  )
const locales: Record<string, Map<string, string>> = {
  en: new Map(flat(en)),
  de: new Map(flat(de)),
  ru: new Map(flat(ru)),
}
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()

const SOURCES = join(import.meta.dirname, '..')
const source = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(vue|ts)$/.test(file) && !/\.test\.ts$/.test(file))
  .map((file) => readFileSync(join(SOURCES, file), 'utf8'))
  .join('\n')

describe.each(['de', 'ru'])('%s', (language) => {
  test('has a word for everything English has, and nothing else', () => {
    expect([...locales[language]!.keys()].sort()).toEqual([...locales['en']!.keys()].sort())
  })

  test('leaves the same places for names and numbers', () => {
    for (const [key, text] of locales['en']!)
      expect([key, placeholders(locales[language]!.get(key)!)]).toEqual([key, placeholders(text)])
  })
})

test('Russian has its three plurals, English and German their two', () => {
  const forms = { en: 2, de: 2, ru: 3 }
  for (const [key, text] of locales['en']!)
    if (text.includes(' | '))
      for (const [language, count] of Object.entries(forms))
        expect([key, locales[language]!.get(key)!.split(' | ').length]).toEqual([key, count])
})

test('every word that is asked for is there', () => {
  const asked = [
    ...source.matchAll(
      /['"`]((?:common|session|chats|invites|messages|settings|notices|refusals|shortcuts)\.[a-z_.]+[a-z])['"`]/g,
    ),
  ]
  expect(asked.length).toBeGreaterThan(100)
  const missing = asked
    .map(([, key]) => key!)
    .filter((key) => !locales['en']!.has(key) && !groupOf(key) && !key.startsWith('settings.settings.'))
  expect([...new Set(missing)]).toEqual([])
})

/** `settings.${name}` names a group of words, not one of them. */
const groupOf = (key: string) => [...locales['en']!.keys()].some((known) => known.startsWith(`${key}.`))

test('every word that is there is asked for', () => {
  const begun = [...source.matchAll(/`([a-z_]+\.[a-z_.]*)\$\{/g)].map(([, prefix]) => prefix!)
  const unused = [...locales['en']!.keys()].filter(
    (key) =>
      !source.includes(`'${key}'`) &&
      !source.includes(`"${key}"`) &&
      !begun.some((prefix) => key.startsWith(prefix)),
  )
  expect(unused).toEqual([])
})
