import { setImmediate as others } from 'node:timers/promises'
import type { PersonId } from '@einklang/contract'
import { type History, type HistoryPart, idsOf, typed, writtenSql } from '@einklang/platform'
import { Facts, isNobody, Merges } from './facts.ts'
import { channelsOf, type GroupingRule } from './grouping.ts'
import { Ids, idTexts, idWords } from './ids.ts'
import { countedColumns, type JourneySums, type Tally } from './journey-sums.ts'
import { type Range, rangesFrom, type Within } from './neighbours.ts'
import { orderRows, ordersAmong, type Receipt, receiptsIn } from './receipts.ts'
import { addKeys, goneAmong, noKeys } from './row-keys.ts'
import { namesByProof, orders, returns, Sources } from './sources.ts'
import { keysOf, type Paths, pathRows, walk } from './walk.ts'

/** Those of two slices are in memory at once. */
const usualSlice = 500_000
/** So many events of a slice tell how the others lie. */
const samplesPerSlice = 500
const receiptsPerShare = 500_000
const personsPerPage = 20_000
/** Kinds of sources that are remembered from slice to slice. */
const sourcesRemembered = 100_000

/** Channels without a click or an open: arriving is all one can see. */
const byArrival = ['letter', 'catalogue', 'phone']

export type BuildPlan = {
  number: number
  rules: readonly GroupingRule[]
  /** Batches up to here were in the build before; null = build everything. */
  after: number | null
  /** Whether persons may have been merged or split since. */
  moved: boolean
  /** Which of these persons are known to the house (an address, card or account). */
  known: (persons: PersonId[]) => Promise<PersonId[]>
  /** Changes paths, and what is summed beside them. */
  change: JourneySums['change']
  /** How often persons were forgotten: facts that were read before are read again. */
  forgotten: () => Promise<number>
  /** How many are walked at once; missing = half a million. */
  eventsPerSlice?: number | undefined
  signal: AbortSignal
}

export type BuildResult = { watermark: number; persons: number }

/** Newest batch in the history, to see whether anything arrived. */
export async function newestBatch(history: History): Promise<number> {
  const [row] = await history.rows<{ newest: number }>`select max(batch) as newest from ingest.event`
  return Number(row?.newest ?? 0)
}

/**
 * Computes orders and paths again for every person with news: new events, an order shared with such a person, or a merge
 * or split since. New rows and the ends of old ones go in by one statement, so a reader sees one or the other. While a
 * slice is walked and written, the events of the next one are read.
 */
export async function build(history: History, plan: BuildPlan): Promise<BuildResult> {
  const watermark = await newestBatch(history)
  if (plan.after !== null) {
    await collectChanged(history, plan, plan.after)
    const changed = await history.rows`select person from measurement.changed where build = ${plan.number} limit 1`
    if (changed.length === 0) return { watermark, persons: 0 }
  }
  const merges = new Merges()
  for await (const block of history.blocks`select loser, winner from ${merged(history)}`) merges.add(block)
  await writeOrders(history, plan, merges)
  let persons = 0
  let sources = new Sources()
  const read = (range: Range): Promise<Slice> => {
    if (sources.size > sourcesRemembered) sources = new Sources()
    return readSlice(history, plan, { range, merges, sources })
  }
  const ranges = await rangesOf(history, plan)
  let next = read(ranges[0] as Range)
  for (const [index, range] of ranges.entries()) {
    plan.signal.throwIfAborted()
    const slice = await next
    const following = ranges[index + 1]
    if (following !== undefined) {
      next = read(following)
      // Whoever waits for it hears of the failure.
      next.catch(() => undefined)
    }
    persons += slice.everybody.size
    try {
      const known = await writeKnown(history, plan, slice.everybody)
      await plan.change((tally) => writePaths(history, plan, { slice, known, tally, again: () => read(range) }))
    } catch (error) {
      await Promise.allSettled([next])
      throw error
    }
  }
  return { watermark, persons }
}

/** Loser → winner as of now. */
const merged = (history: History): HistoryPart =>
  history.part`(select loser, winner from identity.merged final where undone = 0)`

/** Events that name nobody are filed under this id; each of their orders stands for a person of its own. */
const nobody = "toUUID('00000000-0000-0000-0000-000000000000')"
const sql = (history: History, text: string): HistoryPart => history.part(writtenSql(text))
const currentOf = (history: History, stored: string): HistoryPart =>
  sql(history, `if(m.winner = ${nobody}, ${stored}, m.winner)`)

/** Batches arrive in order, but two workers may overtake each other by a few. */
const overtaking = 20

/** Persons with news. */
async function collectChanged(history: History, plan: BuildPlan, after: number): Promise<void> {
  const fresh = history.part`batch > ${Math.max(0, after - overtaking)}`
  await history.run`
    insert into measurement.changed (build, person)
    select distinct ${plan.number}, if(e.person = ${sql(history, nobody)}, e.id, ${currentOf(history, 'e.person')}) from (
      select distinct person, ${sql(history, nobody)} as id from ingest.event
      where person != ${sql(history, nobody)} and ${fresh}
      union all
      select person, id from ingest.event where person = ${sql(history, nobody)} and name in ${orders} and ${fresh}
      union all
      -- Orders are known by their number: who shares one with a changed person may win or lose it.
      select person, id from ingest.event where name in ${orders}
        and order_no in (select order_no from ingest.event where order_no != '' and ${fresh})
    ) as e left any join ${merged(history)} as m on e.person = m.loser`
  if (!plan.moved) return
  await history.run`
    insert into measurement.changed (build, person)
    select distinct ${plan.number}, arrayJoin([built.person, ${currentOf(history, 'built.stored')}]) from (
      select distinct person, arrayJoin(arrayPushFront(others, person)) as stored from measurement.path final
      where notEmpty(others) or person in (select loser from ${merged(history)})
    ) as built left any join ${merged(history)} as m on built.stored = m.loser
    where built.person != ${currentOf(history, 'built.stored')}`
}

/** Whether the person of a column is built and lies in the range: a complete build takes everybody, else a list says who. */
function builtOf(history: History, plan: BuildPlan, within: Within): Within {
  if (plan.after === null) return within
  const list = history.part`select person from measurement.changed where build = ${plan.number} and ${within('person')}`
  return (column) => history.part`${sql(history, column)} in (${list})`
}

/** Which rows of `ingest.event` may belong to persons who are built; others may be among them. */
function eventsOf(history: History, built: Within): HistoryPart {
  return history.part`(
    (person != ${sql(history, nobody)} and ${built('person')})
    or person in (select loser from ${merged(history)} where ${built('winner')})
    or (person = ${sql(history, nobody)} and name in ${orders} and ${built('id')}))`
}

const anybody =
  (history: History): Within =>
  () =>
    history.part`true`

/** Cuts the persons who are built so that each range has about as many events. */
async function rangesOf(history: History, plan: BuildPlan): Promise<Range[]> {
  const starts: string[] = []
  const perSlice = plan.eventsPerSlice ?? usualSlice
  const sampled = Math.max(1, Math.floor(perSlice / samplesPerSlice))
  let count = 0
  const wanted = plan.after === null ? history.part`true` : eventsOf(history, builtOf(history, plan, anybody(history)))
  for await (const { rows, columns } of history.blocks`
    select person from (
      select if(person = ${sql(history, nobody)}, id, person) as person from ingest.event
      where ${wanted} and cityHash64(id) % ${sampled} = 0
    ) order by person`) {
    const persons = idsOf(columns.person)
    for (let row = 0; row < rows; row++) {
      if (++count % Math.ceil(perSlice / sampled) !== 0) continue
      const [start = ''] = idTexts(persons, row, 1)
      if (start !== starts.at(-1)) starts.push(start)
    }
  }
  return rangesFrom(history, starts)
}

/** What happened to the persons of a range. */
type Slice = {
  range: Range
  facts: Facts
  sources: Sources
  /** Everybody who is built here, also without a contact. */
  everybody: Ids
  forgotten: number
}

type Known = { range: Range; merges: Merges; sources: Sources }

async function readSlice(history: History, plan: BuildPlan, { range, merges, sources }: Known): Promise<Slice> {
  const forgotten = await plan.forgotten()
  const built = builtOf(history, plan, range.within)
  const facts = new Facts()
  for await (const block of contacts(history, plan, built)) {
    plan.signal.throwIfAborted()
    facts.addEvents(block, sources, merges, range.has)
  }
  for await (const block of history.blocks`
    select person, stored, at, event, order_no, value, returned, currency, sold_via, place
    from measurement.conversion where ${built('person')} and build = ${plan.number} and gone = 0`) {
    facts.addOrders(block)
  }
  await sources.group((fresh) => channelsOf(history, plan.rules, fresh))
  return { range, facts, sources, everybody: await everybodyOf(history, plan, { range, merges }), forgotten }
}

const allNamed = Object.values(namesByProof).flat()
const named = (...what: string[]) => what.flatMap((proof) => namesByProof[proof] as string[])

/** Events that prove a contact: few columns, as they lie. */
function contacts(history: History, { rules }: BuildPlan, built: Within) {
  const readsUrl = rules.some(({ conditions }) => conditions.some(({ field }) => field === 'url'))
  const letter = history.part`channel in ${byArrival}`
  // A letter counts on the day it is told for.
  const arrived = history.part`if(name in ${named('sent')} and ${letter},
    parseDateTime64BestEffortOrNull(JSONExtractString(properties, 'delivered_at'), 3, 'UTC'), null)`
  return history.blocks`
    with ${arrived} as arrived
    select person, id, coalesce(arrived, at) as moment, arrived is not null as came, message_id, medium, utm_source, campaign,
      channel as event_channel, name as event_name, ${readsUrl ? history.part`url,` : history.part``}
      if(referrer = '' or domain(referrer) = domain(ingest.event.url), '', domain(referrer)) as referrer_host
    from ingest.event
    where ${eventsOf(history, built)} and not has(flags, 'bot') and multiIf(
      name not in ${allNamed}, kind in ('page', 'screen', 'track') and channel in ('web', 'app') and not startsWith(name, 'message.'),
      name in ${named('click', 'open')}, not JSONExtractBool(properties, 'machine'),
      -- Letters and calls cannot be opened, so their arrival counts.
      name in ${named('bounced', 'sent', 'delivered')}, ${letter},
      name in ${orders}, channel = 'store',
      name not in ${named('nothing')})`
}

async function everybodyOf(history: History, plan: BuildPlan, { range, merges }: Omit<Known, 'sources'>): Promise<Ids> {
  const everybody = new Ids()
  const person = new Uint32Array(4)
  const built = builtOf(history, plan, range.within)
  const stored =
    plan.after === null
      ? history.part`select distinct person from ingest.event where ${eventsOf(history, built)}`
      : history.part`select distinct person from measurement.changed where build = ${plan.number} and ${range.within('person')}`
  for await (const { rows, columns } of history.blocks`${stored}`) {
    const persons = idsOf(columns.person)
    for (let row = 0; row < rows; row++) {
      if (isNobody(persons, row)) continue
      const own = persons.subarray(row * 4, row * 4 + 4)
      if (range.has(own)) everybody.add(own, 0)
      merges.current(persons, row, person)
      if (range.has(person)) everybody.add(person, 0)
    }
  }
  return everybody
}

/** Notes who is known to the house, and tells who they are. */
async function writeKnown(history: History, plan: BuildPlan, everybody: Ids): Promise<Ids> {
  const known = new Ids()
  for (let start = 0; start < everybody.size; start += personsPerPage) {
    const size = Math.min(personsPerPage, everybody.size - start)
    const page = idTexts(everybody.words, start, size) as PersonId[]
    for (const person of await plan.known(page)) known.add(idWords(person), 0)
  }
  await history.insertBlock('measurement.known', {
    rows: everybody.size,
    columns: {
      person: { type: 'UUID', numbers: everybody.words.subarray(0, everybody.size * 4) },
      known: {
        type: 'UInt8',
        numbers: Uint8Array.from({ length: everybody.size }, (_, row) =>
          known.find(everybody.words, row) < 0 ? 0 : 1,
        ),
      },
      build: { type: 'UInt64', numbers: new Float64Array(everybody.size).fill(plan.number) },
    },
  })
  return known
}

type Writing = { slice: Slice; known: Ids; tally: Tally; again: () => Promise<Slice> }

async function writePaths(history: History, plan: BuildPlan, { slice, known, tally, again }: Writing): Promise<void> {
  let { facts, sources, forgotten } = slice
  while (forgotten !== (await plan.forgotten())) ({ facts, sources, forgotten } = await again())
  const paths = await walked(facts, sources, plan.signal)
  const keys = keysOf(paths)
  const built = builtOf(history, plan, slice.range.within)
  const before = noKeys()
  const columns = plan.after === null ? history.part`at` : history.part(countedColumns)
  for await (const block of history.blocks`
    select person, event, ${columns} from measurement.path final where ${built('person')}`) {
    addKeys(before, block)
    // A complete build counts from nothing.
    if (plan.after !== null) tally.add(block, -1)
  }
  const isKnown = (person: number) => known.find(facts.persons.words, person) >= 0
  const block = pathRows(paths, keys, { sources, known: isKnown, gone: goneAmong(before, keys), build: plan.number })
  await history.insertBlock('measurement.path', block)
  tally.add(block, 1, paths.size)
}

/** Walks a while and lets others have their turn, then goes on. */
async function walked(facts: Facts, sources: Sources, signal: AbortSignal): Promise<Paths> {
  const walking = walk(facts, sources)
  for (;;) {
    const { done, value } = walking.next()
    if (done === true) return value
    await others()
    signal.throwIfAborted()
  }
}

/** Receipts that tell of one order have one number. */
const numberOf = (event: string) => `cityHash64(if(order_no = '', toString(${event}), order_no))`

/** Writes orders known by their number, net of what came back; a share of the numbers at a time. */
async function writeOrders(history: History, plan: BuildPlan, merges: Merges): Promise<void> {
  const complete = plan.after === null
  const events = eventsOf(history, builtOf(history, plan, anybody(history)))
  // With everybody else who tells of the same orders.
  const wanted = complete
    ? history.part`true`
    : history.part`(order_no in (select order_no from ingest.event where name in ${orders} and order_no != '' and ${events})
        or (order_no = '' and ${events}))`
  const told = history.part`name in ${[...orders, ...returns]} and ${wanted} and not (name in ${orders} and order_no != '' and has(flags, 'bot'))`
  const changed = new Ids()
  if (!complete) {
    for await (const { rows, columns } of history.blocks`
      select distinct person from measurement.changed where build = ${plan.number}`) {
      for (let row = 0; row < rows; row++) changed.add(idsOf(columns.person), row)
    }
  }
  const [receipts] = await history.rows<{ count: number }>`select count() as count from ingest.event where ${told}`
  const shares = Math.ceil(Number(receipts?.count ?? 0) / receiptsPerShare) || 1
  for (let share = 0; share < shares; share++) {
    plan.signal.throwIfAborted()
    const within = (number: string) => {
      if (shares === 1) return history.part`true`
      const from = typed('UInt64', (2n ** 64n * BigInt(share)) / BigInt(shares))
      const to = typed('UInt64', (2n ** 64n * BigInt(share + 1)) / BigInt(shares) - 1n)
      return history.part`${sql(history, number)} between ${from} and ${to}`
    }
    const found: Receipt[] = []
    for await (const block of history.blocks`
      select person, id, at, name, order_no, value, currency, channel, place from ingest.event
      where ${told} and ${within(numberOf('id'))}`) {
      for (const receipt of receiptsIn(block)) found.push(receipt)
    }
    const before = noKeys()
    for await (const block of history.blocks`
      select person, at, event from measurement.conversion final
      where ${builtOf(history, plan, anybody(history))('person')} and ${within(numberOf('event'))}`) {
      addKeys(before, block)
    }
    const built = (person: Uint32Array) => complete || changed.find(person, 0) >= 0
    const rows = orderRows(ordersAmong(found), { merges, before, built, build: plan.number })
    await history.insertBlock('measurement.conversion', rows)
  }
}
