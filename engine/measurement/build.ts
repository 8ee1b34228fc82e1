import type { PersonId } from '@einklang/contract'
import { type History, type HistoryPart, typed, writtenSql } from '@einklang/platform'
import { channelExpression, type GroupingRule, ruleColumns } from './grouping.ts'
import { neighboursOf, type Within } from './neighbours.ts'

/** Touches older than this before an order get no credit (spec measurement §2). */
export const lookBackDays = 90
const lookBackByChannel: { [channel: string]: number } = { letter: 60, catalogue: 120 }
/** What came back within these days is taken off the order. */
const returnDays = 60
/** Another event within this time belongs to the same visit. */
const visitMinutes = 30
const dayMs = 86_400_000
/** Events per slice: keeps sorts of the first build inside the memory of the embedded engine. */
const eventsPerSlice = 500_000
const personsPerPage = 20_000

const clicks = ['message.clicked', 'Email Link Clicked']
const opens = ['message.opened', 'Email Opened']
const visitsToStore = ['Store Visited', 'Store Entered', 'Geofence Entered']
const scans = ['QR Scanned', 'Code Scanned']
/** Channels without a click or an open: arriving is all one can see. */
const byArrival = ['letter', 'catalogue', 'phone']
const orders = ['Order Completed']
const returns = ['Order Refunded', 'Order Cancelled']

export type BuildPlan = {
  number: number
  rules: readonly GroupingRule[]
  /** Batches up to here were in the build before; null = build everything. */
  after: number | null
  /** Whether persons may have been merged or split since. */
  moved: boolean
  /** Which of these persons are known to the house (an address, card or account). */
  known: (persons: PersonId[]) => Promise<PersonId[]>
  /** Writes paths of the persons that meet the condition, and what is summed beside them. */
  changePaths: (condition: HistoryPart, write: () => Promise<void>) => Promise<void>
  signal: AbortSignal
}

export type BuildResult = { watermark: number; persons: number }

/** Newest batch in the history, to see whether anything arrived. */
export async function newestBatch(history: History): Promise<number> {
  const [row] = await history.rows<{ newest: number }>`select max(batch) as newest from ingest.event`
  return Number(row?.newest ?? 0)
}

/**
 * Computes touches, orders and paths again for every person with news: new events, an order shared with such a
 * person, or a merge or split since. Old rows of these persons are marked gone in the same statement that writes
 * the new ones, so a reader sees one or the other.
 */
export async function build(history: History, plan: BuildPlan): Promise<BuildResult> {
  const watermark = await newestBatch(history)
  await collectChanged(history, plan)
  const [changed] = await history.rows<{ persons: number }>`
    select uniqExact(person) as persons from measurement.changed where build = ${plan.number}`
  const persons = Number(changed?.persons ?? 0)
  if (persons === 0) return { watermark, persons }
  await markKnown(history, plan)
  const [size] = await history.rows<{ events: number }>`select count() as events from ingest.event`
  const share = plan.after === null ? 1 : Math.min(1, persons / 50_000)
  const slices = Math.max(1, Math.ceil((Number(size?.events ?? 0) * share) / eventsPerSlice))
  const everybody = history.part`select distinct person from measurement.changed where build = ${plan.number}`
  await writeReceipts(history, plan)
  await writeConversions(history, plan)
  const ranges = await neighboursOf(history, everybody, Math.ceil(persons / slices))
  for (const [index, within] of ranges.entries()) {
    plan.signal.throwIfAborted()
    const slice = sliceOf(history, plan, index, within)
    await writeSources(history, plan, slice)
    await plan.changePaths(slice.has('person'), () => writePaths(history, plan, slice))
  }
  return { watermark, persons }
}

/** Loser → winner as of now. */
const merged = (history: History): HistoryPart =>
  history.part`(select loser, winner from identity.merged final where undone = 0)`

/** Events that name nobody are filed under this id; each of their orders stands for a person of its own. */
const nobody = "toUUID('00000000-0000-0000-0000-000000000000')"
const sql = (history: History, text: string): HistoryPart => history.part(writtenSql(text))
const ownerOf = (history: History, event: string): HistoryPart =>
  sql(history, `if(${event}.person = ${nobody}, ${event}.id, if(m.winner = ${nobody}, ${event}.person, m.winner))`)
const currentOf = (history: History, stored: string): HistoryPart =>
  sql(history, `if(m.winner = ${nobody}, ${stored}, m.winner)`)

/** Batches arrive in order, but two workers may overtake each other by a few. */
const overtaking = 20

async function collectChanged(history: History, plan: BuildPlan): Promise<void> {
  const fresh = plan.after === null ? history.part`true` : history.part`batch > ${Math.max(0, plan.after - overtaking)}`
  // Orders are known by their number: who shares one with a changed person may win or lose it. A complete build takes
  // everybody anyway.
  const sharing =
    plan.after === null
      ? history.part``
      : history.part`union all
        select person, id from ingest.event where name in ${orders}
          and order_no in (select order_no from ingest.event where order_no != '' and ${fresh})`
  await history.run`
    insert into measurement.changed (build, person)
    select distinct ${plan.number}, ${ownerOf(history, 'e')} from (
      select distinct person, ${sql(history, nobody)} as id from ingest.event
      where person != ${sql(history, nobody)} and ${fresh}
      union all
      select person, id from ingest.event where person = ${sql(history, nobody)} and name in ${orders} and ${fresh}
      ${sharing}
    ) as e left any join ${merged(history)} as m on e.person = m.loser`
  if (plan.after === null) {
    await history.run`insert into measurement.changed (build, person)
      select distinct ${plan.number}, person from measurement.path final`
  } else if (plan.moved) {
    await history.run`
      insert into measurement.changed (build, person)
      select distinct ${plan.number}, arrayJoin([built.person, ${currentOf(history, 'built.stored')}]) from (
        select distinct person, arrayJoin(arrayPushFront(others, person)) as stored from measurement.path final
        where notEmpty(others) or person in (select loser from ${merged(history)})
      ) as built left any join ${merged(history)} as m on built.stored = m.loser
      where built.person != ${currentOf(history, 'built.stored')}`
  }
}

async function markKnown(history: History, plan: BuildPlan): Promise<void> {
  const everybody = history.part`select distinct person from measurement.changed where build = ${plan.number}`
  for (const [page, within] of (await neighboursOf(history, everybody, personsPerPage)).entries()) {
    const found = await history.rows<{ person: PersonId }>`${everybody} and ${within('person')} order by person`
    const persons = found.map((row) => row.person)
    const known = new Set(await plan.known(persons))
    const rows = persons.map((person) => ({ person, known: known.has(person) ? 1 : 0, build: plan.number }))
    await history.insert('measurement.known', rows, `known ${plan.number} ${page} ${persons[0]}`)
  }
}

/** Some persons of a build, by the person they are today. */
type Slice = {
  number: number
  /** Whether the person of the column belongs to the slice. */
  has: Within
  /** Which rows of `ingest.event` may belong to them. */
  events: HistoryPart
}

/** A complete build takes everybody, so that a range says who is in; else a list does. */
function sliceOf(history: History, plan: BuildPlan, number: number, within: Within): Slice {
  const listed: Within = (column) =>
    history.part`${sql(history, column)} in (select person from measurement.changed where build = ${plan.number} and ${within('person')})`
  const has = plan.after === null ? within : listed
  const filedUnder = history.part`((person != ${sql(history, nobody)} and ${has('person')})
    or person in (select loser from ${merged(history)} where ${has('winner')}))`
  const events = history.part`(${filedUnder} or (person = ${sql(history, nobody)} and name in ${orders} and ${has('id')}))`
  return { number, has, events }
}

/** Rows with `person` and `id`, of the persons that the slice has, under `who` they are today. */
function owned(history: History, slice: Slice, rows: HistoryPart): HistoryPart {
  return history.part`(
    select * from (
      select ${ownerOf(history, 'e')} as who, if(e.person = ${sql(history, nobody)}, e.id, e.person) as stored, e.*
      from (${rows}) as e left any join ${merged(history)} as m on e.person = m.loser
    ) where ${slice.has('who')}
  )`
}

/** Versions inside one build: what was goes first, what is comes after it. */
const goneVersion = (plan: BuildPlan) => plan.number * 2
const newVersion = (plan: BuildPlan) => plan.number * 2 + 1

/** What proves a contact, in the order of `proofs`. */
const proofs = ['visit', 'click', 'open', 'scan', 'store visit', 'conversation', 'bounced', 'call', 'sent', 'delivered']
const proof = (name: string) => typed('Int8', proofs.indexOf(name))
/** Marks an order among contacts. */
const anOrder = typed('Int8', proofs.length)
/** What an event proves by its name; any other may be part of a visit. */
const proofByName: [string[], string][] = [
  [clicks, 'click'],
  [opens, 'open'],
  [scans, 'scan'],
  [[...visitsToStore, ...orders], 'store visit'],
  [['conversation.received'], 'conversation'],
  [['message.bounced'], 'bounced'],
  [['message.sent'], 'sent'],
  [['message.delivered'], 'delivered'],
  [[...returns, 'Order Updated'], 'nothing'],
]
/** A message counts once, by the best evidence; one that came back does not. */
const ranks = { bounced: -1, open: 1, delivered: 2, call: 2, sent: 3 }

/** What the grouping rules look at; the web address only where a rule does. */
function sourceColumns(history: History, { rules }: BuildPlan): HistoryPart {
  const readsUrl = rules.some(({ conditions }) => conditions.some(({ field }) => field === 'url'))
  return history.part`medium, utm_source, campaign, channel as event_channel, name as event_name, ${readsUrl ? history.part`url` : history.part`'' as url`},
    if(referrer = '' or domain(referrer) = domain(ingest.event.url), '', domain(referrer)) as referrer_host`
}

/** The same as one number; each text by itself, because the same ones come again and again. */
const kin = `cityHash64(${Object.values(ruleColumns)
  .map((column) => `cityHash64(${column})`)
  .join(', ')})`

/** Rules are read once per kind of source, not once per event. */
async function writeSources(history: History, plan: BuildPlan, slice: Slice): Promise<void> {
  const any = Object.values(ruleColumns).map((column) => `any(e.${column}) as ${column}`)
  await history.run`
    insert into measurement.source (build, slice, kin, channel, campaign)
    select ${plan.number}, ${slice.number}, kin, ${channelExpression(history, plan.rules)}, campaign
    from (
      select kin, ${sql(history, any.join(', '))}
      from (select ${sourceColumns(history, plan)}, ${sql(history, kin)} as kin from ingest.event where ${slice.events}) as e
      group by kin
    ) settings max_execution_time = 0`
}

/** Sources of the slice as parallel arrays, the first one none. */
function sourcesOf(history: History, plan: BuildPlan, slice: Slice): HistoryPart {
  const [channels, days] = [Object.keys(lookBackByChannel), Object.values(lookBackByChannel)]
  const list = (column: string, none: string) => sql(history, `arrayPushFront(groupArray(${column}), ${none})`)
  return history.part`(
    select (${list('kin', '0')} as kins, ${list('toString(channel)', "''")} as channels, ${list('toString(campaign)', "''")} as campaigns,
      ${list('cityHash64(channel, lowerUTF8(campaign))', '0')} as wholes,
      arrayMap(c -> ${dayMs} * transform(c, ${channels}, ${typed('Array(Int64)', days)}, ${lookBackDays}), channels) as look_backs)
    from measurement.source where build = ${plan.number} and slice = ${slice.number}
  )`
}

/** Contacts and orders of the slice, with the person they belong to. */
function factRows(history: History, plan: BuildPlan, slice: Slice): HistoryPart {
  const named = proofByName.flatMap(([names, what]) => names.map((name) => [name, what] as const))
  const letters = history.part`channel in ${byArrival}`
  return history.part`
    select who, stored, ms, event, proof, kin, origin, message from ${owned(
      history,
      slice,
      history.part`
        select person, id, toUnixTimestamp64Milli(coalesce(arrived, at)) as ms, reinterpretAsUInt128(id) as event,
          multiIf(arrived is not null, ${proof('delivered')}, shows in (${proof('sent')}, ${proof('delivered')}) and channel = 'phone', ${proof('call')}, shows) as proof,
          ${sql(history, kin)} as kin, message_id as message,
          if(utm_source = '', 0, cityHash64(cityHash64(utm_source), cityHash64(medium), cityHash64(lowerUTF8(campaign)))) as origin
        from (
          select person, at, id, channel, message_id, ${sourceColumns(history, plan)},
            transform(name, ${named.map(([name]) => name)}, ${typed(
              'Array(Int8)',
              named.map(([, what]) => proofs.indexOf(what)),
            )}, ${proof('visit')}) as shows,
            -- A letter counts on the day it is told for.
            if(shows = ${proof('sent')}, parseDateTime64BestEffortOrNull(JSONExtractString(properties, 'delivered_at'), 3, 'UTC'), null) as arrived
          from ingest.event
          where ${slice.events} and not has(flags, 'bot') and multiIf(
            shows = ${proof('visit')}, kind in ('page', 'screen', 'track') and channel in ('web', 'app') and not startsWith(name, 'message.'),
            shows in (${proof('click')}, ${proof('open')}), not JSONExtractBool(properties, 'machine'),
            -- Letters and calls cannot be opened, so their arrival counts.
            shows in (${proof('bounced')}, ${proof('sent')}, ${proof('delivered')}), ${letters},
            name in ${orders}, channel = 'store',
            shows >= 0)
        )`,
    )}
    union all
    select person, stored, toUnixTimestamp64Milli(at), reinterpretAsUInt128(event), ${anOrder}, 0, 0, ''
    from measurement.conversion where ${slice.has('person')} and build = ${newVersion(plan)} and gone = 0`
}

/** Orders and returns of everybody in the build, and who else tells of the same orders: read once, they are few. */
async function writeReceipts(history: History, plan: BuildPlan): Promise<void> {
  const everybody = sliceOf(history, plan, 0, () => history.part`true`)
  const wanted =
    plan.after === null
      ? history.part`true`
      : history.part`(order_no in (select order_no from ingest.event where name in ${orders} and order_no != '' and ${everybody.events})
          or (order_no = '' and ${everybody.events}))`
  await history.run`
    insert into measurement.receipt
      (build, number, person, stored, at, event, name, order_no, value, currency, channel, place)
    select ${plan.number}, ${sql(history, numberOf('id'))}, ${ownerOf(history, 'e')}, if(e.person = ${sql(history, nobody)}, e.id, e.person),
      at, id, name, order_no, value, currency, channel, place
    from (
      select person, at, id, name, order_no, value, currency, channel, place from ingest.event
      where name in ${[...orders, ...returns]} and ${wanted} and not (name in ${orders} and order_no != '' and has(flags, 'bot'))
    ) as e left any join ${merged(history)} as m on e.person = m.loser
    settings max_execution_time = 0`
}

/** Receipts that tell of one order have one number. */
const numberOf = (event: string) => `cityHash64(if(order_no = '', toString(${event}), order_no))`
const receiptsPerShare = 500_000

/** Orders known by their number, net of what came back; a share of the numbers at a time. */
async function writeConversions(history: History, plan: BuildPlan): Promise<void> {
  const [receipts] = await history.rows<{ count: number }>`
    select count() as count from measurement.receipt where build = ${plan.number}`
  const shares = Math.ceil(Number(receipts?.count ?? 0) / receiptsPerShare) || 1
  const changed =
    plan.after === null
      ? history.part`true`
      : history.part`person in (select person from measurement.changed where build = ${plan.number})`
  for (let share = 0; share < shares; share++) {
    plan.signal.throwIfAborted()
    const within = (number: string) => {
      const from = typed('UInt64', (2n ** 64n * BigInt(share)) / BigInt(shares))
      const to = typed('UInt64', (2n ** 64n * BigInt(share + 1)) / BigInt(shares) - 1n)
      return history.part`${sql(history, number)} between ${from} and ${to}`
    }
    const mine = history.part`build = ${plan.number} and ${within('number')}`
    await history.run`
      insert into measurement.conversion
        (person, stored, at, event, order_no, value, returned, currency, sold_via, place, build, gone)
      with placed as (
        select * from measurement.receipt where ${mine} and name in ${orders}
        order by at, event
        -- The shop's export and the browser both tell of one order; only a till counts for its store alone.
        limit 1 by if(order_no = '', toString(event), concat(order_no, '\0', if(channel = 'store', place, '')))
      ),
      back as (
        select purchase, sum(abs(value)) as amount, max(name = 'Order Cancelled') as cancelled, min(at) as at from (
          -- Of receipts with one number, a return belongs to that of its own store, else to the last one before it.
          select r.name as name, r.value as value, r.at as at,
            argMax(p.event, tuple(p.place = r.place, p.at <= r.at, p.at)) as purchase
          from (
            select event, name, order_no, value, at, place from measurement.receipt
            where ${mine} and name in ${returns} and order_no != '' limit 1 by event
          ) as r join placed as p on p.order_no = r.order_no
          group by r.event, r.name, r.value, r.at
        ) group by purchase
      )
      select p.person, p.stored, p.at, p.event, p.order_no, p.value - came_back, came_back, p.currency,
        if(p.channel in ('app', 'store'), p.channel, 'web'), p.place, ${newVersion(plan)}, 0
      from (
        select p.*, if((b.amount > 0 or b.cancelled) and b.at <= p.at + interval ${returnDays} day,
          if(b.cancelled, p.value, least(p.value, b.amount)), 0) as came_back
        from placed as p left any join back as b on p.event = b.purchase
      ) as p where ${changed}
      union all
      select person, stored, at, event, order_no, value, returned, currency, sold_via, place, ${goneVersion(plan)}, 1
      from measurement.conversion final where ${changed} and ${within(numberOf('event'))}
      settings max_execution_time = 0, optimize_on_insert = 0`
  }
}

/** Contacts become touches, and touches with the orders that they led to become paths: a person at a time, in arrays. */
async function writePaths(history: History, plan: BuildPlan, slice: Slice): Promise<void> {
  const visitGap = visitMinutes * 60_000
  const list = (columns: string, kind: HistoryPart) =>
    history.part`arraySort(arrayZip(${history.join(
      columns.split(', ').map((column) => history.part`groupArrayIf(${sql(history, column)}, ${kind})`),
      ',',
    )}))`
  await history.run`
    insert into measurement.path (person, at, event, converted, order_no, value, returned, currency, sold_via, place,
      next, next_at, first, known, others, touch_at, touch_event, touch_channel, touch_campaign, touch_kind, touch_message, build, gone)
    with ${sourcesOf(history, plan, slice)} as sources,
    facts as (
      select who, groupUniqArrayIf(stored, stored != who) as others,
        ${list('ms, event, kin, origin', history.part`proof = ${proof('visit')}`)} as seen,
        ${list('ms, event, kin, proof, message', history.part`proof not in (${proof('visit')}, ${anOrder})`)} as told,
        ${list('ms, event', history.part`proof = ${anOrder}`)} as orders
      from (${factRows(history, plan, slice)}) group by who
    ),
    contacts as (
      select who, others, orders,
        -- Silence or another source begins a visit.
        arrayFilter((v, b) -> v.1 > b.1 + ${visitGap} or (v.4 != 0 and v.4 != b.4), seen, arrayShiftRight(seen, 1)) as visits,
        -- A message counts once, by the best evidence, and not at all if it came back.
        arraySort(arrayMap(
          t -> (cityHash64(t.5, if(t.5 = '', t.2, 0)), transform(t.4, ${typed(
            'Array(Int8)',
            Object.keys(ranks).map((name) => proofs.indexOf(name)),
          )}, ${typed('Array(Int8)', Object.values(ranks))}, 0), t),
          told)) as messages,
        arrayMap(m -> m.3, arrayFilter((m, b) -> m.1 != b.1 and m.2 >= 0, messages, arrayShiftRight(messages, 1))) as met,
        arraySort(arrayMap(c -> (c.1, c.2, c.4, transform(c.3, sources.1, arrayEnumerate(sources.1), 1), c.5),
          arrayConcat(arrayMap(v -> (v.1, v.2, v.3, ${proof('visit')}, ''), visits), met))) as contacts
      from facts
    ),
    -- The landing page after a click is the same contact, as is a second click a minute later, whatever came between.
    touched as (
      select who, others, orders,
        arraySort(arrayMap((c, b) -> ((sources.4)[c.4], c, c.1 <= b.1 + ${visitGap} and (
            (sources.2)[c.4] = 'direct' or (sources.4)[c.4] = (sources.4)[b.4]
            or ((sources.2)[c.4] = (sources.2)[b.4] and (sources.3)[c.4] = ''))),
          contacts, arrayShiftRight(contacts, 1))) as alike,
        arrayMap(t -> t.2, arrayFilter(
          (t, b) -> t.2.3 = ${proof('store visit')} or not (t.3 or (t.1 = b.1 and t.2.1 <= b.2.1 + ${visitGap})),
          alike, arrayShiftRight(alike, 1))) as touches
      from contacts
    ),
    -- Each touch belongs to the next order. What lies too far before it leads nowhere, as do touches after the last
    -- order; silence parts such ways.
    walks as (
      select who, others,
        arraySort(arrayConcat(arrayMap(t -> (t.1, false, t), touches), arrayMap(o -> (o.1, true, (o.1, o.2, ${anOrder}, ${typed('UInt32', 1)}, '')), orders))) as steps,
        arraySort(arrayMap(
          (s, before) -> (before, s.2 or (before < length(orders) and s.1 > orders[before + 1].1 - (sources.5)[s.3.4]), s.3),
          steps, arrayShiftRight(arrayCumSum(s -> s.2, steps), 1))) as walked,
        arraySplit((w, b) -> w.1 != b.1 or w.2 != b.2 or (not w.2 and w.3.1 > b.3.1 + ${lookBackDays * dayMs}),
          walked, arrayShiftRight(walked, 1)) as all,
        arrayMap(way -> (way[-1].3.1, way[-1].3.3 = ${anOrder}, arrayExists(w -> w.3.3 = ${proof('conversation')}, way)), all) as ends
      from touched
    ),
    ways as (
      select who, others, following, way[-1].3 as last, last.3 = ${anOrder} as converted, way[-1].1 = 0 as earliest,
        arrayMap(w -> w.3, if(converted, arrayPopBack(way), way)) as led
      from walks array join all as way, arrayPushBack(arrayPopFront(ends), (0, false, false)) as following
    )
    select w.who, fromUnixTimestamp64Milli(last.1, 'UTC'), w.event, converted, c.order_no, c.value, c.returned, c.currency, c.sold_via,
      c.place,
      -- By what came after it: nothing, a talk, another order, goods that came back, or just another way.
      multiIf(not converted, '', following.1 > 0 and following.2, 'repeat', following.1 > 0 and following.3, 'service',
        c.returned > 0, 'return', following.1 > 0, 'visit', 'nothing'),
      fromUnixTimestamp64Milli(following.1, 'UTC'), converted and earliest, k.known, others, arrayMap(t -> fromUnixTimestamp64Milli(t.1, 'UTC'), led),
      arrayMap(t -> reinterpret(t.2, 'UUID'), led), arrayMap(t -> (sources.2)[t.4], led),
      arrayMap(t -> (sources.3)[t.4], led), arrayMap(t -> ${proofs}[t.3 + 1], led), arrayMap(t -> t.5, led),
      ${newVersion(plan)}, 0
    from (select *, reinterpret(last.2, 'UUID') as event from ways) as w
    left any join (
      select * from measurement.conversion where ${slice.has('person')} and build = ${newVersion(plan)} and gone = 0
    ) as c on w.event = c.event
    left any join (select person, known from measurement.known where ${slice.has('person')} and build = ${plan.number}) as k
      on w.who = k.person
    union all
    select person, at, event, converted, order_no, value, returned, currency, sold_via, place, next, next_at, first, known, others,
      touch_at, touch_event, touch_channel, touch_campaign, touch_kind, touch_message, ${goneVersion(plan)}, 1
    from measurement.path final where ${slice.has('person')} and build < ${newVersion(plan)}
    settings max_execution_time = 0, optimize_on_insert = 0`
}
