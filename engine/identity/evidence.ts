import type { NormalEvent, PersonId, SourceId } from '@einklang/contract'
import { type Columns, type Database, recordset, shortHash } from '@einklang/platform'
import { type Facts, namedOf } from './graph.ts'
import type { Named } from './normalise.ts'

/** One row: the identifiers that events of one source named together on one day, and when. */
export type Evidence = {
  person: PersonId
  print: number
  day: string
  source: string
  event: string
  mayJoin: boolean
  receipt: boolean
  /** `namespace␟value␟trust`, strongest first. */
  identifiers: string[]
  /** First name, last name, birth date; folded, empty when nothing was said. */
  facts: string[]
  times: number[]
  decisive: boolean
}

const unit = '\u001f'

/** What the replay needs of an event: the row under which it is kept. */
export function evidenceOf(
  event: NormalEvent,
  named: Named[],
  facts: Facts,
  stored: PersonId,
  decisive: boolean,
): Evidence {
  const identifiers = named.map((one) => `${one.namespace}${unit}${one.value}${unit}${one.trust}`)
  const pin = event.identifiers.find((one) => one.namespace === 'person')
  if (pin) identifiers.push(`person${unit}${pin.value}${unit}verified`)
  const said = [facts.firstName, facts.lastName, facts.birthday ?? '']
  const receipt = event.name === 'Order Completed'
  // Receipts are counted, so each keeps its own row.
  const text = `${event.source}${event.mayJoin}${receipt ? event.id : ''}${identifiers.join(unit)}${said.join(unit)}`
  return {
    person: stored,
    print: shortHash(text, 53),
    day: event.at.slice(0, 10),
    source: event.source,
    event: event.id,
    mayJoin: event.mayJoin,
    receipt,
    identifiers,
    facts: said,
    times: [Date.parse(event.at)],
    decisive,
  }
}

const columns: Columns = {
  person: 'uuid',
  print: 'bigint',
  day: 'date',
  source: 'uuid',
  event: 'uuid',
  may_join: 'boolean',
  receipt: 'boolean',
  identifiers: 'text[]',
  facts: 'text[]',
  times: 'text[]',
  decisive: 'boolean',
}

/** Adds the rows of a batch; a time that is there already changes nothing. */
export async function saveEvidence(tx: Database, rows: Evidence[]): Promise<void> {
  if (rows.length === 0) return
  const byKey = new Map<string, Evidence>()
  for (const row of rows) {
    const key = `${row.person}${row.print}${row.day}`
    const known = byKey.get(key)
    if (!known) byKey.set(key, row)
    else {
      for (const time of row.times) if (!known.times.includes(time)) known.times.push(time)
      known.decisive ||= row.decisive
    }
  }
  const given = [...byKey.values()].map(({ mayJoin, ...row }) => ({
    ...row,
    may_join: mayJoin,
    times: thinned(row.times),
  }))
  await tx.run`
    insert into identity.evidence as kept (person, print, day, source, event, may_join, receipt, identifiers, facts,
      times, decisive)
    select person, print, day, source, event, may_join, receipt, identifiers, facts, times::bigint[], decisive
    from ${recordset(tx, given, columns)} as row order by person, print, day
    on conflict (person, print, day) do update set decisive = excluded.decisive,
      times = case when excluded.decisive or cardinality(kept.times) < 16
        then array(select distinct unnest(kept.times || excluded.times) order by 1)
        else array(select distinct unnest((case when kept.decisive then kept.times
            else kept.times[1:cardinality(kept.times) - 1] end)
          || greatest(kept.times[cardinality(kept.times)], excluded.times[cardinality(excluded.times)])) order by 1) end
    where not kept.times @> excluded.times`
}

/** Times in order; of many in one batch the first fifteen and the last. */
function thinned(times: number[]): number[] {
  const sorted = times.toSorted((one, other) => one - other)
  return sorted.length <= 16 ? sorted : [...sorted.slice(0, 15), sorted.at(-1) as number]
}

type Row = Omit<Evidence, 'times'> & { times: (number | string)[] }

/** Everything that was heard under these ids. */
export async function evidenceUnder(tx: Database, ids: PersonId[]): Promise<Evidence[]> {
  if (ids.length === 0) return []
  const rows = await tx.rows<Row>`
    select person, print, day::text, source, event, may_join as "mayJoin", receipt, identifiers, facts,
      times::text[] as times, decisive
    from identity.evidence where person = any(${ids}::uuid[])`
  return rows.map((row) => ({ ...row, times: row.times.map(Number) }))
}

export type Heard = { event: NormalEvent; named: Named[]; facts: Facts; evidence: Evidence }

/** The rows as the events they stand for, in canonical order: time, then source, then event. */
export function heardIn(rows: Evidence[], country: string, blocked: ReadonlySet<string>): Heard[] {
  const heard = rows.flatMap((evidence) => {
    const [firstName = '', lastName = '', birthday = ''] = evidence.facts
    const facts: Facts = { firstName, lastName, birthday: birthday === '' ? null : birthday }
    const identifiers = evidence.identifiers.map((text) => {
      const [namespace = '', value = '', trust] = text.split(unit)
      return { namespace, value, trust: trust === 'verified' ? ('verified' as const) : ('claimed' as const) }
    })
    return evidence.times.map((time): Heard => {
      const event = eventOf(evidence, identifiers, time)
      return { event, named: [], facts, evidence }
    })
  })
  for (const one of heard) one.named = namedOf(one.event, country, blocked)
  return heard.sort((one, other) => canonical(one.event, other.event))
}

export function canonical(one: NormalEvent, other: NormalEvent): number {
  if (one.at !== other.at) return one.at < other.at ? -1 : 1
  if (one.source !== other.source) return one.source < other.source ? -1 : 1
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0
}

function eventOf(evidence: Evidence, identifiers: NormalEvent['identifiers'], time: number): NormalEvent {
  return {
    // The id of one event stands for those of its row: receipts are told apart by their own rows.
    ...bareEvent(evidence.event as NormalEvent['id'], evidence.source as SourceId, new Date(time).toISOString()),
    dialect: 'evidence',
    name: evidence.receipt ? 'Order Completed' : null,
    identifiers,
    mayJoin: evidence.mayJoin,
  }
}

/** An event that names nobody and says nothing yet. */
export function bareEvent(id: NormalEvent['id'], source: SourceId, at: string): NormalEvent {
  return {
    id,
    source,
    messageId: '',
    dialect: '',
    library: null,
    kind: 'track',
    name: null,
    at,
    originalAt: null,
    sentAt: null,
    receivedAt: at,
    identifiers: [],
    mayJoin: false,
    traits: {},
    properties: {},
    context: {},
    consent: null,
    flags: [],
    raw: { inbox: 0, index: 0 },
  }
}
