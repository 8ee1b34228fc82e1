import type { Clock, Database } from '@einklang/platform'
import { addressKey } from './checks/address.ts'
import type { Facts } from './finding.ts'
import { withoutMail } from './mail-domains.ts'
import { readTowns } from './town-table.ts'
import { type MeantTown, townsFrom } from './towns.ts'

/** What later stages know: addresses of our own stores, mailboxes a mail server called dead, values that many share. */
export type AroundUs = () => Promise<{
  stores: { street: string; postalCode: string }[]
  bounced: string[]
  shared: { namespace: string; value: string }[]
}>

/** Kept in the process and read again every ten minutes: nothing here is worth a question per batch. */
export type Around = Pick<Facts, 'isStore' | 'bounced' | 'takesNoMail' | 'isShared' | 'meantTown'> & {
  refresh(): Promise<void>
}

const every = 600_000

export function createAround(read: AroundUs | null, clock: Clock, database: Database | null = null): Around {
  let next = Number.NEGATIVE_INFINITY
  let stores = new Set<string>()
  let bounced = new Set<string>()
  let shared = new Set<string>()
  let mailless = new Set<string>()
  let meantTown: MeantTown = () => null
  return {
    async refresh() {
      const now = clock.now().getTime()
      if (now < next) return
      next = now + every
      if (read !== null) {
        const known = await read()
        stores = new Set(known.stores.map(({ street, postalCode }) => addressKey(street, postalCode)))
        bounced = new Set(known.bounced)
        shared = new Set(known.shared.map(({ namespace, value }) => `${namespace}|${value}`))
      }
      if (database === null) return
      mailless = new Set(await withoutMail(database, clock.now()))
      meantTown = townsFrom(await readTowns(database))
    },
    isStore: (street, postalCode) => stores.size > 0 && stores.has(addressKey(street, postalCode)),
    bounced: (address) => bounced.has(address),
    takesNoMail: (domain) => mailless.has(domain),
    isShared: (namespace, value) => shared.size > 0 && shared.has(`${namespace}|${value}`),
    meantTown: (country, postalCode, city) => meantTown(country, postalCode, city),
  }
}
