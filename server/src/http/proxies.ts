import { BlockList, isIP } from 'node:net'

const familyOf = (address: string) =>
  (({ 0: null, 4: 'ipv4', 6: 'ipv6' }) as const)[isIP(address) as 0 | 4 | 6]

/** An IPv4 address as a socket for both families writes it (RFC 4291 §2.5.5.2) is one. */
const plain = (address: string) => address.trim().replace(/^::ffff:(?=\d+\.)/i, '')

/** A range of addresses like 10.0.0.0/8 or fd00::/8 (RFC 4632 §3.1), or a single one; null for anything else. */
function rangeOf(text: string) {
  const [address = '', bits, more] = text.split('/')
  const family = familyOf(address)
  if (!family || more !== undefined) return null
  const whole = family === 'ipv4' ? 32 : 128
  if (bits === undefined) return { address, family, bits: whole }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= whole ? { address, family, bits: Number(bits) } : null
}

export const isRange = (text: string): boolean => rangeOf(text) !== null

/** Those whose X-Forwarded-For is believed. */
export class Proxies {
  readonly #trusted = new BlockList()

  /** Of texts that `isRange`. */
  constructor(ranges: readonly string[]) {
    for (const text of ranges) {
      const { address, family, bits } = rangeOf(text)!
      this.#trusted.addSubnet(address, bits, family)
    }
  }

  /** The peer itself, or the last in its X-Forwarded-For that is no proxy of ours: what stands before it anybody can write. */
  clientOf(peer: string, forwarded: string | null): string {
    const nearest = plain(peer)
    if (!forwarded || !this.#trusts(nearest)) return nearest
    const hops = forwarded.split(',').map(plain)
    return hops.findLast((hop) => isIP(hop) && !this.#trusts(hop)) ?? nearest
  }

  #trusts(address: string): boolean {
    const family = familyOf(address)
    return family !== null && this.#trusted.check(address, family)
  }
}
