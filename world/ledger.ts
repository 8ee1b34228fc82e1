import { isoWeek } from './calendar.ts'
import { hash } from './chance.ts'
import { adoption } from './life.ts'
import { expectedIncrement, mediaChannels } from './media.ts'
import type { Outcome, PartYield, World } from './parts.ts'
import { geos } from './places.ts'
import { decimal, Rows } from './rows.ts'

const germanNames: { [name: string]: string } = {
  radio: 'Hörfunk',
  regional_tv: 'Regional-TV',
  out_of_home: 'Außenwerbung',
  direct_mail: 'Direktwerbung',
  catalogue: 'Katalog',
  phone: 'Telefon',
}
const contactCost: { [name: string]: [number, number] } = {
  brand_search: [0.9, 0.18],
  generic_search: [0.6, 0.42],
  social_ads: [0.35, 0.55],
  display: [0.18, 0.7],
  email: [1.1, 0.4],
  sms: [8, 1.5],
  radio: [0.5, 0],
  regional_tv: [0.9, 0],
  out_of_home: [0.4, 0],
  direct_mail: [85, 0],
  catalogue: [240, 0],
  phone: [400, 0],
}

/** What only the sum of all parts tells: the bills of the media, and the truth about their effect. */
export function closeTheBooks(
  world: World,
  costs: Float64Array[],
  outcomes: { [scenario: string]: Outcome },
): PartYield {
  const rows = new Rows()
  writeSpend(world, rows, costs)
  // A town is too small for effects to show: its truth is about persons and goods.
  if (world.truth && world.setting.size !== 'town') {
    writeIncrements(world, rows, outcomes)
    writeCurves(world, rows, costs)
    writeUnification(world, rows)
  }
  return { rows, counts: {}, costs: [], outcomes: {} }
}

function writeSpend(world: World, rows: Rows, costs: Float64Array[]): void {
  const { setting, files } = world
  for (const [index, law] of mediaChannels.entries()) {
    if (setting.options.channelsOff.has(law.name)) continue
    const german = germanNames[law.name]
    for (const geo of geos)
      for (let week = 0; week < setting.weeks; week++) {
        const monday = setting.calendar.midnight[week * 7] as number
        // A week is billed when it is over.
        if ((setting.calendar.midnight[week * 7 + 7] as number) > setting.until) continue
        const at = geo.index * setting.weeks + week
        const cents = Math.round(
          ((law.way === 'broad' ? setting.media.spend[index] : costs[index]) as Float64Array)[at] as number,
        )
        if (cents === 0) continue
        const [perContact, clickShare] = contactCost[law.name] as [number, number]
        const contacts = Math.round(cents / perContact)
        const tie = hash(setting.purposes['row/tie'], index, at)
        if (german)
          rows.add(
            files.spendGerman,
            monday,
            tie,
            `${isoWeek(monday)};${law.name};${german} ${isoWeek(monday).slice(0, 4)};${geo.name};${decimal(cents, ',')};EUR;${contacts}`,
          )
        else
          rows.add(
            files.spendEnglish,
            monday,
            tie,
            `${isoWeek(monday)},${law.name},${law.name === 'brand_search' ? 'marke' : law.name === 'generic_search' ? 'shopping-schuhe' : law.name === 'social_ads' ? 'social-kollektion' : law.name === 'display' ? 'retargeting' : law.name},${geo.name},${decimal(cents, '.')},EUR,${contacts},${Math.round(contacts * clickShare * 0.1)}`,
          )
      }
  }
}

const rounded = (value: number, digits = 2): number => Math.round(value * 10 ** digits) / 10 ** digits

/** History minus the run in which the channel was off: orders and revenue per channel, week and geo. */
function writeIncrements(world: World, rows: Rows, outcomes: { [scenario: string]: Outcome }): void {
  const { setting, files } = world
  const past = outcomes.history as Outcome
  for (const [scenario, other] of Object.entries(outcomes)) {
    if (scenario === 'history') continue
    for (const geo of geos)
      for (let week = 0; week < setting.weeks; week++) {
        const at = geo.index * setting.weeks + week
        rows.add(
          files.truth.incremental_by_channel_week_geo,
          week,
          hash(setting.purposes['row/tie'], at, scenario.length * 31 + scenario.charCodeAt(0)),
          JSON.stringify({
            channel: scenario,
            week,
            geo: geo.name,
            orders: (past.orders[at] as number) - (other.orders[at] as number),
            revenue_cents: Math.round((past.revenue[at] as number) - (other.revenue[at] as number)),
          }),
        )
      }
  }
}

const levels = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]

/** Expected additional revenue of a channel when its whole spend is scaled. */
function curve(world: World, channel: number, level: number, spent: number): number {
  const { setting } = world
  const law = mediaChannels[channel] as (typeof mediaChannels)[number]
  // Addressed channels: each further contact of the same kind adds as much as the last.
  if (law.way === 'addressed') return spent * level * law.roas
  const series = (setting.media.spend[channel] as Float64Array).map((cents) => cents * level)
  return expectedIncrement(setting.media, channel, series, setting.weeks).reduce((sum, value) => sum + value, 0)
}

function writeCurves(world: World, rows: Rows, costs: Float64Array[]): void {
  const { setting, files } = world
  const spent = mediaChannels.map((law, index) =>
    ((law.way === 'broad' ? setting.media.spend[index] : costs[index]) as Float64Array).reduce(
      (sum, value) => sum + value,
      0,
    ),
  )
  for (const [index, law] of mediaChannels.entries())
    for (const level of levels)
      rows.add(
        files.truth.response_curves,
        index,
        Math.round(level * 100),
        JSON.stringify({
          channel: law.name,
          level,
          spend_cents: Math.round((spent[index] as number) * level),
          increment_cents: Math.round(curve(world, index, level, spent[index] as number)),
          half_life_weeks: law.halfLife,
          marginal_roas_at_history: law.roas,
        }),
      )
  // Broad channels share a budget: greedy in steps of half a per cent, each to the channel where it earns most.
  const broad = mediaChannels.flatMap((law, index) => (law.way === 'broad' ? [index] : []))
  const total = broad.reduce((sum, index) => sum + (spent[index] as number), 0)
  for (const budget of [0.5, 0.75, 1, 1.25, 1.5]) {
    const level = new Map(broad.map((index) => [index, 0]))
    const now = new Map(broad.map((index) => [index, 0]))
    const step = total * 0.01
    const gain = (index: number): number =>
      spent[index]
        ? curve(world, index, (level.get(index) as number) + step / (spent[index] as number), spent[index] as number) -
          (now.get(index) as number)
        : 0
    const gains = new Map(broad.map((index) => [index, gain(index)]))
    for (let used = step; used <= total * budget + 1; used += step) {
      const best = broad.reduce((winner, index) =>
        (gains.get(index) as number) > (gains.get(winner) as number) ? index : winner,
      )
      level.set(best, (level.get(best) as number) + step / (spent[best] as number))
      now.set(best, curve(world, best, level.get(best) as number, spent[best] as number))
      gains.set(best, gain(best))
    }
    for (const index of broad)
      rows.add(
        files.truth.optimal_budget,
        budget,
        index,
        JSON.stringify({
          budget_level: budget,
          channel: mediaChannels[index]?.name,
          spend_cents: Math.round((spent[index] as number) * (level.get(index) as number)),
          expected_increment_cents: Math.round(now.get(index) as number),
        }),
      )
  }
}

/** What each part of the unification does, store by store and week by week. */
function writeUnification(world: World, rows: Rows): void {
  const { setting, files } = world
  if (setting.weeks <= 20) return
  for (const store of setting.stores)
    for (let week = 0; week < setting.weeks; week++) {
      const used = adoption(setting, store.index, week)
      const parts = [
        {
          part: 'shared stock',
          live: week >= store.joins,
          conversion: 0,
          basket: 0,
          cancellations: week >= store.joins ? -0.6 : 0,
        },
        { part: 'shared prices', live: week >= store.joins + 1, conversion: 0, basket: 0, cancellations: 0 },
        {
          part: 'companion',
          live: week >= store.joins + 2,
          conversion: rounded(0.045 * used, 4),
          basket: rounded(0.025 * used, 4),
          cancellations: 0,
        },
        { part: 'personal offers', live: week >= store.joins + 3, conversion: 0, basket: 0, cancellations: 0 },
      ]
      for (const [index, part] of parts.entries())
        rows.add(
          files.truth.unification_effects,
          week,
          store.index * 4 + index,
          JSON.stringify({ store: store.code, week, ...part }),
        )
    }
}
