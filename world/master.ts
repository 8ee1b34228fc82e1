import { iso, localDate } from './calendar.ts'
import { hash, share } from './chance.ts'
import { warehouse } from './places.ts'
import { categories, listPrice, type Model, markdown, sizeOf, sizesPerModel } from './products.ts'
import { cell, decimal } from './rows.ts'
import { tellEdge } from './sales.ts'
import type { Setting } from './setting.ts'
import { type Sink, tabletOf } from './visits.ts'

/** Places, products and price lists: what the retailer's master data say. */
export function writeMaster(sink: Sink): void {
  const { setting, files, rows } = sink
  const { catalogue } = setting
  rows.add(
    files.places,
    0,
    0,
    [
      warehouse.code,
      warehouse.name,
      'warehouse',
      warehouse.street,
      warehouse.postcode,
      warehouse.city,
      warehouse.latitude,
      warehouse.longitude,
    ].join(','),
  )
  for (const store of setting.stores)
    rows.add(
      files.places,
      0,
      store.index + 1,
      [store.code, store.name, 'store', store.street, store.postcode, store.city, store.latitude, store.longitude].join(
        ',',
      ),
    )
  tellStores(sink)
  for (const model of catalogue.models) {
    const category = (categories[model.category] as (typeof categories)[number]).name
    for (let step = 0; step < sizesPerModel; step++) {
      const sku = model.index * sizesPerModel + step
      const tie = hash(setting.purposes['model/number'], sku)
      const row = [
        catalogue.skus[sku],
        catalogue.gtins[sku],
        model.number,
        cell(model.name, ','),
        cell(model.brand, ','),
        category,
        model.colour,
        sizeOf(model, step),
        `https://www.schuhhaus.example/bilder/${model.number}-${model.colourCode}.jpg`,
        '19',
        decimal(model.cost, '.'),
        'EUR',
      ]
      rows.add(files.products, tie, tie, row.join(','))
    }
    writePrices(sink, model)
    if (model.former)
      tellEdge(sink, 0, {
        edge: 'article number re-used',
        skus: catalogue.skus.slice(model.index * sizesPerModel, model.index * sizesPerModel + sizesPerModel),
        before: model.former.name,
        until_week: model.former.until,
      })
  }
}

const pricing = (setting: Setting) => ({
  deviation: setting.purposes['model/deviation'],
  markdown: setting.purposes['model/markdown'],
})

/** Steps of the markdown calendar that touch a model: `[first week, week after, share off]`. */
function markdownSteps(setting: Setting, model: Model): [number, number, number][] {
  const steps: [number, number, number][] = []
  for (let week = 0; week < setting.weeks; week++) {
    const off = markdown(model, setting.weekOfYear[week] as number, setting.yearOf[week] as number, pricing(setting))
    const open = steps.at(-1)
    if (open && open[1] === week && open[2] === off) open[1] = week + 1
    else if (off > 0) steps.push([week, week + 1, off])
  }
  return steps
}

function writePrices(sink: Sink, model: Model): void {
  const { setting, files, rows } = sink
  const { catalogue, calendar } = setting
  const from = iso(calendar.midnight[0] as number)
  const add = (
    sku: number,
    at: number,
    channel: string,
    place: string,
    kind: string,
    cents: number,
    begin: string,
    end: string,
  ): void => {
    rows.add(
      files.prices,
      at,
      hash(setting.purposes['model/gtin'], sku, at & 0xffff),
      `${catalogue.skus[sku]},${channel},${place},${kind},${decimal(cents, '.')},EUR,${begin},${end}`,
    )
  }
  const steps = markdownSteps(setting, model)
  for (let step = 0; step < sizesPerModel; step++) {
    const sku = model.index * sizesPerModel + step
    add(sku, calendar.midnight[0] as number, '', '', 'list', model.list, from, '')
    for (const store of setting.stores) {
      const own = listPrice(model, store.index, pricing(setting))
      if (own !== model.list) add(sku, calendar.midnight[0] as number, 'store', store.code, 'deviation', own, from, '')
    }
    for (const [first, after, off] of steps) {
      const begins = calendar.midnight[first * 7] as number
      if (begins >= setting.until) continue
      const begin = iso(begins)
      const end = iso((calendar.midnight[Math.min(calendar.days, after * 7)] as number) - 1000)
      add(sku, begins, '', '', 'sale', Math.round((model.list * (1 - off)) / 100) * 100 - 5, begin, end)
    }
  }
  oddPrices(sink, model, add)
}

/** Two slips that happen to every retailer: a promotion of one day, and a price of one cent for an hour. */
function oddPrices(
  sink: Sink,
  model: Model,
  add: (
    sku: number,
    at: number,
    channel: string,
    place: string,
    kind: string,
    cents: number,
    begin: string,
    end: string,
  ) => void,
): void {
  const { setting } = sink
  if (setting.weeks < 20) return
  const chance = share(setting.purposes['model/markdown'], model.index, 7777)
  const dayIndex =
    70 + (hash(setting.purposes['model/markdown'], model.index, 7778) % Math.max(1, setting.calendar.days - 140))
  const midnight = setting.calendar.midnight[dayIndex] as number
  if (midnight >= setting.until) return
  const sku = model.index * sizesPerModel + 3
  const skuText = setting.catalogue.skus[sku]
  if (chance < 0.008) {
    const end = (setting.calendar.midnight[dayIndex + 1] as number) - 1000
    add(sku, midnight, 'web', '', 'sale', Math.round((model.list * 0.85) / 100) * 100 - 5, iso(midnight), iso(end))
    tellEdge(sink, midnight, { edge: 'promotion of one day', sku: skuText, day: localDate(midnight) })
  } else if (chance < 0.016) {
    const at = midnight + 14 * 3_600_000
    add(sku, at, 'web', '', 'sale', 1, iso(at), iso(at + 3_600_000))
    tellEdge(sink, at, { edge: 'price of one cent', sku: skuText, from: iso(at) })
  }
}

/** Rare cases that belong to stores and campaigns, not to persons. */
function tellStores(sink: Sink): void {
  const { setting } = sink
  for (const store of setting.stores) {
    for (const week of store.closedWeeks)
      tellEdge(sink, week, { edge: 'store closed for a week', store: store.code, week })
    if (setting.weeks > 20 && losesFeed(store.index))
      tellEdge(sink, store.joins, { edge: 'feed lost after joining', store: store.code, week: store.joins })
    if (store.tablet && sink.truth)
      sink.rows.add(
        sink.files.truth.identity,
        0,
        store.index,
        JSON.stringify({
          source: 'web-device',
          record: tabletOf(setting, store.index),
          person: null,
          household: null,
          shared: store.code,
        }),
      )
  }
  for (const campaign of setting.campaigns)
    if (campaign.holdout === 0)
      tellEdge(sink, campaign.at, { edge: 'campaign without holdout', campaign: campaign.name })
}

/** Two stores of three lose their feed for some days when they join. */
export function losesFeed(store: number): boolean {
  return store % 9 < 6
}
