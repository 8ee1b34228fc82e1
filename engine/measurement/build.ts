import type { PersonId } from '@einklang/contract'
import { type History, type HistoryPart, typed } from '@einklang/platform'
import { channelExpression, type GroupingRule } from './grouping.ts'
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
const arrivals = ['message.delivered', 'message.sent', 'message.bounced']
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
  const ranges = await neighboursOf(history, everybody, Math.ceil(persons / slices))
  for (const [index, within] of ranges.entries()) {
    plan.signal.throwIfAborted()
    const slice = sliceOf(history, plan, index, within)
    await writeTouches(history, plan, slice)
    await writeConversions(history, plan, slice)
    await plan.changePaths(slice.has('person'), () => writePaths(history, plan, slice))
  }
  return { watermark, persons }
}

/** Loser → winner as of now. */
const merged = (history: History): HistoryPart =>
  history.part`(select loser, winner from identity.merged final where undone = 0)`

/** Events that name nobody are filed under this id; each of their orders stands for a person of its own. */
const nobody = "toUUID('00000000-0000-0000-0000-000000000000')"
const sql = (history: History, text: string): HistoryPart => history.part([text] as unknown as TemplateStringsArray)
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
  await history.run`
    insert into measurement.changed (build, person)
    select distinct ${plan.number}, arrayJoin([built.person, ${currentOf(history, 'built.stored')}]) from (
      select person, stored from measurement.touch final where ${mayBeStale(history)}
      union distinct
      select person, stored from measurement.conversion final where ${mayBeStale(history)}
    ) as built left any join ${merged(history)} as m on built.stored = m.loser
    where built.person != ${currentOf(history, 'built.stored')}`
  if (plan.after === null) {
    await history.run`insert into measurement.changed (build, person)
      select distinct ${plan.number}, person from measurement.path final`
  }
}

/** Rows of whom a merge or a split may have moved: the others stand where they were filed. */
export function mayBeStale(history: History): HistoryPart {
  return history.part`(person != stored or stored in (select loser from ${merged(history)}))`
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

/** What the rules look at, as one number. */
const kinOf = `cityHash64(${[
  'medium',
  'utm_source',
  'campaign',
  'referrer_host',
  'kin_url',
  'event_channel',
  'event_name',
]
  // Each by itself: the same texts come again and again.
  .map((column) => `cityHash64(${column})`)
  .join(', ')})`

/** Everything that is part of a visit. */
function visitRows(history: History, slice: Slice, url: HistoryPart): HistoryPart {
  return history.part`
    select person, at, id, campaign, medium, utm_source, channel as event_channel, name as event_name, ${url} as kin_url,
      if(referrer = '' or domain(referrer) = domain(url), '', domain(referrer)) as referrer_host
    from ingest.event
    where ${slice.events} and not has(flags, 'bot') and kind in ('page', 'screen', 'track') and channel in ('web', 'app')
      and name not in ${[...orders, ...returns, ...scans, 'Order Updated']} and not startsWith(name, 'message.')`
}

/** Everything else that may be a contact; letters and calls cannot be opened, so their arrival counts. */
function contactRows(history: History, slice: Slice, url: HistoryPart): HistoryPart {
  return history.part`
    select person, at, id, campaign, medium, utm_source, name as event_name, ${url} as kin_url, '' as referrer_host,
      if(startsWith(name, 'message.') and JSONHas(properties, 'channel'), JSONExtractString(properties, 'channel'),
        toString(channel)) as event_channel,
      channel, message_id, properties
    from ingest.event
    where ${slice.events} and not has(flags, 'bot') and name in ${[...clicks, ...opens, ...arrivals, ...scans, ...visitsToStore, ...orders, 'conversation.received']}
      and multiIf(name in ${[...clicks, ...opens]}, not JSONExtractBool(properties, 'machine'),
        name in ${arrivals}, channel in ${byArrival} or JSONExtractString(properties, 'channel') in ${byArrival},
        name in ${orders}, channel = 'store', true)`
}

/** Rules are read once per kind of source, not once per touch. */
async function writeSources(history: History, plan: BuildPlan, slice: Slice, url: HistoryPart): Promise<void> {
  const columns = sql(history, 'medium, utm_source, campaign, referrer_host, kin_url, event_channel, event_name')
  await history.run`
    insert into measurement.source (build, slice, kin, channel, campaign, origin, same)
    select ${plan.number}, ${slice.number}, kin, media, campaign,
      if(utm_source = '', 0, cityHash64(utm_source, medium, lowerUTF8(campaign))), cityHash64(media, lowerUTF8(campaign))
    from (
      select *, kin_url as url, ${channelExpression(history, plan.rules)} as media from (
        select * from (
          select ${columns}, ${sql(history, kinOf)} as kin from (${visitRows(history, slice, url)})
          union all select ${columns}, ${sql(history, kinOf)} as kin from (${contactRows(history, slice, url)})
        ) limit 1 by kin
      )
    ) settings max_execution_time = 0`
}

/** What proves a contact, in the order of `proofs`. */
const proofs = ['visit', 'click', 'open', 'scan', 'store visit', 'conversation', 'bounced', 'call', 'sent', 'delivered']
const proof = (name: string) => proofs.indexOf(name)

async function writeTouches(history: History, plan: BuildPlan, slice: Slice): Promise<void> {
  const readsUrl = plan.rules.some(({ conditions }) => conditions.some(({ field }) => field === 'url'))
  const url = readsUrl ? history.part`url` : history.part`''`
  await writeSources(history, plan, slice, url)
  const sources = history.part`(
    select kin, channel, campaign, origin, same, cityHash64(toString(channel)) as media, channel = 'direct' as direct,
      campaign = '' as bare
    from measurement.source where build = ${plan.number} and slice = ${slice.number})`
  const visitGap = visitMinutes * 60_000
  // Silence or another source begins a visit.
  const visits = history.part`
    select who, arrayMap(v -> (v.1, v.2, v.4, v.5, v.6, v.7, v.8, v.9, toUInt8(${proof('visit')}), ''),
      arrayFilter((v, b) -> v.1 > b.1 + ${visitGap} or (v.3 != 0 and v.3 != b.3), seen, arrayShiftRight(seen, 1))) as touches
    from (
      select who, arraySort(groupArray((at, id, r.origin, kin, r.same, r.media, r.direct, r.bare, stored))) as seen
      from ${owned(
        history,
        slice,
        history.part`select person, id, toUnixTimestamp64Milli(at) as at, ${sql(history, kinOf)} as kin from (${visitRows(history, slice, url)})`,
      )} as e left any join ${sources} as r on e.kin = r.kin
      group by who
    )`
  // A message counts once, by the best evidence; a letter on the day it is told for, unless it came back.
  const contacts = history.part`
    select who, arrayMap(k -> (k.5, k.4, k.6, k.7, k.8, k.9, k.10, k.11, k.12, k.13),
      arrayFilter((k, b) -> k.1 != b.1 and k.2 >= 0, met, arrayShiftRight(met, 1))) as touches
    from (
      select who, arraySort(groupArray((
        sipHash64(if(message_id = '', toString(id), message_id)),
        transform(proof, ${typed('Array(UInt8)', ['bounced', 'open', 'delivered', 'call', 'sent'].map(proof))}, ${typed('Array(Int8)', [-1, 1, 2, 2, 3])}, 0),
        at, id, coalesce(arrived, at), kin, r.same, r.media, r.direct, r.bare, stored,
        if(arrived is not null, ${proof('delivered')}, proof), message_id))) as met
      from ${owned(
        history,
        slice,
        history.part`
          select person, id, toUnixTimestamp64Milli(at) as at, ${sql(history, kinOf)} as kin, message_id,
            toUInt8(multiIf(event_name in ${clicks}, ${proof('click')}, event_name in ${opens}, ${proof('open')}, event_name in ${scans}, ${proof('scan')},
              event_name in ${visitsToStore} or event_name in ${orders}, ${proof('store visit')}, event_name = 'conversation.received', ${proof('conversation')},
              event_name = 'message.bounced', ${proof('bounced')}, channel = 'phone', ${proof('call')}, event_name = 'message.sent', ${proof('sent')},
              ${proof('delivered')})) as proof,
            if(proof = ${proof('sent')}, toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(JSONExtractString(properties, 'delivered_at'), 3, 'UTC')), null) as arrived
          from (${contactRows(history, slice, url)})`,
      )} as e left any join ${sources} as r on e.kin = r.kin
      group by who
    )`
  await history.run`
    insert into measurement.touch (person, stored, at, event, channel, campaign, kind, message_id, build, gone)
    with in_order as (
      select if(v.who = ${sql(history, nobody)}, k.who, v.who) as who, arraySort(arrayConcat(v.touches, k.touches)) as touches
      from (${visits}) as v full join (${contacts}) as k on v.who = k.who
    ),
    -- The landing page after a click is the same contact, as is a second click a minute later, whatever came between.
    alike as (
      select who, arraySort(arrayMap(
        (t, b) -> (t.4, t.1, t.2, t.3, t.8, t.9, t.10,
          t.1 <= b.1 + ${visitGap} and ((t.5 = b.5 and (t.4 = b.4 or t.7)) or t.6)),
        touches, arrayShiftRight(touches, 1))) as touches
      from in_order
    ),
    kept as (
      select who, arrayJoin(arrayFilter(
        (t, b) -> t.6 = ${proof('store visit')} or not (t.8 or (t.2 <= (t.1 = b.1 ? b.2 : 0) + ${visitGap})),
        touches, arrayShiftRight(touches, 1))) as touch
      from alike
    )
    select who, touch.5, fromUnixTimestamp64Milli(touch.2, 'UTC'), touch.3, r.channel, r.campaign, ${proofs}[touch.6 + 1], touch.7,
      ${newVersion(plan)}, 0
    from (select who, touch, touch.4 as kin from kept) as k left any join ${sources} as r on k.kin = r.kin
    union all
    select person, stored, at, event, channel, campaign, kind, message_id, ${goneVersion(plan)}, 1
    from measurement.touch final where ${slice.has('person')}
    settings max_execution_time = 0`
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
      (build, person, stored, at, event, name, order_no, value, currency, channel, place, bot)
    select ${plan.number}, ${ownerOf(history, 'e')}, if(e.person = ${sql(history, nobody)}, e.id, e.person), at, id, name,
      order_no, value, currency, channel, place, bot
    from (
      select person, at, id, name, order_no, value, currency, channel, place, has(flags, 'bot') as bot from ingest.event
      where name in ${[...orders, ...returns]} and ${wanted} limit 1 by id
    ) as e left any join ${merged(history)} as m on e.person = m.loser
    settings max_execution_time = 0`
}

async function writeConversions(history: History, plan: BuildPlan, slice: Slice): Promise<void> {
  const ordered = history.part`build = ${plan.number} and name in ${orders}`
  const mine = history.part`(select order_no from measurement.receipt
    where ${ordered} and order_no != '' and not bot and ${slice.has('person')})`
  await history.run`
    insert into measurement.conversion
      (person, stored, at, event, order_no, value, returned, currency, sold_via, place, build, gone)
    with placed as (
      select * from measurement.receipt
      where ${ordered} and (order_no in ${mine} or (order_no = '' and ${slice.has('person')}))
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
          where build = ${plan.number} and name in ${returns} and order_no in ${mine}
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
    ) as p where ${slice.has('p.person')}
    union all
    select person, stored, at, event, order_no, value, returned, currency, sold_via, place, ${goneVersion(plan)}, 1
    from measurement.conversion final where ${slice.has('person')}
    settings max_execution_time = 0`
}

async function writePaths(history: History, plan: BuildPlan, slice: Slice): Promise<void> {
  const channels = Object.keys(lookBackByChannel)
  const milliseconds = Object.values(lookBackByChannel).map((days) => days * dayMs)
  const written = history.part`${slice.has('person')} and build = ${newVersion(plan)} and gone = 0`
  await history.run`
    insert into measurement.path (person, at, event, converted, order_no, value, returned, currency, sold_via, place,
      first, known, touch_at, touch_event, touch_channel, touch_campaign, touch_kind, touch_message, build, gone)
    -- Each touch belongs to the next order of its person: a stretch ends with an order, the last one maybe with none.
    with stretches as (
      select person, stretch, place = 1 as earliest from (
        select person, arrayReverseSplit(fact -> fact.2, arraySort(groupArray((ms, ends, event, channel, campaign, kind, message_id)))) as all
        from (
          select person, toUnixTimestamp64Milli(at) as ms, false as ends, event, toString(channel) as channel,
            toString(campaign) as campaign, toString(kind) as kind, message_id
          from measurement.touch where ${written}
          union all
          select person, toUnixTimestamp64Milli(at), true, event, '', '', '', '' from measurement.conversion where ${written}
        ) group by person
      ) array join all as stretch, arrayEnumerate(all) as place
    ),
    -- A touch that lies too far before the order leads nowhere, as those without one; silence parts such ways.
    ended as (
      select person, earliest, stretch[-1] as last, last.2 as converted,
        if(converted, arrayPopBack(stretch), stretch) as touches,
        arrayMap(t -> converted and t.1 > last.1 - transform(t.4, ${channels}, ${typed('Array(Int64)', milliseconds)}, ${lookBackDays * dayMs}), touches) as leads,
        arrayFilter((t, lead) -> not lead, touches, leads) as idle,
        arrayConcat(
          if(converted, [(last.1, last.3, true, arrayFilter((t, lead) -> lead, touches, leads))], []),
          arrayMap(way -> (way[-1].1, way[-1].3, false, way),
            arraySplit((t, b) -> t.1 > b.1 + ${lookBackDays * dayMs}, idle, arrayShiftRight(idle, 1)))
        ) as ways
      from stretches
    )
    select p.person, fromUnixTimestamp64Milli(way.1, 'UTC'), way.2, way.3, c.order_no, c.value, c.returned, c.currency, c.sold_via,
      c.place, way.3 and earliest, k.known, arrayMap(t -> fromUnixTimestamp64Milli(t.1, 'UTC'), way.4), arrayMap(t -> t.3, way.4),
      arrayMap(t -> t.4, way.4), arrayMap(t -> t.5, way.4), arrayMap(t -> t.6, way.4), arrayMap(t -> t.7, way.4),
      ${newVersion(plan)}, 0
    from (select person, earliest, arrayJoin(ways) as way, way.2 as event from ended) as p
    left any join (select * from measurement.conversion where ${written}) as c
      on p.event = c.event
    left any join (select person, known from measurement.known where ${slice.has('person')} and build = ${plan.number}) as k
      on p.person = k.person
    union all
    select person, at, event, converted, order_no, value, returned, currency, sold_via, place, first, known,
      touch_at, touch_event, touch_channel, touch_campaign, touch_kind, touch_message, ${goneVersion(plan)}, 1
    from measurement.path final where ${slice.has('person')} and build < ${newVersion(plan)}
    settings max_execution_time = 0`
}
