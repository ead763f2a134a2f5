/** Who hears an event: everyone in a chat, one person on all devices, or every node itself. */
export type Audience = `chat:${number}` | `user:${number}` | 'nodes'

/**
 * Carries events between nodes as the text that was serialised once. It may lose, double and shuffle:
 * receivers check `revision`. What a node publishes it also hears itself, at once and in order.
 */
export interface Bus {
  /** Never throws and never waits for the network. */
  publish(audience: Audience, text: string): void
  /** One listener per node, set once at the start. */
  listen(listener: (audience: Audience, text: string) => void): void
  /** Called when the bus works again after it may have lost events; `since` is when it was last known to be whole. */
  onRecovered(listener: (since: Date) => void): void
  /** Throws when other nodes cannot be reached. */
  check(): Promise<void>
  close(): Promise<void>
}
