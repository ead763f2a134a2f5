import type { Sticker } from '@messenger/contract'
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { call } from '../../api.ts'
import { on, onReady } from '../../wire.ts'

const RECENT = 'messenger.stickers'
const RECENT_MAX = 8
/** The pack that every server has, whose labels clients have words for. */
const BUILT_IN_ID = 1

export interface ShownPack {
  id: number
  name: string
  stickers: Sticker[]
}

function keptRecent(): number[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(RECENT) ?? '[]')
    return Array.isArray(kept) ? kept.filter(Number.isSafeInteger) : []
  } catch {
    return []
  }
}

/** The stickers to choose from, asked for when they are first looked at. */
export const useStickers = defineStore('stickers', () => {
  const all = ref<Sticker[]>([])
  const state = ref<'unasked' | 'loading' | 'ready' | 'failed'>('unasked')
  const recent_ids = ref(keptRecent())

  const packs = computed<ShownPack[]>(() =>
    [...Map.groupBy(all.value, ({ pack_id }) => pack_id)].map(([id, stickers]) => ({
      id,
      name: stickers[0]!.pack,
      stickers,
    })),
  )
  const builtIn = computed(() => all.value.filter(({ pack_id }) => pack_id === BUILT_IN_ID))
  const recent = computed(() => {
    const known = new Map(all.value.map((sticker) => [sticker.id, sticker]))
    return recent_ids.value.flatMap((id) => known.get(id) ?? [])
  })

  /** What is known stays in sight while it is asked for afresh. */
  async function load(): Promise<void> {
    if (state.value !== 'ready') state.value = 'loading'
    try {
      all.value = await call('GET /stickers')
      state.value = 'ready'
    } catch {
      if (state.value !== 'ready') state.value = 'failed'
    }
  }

  function look(): void {
    if (state.value === 'unasked' || state.value === 'failed') void load()
  }

  function used({ id }: Pick<Sticker, 'id'>): void {
    recent_ids.value = [id, ...recent_ids.value.filter((one) => one !== id)].slice(0, RECENT_MAX)
    localStorage.setItem(RECENT, JSON.stringify(recent_ids.value))
  }

  const again = (): void => {
    if (state.value !== 'unasked') void load()
  }
  on('stickers_changed', again)
  onReady(again)

  return { packs, builtIn, recent, state, load, look, used }
})
