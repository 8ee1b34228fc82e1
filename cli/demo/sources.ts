import { api, type SourceId } from '@einklang/contract'
import type { Client } from '@einklang/sdk'
import type { Manifest } from '@einklang/world'

/** How the retailer calls its systems. */
const names: { [source: string]: string } = {
  web: 'Web shop (browser)',
  app: 'App',
  till: 'Tills',
  shop: 'Shop system',
  loyalty: 'Loyalty programme',
  newsletter: 'Newsletter tool',
  crm: 'CRM',
  catalogue: 'Catalogue addresses',
  sms: 'SMS gateway',
  print: 'Letter shop',
  ads: 'Ad platforms',
  master: 'Product master',
  stock: 'Stock keeping',
}

export type Sources = { [name: string]: { id: SourceId; key: string } }

/** Sets up the sources of the world; keys made by an earlier start come from the demo's state. */
export async function ensureSources(
  client: Client,
  wanted: Manifest['sources'],
  keys: { [source: string]: string },
): Promise<Sources> {
  const { items } = await client.call(api.ingest.sources)
  const known = new Map(items.map((source) => [source.name, source.id]))
  const sources: Sources = {}
  for (const note of wanted) {
    const name = names[note.name] ?? note.name
    const id = known.get(name)
    if (id === undefined) {
      const made = await client.call(api.ingest.createSource, {
        body: {
          name,
          kind: api.ingest.sourceKind.parse(note.kind),
          issuer: note.issuer,
          trust: 'secret',
          ...(note.channel ? { channel: note.channel as 'web' } : {}),
          ...(note.consentCategories
            ? { consentCategories: note.consentCategories as { [category: string]: 'analytics' } }
            : {}),
        },
      })
      keys[note.name] = made.key
      sources[note.name] = { id: made.source.id, key: made.key }
      continue
    }
    keys[note.name] ??= (
      await client.call(api.ingest.createKey, { params: { source: id }, body: { trust: 'secret' } })
    ).key
    sources[note.name] = { id, key: keys[note.name] as string }
  }
  return sources
}
