import { createI18n } from 'vue-i18n'
import en from './locales/en.json'

export type Words = typeof en
export const LANGUAGES = ['en', 'ru', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

const others: Record<Exclude<Language, 'en'>, () => Promise<{ default: Words }>> = {
  ru: () => import('./locales/ru.json'),
  de: () => import('./locales/de.json'),
}

/** One, few, many: the three forms of a Russian count. */
function russianForm(count: number, choices: number): number {
  if (choices < 3) return count === 1 ? 0 : 1
  const [tens, ones] = [Math.abs(count) % 100, Math.abs(count) % 10]
  if (ones === 1 && tens !== 11) return 0
  return ones >= 2 && ones <= 4 && (tens < 12 || tens > 14) ? 1 : 2
}

export const i18n = createI18n({
  legacy: false,
  locale: 'en' as Language,
  fallbackLocale: 'en' as Language,
  messages: { en } as Record<Language, Words>,
  pluralRules: { ru: russianForm },
})

const known = (language: string): Language | undefined =>
  LANGUAGES.find((one) => language.toLowerCase().startsWith(one))

/** Shows this language, or the browser's own when none is chosen. Only the language that is shown is loaded. */
export async function useLanguage(chosen: string): Promise<void> {
  const language = known(chosen) ?? navigator.languages.map(known).find(Boolean) ?? 'en'
  if (language !== 'en') i18n.global.setLocaleMessage(language, (await others[language]()).default)
  i18n.global.locale.value = language
  document.documentElement.lang = language
}
