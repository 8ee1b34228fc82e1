import { lookup as systemLookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { kept, type Reach } from '@einklang/contract'

/** Everything that is not the public internet (spec security §6). */
// Two lists: in one, every IPv4 address would fall under the mapped range of IPv6.
const forbidden = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  forbidden.ipv4.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  forbidden.ipv6.addSubnet(network, prefix, 'ipv6')

const forbiddenName = /(^|\.)(localhost|local|internal|localdomain|home\.arpa)$/

export type ReachOptions = {
  /** `till.shop.lan:22`, `10.0.0.5:5432`: hosts of the house, from the server's configuration only. */
  allowed: readonly string[]
  /** Ports that may be called on the public internet. */
  ports?: readonly number[]
  lookup?: (host: string) => Promise<{ address: string }[]>
}

const usualPorts = [21, 22, 990, 3306, 5432]

/** Refuses by name, port and every address a name answers with; the caller connects to the address, not the name. */
export function createReach(options: ReachOptions): Reach {
  const allowed = new Set(options.allowed.map((entry) => entry.toLowerCase()))
  const ports = new Set(options.ports ?? usualPorts)
  const lookup = options.lookup ?? ((host: string) => systemLookup(host, { all: true, verbatim: true }))
  return async (given, port) => {
    const host = hostOf(given)
    const inHouse = allowed.has(`${host}:${port}`)
    const bare = host.replace(/^\[|\]$/g, '')
    if (!inHouse) {
      if (!ports.has(port)) throw new Error(kept('feed_port', { port, ports: [...ports].join(', ') }))
      if (forbiddenName.test(bare)) throw new Error(kept('feed_in_house', { given }))
    }
    const answers = isIP(bare) ? [{ address: bare }] : await lookup(bare)
    if (answers.length === 0) throw new Error(kept('feed_no_address', { given }))
    const refused = inHouse ? undefined : answers.find(({ address }) => isForbidden(address))
    if (refused) throw new Error(kept('feed_in_house', { given }))
    return answers[0]?.address as string
  }
}

function isForbidden(address: string): boolean {
  const bare = address.split('%')[0] as string
  const family = isIP(bare)
  if (family === 0) return true
  return family === 4 ? forbidden.ipv4.check(bare, 'ipv4') : forbidden.ipv6.check(bare, 'ipv6')
}

/** One spelling per host: `0x7f.1`, `2130706433`, full-width digits and upper case become what they mean. */
function hostOf(given: string): string {
  // Whatever is not a host alone (user, path, query, port, blanks) never gets as far as the network.
  if (!/^[^\s/\\@?#%:]+$|^\[?[0-9a-f:.]+\]?$/i.test(given)) throw new Error(kept('feed_host_name', { given }))
  const literal = given.includes(':') && !given.startsWith('[') ? `[${given}]` : given
  let url: URL
  try {
    url = new URL(`http://${literal}/`)
  } catch {
    throw new Error(kept('feed_host_name', { given }))
  }
  if (url.username || url.password || url.port || url.pathname !== '/')
    throw new Error(kept('feed_host_name', { given }))
  return url.hostname.replace(/\.$/, '')
}
