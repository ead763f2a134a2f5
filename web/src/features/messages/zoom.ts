import { computed, reactive, ref } from 'vue'

const CLOSEST = 5
const CLOSE = 2.4
const STEP = 1.4

/** How far a picture may be moved aside, so that it never leaves the room: half of what lies outside. */
export const reach = (size: number, room: number, scale: number): number =>
  Math.max(0, (size * scale - room) / 2)

const between = (value: number, far: number) => Math.min(far, Math.max(-far, value))

/** Enlarges a picture around a point and moves it. `sizes` tells how large picture and room are, in pixels. */
export function useZoom(
  sizes: () => { width: number; height: number; room_width: number; room_height: number },
) {
  const view = reactive({ scale: 1, x: 0, y: 0 })
  const held = ref(false)
  const zoomed = computed(() => view.scale > 1)
  const style = computed(() => ({
    transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
    transition: held.value ? 'none' : undefined,
  }))

  function moveTo(x: number, y: number): void {
    const { width, height, room_width, room_height } = sizes()
    view.x = between(x, reach(width, room_width, view.scale))
    view.y = between(y, reach(height, room_height, view.scale))
  }

  /** `at` is the point that stays where it is, measured from the middle of the room. */
  function scaleTo(scale: number, at = { x: 0, y: 0 }): void {
    const next = Math.min(CLOSEST, Math.max(1, scale))
    const share = next / view.scale
    view.scale = next
    moveTo(at.x - (at.x - view.x) * share, at.y - (at.y - view.y) * share)
  }

  const closer = () => scaleTo(view.scale * STEP)
  const farther = () => scaleTo(view.scale / STEP)
  const reset = () => scaleTo(1)
  const flip = (at: { x: number; y: number }) => scaleTo(zoomed.value ? 1 : CLOSE, at)

  return { view, held, zoomed, style, moveTo, scaleTo, closer, farther, reset, flip }
}
