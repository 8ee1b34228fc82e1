import { type AnswerOf, api, type SourceId } from '@einklang/contract'
import type { Client } from '@einklang/sdk'

type NewSource = { name: string; kind: (typeof api.ingest.sourceKinds)[number]; trust?: 'publishable' | 'secret' }

const categories = {
  consentCategories: { newsletter: 'newsletter', marketing: 'offers_profiled', analytics: 'analytics' },
} as const

/** The systems of the retailer, by the name the world's files carry. */
const systems: { [name: string]: NewSource } = {
  web: { name: 'Web shop (browser)', kind: 'web', trust: 'secret' },
  app: { name: 'App', kind: 'app', trust: 'secret' },
  till: { name: 'Tills', kind: 'till', trust: 'secret' },
  shop: { name: 'Shop system', kind: 'shop', trust: 'secret' },
  loyalty: { name: 'Loyalty programme', kind: 'loyalty', trust: 'secret' },
  newsletter: { name: 'Newsletter tool', kind: 'newsletter', trust: 'secret' },
  crm: { name: 'CRM', kind: 'crm', trust: 'secret' },
  catalogue: { name: 'Catalogue addresses', kind: 'print', trust: 'secret' },
  sms: { name: 'SMS gateway', kind: 'sms', trust: 'secret' },
  print: { name: 'Letter shop', kind: 'print', trust: 'secret' },
  ads: { name: 'Ad platforms', kind: 'ads', trust: 'secret' },
  master: { name: 'Product master', kind: 'erp', trust: 'secret' },
  stock: { name: 'Stock keeping', kind: 'erp', trust: 'secret' },
}

export type Sources = { [name: string]: { id: SourceId; key: string | null } }

/** Creates what is missing; keys made earlier come from the demo's state. */
export async function ensureSources(client: Client, keys: { [source: string]: string }): Promise<Sources> {
  const { items } = await client.call(api.ingest.sources)
  const known = new Map(
    items.map((source: AnswerOf<typeof api.ingest.sources>['items'][number]) => [source.name, source.id]),
  )
  const sources: Sources = {}
  for (const [name, wanted] of Object.entries(systems)) {
    const id = known.get(wanted.name)
    if (id !== undefined) {
      keys[name] ??= (
        await client.call(api.ingest.createKey, { params: { source: id }, body: { trust: 'secret' } })
      ).key
      sources[name] = { id, key: keys[name] }
      continue
    }
    const made = await client.call(api.ingest.createSource, { body: { ...wanted, ...categories } })
    keys[name] = made.key
    sources[name] = { id: made.source.id, key: made.key }
  }
  return sources
}
