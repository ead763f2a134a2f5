import { nextTick, reactive, ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute, useRouter } from 'vue-router'
import { ApiError, NetworkError } from '../../errors.ts'

/** The token of the invite to which a form at the door leads on; null when it leads elsewhere. */
export const invitedBy = (next: unknown): string | null =>
  typeof next === 'string' ? (/^\/join\/([\w-]+)$/.exec(next)?.[1] ?? null) : null

/** A form at the door: one send at a time, errors under their fields, the first of them focused. */
export function useGate<Field extends string>(focus: (field: Field) => void) {
  const { t, te } = useI18n()
  const route = useRoute()
  const router = useRouter()
  const busy = ref(false)
  const general = ref('')
  const errors: Partial<Record<Field, string>> = reactive({})

  const wordsFor = (code: string, field: string | null): string => {
    const own = field ? `refusals.${field}.${code}` : ''
    if (own && te(own)) return t(own)
    return te(`refusals.${code}`) ? t(`refusals.${code}`) : t('refusals.internal')
  }

  async function refuse(found: Partial<Record<Field, string>>): Promise<void> {
    Object.assign(errors, found)
    await nextTick()
    const first = Object.keys(found)[0] as Field | undefined
    if (first) focus(first)
  }

  /** `check` names what is wrong before anything is sent. */
  async function enter(
    fields: readonly Field[],
    check: () => Partial<Record<Field, string>>,
    work: () => Promise<void>,
  ): Promise<void> {
    if (busy.value) return
    general.value = ''
    for (const field of fields) errors[field] = ''
    const found = check()
    if (Object.keys(found).length > 0) return refuse(found)
    busy.value = true
    try {
      await work()
      const next = route.query['next']
      await router.replace(typeof next === 'string' && /^\/(?!\/)/.test(next) ? next : '/app')
    } catch (error) {
      if (error instanceof ApiError && error.field && fields.includes(error.field as Field))
        await refuse({ [error.field]: wordsFor(error.code, error.field) } as Partial<Record<Field, string>>)
      else if (error instanceof ApiError) general.value = wordsFor(error.code, null)
      else general.value = error instanceof NetworkError ? t('refusals.offline') : t('refusals.internal')
    } finally {
      busy.value = false
    }
  }

  return { busy, general, errors, enter }
}
