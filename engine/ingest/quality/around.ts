import type { Clock } from '@einklang/platform'
import { addressKey } from './checks/address.ts'
import type { Facts } from './finding.ts'

/** What later stages know of addresses: those of our own stores, and mailboxes that a mail server called dead. */
export type AroundUs = () => Promise<{ stores: { street: string; postalCode: string }[]; bounced: string[] }>

/** Kept in the process and read again every ten minutes: nothing here is worth a question per batch. */
export type Around = Pick<Facts, 'isStore' | 'bounced'> & { refresh(): Promise<void> }

const every = 600_000

export function createAround(read: AroundUs | null, clock: Clock): Around {
  let next = Number.NEGATIVE_INFINITY
  let stores = new Set<string>()
  let bounced = new Set<string>()
  return {
    async refresh() {
      const now = clock.now().getTime()
      if (read === null || now < next) return
      next = now + every
      const known = await read()
      stores = new Set(known.stores.map(({ street, postalCode }) => addressKey(street, postalCode)))
      bounced = new Set(known.bounced)
    },
    isStore: (street, postalCode) => stores.size > 0 && stores.has(addressKey(street, postalCode)),
    bounced: (address) => bounced.has(address),
  }
}
