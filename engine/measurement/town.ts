import type { History } from '@einklang/platform'
import { derivedId } from '@einklang/platform'

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
