import { defineStore } from 'pinia'
import { ref } from 'vue'
import { watchTokens } from '../../api.ts'
import { linkOf } from '../../links.ts'
import { useNotices } from '../notices/store.ts'

/** A voice message as the player knows it. */
export interface Track {
  key: string
  chat_id: number
  /** Who speaks. */
  name: string
  /** Its address on the server, and in this browser when it was recorded here. */
  path: string | null
  local: string | null
  duration_seconds: number
}

const SPEEDS = [1, 1.5, 2]

/** Plays one voice message at a time, and goes on when another chat is opened. */
export const usePlayer = defineStore('player', () => {
  const track = ref<Track | null>(null)
  const playing = ref(false)
  /** Seconds. */
  const position = ref(0)
  const speed = ref(1)
  const audio = new Audio()

  audio.addEventListener('play', () => (playing.value = true))
  audio.addEventListener('pause', () => (playing.value = false))
  audio.addEventListener('timeupdate', () => (position.value = audio.currentTime))
  audio.addEventListener('ended', stop)
  audio.addEventListener('error', () => {
    if (track.value) fail()
  })

  // Nobody's voice goes on after they have left.
  watchTokens((tokens) => {
    if (!tokens && track.value) stop()
  })

  function fail(): void {
    stop()
    useNotices().tell('notices.not_played')
  }

  async function start(next: Track, from: number): Promise<void> {
    audio.pause()
    track.value = next
    position.value = from
    playing.value = true
    try {
      const link = next.local ?? (await linkOf(next.path!))
      // Another one was chosen meanwhile.
      if (track.value?.key !== next.key) return
      audio.src = link
      audio.currentTime = from
      audio.playbackRate = speed.value
      await audio.play()
    } catch (error) {
      if (track.value?.key === next.key && !(error instanceof DOMException && error.name === 'AbortError'))
        fail()
    }
  }

  function toggle(asked: Track): void {
    if (track.value?.key !== asked.key) return void start(asked, 0)
    if (playing.value) audio.pause()
    else void audio.play().catch(fail)
  }

  /** `share` is between 0 and 1. */
  function seek(asked: Track, share: number): void {
    const second = share * asked.duration_seconds
    if (track.value?.key !== asked.key) return void start(asked, second)
    position.value = second
    audio.currentTime = second
  }

  function faster(): void {
    speed.value = SPEEDS[(SPEEDS.indexOf(speed.value) + 1) % SPEEDS.length]!
    audio.playbackRate = speed.value
  }

  function stop(): void {
    track.value = null
    playing.value = false
    position.value = 0
    audio.removeAttribute('src')
    audio.load()
  }

  return { track, playing, position, speed, toggle, seek, faster, stop }
})
