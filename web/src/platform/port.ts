import { inject, type InjectionKey } from 'vue'

/** What the client asks of where it runs: a browser, or a window of its own. */
export interface Platform {
  /** Unread chats, in the title or on the icon. */
  setBadge(unread: number, product: string): void
  /** Called when a person looks at the window, and when they look away. */
  watchAttention(listener: (attentive: boolean) => void): void
  copy(text: string): Promise<void>
  /** Puts what an address leads to among the downloads. */
  save(address: string, filename: string): void
}

export const PLATFORM: InjectionKey<Platform> = Symbol('platform')

/** Where this client runs; `main.ts` knows. */
export const usePlatform = (): Platform => inject(PLATFORM)!
