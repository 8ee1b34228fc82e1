import { api } from '@einklang/contract'
import { type Ground, jobKind, mount, type StageParts } from '@einklang/platform'
import { z } from 'zod'
import { placesOf } from './figures.ts'
import type { Commerce } from './index.ts'
import { cartPage, facetsOf, orderDetail, orderPage, popularOf, productDetail, productPage } from './read.ts'

/** What commerce hands to the server. */
export function commerceParts(commerce: Commerce, { database, clock, config }: Ground): StageParts {
  return {
    stage: 'commerce',
    routes: [
      mount(api.commerce.products, ({ query }) => productPage(database, query)),
      mount(api.commerce.facets, () => facetsOf(database)),
      mount(api.commerce.product, ({ params }) => productDetail(database, params.sku)),
      mount(api.commerce.orders, ({ query }) => orderPage(database, query, config.timeZone)),
      mount(api.commerce.orderDetail, ({ params }) => orderDetail(database, params.order)),
      mount(api.commerce.carts, ({ query }) => cartPage(database, clock.now(), query)),
      mount(api.commerce.revenue, ({ query }) => commerce.revenue(query)),
      mount(api.commerce.places, () => placesOf(database, config.currency)),
      mount(api.commerce.today, () => commerce.today()),
      mount(api.commerce.viewed, async ({ params, query }) => ({ items: await commerce.viewed(params.person, query) })),
      mount(api.commerce.popular, async ({ query }) => ({ items: await popularOf(database, query) })),
    ],
    jobs: [
      jobKind({
        name: 'commerce.expireCarts',
        payload: z.unknown(),
        cron: '37 3 * * *',
        work: async () => {
          await commerce.expireCarts()
        },
      }),
    ],
    erase: (tx, persons) => commerce.erase(tx, persons),
  }
}
