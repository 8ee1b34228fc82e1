import { type AnswerOf, type api, kept } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { type Panel, syntheticControl, timeBasedRegression } from '@einklang/stats'
import { addDays } from '#measurement'

type Measured = AnswerOf<typeof api.budget.measureTest>

/** A pause of a channel: its days, and where it was. */
export type PausedWhere = {
  starts: string
  ends: string
  regions: string[]
  /** Where other channels paused in these days: nothing to be compared with. */
  beside: string[]
  currency: string
}

const weeksBefore = 26
const fewestWeeks = 8
/** Share of revenue whose region must be known: what is not known is taken to have fallen alike. */
const leastKnown = 0.5

/**
 * What the paused regions lost, by our own orders: until the pause they were a straight line of all other regions
 * (time-based regression), and what that line expects is compared with what was sold. An order lies where its store
 * stands, else where its customer lives; areas that a pause touches in part are compared with nothing.
 */
export async function measuredPause(database: Database, pause: PausedWhere, timeZone: string): Promise<Measured> {
  const rows = await salesByArea(database, pause, timeZone)
  const sum = (some: readonly Sales[]) => some.reduce((all, { value }) => all + value, 0)
  const known = rows.filter((row) => row.area !== '' || row.paused)
  const covered = sum(rows) > 0 ? sum(known) / sum(rows) : 0
  const touched = new Set(known.filter((row) => row.paused || row.beside).map(({ area }) => area))
  const others = [...new Set(known.filter((row) => !touched.has(row.area)).map(({ area }) => area))].sort()
  const first = rows.reduce((day, row) => (row.value > 0 && row.day < day ? row.day : day), pause.starts)
  const days = listOf(first, pause.ends)
  const start = days.indexOf(pause.starts)
  const nothing = (code: string, given: { [name: string]: number } = {}): Measured => ({
    found: null,
    because: kept(code, given),
    covered,
    controls: others.length,
    daysBefore: Math.max(0, start),
    fitError: null,
    warnings: [],
  })
  if (!known.some((row) => row.paused)) return nothing('pause_nowhere')
  if (covered < leastKnown) return nothing('pause_unknown', { covered })
  if (others.length === 0) return nothing('pause_everywhere')
  if (start < fewestWeeks * 7) return nothing('pause_short', { weeks: Math.floor(start / 7), needed: fewestWeeks })
  const panel = panelOf(days, [
    known.filter((row) => row.paused),
    ...others.map((area) => known.filter((row) => row.area === area && !row.paused)),
  ])
  const test = { panel, treated: [0], start, end: days.length }
  const result = timeBasedRegression(test)
  const mixed = others.length >= 3 ? syntheticControl(test) : null
  const apart =
    mixed !== null && (mixed.increment.low > result.increment.high || mixed.increment.high < result.increment.low)
  // A loss is told as what the pause cost, of all revenue and not only of that whose region is known.
  const cost = (increment: number) => Math.round(-increment / covered)
  const { value, low, high } = result.increment
  return {
    found: { increment: cost(value), low: cost(high), high: cost(low) },
    because: null,
    covered,
    controls: others.length,
    daysBefore: start,
    fitError: result.fitError,
    warnings: [
      ...(result.fitError > 0.1 ? [kept('pause_unlike', { error: result.fitError })] : []),
      ...(apart ? [kept('pause_apart')] : []),
      ...(covered < 0.9 ? [kept('pause_scaled', { covered })] : []),
    ],
  }
}

type Sales = { day: string; area: string; paused: boolean; beside: boolean; value: number }

/**
 * Net revenue per day and area (first two characters of the postal code, else the town), apart where the pause was. A
 * region of the pause is a town, the first digits of postal codes, or a store.
 */
function salesByArea(database: Database, pause: PausedWhere, timeZone: string): Promise<Sales[]> {
  const within = (regions: string[]) => {
    const names = regions.map((region) => region.trim().toLowerCase())
    const digits = names.filter((name) => /^\d{1,5}$/.test(name))
    return database.part`coalesce(town = any(${names}) or store = any(${names}) or store_name = any(${names})
      or exists (select from unnest(${digits}::text[]) as digit where starts_with(postal, digit)), false)`
  }
  return database.rows<Sales>`
    with sold as (
      select to_char(purchase.at at time zone ${timeZone}, 'YYYY-MM-DD') as day,
        purchase.total - purchase.refunded as value, lower(place.place) as store, lower(place.name) as store_name,
        case when coalesce(place.postal_code, place.city) is null then person.postal_code else place.postal_code end as postal,
        lower(case when coalesce(place.postal_code, place.city) is null then person.city else place.city end) as town
      from commerce.purchase left join commerce.place on place.place = purchase.place
      left join identity.merged on merged.loser = purchase.person and not merged.undone
      left join profile.person on person.person = coalesce(merged.winner, purchase.person)
      where purchase.currency = ${pause.currency} and purchase.cancelled_at is null
        and purchase.at >= ${addDays(pause.starts, -7 * weeksBefore)}::date::timestamp at time zone ${timeZone}
        and purchase.at < (${pause.ends}::date + 1)::timestamp at time zone ${timeZone})
    select day, coalesce(left(postal, 2), town, '') as area,
      ${within(pause.regions)} as paused, ${within(pause.beside)} as beside,
      sum(value)::float8 as value
    from sold group by 1, 2, 3, 4`
}

function listOf(from: string, to: string): string[] {
  const days: string[] = []
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day)
  return days
}

function panelOf(days: string[], regions: Sales[][]): Panel {
  const place = new Map(days.map((day, index) => [day, index]))
  const values = regions.map((rows) => {
    const sums = new Float64Array(days.length)
    for (const { day, value } of rows) {
      const index = place.get(day)
      if (index !== undefined) sums[index] = (sums[index] as number) + value
    }
    return sums
  })
  return { regions: regions.map((_, index) => String(index)), periods: days.length, values }
}
