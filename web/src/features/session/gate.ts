import { nextTick, reactive, ref } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { ApiError } from '../../errors.ts'
import { useRefusalWords } from '../../refusals.ts'

/** The token of the invite to which a form at the door leads on; null when it leads elsewhere. */
export const invitedBy = (next: unknown): string | null =>
  typeof next === 'string' ? (/^\/join\/([\w-]+)$/.exec(next)?.[1] ?? null) : null

/** A form at the door: one send at a time, errors under their fields, the first of them focused. */
export function useGate<Field extends string>(focus: (field: Field) => void) {
  const wordsFor = useRefusalWords()
  const route = useRoute()
  const router = useRouter()
  const busy = ref(false)
  const general = ref('')
  const errors: Partial<Record<Field, string>> = reactive({})

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
        await refuse({ [error.field]: wordsFor(error, error.field) } as Partial<Record<Field, string>>)
      else general.value = wordsFor(error)
    } finally {
      busy.value = false
    }
  }

  return { busy, general, errors, enter }
}
