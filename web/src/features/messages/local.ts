import { computed, shallowReactive, type ComputedRef } from 'vue'

/** Pictures and sounds of one's own that were just sent are shown from here: they need not come back to be seen. */
const KEPT_MAX = 40
const addresses = shallowReactive(new Map<string, string>())

export function keepLocal(key: string, bytes: Blob): void {
  if (addresses.has(key)) return
  addresses.set(key, URL.createObjectURL(bytes))
  if (addresses.size > KEPT_MAX) dropLocal(addresses.keys().next().value!)
}

export function dropLocal(key: string): void {
  const address = addresses.get(key)
  if (address) URL.revokeObjectURL(address)
  addresses.delete(key)
}

/** The address of what this browser itself has of a message's file; null when it has not. */
export const localAddress = (key: string): string | null => addresses.get(key) ?? null

export const useLocalBytes = (key: () => string): ComputedRef<string | null> =>
  computed(() => localAddress(key()))
