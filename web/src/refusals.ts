import { useI18n } from 'vue-i18n'
import { ApiError, NetworkError } from './errors.ts'

/** What went wrong, in the reader's words: those of the field that is named where it has its own. */
export function useRefusalWords(): (error: unknown, field?: string) => string {
  const { t, te } = useI18n()
  return (error, field) => {
    if (error instanceof NetworkError) return t('refusals.offline')
    if (!(error instanceof ApiError)) return t('refusals.internal')
    const own = field ? `refusals.${field}.${error.code}` : ''
    if (own && te(own)) return t(own)
    return te(`refusals.${error.code}`) ? t(`refusals.${error.code}`) : t('refusals.internal')
  }
}
