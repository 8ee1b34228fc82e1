import type { History } from '@einklang/platform'
import { derivedId } from '@einklang/platform'
import { addDays } from './period.ts'

/** Test help: facts as ingest files them, told in a few words. Persons are named, ids derived. */
export type Told = {
  person: string
  /** Filed under this id instead of the named person's. */
  id?: string
  at: string
  name?: string
  kind?: string
  channel?: string
  orderNo?: string
  value?: number
  currency?: string
  campaign?: string
  medium?: string
  source?: string
  referrer?: string
  url?: string
  keyword?: string
  message?: string
  place?: string
  properties?: { [key: string]: unknown }
  flags?: string[]
}

export const personNamed = (name: string) => derivedId('person', name)

/** Files the facts as one batch. */
export async function tell(history: History, batch: number, facts: Told[]): Promise<void> {
  const rows = facts.map((fact, index) => ({
    person: fact.id ?? personNamed(fact.person),
    at: fact.at,
    id: derivedId('event', `${batch}`, `${index}`),
    source: derivedId('source', 'town'),
    source_name: 'town',
    kind: fact.kind ?? (fact.name === undefined ? 'page' : 'track'),
    name: fact.name ?? 'Home',
    channel: fact.channel ?? 'web',
    received_at: fact.at,
    order_no: fact.orderNo ?? '',
    value: fact.value ?? 0,
    currency: fact.currency ?? (fact.value === undefined ? '' : 'EUR'),
    campaign: fact.campaign ?? '',
    medium: fact.medium ?? '',
    utm_source: fact.source ?? '',
    referrer: fact.referrer ?? '',
    url: fact.url ?? 'https://shop.example/',
    message_id: fact.message ?? '',
    place: fact.place ?? '',
    sku: [],
    properties: JSON.stringify(fact.properties ?? {}),
    context: JSON.stringify(fact.keyword === undefined ? {} : { campaign: { term: fact.keyword } }),
    flags: fact.flags ?? [],
    batch,
  }))
  await history.insert('ingest.event', rows, derivedId('report', `${batch}`, JSON.stringify(facts)))
}

/** A sale of so much money on the Wednesday of each week, that no touch led to: online, in stores, or both. */
export async function sell(
  history: History,
  weeks: readonly { week: string; web?: number; store?: number }[],
): Promise<void> {
  const rows = weeks.flatMap(({ week, ...sold }) =>
    Object.entries(sold).map(([way, revenue]) => ({
      person: personNamed(`buyer of ${week}`),
      at: `${addDays(week, 2)}T12:00:00Z`,
      event: derivedId('event', `sale ${way}`, week),
      converted: 1,
      order_no: `${way} ${week}`,
      value: Math.round(revenue * 100),
      returned: 0,
      currency: 'EUR',
      sold_via: way,
      place: '',
      first: 1,
      known: 1,
      touch_at: [],
      touch_event: [],
      touch_channel: [],
      touch_campaign: [],
      touch_kind: [],
      touch_message: [],
      build: 3,
      gone: 0,
    })),
  )
  await history.insert('measurement.path', rows, `sales ${weeks[0]?.week} ${weeks.length}`)
}
