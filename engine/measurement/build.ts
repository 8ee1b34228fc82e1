import type { PersonId } from '@einklang/contract'
import { type History, type HistoryPart, typed } from '@einklang/platform'
import { channelExpression, type GroupingRule } from './grouping.ts'
import { neighboursOf } from './neighbours.ts'

/** Touches older than this before an order get no credit (spec measurement §2). */
export const lookBackDays = 90
const lookBackByChannel: { [channel: string]: number } = { letter: 60, catalogue: 120 }
/** What came back within these days is taken off the order. */
const returnDays = 60
/** Another event within this time belongs to the same visit. */
const visitMinutes = 30
/** Events per slice: keeps sorts of the first build inside the memory of the embedded engine. */
const eventsPerSlice = 2_000_000

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
  for (const within of await neighboursOf(history, everybody, Math.ceil(persons / slices))) {
    plan.signal.throwIfAborted()
    const inSlice = history.part`(select person from measurement.changed where build = ${plan.number} and ${within})`
    await writeTouches(history, plan, inSlice)
    await writeConversions(history, plan, inSlice)
    await plan.changePaths(history.part`person in ${inSlice}`, () => writePaths(history, plan, inSlice))
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
  let after: string = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const page = await history.rows<{ person: PersonId }>`
      select distinct person from measurement.changed
      where build = ${plan.number} and person > ${typed('UUID', after)} order by person limit 20000`
    const last = page.at(-1)
    if (last === undefined) return
    const persons = page.map((row) => row.person)
    const known = new Set(await plan.known(persons))
    const rows = persons.map((person) => ({ person, known: known.has(person) ? 1 : 0, build: plan.number }))
    await history.insert('measurement.known', rows, `known ${plan.number} ${after}`)
    after = last.person
  }
}

/** Events of the slice under the person they belong to today. */
function eventsOf(history: History, inSlice: HistoryPart, condition: HistoryPart): HistoryPart {
  return history.part`(
    select ${ownerOf(history, 'e')} as who, if(e.person = ${sql(history, nobody)}, e.id, e.person) as stored, e.*
    from (
      select person, at, id, kind, name, channel, campaign, medium, utm_source, referrer, url, message_id, place,
        order_no, value, currency, properties, flags
      from ingest.event
      where ${belongsTo(history, inSlice)} and not has(flags, 'bot') and ${condition}
      limit 1 by id
    ) as e left any join ${merged(history)} as m on e.person = m.loser
  )`
}

function belongsTo(history: History, inSlice: HistoryPart): HistoryPart {
  return history.part`(person in ${inSlice} or person in (select loser from ${merged(history)} where winner in ${inSlice})
    or (person = ${sql(history, nobody)} and name in ${orders} and id in ${inSlice}))`
}

/** Versions inside one build: what was goes first, what is comes after it. */
const goneVersion = (plan: BuildPlan) => plan.number * 2
const newVersion = (plan: BuildPlan) => plan.number * 2 + 1

async function writeTouches(history: History, plan: BuildPlan, inSlice: HistoryPart): Promise<void> {
  const visits = history.part`
    select who, stored, at, id, 'visit' as evidence, channel as event_channel, name as event_name, campaign,
      medium, utm_source, url, if(domain(referrer) = domain(url), '', domain(referrer)) as referrer_host, '' as message_id
    from (
      select *,
        lagInFrame(at, 1, toDateTime64(0, 3, 'UTC')) over visits as before_at,
        lagInFrame((utm_source, medium, lowerUTF8(campaign))) over visits as before_source
      from ${eventsOf(
        history,
        inSlice,
        history.part`kind in ('page', 'screen', 'track') and channel in ('web', 'app')
          and name not in ${[...orders, ...returns, ...scans, 'Order Updated']} and not startsWith(name, 'message.')`,
      )}
      window visits as (partition by who order by at, id rows between 1 preceding and current row)
    )
    where at > before_at + interval ${visitMinutes} minute
      or (utm_source != '' and (utm_source, medium, lowerUTF8(campaign)) != before_source)`
  // A message counts once, by the best evidence; letters and calls cannot be opened, so their arrival counts, on the
  // day it is told for, unless they came back.
  const contacts = history.part`
    select who, stored, if(proof = 'sent' and arrived is not null, arrived, told_at) as at, id,
      if(proof = 'sent' and arrived is not null, 'delivered', proof) as evidence, event_channel, event_name,
      campaign, medium, utm_source, url, referrer_host, message_id
    from (
      select * except at, at as told_at, name as event_name, '' as referrer_host,
        parseDateTime64BestEffortOrNull(JSONExtractString(properties, 'delivered_at'), 3, 'UTC') as arrived,
        multiIf(name in ${clicks}, 'click', name in ${opens}, 'open', name in ${scans}, 'scan',
          name in ${visitsToStore} or name in ${orders}, 'store visit', name = 'conversation.received', 'conversation',
          name = 'message.bounced', 'bounced', channel = 'phone', 'call', name = 'message.sent', 'sent', 'delivered') as proof,
        if(startsWith(name, 'message.') and JSONHas(properties, 'channel'), JSONExtractString(properties, 'channel'),
          channel) as event_channel
      from ${eventsOf(
        history,
        inSlice,
        history.part`(
          (name in ${[...clicks, ...opens]} and not JSONExtractBool(properties, 'machine'))
          or (name in ('message.delivered', 'message.sent', 'message.bounced')
            and (channel in ${byArrival} or JSONExtractString(properties, 'channel') in ${byArrival}))
          or name in ${[...scans, ...visitsToStore, 'conversation.received']}
          or (name in ${orders} and channel = 'store')
        )`,
      )}
      order by transform(proof, ['bounced', 'click', 'scan', 'open', 'delivered', 'call', 'sent'], [-1, 0, 0, 1, 2, 2, 3], 0), told_at
      limit 1 by who, if(message_id = '', toString(id), message_id)
    ) where proof != 'bounced'`
  const readsUrl = plan.rules.some(({ conditions }) => conditions.some(({ field }) => field === 'url'))
  await history.run`
    insert into measurement.touch (person, stored, at, event, channel, campaign, kind, message_id, build, gone)
    with grouped as (
      -- Rules are read once per kind of source, not once per touch.
      select kin.1 as who, kin.2 as stored, kin.3 as at, kin.4 as id, kin.5 as evidence, kin.6 as message_id, campaign, media
      from (
        select campaign, ${channelExpression(history, plan.rules)} as media,
          groupArray((who, stored, at, id, evidence, message_id)) as kins
        from (
          select * except url, ${readsUrl ? history.part`url` : history.part`''`} as url
          from (select * from (${visits}) union all select * from (${contacts}))
        ) group by medium, utm_source, campaign, referrer_host, url, event_channel, event_name
      ) array join kins as kin
    )
    select who, stored, at, id, media, campaign, evidence, message_id, ${newVersion(plan)}, 0
    from (
      select *,
        lagInFrame(at, 1, toDateTime64(0, 3, 'UTC')) over near as before_at,
        lagInFrame(toString(media)) over near as before_media,
        lagInFrame(lowerUTF8(campaign)) over near as before_campaign,
        lagInFrame(at, 1, toDateTime64(0, 3, 'UTC')) over alike as alike_at
      from grouped
      window near as (partition by who order by at, id rows between 1 preceding and current row),
        alike as (partition by who, media, lowerUTF8(campaign) order by at, id rows between 1 preceding and current row)
    )
    -- The landing page after a click is the same contact, as is a second click a minute later, whatever came between.
    where not (evidence != 'store visit' and (at <= alike_at + interval ${visitMinutes} minute
      or (at <= before_at + interval ${visitMinutes} minute
        and ((media = before_media and (lowerUTF8(campaign) = before_campaign or campaign = '')) or media = 'direct'))))
    union all
    select person, stored, at, event, channel, campaign, kind, message_id, ${goneVersion(plan)}, 1
    from measurement.touch final where person in ${inSlice}
    settings max_execution_time = 0`
}

async function writeConversions(history: History, plan: BuildPlan, inSlice: HistoryPart): Promise<void> {
  const mine = history.part`(select order_no from ${eventsOf(history, inSlice, history.part`name in ${orders}`)} where order_no != '')`
  await history.run`
    insert into measurement.conversion
      (person, stored, at, event, order_no, value, returned, currency, sold_via, place, build, gone)
    with placed as (
      select ${ownerOf(history, 'e')} as who, e.* from (
        select person, at, id, order_no, place, value, currency, channel from ingest.event
        where name in ${orders} and (order_no in ${mine} or (order_no = '' and ${belongsTo(history, inSlice)}))
        limit 1 by id
      ) as e left any join ${merged(history)} as m on e.person = m.loser
      order by at, id
      -- The shop's export and the browser both tell of one order; only a till counts for its store alone.
      limit 1 by if(order_no = '', toString(id), concat(order_no, '\0', if(channel = 'store', place, '')))
    ),
    back as (
      select purchase, sum(abs(value)) as amount, max(name = 'Order Cancelled') as cancelled, min(at) as at from (
        -- Of receipts with one number, a return belongs to that of its own store, else to the last one before it.
        select r.name as name, r.value as value, r.at as at,
          argMax(p.id, tuple(p.place = r.place, p.at <= r.at, p.at)) as purchase
        from (
          select id, name, order_no, value, at, place from ingest.event
          where name in ${returns} and order_no in ${mine} limit 1 by id
        ) as r join placed as p on p.order_no = r.order_no
        group by r.id, r.name, r.value, r.at
      ) group by purchase
    )
    select p.who, if(p.person = ${sql(history, nobody)}, p.id, p.person), p.at, p.id, p.order_no, p.value - came_back, came_back,
      p.currency, if(p.channel in ('app', 'store'), p.channel, 'web'), p.place, ${newVersion(plan)}, 0
    from (
      select p.*, if((b.amount > 0 or b.cancelled) and b.at <= p.at + interval ${returnDays} day,
        if(b.cancelled, p.value, least(p.value, b.amount)), 0) as came_back
    from placed as p left any join back as b on p.id = b.purchase
    ) as p where p.who in ${inSlice}
    union all
    select person, stored, at, event, order_no, value, returned, currency, sold_via, place, ${goneVersion(plan)}, 1
    from measurement.conversion final where person in ${inSlice}
    settings max_execution_time = 0`
}

async function writePaths(history: History, plan: BuildPlan, inSlice: HistoryPart): Promise<void> {
  const channels = Object.keys(lookBackByChannel)
  const days = Object.values(lookBackByChannel)
  const touchColumns = history.part`
    arrayMap(t -> t.1, touches), arrayMap(t -> t.2, touches), arrayMap(t -> t.3, touches), arrayMap(t -> t.4, touches),
    arrayMap(t -> t.5, touches), arrayMap(t -> t.6, touches)`
  // Each touch belongs to the next order of its person; one that lies too far before it leads nowhere.
  const assigned = history.part`
    select t.person as person, t.at as at, t.event as event, t.channel as channel, t.campaign as campaign,
      t.kind as kind, t.message_id as message_id, c.event as next_event,
      c.event != ${sql(history, nobody)} and t.at > c.at - toIntervalDay(
        transform(toString(t.channel), ${channels}, ${typed('Array(Int64)', days)}, ${lookBackDays})) as leads
    from (select * from measurement.touch final where person in ${inSlice}) as t
    asof left join (select * from measurement.conversion final where person in ${inSlice}) as c
      on t.person = c.person and t.at <= c.at`
  await history.run`
    insert into measurement.path (person, at, event, converted, order_no, value, returned, currency, sold_via, place,
      first, known, touch_at, touch_event, touch_channel, touch_campaign, touch_kind, touch_message, build, gone)
    select c.person, c.at, c.event, 1, c.order_no, c.value, c.returned, c.currency, c.sold_via, c.place,
      row_number() over (partition by c.person order by c.at, c.event) = 1, k.known, ${touchColumns},
      ${newVersion(plan)}, 0
    from (select * from measurement.conversion final where person in ${inSlice}) as c
    left any join (
      select next_event, arraySort(groupArray((at, event, toString(channel), toString(campaign), toString(kind), message_id))) as touches
      from (${assigned}) where leads group by next_event
    ) as t on c.event = t.next_event
    left any join (select person, known from measurement.known final) as k on c.person = k.person
    union all
    select n.person, touches[-1].1, touches[-1].2, 0, '', 0, 0, '', '', '', 0, k.known, ${touchColumns}, ${newVersion(plan)}, 0
    from (
      select person, arraySort(groupArray((at, event, toString(channel), toString(campaign), toString(kind), message_id))) as touches
      from (
        select *, sum(breaks) over (partition by person order by at, event) as stretch from (
          select *,
            lagInFrame(next_event) over w != next_event or at > lagInFrame(at) over w + interval ${lookBackDays} day as breaks
          from (${assigned}) where not leads
          window w as (partition by person order by at, event rows between 1 preceding and current row)
        )
      ) group by person, stretch
    ) as n left any join (select person, known from measurement.known final) as k on n.person = k.person
    union all
    select person, at, event, converted, order_no, value, returned, currency, sold_via, place, first, known,
      touch_at, touch_event, touch_channel, touch_campaign, touch_kind, touch_message, ${goneVersion(plan)}, 1
    from measurement.path final where person in ${inSlice} and build < ${newVersion(plan)}
    settings max_execution_time = 0`
}
