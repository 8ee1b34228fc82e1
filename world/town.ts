import type { ImportMapping } from '@einklang/contract'
import { type FileSpec, stockChunks } from './files.ts'
import { mergeRows } from './memory.ts'
import { mediaChannels } from './media.ts'
import { townPeople } from './names.ts'
import { type Part, type PartYield, World } from './parts.ts'
import { type Person, personOf } from './persons.ts'
import { closeTheBooks } from './ledger.ts'
import { geos } from './places.ts'
import { sizesPerModel } from './products.ts'

/** A person of the small town, as the tests know them by first name. */
export type TownPerson = {
  id: number
  name: string
  first: string
  last: string
  email: string
  phone: string
  userId: string
  loyaltyCard: string
  household: number
  homeStore: string
  hasAccount: boolean
  hasCard: boolean
}

export type TownFile = {
  path: string
  source: string
  kind: FileSpec['kind']
  mapping: ImportMapping | null
  rows: number
  /** The file as it would lie on disk; a file in Windows-1252 has these bytes. */
  bytes: Buffer
}

export type SmallTown = {
  /** By first name in small letters: `town.people.ada`. */
  people: { [name: string]: TownPerson }
  stores: { code: string; name: string; city: string }[]
  products: { sku: string; gtin: string; name: string; category: string; listCents: number }[]
  /** Product side, by path: `web/2024-01-01.ndjson`, `till/F01/2024-01.csv` … */
  files: Map<string, TownFile>
  /** Truth by name: one parsed row each. */
  truth: Map<string, unknown[]>
  /** All tracking calls in order of time, ready for `/v1/batch`. */
  calls: () => { [field: string]: unknown }[]
}

/** Forty persons, three stores and two hundred SKUs over eight weeks, in memory. */
export function smallTown(seed = 7): SmallTown {
  const world = new World({ size: 'town', seed, options: {}, truth: true })
  const { setting, files } = world
  const yields: PartYield[] = world.firstParts().map((part) => world.make(part))
  const cells = geos.length * setting.weeks
  const costs = mediaChannels.map((_, channel) => {
    const sum = new Float64Array(cells)
    for (const made of yields)
      for (const [at, value] of (made.costs[channel] as Float64Array).entries()) sum[at] = (sum[at] as number) + value
    return sum
  })
  const outcomes: PartYield['outcomes'] = {}
  for (const made of yields)
    for (const [name, outcome] of Object.entries(made.outcomes)) {
      const sum = (outcomes[name] ??= { orders: new Float64Array(cells), revenue: new Float64Array(cells) })
      for (let at = 0; at < cells; at++) {
        sum.orders[at] = (sum.orders[at] as number) + (outcome.orders[at] as number)
        sum.revenue[at] = (sum.revenue[at] as number) + (outcome.revenue[at] as number)
      }
    }
  const sold = mergeRows(yields)
  for (let chunk = 0; chunk < stockChunks; chunk++) {
    const moves = (sold.get(files.sales[chunk] as number) ?? []).map((row) => {
      const [sku, place, at, quantity] = row.toString('latin1').split(',')
      return { sku: Number(sku), place: Number(place), at: Number(at), quantity: Number(quantity) }
    })
    const part: Part = { kind: 'stock', index: chunk }
    yields.push(world.make(part, moves))
  }
  yields.push(closeTheBooks(world, costs, outcomes))
  const rows = mergeRows(yields)
  const town: SmallTown = {
    people: {},
    stores: [],
    products: [],
    files: new Map(),
    truth: new Map(),
    calls: () => callsOf(town),
  }
  for (const [id, name] of townPeople.entries())
    town.people[name] = describe(personOf(setting, id), name, setting.stores)
  town.stores = setting.stores.map(({ code, name, city }) => ({ code, name, city }))
  town.products = setting.catalogue.skus.map((sku, index) => {
    const model = setting.catalogue.models[
      Math.floor(index / sizesPerModel)
    ] as (typeof setting.catalogue.models)[number]
    return {
      sku,
      gtin: setting.catalogue.gtins[index] as string,
      name: model.name,
      category: model.audience,
      listCents: model.list,
    }
  })
  const end = Buffer.from('\n')
  for (const spec of files.list) {
    const own = rows.get(spec.index) ?? []
    if (spec.root === 'truth')
      town.truth.set(
        spec.path.replace('.ndjson', ''),
        own.map((row) => JSON.parse(row.toString('utf8'))),
      )
    if (spec.root !== 'product') continue
    const head = spec.header === null ? [] : [Buffer.from(spec.header, spec.latin1 ? 'latin1' : 'utf8'), end]
    town.files.set(spec.path, {
      path: spec.path,
      source: spec.source,
      kind: spec.kind,
      mapping: spec.mapping,
      rows: own.length,
      bytes: Buffer.concat([...head, ...own.flatMap((row) => [row, end])]),
    })
  }
  return town
}

function describe(person: Person, name: string, stores: readonly { code: string }[]): TownPerson {
  return {
    id: person.id,
    name,
    first: person.first,
    last: person.last,
    email: person.email,
    phone: person.phone,
    userId: person.userId,
    loyaltyCard: person.card,
    household: person.household.id,
    homeStore: (stores[person.homeStore] as { code: string }).code,
    hasAccount: person.has.account,
    hasCard: person.has.loyalty,
  }
}

function callsOf(town: SmallTown): { [field: string]: unknown }[] {
  const calls: { timestamp: string }[] = []
  for (const file of town.files.values())
    if (file.kind === 'events')
      for (const line of file.bytes.toString('utf8').split('\n')) if (line !== '') calls.push(JSON.parse(line))
  return calls.sort((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0))
}
