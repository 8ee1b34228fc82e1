import type { Item } from '../item.ts'
import { referencesOf } from './checks/goods.ts'
import type { Facts, References } from './finding.ts'
import { Subject } from './subject.ts'

/** Which articles and stores exist: asked once per batch as a set; what is known is remembered. */
export type Known = { learn(items: Item[]): Promise<void>; knows: Facts['knows'] }

/** Articles that a process remembers at most; beyond it the memory begins anew. */
const most = 200_000

export function createKnown(references: References | null): Known {
  const known = { sku: new Set<string>(), store: new Set<string>() }
  const missing = { sku: new Set<string>(), store: new Set<string>() }
  return {
    async learn(items) {
      missing.sku.clear()
      missing.store.clear()
      if (references === null) return
      const asked = { sku: new Set<string>(), store: new Set<string>() }
      for (const { event } of items) {
        if (event === null) continue
        for (const { kind, values } of referencesOf(new Subject(event)))
          if (!values.some((value) => known[kind].has(value))) for (const value of values) asked[kind].add(value)
      }
      if (asked.sku.size === 0 && asked.store.size === 0) return
      const found = await references({ skus: [...asked.sku], stores: [...asked.store] })
      for (const [kind, there] of [['sku', found.skus] as const, ['store', found.stores] as const]) {
        if (known[kind].size > most) known[kind].clear()
        for (const value of asked[kind]) {
          if (there === null) continue
          if (there.has(value)) known[kind].add(value)
          else missing[kind].add(value)
        }
      }
    },
    knows(kind, value) {
      if (known[kind].has(value)) return true
      return missing[kind].has(value) ? false : null
    },
  }
}
