import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** Weekly revenue and spend by region, from the files that a retailer's systems hold; never from the truth. */
export function retailerTable(product: string): { data: MixData; spec: MixSpec } {
  const sales = new Map<string, Map<number, number>>()
  let first = Infinity
  let last = -Infinity
  const weekAt = (time: number) => Math.floor((time - monday) / weekMs)
  const monday = Date.UTC(2020, 0, 6)
  const add = (city: string, time: number, amount: number) => {
    const region = regionOf[city]
    if (region === undefined || !Number.isFinite(time)) return
    const week = weekAt(time)
    const own = sales.get(region) ?? new Map<number, number>()
    own.set(week, (own.get(week) ?? 0) + amount)
    sales.set(region, own)
  }
  const cityOfStore = new Map(
    lines(join(product, 'master/places.csv'))
      .slice(1)
      .map((line) => line.split(','))
      .map((cells) => [cells[0] as string, cells[5] as string]),
  )
  const seen = new Set<string>()
  for (const store of readdirSync(join(product, 'till')))
    for (const file of readdirSync(join(product, 'till', store)))
      for (const line of lines(join(product, 'till', store, file)).slice(1)) {
        const cells = line.split(';')
        const [number, time, , , , , , , , total, , kind] = cells
        // Late files bring receipts a second time.
        if (seen.has(number as string) || kind !== 'sale') continue
        seen.add(number as string)
        const [day, month, year] = (time as string).split(' ')[0]?.split('.') ?? []
        add(
          cityOfStore.get(store) as string,
          Date.UTC(Number(year), Number(month) - 1, Number(day)),
          Number((total as string).replace('.', '').replace(',', '.')),
        )
      }
  for (const file of readdirSync(join(product, 'shop')).filter((name) => name.startsWith('orders_')))
    for (const line of lines(join(product, 'shop', file))) {
      const order = JSON.parse(line)
      if (order.kind === 'sale' && !seen.has(order.code)) {
        seen.add(order.code)
        add(order.shippingAddress?.city, Date.parse(order.orderPlacedAt), order.total)
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
  const regions = [...sales.keys()].sort()
  const weeks = last - first + 1
  const series = (of: (region: string) => Map<number, number> | undefined) => {
    const values = new Float64Array(weeks * regions.length)
    for (const [index, region] of regions.entries())
      for (const [week, amount] of of(region) ?? [])
        if (week >= first && week <= last) values[index * weeks + week - first] = amount
    return values
  }
  const channels = [...spend.keys()].sort()
  return {
    data: {
      weeks: Array.from({ length: weeks }, (_, week) =>
        new Date(monday + (first + week) * weekMs).toISOString().slice(0, 10),
      ),
      regions,
      outcome: series((region) => sales.get(region)),
      spend: channels.map((channel) => series((region) => spend.get(channel)?.get(region))),
      exposure: channels.map(() => null),
      controls: [],
    },
    spec: {
      date: 'week',
      outcome: 'revenue',
      geo: 'region',
      channels: channels.map((name) => ({ name, spend: name, prior: { roas: [0.3, 6] } })),
      season: 3,
      trend: { everyWeeks: 26 },
      holidays: 'DE',
    },
  }
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
