import type { AnswerOf, api, PersonId } from '@einklang/contract'
import { type Database, type History, typed } from '@einklang/platform'
import type { OrderChannel } from './order.ts'
import { type ProductSummary, productsOf } from './read.ts'

export type Viewed = AnswerOf<typeof api.commerce.viewed>['items'][number]

const looks = ['Product Viewed', 'Product Clicked', 'Product Added', 'Product Added to Wishlist']

/**
 * Articles somebody has looked at, the latest first. Looks are by far the most frequent events; they are read where they
 * lie, in the history, and cost nothing when they arrive.
 */
export async function viewedBy(
  needs: { database: Database; history: History; now: Date },
  person: PersonId,
  query: { days: number; limit: number; channel?: OrderChannel },
): Promise<Viewed[]> {
  const { database, history } = needs
  const aliases = await database.row<{ ids: PersonId[] }>`select identity.aliases(identity.current(${person})) as ids`
  const since = new Date(needs.now.getTime() - query.days * 86_400_000).toISOString().replace('Z', '')
  const rows = await history.rows<{ article: string; last: string; times: number }>`
    select article, max(at) as last, uniqExact(id) as times from ingest.event array join sku as article
    where person in ${typed('Array(UUID)', aliases?.ids ?? [person])} and name in ${looks}
      and at > ${typed("DateTime64(3, 'UTC')", since)} and article != ''
    group by article order by last desc, article limit ${query.limit}`
  const known = new Map<string, ProductSummary>(
    (
      await productsOf(
        database,
        rows.map((row) => row.article),
        query.channel,
      )
    ).map((product) => [product.sku, product]),
  )
  return rows.map((row) => ({
    sku: row.article,
    name: known.get(row.article)?.name ?? null,
    imageUrl: known.get(row.article)?.imageUrl ?? null,
    price: known.get(row.article)?.price ?? null,
    stock: known.get(row.article)?.stock ?? null,
    times: Number(row.times),
    lastAt: new Date(`${row.last.replace(' ', 'T').replace(/Z$/, '')}Z`).toISOString(),
  }))
}
