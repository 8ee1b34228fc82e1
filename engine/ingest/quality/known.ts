import type { Item } from '../item.ts'
import { referencesOf } from './checks/goods.ts'
import type { Facts, References } from './finding.ts'
import { Subject } from './subject.ts'

/** Which articles and stores exist: asked once per batch as a set; what is known is remembered. */
export type Known = Pick<Facts, 'knows' | 'price' | 'gtin'> & { learn(items: Item[]): Promise<void> }

/** Articles that a process remembers at most; beyond it the memory begins anew. */
const most = 200_000

export function createKnown(references: References | null): Known {
  const known = { sku: new Map<string, number | null>(), store: new Map<string, null>() }
  const gtins = new Map<string, string>()
  const missing = { sku: new Set<string>(), store: new Set<string>() }
  return {
    async learn(items) {
      missing.sku.clear()
      missing.store.clear()
      if (references === null) return
      const asked = { sku: new Set<string>(), store: new Set<string>() }
      for (const { event } of items) {
        if (event === null || event.dialect === 'own') continue
        for (const { kind, values } of referencesOf(new Subject(event)))
          if (!values.some((value) => known[kind].has(value))) for (const value of values) asked[kind].add(value)
      }
      if (asked.sku.size === 0 && asked.store.size === 0) return
      const found = await references({ skus: [...asked.sku], stores: [...asked.store] })
      for (const kind of ['sku', 'store'] as const) if (known[kind].size > most) known[kind].clear()
      if (gtins.size > most) gtins.clear()
      for (const [sku, gtin] of found.gtins ?? []) gtins.set(sku, gtin)
      if (found.skus !== null)
        for (const sku of asked.sku) {
          const price = found.skus.get(sku)
          if (price === undefined) missing.sku.add(sku)
          else known.sku.set(sku, price)
        }
      if (found.stores !== null)
        for (const store of asked.store) {
          if (found.stores.has(store)) known.store.set(store, null)
          else missing.store.add(store)
        }
    },
    knows(kind, value) {
      if (known[kind].has(value)) return true
      return missing[kind].has(value) ? false : null
    },
    price: (sku) => known.sku.get(sku) ?? null,
    gtin: (sku) => gtins.get(sku) ?? null,
  }
}
