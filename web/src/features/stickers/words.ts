import { useI18n } from 'vue-i18n'

/** What stickers and packs are called: those that every server has in the reader's language. */
export function useStickerWords() {
  const { t, te } = useI18n()
  const own = (key: string, given: string): string => (te(key) ? t(key) : given)
  return {
    labelOf: (label: string): string => own(`stickers.labels.${label}`, label),
    packOf: (name: string): string => own(`stickers.packs.${name}`, name),
  }
}
