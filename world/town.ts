import { type MemoryFile, makeInMemory } from './memory.ts'
import { townPeople } from './names.ts'
import { type Person, personOf } from './persons.ts'
import { categories, sizesPerModel } from './products.ts'

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

export type SmallTown = {
  /** By first name in small letters: `town.people.ada`. */
  people: { [name: string]: TownPerson }
  stores: { code: string; name: string; city: string }[]
  products: { sku: string; gtin: string; name: string; category: string; listCents: number }[]
  /** Product side, by path: `web/2024-01-01.ndjson`, `till/F01/2024-01.csv` … */
  files: Map<string, MemoryFile>
  /** Truth by name: one parsed row each. */
  truth: Map<string, unknown[]>
  /** All tracking calls in order of time, ready for `/v1/batch`. */
  calls: () => { [field: string]: unknown }[]
}

/** Forty persons, three stores and two hundred SKUs over eight weeks, in memory. Ada is a customer everywhere. */
export function smallTown(seed = 7): SmallTown {
  const { world, files, truth } = makeInMemory({ size: 'town', seed, options: {}, truth: true })
  const { stores, catalogue } = world.setting
  return {
    people: Object.fromEntries(
      townPeople.map((name, id) => [name, describe(personOf(world.setting, id), name, stores)]),
    ),
    stores: stores.map(({ code, name, city }) => ({ code, name, city })),
    products: catalogue.skus.map((sku, index) => {
      const model = catalogue.models[Math.floor(index / sizesPerModel)] as (typeof catalogue.models)[number]
      const category = (categories[model.category] as { name: string }).name
      return { sku, gtin: catalogue.gtins[index] as string, name: model.name, category, listCents: model.list }
    }),
    files,
    truth,
    calls: () => callsOf(files),
  }
}

function describe(person: Person, name: string, stores: readonly { code: string }[]): TownPerson {
  const { id, first, last, email, phone, userId, card } = person
  return {
    id,
    name,
    first,
    last,
    email,
    phone,
    userId,
    loyaltyCard: card,
    household: person.household.id,
    homeStore: (stores[person.homeStore] as { code: string }).code,
    hasAccount: person.has.account,
    hasCard: person.has.loyalty,
  }
}

/** Tracking calls of a world's event files, in order of time. */
export function callsOf(files: ReadonlyMap<string, MemoryFile>): { [field: string]: unknown }[] {
  const calls: { timestamp: string }[] = []
  for (const file of files.values()) {
    if (file.kind !== 'events') continue
    for (const line of file.bytes.toString('utf8').split('\n')) if (line !== '') calls.push(JSON.parse(line))
  }
  return calls.sort((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0))
}
