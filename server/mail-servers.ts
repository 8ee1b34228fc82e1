import { Resolver } from 'node:dns/promises'

/**
 * Whether a domain takes mail, as name servers tell (RFC 5321 §5.1, RFC 7505): a mail exchanger, or else an address of
 * its own. `null` = they did not answer or could not tell. One question may take `timeout` ms and is put `tries` times.
 */
export function mailServers(
  servers: readonly string[],
  patience = { timeout: 2_000, tries: 2 },
): (domain: string) => Promise<boolean | null> {
  const resolver = new Resolver(patience)
  if (!servers.includes('system')) resolver.setServers(servers)
  const ask = async (question: () => Promise<unknown[]>): Promise<unknown[] | 'nothing' | 'nobody' | null> => {
    try {
      return await question()
    } catch (error) {
      const { code } = error as { code?: string }
      return code === 'ENOTFOUND' ? 'nobody' : code === 'ENODATA' ? 'nothing' : null
    }
  }
  return async (domain) => {
    const exchangers = await ask(() => resolver.resolveMx(domain))
    if (exchangers === null) return null
    // No such name at all.
    if (exchangers === 'nobody') return false
    // A lone exchanger without a name says that the domain wants no mail.
    if (exchangers !== 'nothing')
      return (exchangers as { exchange: string }[]).some(({ exchange }) => exchange !== '' && exchange !== '.')
    const addresses = await Promise.all([ask(() => resolver.resolve4(domain)), ask(() => resolver.resolve6(domain))])
    if (addresses.some((found) => Array.isArray(found) && found.length > 0)) return true
    return addresses.some((found) => found === null) ? null : false
  }
}
