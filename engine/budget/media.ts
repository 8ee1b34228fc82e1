import { type AnswerOf, type api, type InputOf, kept, minorDigits, toMinor } from '@einklang/contract'
import { type Clock, type Database, newId } from '@einklang/platform'
import { cellsOf, folded } from './profiles.ts'
import { channelNamed, dayOf } from './spend.ts'

type Routes = typeof api.budget
export type MediaLine = InputOf<Routes['setMediaLine']>['body']
type ImportAnswer = AnswerOf<Routes['importMedia']>
export type StoredLine = MediaLine & { id: string; recordedAt: Date; origin: string }

/** What is wrong with a line by itself: its sentence by code, and the field it is about. */
export function faultOf(line: MediaLine): { field: keyof MediaLine; reason: string } | null {
  if (line.ends < line.starts) return { field: 'ends', reason: kept('ends_before', { starts: line.starts }) }
  if (line.reachOfTwo !== null && line.reachOfOne === null)
    return { field: 'reachOfTwo', reason: kept('two_without_one') }
  if (line.reachOfOne !== null && line.population === null) return { field: 'population', reason: kept('whose_share') }
  if (line.population !== null)
    for (const field of ['plannedReach', 'reached'] as const)
      if ((line[field] ?? 0) > line.population)
        return { field, reason: kept('more_than_people', { persons: line[field], population: line.population }) }
  for (const [persons, contacts] of [
    ['plannedReach', 'plannedContacts'],
    ['reached', 'contacts'],
  ] as const)
    if (line[contacts] !== null && (line[persons] ?? 0) > line[contacts])
      return {
        field: persons,
        reason: kept('more_than_contacts', { persons: line[persons], contacts: line[contacts] }),
      }
  return null
}

const columns = (
  tx: Database,
) => tx.part`as line (id uuid, starts date, ends date, channel text, "givenChannel" text, campaign text,
  vehicle text, geo text, population bigint, "reachOfOne" float8, "reachOfTwo" float8, insertions int, booked int, aired int,
  "plannedContacts" bigint, contacts bigint, "plannedReach" bigint, reached bigint, cost bigint, currency char(3))`

/** Writes lines; what a line does not say is taken over from the one it replaces. */
export async function setMedia(
  tx: Database,
  lines: MediaLine[],
  needs: { clock: Clock; origin: string },
): Promise<string[]> {
  if (lines.length === 0) return []
  const given = tx.json(
    lines.map((line) => ({
      ...line,
      id: newId('plan', needs.clock),
      channel: channelNamed(line.channel),
      givenChannel: line.channel,
    })),
  )
  // One after the other, so that two imports of one file cannot both see a line as missing.
  await tx.run`select pg_advisory_xact_lock(731406014)`
  const before = await tx.rows<{ id: string; old: string }>`
    update budget.media set replaced_by = line.id from jsonb_to_recordset(${given}) ${columns(tx)}
    where media.replaced_by is null and removed_at is null
      and (media.starts, media.ends, media.channel, media.campaign, media.vehicle, media.geo)
        = (line.starts, line.ends, line.channel, line.campaign, line.vehicle, line.geo)
    returning line.id, media.id as old`
  const rows = await tx.rows<{ id: string }>`
    insert into budget.media (id, starts, ends, channel, given_channel, campaign, vehicle, geo, population, reach_of_one, reach_of_two,
      insertions, booked, aired, planned_contacts, contacts, planned_reach, reached, cost, currency, origin, recorded_at)
    select line.id, line.starts, line.ends, line.channel, line."givenChannel", line.campaign, line.vehicle, line.geo,
      coalesce(line.population, was.population), coalesce(line."reachOfOne", was.reach_of_one),
      coalesce(line."reachOfTwo", was.reach_of_two), coalesce(line.insertions, was.insertions),
      coalesce(line.booked, was.booked), coalesce(line.aired, was.aired),
      coalesce(line."plannedContacts", was.planned_contacts), coalesce(line.contacts, was.contacts),
      coalesce(line."plannedReach", was.planned_reach), coalesce(line.reached, was.reached),
      coalesce(line.cost, was.cost), case when line.cost is null then was.currency else line.currency end,
      ${needs.origin}, platform.now()
    from jsonb_to_recordset(${given}) ${columns(tx)}
    left join jsonb_to_recordset(${tx.json(before)}) as link (id uuid, old uuid) using (id)
    left join budget.media as was on was.id = link.old
    returning id`
  return rows.map(({ id }) => id)
}

export async function removeMedia(tx: Database, line: string, by: string): Promise<boolean> {
  const rows = await tx.run`
    update budget.media set removed_at = platform.now(), removed_by = ${by}
    where id = ${line}::uuid and replaced_by is null and removed_at is null`
  return rows > 0
}

/** Lines with a day of the period, the latest first; `after` pages on. */
export function mediaIn(
  database: Database,
  period: { from: string; to: string },
  after: { day: string; id: string } | null = null,
  limit = 5000,
): Promise<StoredLine[]> {
  return database.rows<StoredLine>`
    select id, to_char(starts, 'YYYY-MM-DD') as starts, to_char(ends, 'YYYY-MM-DD') as ends, channel, campaign, vehicle, geo,
      population, reach_of_one as "reachOfOne", reach_of_two as "reachOfTwo", insertions, booked, aired,
      planned_contacts as "plannedContacts", contacts, planned_reach as "plannedReach", reached, cost, currency,
      recorded_at as "recordedAt", origin
    from budget.media
    where replaced_by is null and removed_at is null and starts <= ${period.to}::date and ends >= ${period.from}::date
      and (${after === null} or (starts, id) < (${after?.day ?? '2000-01-01'}::date, ${after?.id ?? '00000000-0000-0000-0000-000000000000'}::uuid))
    order by starts desc, id desc limit ${limit}`
}

/** Headers of media plans and spot logs, folded; the first that is there counts. */
const headers: { [Field in keyof MediaLine]: string[] } = {
  starts: [
    'starts',
    'start',
    'from',
    'beginn',
    'von',
    'date',
    'day',
    'datum',
    'tag',
    'air date',
    'sendetag',
    'erscheinungstag',
  ],
  ends: ['ends', 'end', 'to', 'until', 'ende', 'bis'],
  channel: ['channel', 'medium', 'kanal', 'mediengattung', 'gattung'],
  campaign: ['campaign', 'kampagne', 'motif', 'motiv'],
  vehicle: ['vehicle', 'station', 'sender', 'title', 'titel', 'site', 'standort', 'werbetrager'],
  geo: ['geo', 'region', 'gebiet', 'sendegebiet', 'edition', 'ausgabe'],
  population: ['population', 'bevolkerung', 'einwohner', 'zielgruppe', 'potenzial', 'grundgesamtheit'],
  reachOfOne: ['reach_1', 'reach 1', 'rating', 'reichweite 1', 'reichweite_1'],
  reachOfTwo: ['reach_2', 'reach 2', 'reichweite 2', 'reichweite_2'],
  insertions: ['insertions', 'planned', 'planned insertions', 'schaltungen', 'geplant', 'spots', 'einschaltungen'],
  booked: ['booked', 'gebucht'],
  aired: ['aired', 'actual', 'gesendet', 'ausgestrahlt', 'erschienen', 'gelaufen'],
  plannedContacts: [
    'planned contacts',
    'planned_contacts',
    'planned impressions',
    'geplante kontakte',
    'kontakte plan',
  ],
  contacts: ['contacts', 'kontakte', 'impressions', 'impressionen', 'circulation', 'auflage'],
  plannedReach: ['planned reach', 'planned_reach', 'geplante reichweite', 'reichweite plan'],
  reached: ['reached', 'net reach', 'reach', 'reichweite', 'nettoreichweite'],
  cost: ['cost', 'net cost', 'net', 'kosten', 'netto', 'nettokosten', 'betrag'],
  currency: ['currency', 'wahrung'],
}
/** Points of all insertions together; with their number they tell the reach of one. */
const points = ['grp', 'grps', 'gesamt-grp']
const fields = Object.keys(headers) as (keyof MediaLine)[]

/** Reads a media plan: each row is a line or the sentence that says what is wrong with it. */
export function readMediaFile(
  text: string,
  usual: { channel: string | null; currency: string },
):
  | { columns: ImportAnswer['columns']; lines: { row: number; line: MediaLine }[]; rejected: ImportAnswer['rejected'] }
  | { reason: string } {
  const { rows, lines: places } = cellsOf(text)
  const isHeader = (row: string[]) => {
    const names = row.map(folded)
    return names.some((name) => headers.starts.includes(name)) && names.filter((name) => known(name)).length >= 3
  }
  const at = rows.slice(0, 12).findIndex(isHeader)
  const header = (rows[at] ?? []).map(folded)
  if (at < 0) return { reason: kept('no_media_header') }
  const place = (names: string[]) => names.map((name) => header.indexOf(name)).find((found) => found >= 0) ?? -1
  const placed = fields.flatMap((field) =>
    place(headers[field]) < 0 ? [] : [{ field, column: place(headers[field]) }],
  )
  const grp = place(points)
  const written = (column: number) => (rows[at]?.[column] ?? '').trim()
  const taken: { row: number; line: MediaLine }[] = []
  const rejected: ImportAnswer['rejected'] = []
  const seen = new Map<string, number>()
  for (let index = at + 1; index < rows.length; index++) {
    const row = places[index] ?? index + 1
    const cells = rows[index] as string[]
    if (/^(total|gesamt|summe)/i.test((cells[0] ?? '').trim())) continue
    const told = new Map(placed.map(({ field, column }) => [field, (cells[column] ?? '').trim()]))
    const line = lineOf(told, (cells[grp] ?? '').trim(), usual)
    const fault = 'reason' in line ? line : faultOf(line)
    if (fault !== null) {
      const column = placed.find(({ field }) => field === fault.field)?.column
      rejected.push({ row, column: column === undefined ? null : written(column), reason: fault.reason })
      continue
    }
    const good = line as MediaLine
    const key = JSON.stringify([
      good.starts,
      good.ends,
      channelNamed(good.channel),
      good.campaign,
      good.vehicle,
      good.geo,
    ])
    const same = seen.get(key)
    if (same !== undefined) rejected.push({ row, column: null, reason: kept('same_media_line', { row: same }) })
    else {
      seen.set(key, row)
      taken.push({ row, line: good })
    }
  }
  return { columns: placed.map(({ field, column }) => ({ column: written(column), field })), lines: taken, rejected }
}

const known = (name: string) => points.includes(name) || fields.some((field) => headers[field].includes(name))

type Fault = { field: keyof MediaLine; reason: string }

function lineOf(
  told: Map<keyof MediaLine, string>,
  grp: string,
  usual: { channel: string | null; currency: string },
): MediaLine | Fault {
  const faults: Fault[] = []
  const text = (field: keyof MediaLine) => told.get(field) ?? ''
  const day = (field: 'starts' | 'ends') => {
    const found = dayOf(text(field))
    if (found === null) faults.push({ field, reason: kept('bad_day', { given: text(field) }) })
    return found ?? ''
  }
  const number = (field: keyof MediaLine, whole: boolean): number | null => {
    const given = text(field)
    if (given === '' || given === '-' || given === '–') return null
    const value = figureOf(given)
    if (value !== null && value >= 0 && (!whole || Number.isSafeInteger(value))) return value
    faults.push({ field, reason: kept(whole ? 'no_count' : 'bad_amount', { field, given }) })
    return null
  }
  /** `30 %` and 30 are thirty in a hundred, 0.3 is too. */
  const share = (field: 'reachOfOne' | 'reachOfTwo'): number | null => {
    const given = text(field)
    const value = number(field, false)
    if (value === null) return null
    const part = given.includes('%') || value > 1 ? value / 100 : value
    if (part > 0 && part <= 1) return part
    faults.push({ field, reason: kept('no_share', { given }) })
    return null
  }
  const starts = day('starts')
  const channel = text('channel') || (usual.channel ?? '')
  if (channel === '') faults.push({ field: 'channel', reason: kept('no_channel') })
  const population = number('population', true)
  if (population === 0) faults.push({ field: 'population', reason: kept('nobody_there') })
  const currency = (text('currency') || usual.currency).toUpperCase().replace('€', 'EUR')
  if (!/^[A-Z]{3}$/.test(currency))
    faults.push({ field: 'currency', reason: kept('bad_currency', { given: currency }) })
  const price = number('cost', false)
  const insertions = number('insertions', true)
  const rating = figureOf(grp)
  const oneOf = share('reachOfOne') ?? (rating !== null && rating > 0 && insertions ? rating / 100 / insertions : null)
  if (oneOf !== null && oneOf > 1) faults.push({ field: 'insertions', reason: kept('no_share', { given: grp }) })
  const line: MediaLine = {
    starts,
    ends: text('ends') === '' ? starts : day('ends'),
    channel,
    campaign: text('campaign'),
    vehicle: text('vehicle'),
    geo: text('geo'),
    population,
    reachOfOne: oneOf,
    reachOfTwo: share('reachOfTwo'),
    insertions,
    booked: number('booked', true),
    aired: number('aired', true),
    plannedContacts: number('plannedContacts', true),
    contacts: number('contacts', true),
    plannedReach: number('plannedReach', true),
    reached: number('reached', true),
    cost: price === null || faults.length > 0 ? null : toMinor(price, currency).amount,
    currency: price === null ? null : currency,
  }
  return faults[0] ?? line
}

/** `1.234,5`, `1,234.5`, `1 234`, `30 %`; three digits after a single sign are thousands, where a share cannot be meant. */
function figureOf(text: string): number | null {
  const bare = text.replaceAll(/[\s\u00a0'’€%]/g, '')
  if (!/^\d[\d.,]*$/.test(bare)) return null
  const sign = Math.max(bare.lastIndexOf('.'), bare.lastIndexOf(','))
  const both = bare.includes('.') && bare.includes(',')
  const thousands = sign >= 0 && !both && bare.length - sign === 4 && !bare.startsWith('0')
  if (sign < 0 || thousands) return Number(bare.replaceAll(/[.,]/g, ''))
  return Number(`${bare.slice(0, sign).replaceAll(/[.,]/g, '')}.${bare.slice(sign + 1)}`)
}

/** Net price of a line in decimals, for a spreadsheet. */
export const priceOf = ({ cost, currency }: Pick<MediaLine, 'cost' | 'currency'>) =>
  cost === null || currency === null ? null : cost / 10 ** minorDigits(currency)
