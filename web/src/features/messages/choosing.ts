import { onBeforeUnmount, onMounted, ref } from 'vue'
import type { Chosen, Parcel } from './outbox.ts'

/** Drawn by browsers as a document, and kept by the server as a file. */
const DRAWN = 'image/svg+xml'

const kindOf = ({ type }: Blob): Parcel['kind'] =>
  type.startsWith('image/') && type !== DRAWN ? 'image' : type.startsWith('video/') ? 'video' : 'file'

interface Measures {
  width: number | null
  height: number | null
  duration_seconds: number | null
}
const UNKNOWN: Measures = { width: null, height: null, duration_seconds: null }
const PATIENCE_MS = 3000

function measure(kind: Parcel['kind'], address: string): Promise<Measures> {
  return new Promise((resolve) => {
    if (kind === 'file') return resolve(UNKNOWN)
    setTimeout(() => resolve(UNKNOWN), PATIENCE_MS)
    if (kind === 'image') {
      const image = new Image()
      image.onload = () =>
        resolve({ width: image.naturalWidth, height: image.naturalHeight, duration_seconds: null })
      image.onerror = () => resolve(UNKNOWN)
      image.src = address
    } else {
      const film = document.createElement('video')
      film.preload = 'metadata'
      film.onloadedmetadata = () =>
        resolve({
          width: film.videoWidth || null,
          height: film.videoHeight || null,
          duration_seconds: Number.isFinite(film.duration) ? film.duration : null,
        })
      film.onerror = () => resolve(UNKNOWN)
      film.src = address
    }
  })
}

/** A chosen file as it will be sent: what it is, and how large, as far as the browser can tell. */
export async function chosenOf(file: File, address: string): Promise<Chosen> {
  const kind = kindOf(file)
  const parcel = {
    kind,
    filename: file.name || kind,
    mime_type: file.type || 'application/octet-stream',
    size: file.size,
    waveform: null,
    ...(await measure(kind, address)),
  }
  return { parcel, bytes: file }
}

/** Whether files are held over the conversation; what is dropped goes to `taken`. */
export function useDrop(taken: (files: File[]) => void, accepts: () => boolean) {
  const over = ref(false)
  let depth = 0
  const holdsFiles = (event: DragEvent) => accepts() && event.dataTransfer?.types.includes('Files') === true
  const enter = (event: DragEvent) => {
    if (!holdsFiles(event)) return
    depth++
    over.value = true
  }
  const move = (event: DragEvent) => {
    if (holdsFiles(event)) event.preventDefault()
  }
  const leave = (event: DragEvent) => {
    if (!holdsFiles(event)) return
    depth = Math.max(0, depth - 1)
    over.value = depth > 0
  }
  const drop = (event: DragEvent) => {
    depth = 0
    over.value = false
    if (!holdsFiles(event)) return
    event.preventDefault()
    taken([...event.dataTransfer!.files])
  }
  const listeners = { dragenter: enter, dragover: move, dragleave: leave, drop } as const
  onMounted(() => {
    for (const [name, listener] of Object.entries(listeners))
      window.addEventListener(name as 'drop', listener)
  })
  onBeforeUnmount(() => {
    for (const [name, listener] of Object.entries(listeners))
      window.removeEventListener(name as 'drop', listener)
  })
  return over
}
