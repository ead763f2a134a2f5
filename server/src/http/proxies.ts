import { BlockList, isIP } from 'node:net'

const familyOf = (address: string) =>
  (({ 0: null, 4: 'ipv4', 6: 'ipv6' }) as const)[isIP(address) as 0 | 4 | 6]

/** An IPv4 address as a socket for both families writes it (RFC 4291 §2.5.5.2) is one. */
const plain = (address: string) => address.trim().replace(/^::ffff:(?=\d+\.)/i, '')

/** Whether this is an address, or a range of them like 10.0.0.0/8 or fd00::/8 (RFC 4632 §3.1). */
export function isRange(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  const family = familyOf(address)
  if (!family || more !== undefined) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'ipv4' ? 32 : 128))
}

/** Those whose X-Forwarded-For is believed. */
export class Proxies {
  readonly #trusted = new BlockList()
  readonly #any: boolean

  constructor(ranges: readonly string[]) {
    this.#any = ranges.length > 0
    for (const range of ranges) {
      const [address = '', bits] = range.split('/')
      const family = familyOf(address)!
      if (bits === undefined) this.#trusted.addAddress(address, family)
      else this.#trusted.addSubnet(address, Number(bits), family)
    }
  }

  /** The peer itself, or the last in its X-Forwarded-For that is no proxy of ours: what stands before it anybody can write. */
  clientOf(peer: string, forwarded: string | null): string {
    const nearest = plain(peer)
    if (!this.#any || !forwarded || !this.#trusts(nearest)) return nearest
    const hops = forwarded.split(',').map(plain)
    return hops.findLast((hop) => isIP(hop) && !this.#trusts(hop)) ?? nearest
  }

  #trusts(address: string): boolean {
    const family = familyOf(address)
    return family !== null && this.#trusted.check(address, family)
  }
}
