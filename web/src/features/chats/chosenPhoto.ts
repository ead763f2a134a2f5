import { onScopeDispose, ref, shallowRef } from 'vue'

/** A photo that is kept until the form it belongs to is sent, and an address to show it by. */
export function useChosenPhoto() {
  const picture = shallowRef<Blob | null>(null)
  const address = ref<string | null>(null)
  const forget = () => address.value !== null && URL.revokeObjectURL(address.value)

  function choose(chosen: Blob): void {
    forget()
    picture.value = chosen
    address.value = URL.createObjectURL(chosen)
  }

  onScopeDispose(forget)
  return { picture, address, choose }
}
