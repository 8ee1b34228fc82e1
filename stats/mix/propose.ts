import { correlation } from './readiness.ts'
import type { ChannelSpec, MixSpec } from './spec.ts'

/** A column of a table as text and, where every cell is a number, as numbers. */
export type ProposalColumn = { name: string; numbers: Float64Array | null; distinct: number; dates: boolean }

export type Proposal = {
  spec: MixSpec
  /** Columns that were left out, and why. */
  unused: { column: string; because: string }[]
}

const words = {
  outcome:
    /^(y|sales|revenue|turnover|conversions?|orders|outcome|kpi|target|umsatz|absatz|bestellungen)$|(^|_)(sales|revenue|umsatz)(_|$)/i,
  online: /(^|_)(online|web|shop|e-?commerce)(_|$)/i,
  money: /(^|_)(revenue|turnover|umsatz)(_|$)/i,
  geo: /^(geo|region|market|store|state|dma|gebiet|bundesland|filiale)s?$/i,
  spend: /(^|[_ ])(spend|cost|costs|budget|invest|kosten|ausgaben)([_ ]|$)|_s$|^x\d+([_ -]|$)/i,
  exposure: /[_ ](impressions?|exposures?|clicks|grps?|i|p)$/i,
  control:
    /price|promo|holiday|event|weather|temp|rain|competitor|control|distribution|stock|inflation|preis|wetter|feiertag|aktion|^c\d+$/i,
  clock: /^(t|index|week|month|year|quarter|day_?of_?year|dayofyear|trend|time)$/i,
}

/** A specification from the names of the columns: to be read and corrected, not to be believed. Null with the reason when it cannot be made. */
export function proposeMix(columns: readonly ProposalColumn[], weeks: number): Proposal | { because: string } {
  const date = columns.find(({ dates }) => dates)
  if (date === undefined) return { because: 'No column holds dates.' }
  const others = columns.filter((column) => column !== date)
  const geo = others.find(({ name, distinct, numbers }) => words.geo.test(name) && distinct > 1 && numbers === null)
  const outcomes = others.filter(
    ({ name, numbers }) => numbers !== null && words.outcome.test(name) && !words.spend.test(name),
  )
  const outcome = outcomes.find(({ name }) => !words.online.test(name)) ?? outcomes[0]
  if (outcome === undefined)
    return { because: 'No column looks like the outcome (sales, revenue, orders, conversions or y).' }
  const online = outcomes.find(
    (column) => column !== outcome && words.online.test(column.name) && isPart(column, outcome),
  )
  const spends = others.filter(({ name, numbers }) => numbers !== null && words.spend.test(name))
  if (spends.length === 0) return { because: 'No column looks like spend (…_spend, …_cost, …_S or x1, x2 …).' }
  const unused: Proposal['unused'] = []
  const channels = spends.flatMap(({ name, numbers }): ChannelSpec[] => {
    if ((numbers as Float64Array).some((value) => value < 0)) {
      unused.push({ column: name, because: 'holds negative values' })
      return []
    }
    if (suspicious(numbers as Float64Array, outcome.numbers as Float64Array)) {
      unused.push({ column: name, because: 'is almost the outcome itself' })
      return []
    }
    if (/(adstock|saturated|effect|contribution)/i.test(name)) {
      unused.push({ column: name, because: 'looks computed' })
      return []
    }
    return [{ name: plainName(name), spend: name }]
  })
  const taken = new Set([date, outcome, online, geo, ...spends])
  const controls: string[] = []
  for (const column of others) {
    if (taken.has(column)) continue
    const { name, numbers, distinct } = column
    if (numbers === null) unused.push({ column: name, because: 'is not a number in every row' })
    else if (words.clock.test(name)) unused.push({ column: name, because: 'is time itself; trend and season cover it' })
    else if (words.exposure.test(name))
      unused.push({ column: name, because: 'exposure; name it in a channel to use it' })
    else if (distinct < 2) unused.push({ column: name, because: 'never changes' })
    else if (suspicious(numbers, outcome.numbers as Float64Array))
      unused.push({ column: name, because: 'is almost the outcome itself' })
    else if (words.control.test(name)) controls.push(name)
    else unused.push({ column: name, because: 'its meaning is not clear; add it to the controls if it explains sales' })
  }
  return {
    spec: {
      date: date.name,
      outcome: outcome.name,
      ...(online === undefined ? {} : { online: online.name }),
      ...(words.money.test(outcome.name) ? { money: true } : {}),
      ...(geo === undefined ? {} : { geo: geo.name }),
      channels,
      controls,
      season: weeks >= 78 ? 3 : 2,
      trend: weeks >= 130 ? { everyWeeks: 52 } : 'linear',
      adstock: 'geometric',
      saturation: 'hill',
      likelihood: 'normal',
    },
    unused,
  }
}

function isPart({ numbers: part }: ProposalColumn, { numbers: whole }: ProposalColumn): boolean {
  return part?.every((value, row) => value >= 0 && value <= (whole?.[row] as number)) === true
}

function suspicious(values: Float64Array, outcome: Float64Array): boolean {
  return Math.abs(correlation(values, outcome)) > 0.98
}

function plainName(column: string): string {
  return column.replace(/^x\d+_(?=.)/i, '').replace(/[_ ](spend|cost|costs|kosten|S)$/i, '') || column
}
