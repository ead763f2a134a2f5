import type { Audience, Bus } from './port.ts'

/** The bus of a node that is alone: what it publishes reaches its own listener, at once and in order. */
export function openEmbeddedBus(): Bus {
  let listener: (audience: Audience, text: string) => void = () => {}
  return {
    publish: (audience, text) => listener(audience, text),
    listen: (next) => {
      listener = next
    },
    // Nothing between publisher and listener can be lost, so there is never anything to recover.
    onRecovered: () => {},
    check: () => Promise.resolve(),
    close: () => {
      listener = () => {}
      return Promise.resolve()
    },
  }
}
