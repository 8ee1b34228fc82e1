import { type History, type HistoryPart, typed, writtenSql } from '@einklang/platform'
import { channelExpression, type GroupingRule, ownAccord } from './grouping.ts'
import type { Period } from './period.ts'

/** Persons by the number of their contacts are told up to here; the last number stands for this and more. */
export const mostCounted = 11
/** A message belongs to the day it arrived; what is told of it later may come so many days before and after. */
const [earlierDays, laterDays] = [30, 8]
/** Touches lie at most so long before the order or silence that ends their path. */
const longestPathDays = 400

const bySending = ['email', 'sms', 'push', 'letter', 'catalogue', 'phone']
const sendings = ['message.sent', 'Email Sent']
const arrivals = ['message.delivered', 'Email Delivered']
const opens = ['message.opened', 'Email Opened']
const clicks = ['message.clicked', 'Email Link Clicked']
const returned = ['message.bounced', 'message.refused', 'message.failed', 'Email Bounced']

export type ContactSum = {
  channel: string
  /** As tools write it; empty where a touch names none. */
  campaign: string
  contacts: number
  persons: number
  /** Persons who opened, clicked, came, scanned or called. */
  responded: number
  /** Persons known by a device alone. */
  devices: number
  /** Persons with 1, 2 … contacts. */
  byCount: number[]
}

export type ContactSums = {
  /** Every person once, whatever the channel; without `apart` and those who came by themselves. */
  all: Omit<ContactSum, 'channel' | 'campaign'>
  channels: ContactSum[]
  campaigns: ContactSum[]
  /** Contacts of a day, and for how many persons it was the day of their first one; '' = all channels. */
  days: { channel: string; day: string; contacts: number; first: number }[]
  /** Persons by the channels that met them. */
  sets: { channels: string[]; persons: number }[]
}

type Row = {
  kind: 'all' | 'channel' | 'campaign' | 'day' | 'set'
  channel: string
  campaign: string
  named: string
  number: number
  persons: number
  contacts: number
  responded: number
  devices: number
  first: number
}

/**
 * Contacts of persons in a period, in one question. A message that arrived (or was sent and did not come back) is one
 * contact, on the day it arrived; where no message of a channel is known to a person, the visits, scans and talks that it
 * brought are. `apart`: channels whose figures come from elsewhere, left out of `all`.
 */
export async function contactSums(
  history: History,
  scope: { period: Period; timeZone: string },
  rules: readonly GroupingRule[],
  apart: readonly string[],
): Promise<ContactSums> {
  const rows = await history.rows<Row>`
    select kind, channel, campaign, number, min(name) as named, count() as persons, sum(one.contacts) as contacts,
      sum(one.responded) as responded, sum(one.device) as devices, sum(one.first) as first
    from (${emitted(history, metBy(history, scope, rules), apart)}) as one
    group by kind, channel, campaign, number order by kind, channel, campaign, number
    settings max_execution_time = 0`
  const numeric = rows.map((row) => ({
    ...row,
    number: Number(row.number),
    persons: Number(row.persons),
    contacts: Number(row.contacts),
    responded: Number(row.responded),
    devices: Number(row.devices),
    first: Number(row.first),
  }))
  const of = (kind: Row['kind']) => numeric.filter((row) => row.kind === kind)
  return {
    all: { ...summed(of('all')) },
    channels: [...Map.groupBy(of('channel'), (row) => row.channel)].map(([channel, group]) => ({
      channel,
      campaign: '',
      ...summed(group),
    })),
    campaigns: [...Map.groupBy(of('campaign'), (row) => `${row.channel}\0${row.campaign}`).values()].map((group) => ({
      channel: group[0]?.channel ?? '',
      campaign: group[0]?.named ?? '',
      ...summed(group),
    })),
    days: of('day').map(({ channel, campaign: day, contacts, first }) => ({ channel, day, contacts, first })),
    sets: of('set').map(({ campaign, persons }) => ({ channels: campaign.split('\n'), persons })),
  }
}

function summed(rows: Row[]): Omit<ContactSum, 'channel' | 'campaign'> {
  const byCount = Array.from({ length: mostCounted }, () => 0)
  for (const { number, persons } of rows) byCount[number - 1] = persons
  const sum = (name: 'persons' | 'contacts' | 'responded' | 'devices') =>
    rows.reduce((total, row) => total + row[name], 0)
  return {
    persons: sum('persons'),
    contacts: sum('contacts'),
    responded: sum('responded'),
    devices: sum('devices'),
    byCount,
  }
}

const nobody = "toUUID('00000000-0000-0000-0000-000000000000')"
const sql = (history: History, text: string): HistoryPart => history.part(writtenSql(text))

/** One row per person and channel: `cells` of campaign (folded and as written), day, contacts and whether they responded. */
function metBy(
  history: History,
  { period, timeZone }: { period: Period; timeZone: string },
  rules: readonly GroupingRule[],
): HistoryPart {
  const begin = history.part`toDateTime(${period.from}, ${timeZone})`
  const end = history.part`(toDateTime(${period.to}, ${timeZone}) + interval 1 day)`
  const messages = history.part`
    select who, shown as at, ${channelExpression(history, rules)} as channel, campaign, 1 as sent, met, 1 as known from (
      select who, if(countIf(arrived) > 0, minIf(at, arrived), min(at)) as shown, max(responded) as met,
        argMin(channel, at) as event_channel, argMin(campaign, at) as campaign, argMin(medium, at) as medium,
        '' as utm_source, '' as referrer_host, '' as url, 'message.sent' as event_name
      from (
        select if(m.winner = ${sql(history, nobody)}, e.person, m.winner) as who, e.* from (
          select person, if(message_id = '', toString(id), message_id) as message, channel, campaign, medium,
            -- A letter counts on the day it is told for.
            coalesce(if(name in ${sendings} and channel in ('letter', 'catalogue'),
              parseDateTime64BestEffortOrNull(JSONExtractString(properties, 'delivered_at'), 3, 'UTC'), null), ingest.event.at) as at,
            name in ${arrivals} or at != ingest.event.at as arrived,
            name in ${clicks} or (name in ${opens} and not JSONExtractBool(properties, 'machine')) as responded,
            name in ${returned} as back
          from ingest.event
          where ingest.event.at >= ${begin} - interval ${earlierDays} day and ingest.event.at < ${end} + interval ${laterDays} day
            and name in ${[...sendings, ...arrivals, ...opens, ...clicks, ...returned]} and channel in ${bySending}
            and person != ${sql(history, nobody)} and not has(flags, 'bot')
        ) as e left any join (select loser, winner from identity.merged final where undone = 0) as m on e.person = m.loser
      ) group by who, message having not max(back) and shown >= ${begin} and shown < ${end}
    )`
  const touches = history.part`
    select person as who, t_at as at, toString(t_channel) as channel, toString(t_campaign) as campaign, 0 as sent, 1 as met, known
    from (select * from measurement.path final
      where at >= ${begin} and at < ${end} + interval ${longestPathDays} day)
    array join touch_at as t_at, touch_channel as t_channel, touch_campaign as t_campaign, touch_message as t_message
    where t_message = '' and t_at >= ${begin} and t_at < ${end}`
  return history.part`
    select who, channel, sum(messages) > 0 as by_sending, max(someone) as known, max(answered) as met,
      groupArray((folded, name, day, messages, visits, answered)) as told,
      arrayFilter(c -> c.4 > 0, arrayMap(t -> (t.1, t.2, t.3, if(by_sending, t.4, t.5), t.6), told)) as cells
    from (
      select who, channel, lowerUTF8(campaign) as folded, min(campaign) as name, toDate(at, ${timeZone}) as day,
        sum(sent) as messages, countIf(sent = 0) as visits, max(met) as answered, max(known) as someone
      from (${messages} union all ${touches}) group by who, channel, folded, day
    ) group by who, channel`
}

/** What each person adds to the sums, as rows of one shape. */
function emitted(history: History, met: HistoryPart, apart: readonly string[]): HistoryPart {
  const most = typed('UInt32', mostCounted)
  return history.part`
    select one.1 as kind, one.2 as channel, one.3 as campaign, one.4 as name, one.5 as number, one.6 as contacts,
      one.7 as responded, device, one.8 as first
    from (
      select not max(known) as device,
        groupArray((channel, cells, arraySum(c -> c.4, cells), met)) as met_by,
        arrayFilter(c -> not has(${[...ownAccord, ...apart]}, c.1), met_by) as counted,
        arraySum(c -> c.3, counted) as together,
        arrayFlatten(arrayMap(c -> c.2, counted)) as counted_cells
      from (${met}) group by who
    ) array join arrayConcat(
      if(together > 0, [('all', '', '', '', toUInt32(least(together, ${most})), toUInt64(together), toUInt8(arrayMax(c -> c.4, counted)), toUInt8(0))], []),
      arrayMap(c -> ('channel', c.1, '', '', toUInt32(least(c.3, ${most})), toUInt64(c.3), toUInt8(c.4), toUInt8(0)), met_by),
      arrayFlatten(arrayMap(c -> arrayMap(
        k -> ('campaign', c.1, k, arrayMin(x -> x.2, arrayFilter(x -> x.1 = k, c.2)),
          toUInt32(least(arraySum(x -> x.4, arrayFilter(x -> x.1 = k, c.2)), ${most})),
          toUInt64(arraySum(x -> x.4, arrayFilter(x -> x.1 = k, c.2))),
          toUInt8(arrayMax(x -> x.5, arrayFilter(x -> x.1 = k, c.2))), toUInt8(0)),
        arrayDistinct(arrayMap(x -> x.1, c.2))), met_by)),
      arrayFlatten(arrayMap(c -> arrayMap(
        d -> ('day', c.1, toString(d), '', toUInt32(0), toUInt64(arraySum(x -> x.4, arrayFilter(x -> x.3 = d, c.2))), toUInt8(0),
          toUInt8(d = arrayMin(x -> x.3, c.2))),
        arrayDistinct(arrayMap(x -> x.3, c.2))), arrayPushBack(met_by, ('', counted_cells, together, 0)))),
      [('set', '', arrayStringConcat(arraySort(arrayMap(c -> c.1, met_by)), '\n'), '', toUInt32(0), toUInt64(0), toUInt8(0), toUInt8(0))]
    ) as one`
}
