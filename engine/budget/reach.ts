import { type AnswerOf, type api, type InputOf, kept, minorDigits } from '@einklang/contract'
import { type Caller, type Database, type Ground, nameOf } from '@einklang/platform'
import { type ContactSum, csvCell, type Measurement, ownAccord, periodOf, refused } from '#measurement'
import { currenciesIn, toldIn } from './ledger.ts'
import {
  faultOf,
  type MediaLine,
  mediaIn,
  priceOf,
  readMediaFile,
  removeMedia,
  type StoredLine,
  setMedia,
} from './media.ts'
import {
  countsOf,
  type Figures,
  figuresOf,
  freshOf,
  habitsOf,
  ledgerPart,
  type Part,
  partOf,
  peopleByCount,
  together,
} from './parts.ts'

type Routes = typeof api.budget
type Input = InputOf<Routes['reach']>['query']
type Answer = AnswerOf<Routes['reach']>
type Row = Answer['channels'][number]

/** Whom did we meet, how often, and whom twice? */
export type ReachDesk = {
  reach(input: Input): Promise<Answer>
  reachCsv(input: Input): Promise<{ fileName: string; csv: string }>
  lines(input: InputOf<Routes['mediaLines']>['query']): Promise<AnswerOf<Routes['mediaLines']>>
  setLine(line: MediaLine, by: Caller): Promise<{ id: string }>
  removeLine(line: string, by: Caller): Promise<{ removed: boolean }>
  importFile(input: InputOf<Routes['importMedia']>['body'], by: Caller): Promise<AnswerOf<Routes['importMedia']>>
}

type ReachNeeds = {
  ground: Ground
  measurement: Pick<Measurement, 'contacts'>
  audit:
    | ((tx: Database, entry: { actor: Caller; action: string; object: { kind: string; id: string } }) => Promise<void>)
    | undefined
}

/** Fewer new people among further contacts than this: whoever can be met here has been met. */
const saturatedBelow = 0.05
/** So few contacts tell nothing about the next. */
const fewContacts = 50
const pointsOfCurve = 40
const mostOverlapped = 10

/** Channels whose contacts we make ourselves, person by person: what others tell of them adds nothing. */
const bySending = ['email', 'sms', 'push', 'letter', 'catalogue', 'phone']
const kinds: { [channel: string]: Row['kind'] } = {
  ...Object.fromEntries([...bySending, 'qr', 'service', 'store', 'direct'].map((channel) => [channel, 'owned'])),
  ...Object.fromEntries(['search_organic', 'social', 'referral'].map((channel) => [channel, 'earned'])),
  ...Object.fromEntries(
    ['search_brand', 'search_generic', 'shopping', 'social_ads', 'display', 'affiliate'].map((one) => [one, 'paid']),
  ),
}

export function createReachDesk({ ground, measurement, audit }: ReachNeeds): ReachDesk {
  const { database, clock, config } = ground

  async function reach(input: Input): Promise<Answer> {
    const period = periodOf(input, clock.now(), config.timeZone)
    const { threshold } = input
    const currency = input.currency ?? (await currenciesIn(database, period.from, period.to))[0] ?? config.currency
    const [lines, ledger] = await Promise.all([
      mediaIn(database, period),
      toldIn(database, period.from, period.to, currency),
    ])
    const wanted = Math.max(input.population ?? 0, ...lines.map((line) => line.population ?? 0))
    const usual = habitsOf(lines)
    const planned = lines.flatMap((line) => partOf(line, 'planned', usual, wanted, threshold))
    const seen = lines.flatMap((line) => partOf(line, 'observed', usual, wanted, threshold))
    const keyOf = (one: { channel: string; campaign: string }) => `${one.channel}\0${one.campaign.toLowerCase()}`
    // A spot log or report knows more than the ledger.
    const covered = new Set(seen.map(keyOf))
    const told = [
      ...seen,
      ...ledger.filter((row) => !covered.has(keyOf(row))).flatMap((row) => ledgerPart(row, wanted, threshold)),
    ]
    const apart = [...new Set(told.filter((part) => part.reached !== null).map((part) => part.channel))].filter(
      (channel) => !bySending.includes(channel),
    )
    const sums = await measurement.contacts(period, apart)
    const least = Math.max(0, sums.all.persons, ...[...told, ...planned].map((part) => part.reached?.low ?? 0))
    const base = wanted === 0 ? null : Math.max(wanted, least)
    const counted = new Set(
      sums.channels.filter(({ channel }) => !apart.includes(channel)).map(({ channel }) => channel),
    )

    const rowOf = (channel: string, campaign: string | null, known: ContactSum | undefined): Row => {
      const here = (part: { channel: string; campaign: string }) =>
        part.channel === channel && (campaign === null || part.campaign.toLowerCase() === campaign.toLowerCase())
      const others = counted.has(channel) && bySending.includes(channel) ? [] : told.filter(here)
      const plans = planned.filter(here)
      const byPerson = known !== undefined && others.length === 0
      const observed = byPerson ? figuresOf(known, base, threshold) : together(others, base, threshold)
      const booked = new Set(ledger.map(keyOf))
      const cost =
        ledger.filter(here).reduce((sum, row) => sum + row.amount, 0) +
        costOf(
          lines.filter((line) => here(line) && !booked.has(keyOf(line))),
          currency,
        )
      const fresh = byPerson
        ? campaign === null
          ? lateFresh(sums.days.filter((row) => row.channel === channel))
          : null
        : freshOf(others.length > 0 ? others : plans)
      const contacts = observed?.contacts ?? 0
      return {
        channel,
        campaign,
        kind: kinds[channel] ?? 'offline',
        ownAccord: ownAccord.includes(channel),
        planned: together(plans, base, threshold),
        observed,
        responded: known?.responded ?? null,
        devices: known?.devices ?? null,
        cost: cost === 0 ? null : Math.round(cost),
        perThousand: cost > 0 && contacts > 0 ? Math.round((1000 * cost) / contacts) : null,
        perPoint: cost > 0 && observed?.grp ? Math.round(cost / observed.grp) : null,
        fresh,
        saturated: fresh !== null && fresh < saturatedBelow,
        remarks: [...new Set([...others, ...plans].flatMap((part) => part.remarks))],
      }
    }
    const channels = [...new Set([...sums.channels, ...told, ...planned].map((one) => one.channel))].map((channel) =>
      rowOf(
        channel,
        null,
        sums.channels.find((one) => one.channel === channel),
      ),
    )
    const campaigns = [
      ...Map.groupBy(
        [...sums.campaigns, ...told, ...planned].filter(({ campaign }) => campaign !== ''),
        keyOf,
      ).values(),
    ].map((group) => {
      const [one] = group
      const known = sums.campaigns.find((sum) => one !== undefined && keyOf(sum) === keyOf(one))
      return rowOf(one?.channel ?? '', one?.campaign ?? '', known)
    })
    // Whoever is known to have been met comes first, then what was planned, then mere contacts.
    const placeOf = (row: Row) => [
      row.observed?.reached?.value ?? 0,
      row.planned?.reached?.value ?? 0,
      row.observed?.contacts ?? row.planned?.contacts ?? 0,
    ]
    const byReach = (one: Row, other: Row) => {
      const [left, right] = [placeOf(one), placeOf(other)]
      const differs = left.findIndex((value, index) => value !== right[index])
      return differs < 0 ? (one.channel < other.channel ? -1 : 1) : (right[differs] ?? 0) - (left[differs] ?? 0)
    }
    const beside = told.filter((part) => apart.includes(part.channel))
    const known = sums.all.persons === 0 ? null : { ...sums.all, channel: '', campaign: '' }
    const every = beside.length === 0 ? null : together(beside, base, threshold, known)
    const whole = together(planned, base, threshold)
    const shownKnown = [
      ...sums.channels.filter(({ channel }) => counted.has(channel)).map(({ channel }) => channel),
      '',
    ]
    return {
      note: {
        definition: kept('defines_reach'),
        since: sums.since,
        asOf: (sums.asOf ?? clock.now()).toISOString(),
        currency,
        lookBackDays: 0,
        warnings: warningsOf({
          lines,
          told,
          planned,
          base,
          asked: input.population ?? null,
          known,
          every,
          whole,
          period,
        }),
      },
      period,
      threshold,
      population: base,
      channels: channels.sort(byReach),
      campaigns: campaigns.sort(byReach),
      together: {
        known: known === null ? null : figuresOf(known, base, threshold),
        all: every,
        planned: whole,
        without: channels
          .filter((row) => row.observed?.source === 'contacts' && row.observed.reached === null)
          .map((row) => row.channel),
      },
      frequency: {
        known: sums.all.byCount,
        all: every === null ? null : countsOf(beside, base, known),
        planned: whole === null ? null : countsOf(planned, base, null),
      },
      curves: [
        ...shownKnown.map((channel) => ({
          channel: channel === '' ? null : channel,
          observed: grown(sums.days.filter((row) => row.channel === channel)),
          computed: [],
        })),
        ...curvesOf([...beside, ...planned.filter((part) => !counted.has(part.channel))], base),
      ].filter((curve) => curve.observed.length > 1 || curve.computed.length > 1),
      overlap: overlapOf(channels.filter((row) => !row.ownAccord).sort(byReach), sums.sets, counted, base),
    }
  }

  return {
    reach,
    async reachCsv(input) {
      const answer = await reach(input)
      return { fileName: `reach_${answer.period.from}_${answer.period.to}.csv`, csv: csvOf(answer) }
    },
    async lines(input) {
      const period = { from: input.from ?? '0001-01-01', to: input.to ?? '9999-12-31' }
      const match = /^(\d{4}-\d{2}-\d{2})~([0-9a-f-]{36})$/.exec(input.after ?? '')
      if (input.after !== undefined && match === null)
        throw refused(400, 'bad_cursor', { at: 'after', doInstead: false })
      const after = match === null ? null : { day: match[1] ?? '', id: match[2] ?? '' }
      const rows = await mediaIn(database, period, after, input.limit + 1)
      const shown = rows.slice(0, input.limit)
      const last = shown.at(-1)
      return {
        items: shown.map((row) => ({ ...row, recordedAt: row.recordedAt.toISOString() })),
        next: rows.length > input.limit && last ? `${last.starts}~${last.id}` : null,
      }
    },
    async setLine(line, by) {
      const fault = faultOf(line)
      if (fault !== null) throw refused(422, 'bad_media_line', { at: fault.field, given: { reason: fault.reason } })
      const currency = line.cost === null ? null : (line.currency ?? config.currency)
      return database.transaction(async (tx) => {
        const [id = ''] = await setMedia(tx, [{ ...line, currency }], { clock, origin: `by hand: ${nameOf(by)}` })
        await audit?.(tx, { actor: by, action: 'budget.media.set', object: { kind: 'media', id } })
        return { id }
      })
    },
    async removeLine(line, by) {
      const removed = await removeMedia(database, line, nameOf(by))
      if (!removed) throw refused(404, 'no_media_line', { doInstead: false })
      await audit?.(database, { actor: by, action: 'budget.media.removed', object: { kind: 'media', id: line } })
      return { removed }
    },
    async importFile(input, by) {
      const read = readMediaFile(input.text, { channel: input.channel, currency: config.currency })
      if ('reason' in read) throw refused(400, 'unknown_file', { at: 'text', given: { reason: read.reason } })
      const lines = read.lines.map(({ line }) => line)
      if (!input.dryRun)
        await database.transaction(async (tx) => {
          await setMedia(tx, lines, { clock, origin: `file: ${nameOf(by)}` })
          await audit?.(tx, {
            actor: by,
            action: 'budget.media.imported',
            object: { kind: 'media', id: `${lines.length} lines` },
          })
        })
      return {
        columns: read.columns,
        taken: lines.length,
        rejected: read.rejected.slice(0, 200),
        preview: lines.slice(0, 8),
      }
    },
  }
}

/** New persons among the latest third of the contacts. */
function lateFresh(days: { contacts: number; first: number }[]): number | null {
  const total = days.reduce((sum, day) => sum + day.contacts, 0)
  if (total < fewContacts) return null
  let [contacts, first] = [0, 0]
  for (const day of days.toReversed()) {
    contacts += day.contacts
    first += day.first
    if (contacts >= total / 3) break
  }
  return contacts === total ? null : first / contacts
}

function grown(days: { contacts: number; first: number }[]): { contacts: number; reached: number }[] {
  if (days.length === 0) return []
  const points = [{ contacts: 0, reached: 0 }]
  for (const { contacts, first } of days) {
    const last = points.at(-1) as { contacts: number; reached: number }
    points.push({ contacts: last.contacts + contacts, reached: last.reached + first })
  }
  const every = Math.max(1, Math.ceil(points.length / pointsOfCurve))
  return points.filter((_, index) => index % every === 0 || index === points.length - 1)
}

/** Reach of each channel from nothing to twice the pressure. */
function curvesOf(parts: Part[], base: number | null): Answer['curves'] {
  if (base === null) return []
  return [
    ...Map.groupBy(
      parts.filter((part) => part.law !== null),
      (part) => part.channel,
    ),
  ].map(([channel, group]) => {
    // A plan and what became of it are one curve.
    const one = group.filter((part, index) => group.findIndex((other) => sameLine(other, part)) === index)
    const contacts = one.reduce((sum, part) => sum + part.contacts, 0)
    return {
      channel,
      observed: [],
      computed: Array.from({ length: pointsOfCurve / 2 + 1 }, (_, step) => {
        const pressure = (2 * step) / (pointsOfCurve / 2)
        const people = peopleByCount(one, base, null, pressure)
        return {
          contacts: pressure * contacts,
          reached: pressure === 0 ? 0 : (people ?? []).slice(1).reduce((sum, count) => sum + count, 0),
        }
      }),
    }
  })
}

const sameLine = (one: Part, other: Part) =>
  one.campaign === other.campaign &&
  one.vehicle === other.vehicle &&
  one.geo === other.geo &&
  one.source === other.source &&
  one.people === other.people

/** Persons whom two channels both met: counted where they are known, else as if by chance. */
function overlapOf(
  rows: Row[],
  sets: { channels: string[]; persons: number }[],
  counted: ReadonlySet<string>,
  base: number | null,
): Answer['overlap'] {
  const shown = rows.filter((row) => row.observed?.reached != null).slice(0, mostOverlapped)
  return shown.flatMap((row, index) =>
    shown.slice(index + 1).flatMap((other): Answer['overlap'] => {
      const observed = row.observed?.source === 'persons' && other.observed?.source === 'persons'
      if (observed && counted.has(row.channel) && counted.has(other.channel)) {
        const both = sets.filter(({ channels }) => channels.includes(row.channel) && channels.includes(other.channel))
        return [
          {
            channel: row.channel,
            other: other.channel,
            persons: both.reduce((sum, set) => sum + set.persons, 0),
            observed,
          },
        ]
      }
      if (base === null) return []
      const persons = ((row.observed?.reached?.value ?? 0) * (other.observed?.reached?.value ?? 0)) / base
      return [{ channel: row.channel, other: other.channel, persons, observed: false }]
    }),
  )
}

const costOf = (lines: StoredLine[], currency: string) =>
  lines.reduce((sum, line) => sum + (line.currency === currency ? (line.cost ?? 0) : 0), 0)

function warningsOf(found: {
  lines: StoredLine[]
  told: Part[]
  planned: Part[]
  base: number | null
  asked: number | null
  known: ContactSum | null
  every: Figures | null
  whole: Figures | null
  period: { from: string; to: string }
}): string[] {
  const warnings: string[] = []
  const { known, base, lines, told, planned } = found
  const beyond = lines.filter((line) => line.starts < found.period.from || line.ends > found.period.to).length
  if (beyond > 0) warnings.push(kept('reach_beyond', { count: beyond }))
  if (known !== null && known.devices / known.persons > 0.05)
    warnings.push(kept('reach_devices', { share: known.devices / known.persons }))
  const parts = [...told, ...planned]
  if (base === null && parts.some((part) => part.reached !== null)) warnings.push(kept('reach_no_population'))
  if (base !== null && found.asked !== null && found.asked < base)
    warnings.push(kept('reach_small_population', { population: base }))
  if (told.some((part) => part.reached === null)) warnings.push(kept('reach_contacts_only'))
  if (base !== null && (found.every !== null || planned.length > 1)) warnings.push(kept('reach_independent'))
  if (new Set(parts.flatMap((part) => (part.geo === '' ? [] : [part.geo]))).size > 1)
    warnings.push(kept('reach_regions'))
  return warnings
}

function csvOf(answer: Answer): string {
  const lines = [
    'channel,campaign,kind,planned_contacts,planned_persons,planned_low,planned_high,planned_frequency,planned_effective,contacts,persons,low,high,source,frequency,effective,from_contacts,grp,responded,cost,currency,cost_per_thousand,cost_per_point,new_among_further',
  ]
  const currency = answer.note.currency ?? 'EUR'
  const figure = (value: number | null | undefined, places = 0) => value?.toFixed(places) ?? ''
  const price = (cost: number | null) => figure(priceOf({ cost, currency }), minorDigits(currency))
  for (const row of [...answer.channels, ...answer.campaigns]) {
    const { planned, observed } = row
    lines.push(
      [
        csvCell(row.channel),
        csvCell(row.campaign ?? ''),
        row.kind,
        figure(planned?.contacts),
        figure(planned?.reached?.value),
        figure(planned?.reached?.low),
        figure(planned?.reached?.high),
        figure(planned?.frequency, 3),
        figure(planned?.effective),
        figure(observed?.contacts),
        figure(observed?.reached?.value),
        figure(observed?.reached?.low),
        figure(observed?.reached?.high),
        observed?.source ?? '',
        figure(observed?.frequency, 3),
        figure(observed?.effective),
        answer.threshold,
        figure(observed?.grp, 2),
        row.responded ?? '',
        price(row.cost),
        currency,
        price(row.perThousand),
        price(row.perPoint),
        figure(row.fresh, 4),
      ].join(','),
    )
  }
  return `${lines.join('\n')}\n`
}
