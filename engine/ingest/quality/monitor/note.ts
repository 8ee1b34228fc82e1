import type { Json, JsonObject, NormalEvent } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { Item } from '../../item.ts'

/** Counts of one minute: received, duplicates, quarantined, late (older than a day at arrival). */
type MinuteCounts = [received: number, duplicates: number, quarantined: number, late: number]

export type SourceNote = {
  /** Minute of arrival (minutes since 1970) → what the door counted. */
  minutes: { [minute: string]: MinuteCounts }
  /** Series → minute → items that were on time. */
  series: { [series: string]: { [minute: string]: number } }
  /** Event name → how many were looked at, and per property how many had it, with the values seen. */
  shapes: { [name: string]: { seen: number; properties: { [property: string]: PropertyNote } } }
}
export type PropertyNote = { filled: number; values: { [value: string]: number } | null }
export type Note = { [source: string]: SourceNote }

/** What came of a batch: the applier's own sorting. */
export type SortedItems = { fresh: Item[]; repeats: Item[]; bad: Item[] }

const minute = 60_000
const day = 86_400_000
/** Properties are a matter of rates: so many events of a batch tell them. */
const looked = 128
/** A batch with more different values of a property than that is no list. */
const listed = 20
const longestName = 120

/** `source`, `event:Order Completed`, `place:K1`, `library:analytics.js 4.1`. */
export const wholeSource = 'source'

/**
 * What a batch tells the monitors. Live arrivals only: the caller leaves imports out, and events older than a day are
 * counted as late and not as part of the stream. What machines and tests did is no stream of customers.
 */
export function noteOf(items: readonly Item[], sorted: SortedItems): Note {
  const note: Note = {}
  const of = (item: Item): SourceNote => {
    let found = note[item.source]
    if (!found) {
      found = { minutes: {}, series: {}, shapes: {} }
      note[item.source] = found
    }
    return found
  }
  const countsOf = (item: Item): MinuteCounts => {
    const { minutes } = of(item)
    const at = Math.floor(item.receivedAt / minute)
    const counts: MinuteCounts = minutes[at] ?? [0, 0, 0, 0]
    minutes[at] = counts
    return counts
  }
  for (const item of items) countsOf(item)[0]++
  for (const item of sorted.repeats) countsOf(item)[1]++
  for (const item of sorted.bad) countsOf(item)[2]++
  const step = Math.max(1, Math.floor(sorted.fresh.length / looked))
  sorted.fresh.forEach((item, index) => {
    const { event } = item
    if (!event || event.dialect === 'own' || event.flags.includes('machine') || event.flags.includes('test')) return
    if (item.receivedAt - Date.parse(event.at) > day) {
      countsOf(item)[3]++
      return
    }
    const to = of(item)
    const at = Math.floor(item.receivedAt / minute)
    for (const series of seriesOf(event)) {
      const minutes = to.series[series] ?? {}
      to.series[series] = minutes
      minutes[at] = (minutes[at] ?? 0) + 1
    }
    if (index % step === 0) look(to, event)
  })
  return note
}

function seriesOf(event: NormalEvent): string[] {
  const found = [wholeSource, `event:${nameOf(event)}`]
  const place = event.properties.affiliation ?? event.properties.place
  if (event.channel === 'store' && typeof place === 'string' && place !== '')
    found.push(`place:${place.slice(0, longestName)}`)
  if (event.library) found.push(`library:${event.library.slice(0, longestName)}`)
  return found
}

function nameOf(event: NormalEvent): string {
  return (event.kind === 'track' ? event.name || event.kind : event.kind).slice(0, longestName)
}

function look(to: SourceNote, event: NormalEvent): void {
  const name = nameOf(event)
  const shape = Object.hasOwn(to.shapes, name) ? to.shapes[name] : undefined
  const known = shape ?? { seen: 0, properties: Object.create(null) as { [property: string]: PropertyNote } }
  if (!shape) Object.defineProperty(to.shapes, name, { value: known, enumerable: true })
  known.seen++
  let count = 0
  for (const [property, value] of Object.entries(given(event))) {
    // Derived by us, and hostile items with thousands of properties.
    if (property === 'minor' || property === '__proto__' || property.length > longestName || count++ > 100) continue
    if (isEmpty(value)) continue
    // Names and addresses stand in traits: of those only whether they are there.
    const values = event.kind === 'identify' || event.kind === 'group' ? null : Object.create(null)
    const of: PropertyNote = known.properties[property] ?? { filled: 0, values }
    known.properties[property] = of
    of.filled++
    if (of.values === null) continue
    const word = wordOf(value)
    if (word === null) of.values = null
    else if (word !== undefined) {
      of.values[word] = (of.values[word] ?? 0) + 1
      if (Object.keys(of.values).length > listed) of.values = null
    }
  }
}

function given(event: NormalEvent): JsonObject {
  return event.kind === 'identify' || event.kind === 'group' ? event.traits : event.properties
}

function isEmpty(value: Json): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0)
}

/** A value that a list may hold; null for what never is one. What could name a person is never kept. */
function wordOf(value: Json): string | null | undefined {
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') return null
  return /^\p{L}[\p{L}\d _.&/+-]{0,39}$/u.test(value) && !/\d{4}/.test(value) && value !== '__proto__' ? value : null
}

/** Tells the monitors about a batch, in its transaction: one row, folded in by their loop. */
export async function keepNote(tx: Database, batch: number, note: Note): Promise<void> {
  if (Object.keys(note).length === 0) return
  await tx.run`insert into ingest.arrival_note (batch, note) values (${batch}, ${tx.json(note)})`
}
