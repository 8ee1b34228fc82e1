import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { channelNamed } from '@einklang/engine/budget'
import { usualBelief } from '@einklang/engine/measurement'
import type { MixData, MixSpec } from '@einklang/stats'

const weekMs = 7 * 86_400_000

/** Media regions as the retailer books them: city of the store or of the parcel → region. */
const regionOf: { [city: string]: string } = Object.fromEntries(
  Object.entries({
    Köln: ['Köln', 'Leverkusen', 'Bonn', 'Brühl', 'Hürth'],
    Düsseldorf: ['Düsseldorf', 'Neuss', 'Ratingen', 'Meerbusch'],
    Essen: ['Essen', 'Mülheim an der Ruhr', 'Oberhausen'],
    Dortmund: ['Dortmund', 'Hagen', 'Schwerte', 'Lünen'],
    Bochum: ['Bochum', 'Herne', 'Witten', 'Gelsenkirchen'],
    Münster: ['Münster', 'Greven', 'Telgte'],
    Bielefeld: ['Bielefeld', 'Gütersloh', 'Herford'],
    Aachen: ['Aachen', 'Düren', 'Eschweiler', 'Stolberg', 'Würselen', 'Alsdorf'],
  }).flatMap(([region, cities]) => cities.map((city) => [city, region])),
)

/**
 * Weekly sales and spend by region, from the files that a retailer's systems hold; never from the truth. Sales are orders
 * at the average basket of their way (shop or till): what single baskets hold is chance, and advertising does not move it.
 */
export function retailerTable(product: string): { data: MixData; spec: MixSpec } {
  const sold = { web: new Map<string, Map<number, number>>(), store: new Map<string, Map<number, number>>() }
  const money = { web: 0, store: 0 }
  const orders = { web: 0, store: 0 }
  let first = Infinity
  let last = -Infinity
  const weekAt = (time: number) => Math.floor((time - monday) / weekMs)
  const monday = Date.UTC(2020, 0, 6)
  const add = (on: 'web' | 'store', city: string, time: number, amount: number) => {
    const region = regionOf[city]
    if (region === undefined || !Number.isFinite(time)) return
    const week = weekAt(time)
    const own = sold[on].get(region) ?? new Map<number, number>()
    own.set(week, (own.get(week) ?? 0) + 1)
    sold[on].set(region, own)
    money[on] += amount
    orders[on]++
  }
  const cityOfStore = new Map(
    lines(join(product, 'master/places.csv'))
      .slice(1)
      .map((line) => line.split(','))
      .map((cells) => [cells[0] as string, cells[5] as string]),
  )
  const seen = new Set<string>()
  const openDays = new Map<number, Set<string>>()
  for (const store of readdirSync(join(product, 'till')))
    for (const file of readdirSync(join(product, 'till', store)))
      for (const line of lines(join(product, 'till', store, file)).slice(1)) {
        const cells = line.split(';')
        const [number, time, , , , , , , , total, , kind] = cells
        // Late files bring receipts a second time.
        if (seen.has(number as string) || kind !== 'sale') continue
        seen.add(number as string)
        const [day, month, year] = (time as string).split(' ')[0]?.split('.') ?? []
        const date = Date.UTC(Number(year), Number(month) - 1, Number(day))
        const open = openDays.get(weekAt(date)) ?? new Set<string>()
        openDays.set(weekAt(date), open.add(`${store} ${date}`))
        add(
          'store',
          cityOfStore.get(store) as string,
          date,
          Number((total as string).replace('.', '').replace(',', '.')),
        )
      }
  for (const file of readdirSync(join(product, 'shop')).filter((name) => name.startsWith('orders_')))
    for (const line of lines(join(product, 'shop', file))) {
      const order = JSON.parse(line)
      if (order.kind === 'sale' && !seen.has(order.code)) {
        seen.add(order.code)
        add('web', order.shippingAddress?.city, Date.parse(order.orderPlacedAt), order.total)
      }
    }
  const spend = new Map<string, Map<string, Map<number, number>>>()
  const book = (channel: string, region: string, isoWeek: string, amount: number) => {
    const week = weekAt(startOfIsoWeek(isoWeek))
    first = Math.min(first, week)
    last = Math.max(last, week)
    const regions = spend.get(channel) ?? new Map<string, Map<number, number>>()
    const own = regions.get(region) ?? new Map<number, number>()
    own.set(week, (own.get(week) ?? 0) + amount)
    regions.set(region, own)
    spend.set(channel, regions)
  }
  for (const line of lines(join(product, 'media/spend_digital.csv')).slice(1)) {
    const [week, channel, , geo, amount] = line.split(',')
    book(channel as string, geo as string, week as string, Number(amount))
  }
  for (const line of lines(join(product, 'media/spend_klassisch.csv')).slice(1)) {
    const [week, channel, , geo, amount] = line.split(';')
    book(
      channel as string,
      geo as string,
      week as string,
      Number((amount as string).replace('.', '').replace(',', '.')),
    )
  }
  const regions = [...sold.store.keys()].sort()
  const weeks = last - first + 1
  const series = (of: (region: string) => Map<number, number> | undefined) => {
    const values = new Float64Array(weeks * regions.length)
    for (const [index, region] of regions.entries())
      for (const [week, amount] of of(region) ?? [])
        if (week >= first && week <= last) values[index * weeks + week - first] = amount
    return values
  }
  const soldOn = (on: 'web' | 'store') =>
    series((region) => sold[on].get(region)).map((count) => (count * money[on]) / orders[on])
  const online = soldOn('web')
  const outcome = soldOn('store').map((amount, cell) => amount + (online[cell] as number))
  const channels = [...spend.keys()].sort()
  const everywhere = (value: (week: number) => number) =>
    Float64Array.from({ length: weeks * regions.length }, (_, cell) => value(first + (cell % weeks)))
  const reduced = reductions(product, (time) => weekAt(time))
  return {
    data: {
      weeks: Array.from({ length: weeks }, (_, week) =>
        new Date(monday + (first + week) * weekMs).toISOString().slice(0, 10),
      ),
      regions,
      outcome,
      online,
      spend: channels.map((channel) => series((region) => spend.get(channel)?.get(region))),
      exposure: channels.map(() => null),
      controls: [
        { name: 'opening days', values: everywhere((week) => openDays.get(week)?.size ?? 0) },
        { name: 'reduced articles', values: everywhere((week) => reduced.get(week) ?? 0) },
        { name: 'payday', values: everywhere((week) => (holdsFirst(monday + week * weekMs) ? 1 : 0)) },
      ],
    },
    spec: {
      date: 'week',
      outcome: 'revenue',
      online: 'revenue online',
      geo: 'region',
      money: true,
      channels: channels.map((name) => {
        const { returns, halfLifeWeeks, onlineOdds } = usualBelief(channelNamed(name))
        return { name, spend: name, usualReturn: returns, usualOnline: onlineOdds, prior: { halfLife: halfLifeWeeks } }
      }),
      // Two turns of the season, Christmas and the sales are peaks of a few weeks: slow waves alone cannot follow them.
      season: 8,
      controls: ['opening days', 'reduced articles', 'payday'],
      trend: { everyWeeks: 26 },
      holidays: 'DE',
    },
  }
}

/** Articles on sale at the middle of each week, from the price list. */
function reductions(product: string, weekAt: (time: number) => number): Map<number, number> {
  const found = new Map<number, number>()
  for (const line of lines(join(product, 'master/prices.csv')).slice(1)) {
    const [, channel, , kind, , , from, until] = line.split(',')
    if (kind !== 'sale' || channel !== '' || !from || !until) continue
    for (let week = weekAt(Date.parse(from)); week <= weekAt(Date.parse(until)); week++)
      found.set(week, (found.get(week) ?? 0) + 1)
  }
  return found
}

/** Does the week contain the first of a month? */
function holdsFirst(start: number): boolean {
  return new Date(start + weekMs - 1).getUTCDate() <= 7
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}

/** Monday of `2024-W48`. */
function startOfIsoWeek(text: string): number {
  const [year, week] = text.split('-W').map(Number) as [number, number]
  const fourth = Date.UTC(year, 0, 4)
  const weekday = (new Date(fourth).getUTCDay() + 6) % 7
  return fourth - weekday * 86_400_000 + (week - 1) * weekMs
}
