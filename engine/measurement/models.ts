import type { api } from '@einklang/contract'
import {
  bootstrapCredit,
  type Credit,
  creditByMarkov,
  creditByShapley,
  drawsFrom,
  normalQuantile,
  type Paths,
} from '@einklang/stats'
import type { CreditSums, RuleModel, ScopeTotals } from './credit.ts'

export type AttributionModel = api.measurement.AttributionModel

type Words = { title: string; definition: string }

export const modelWords: { [Model in AttributionModel]: Words } = {
  first: { title: 'First touch', definition: 'All credit to the touch that began the path.' },
  last: {
    title: 'Last touch',
    definition: 'All credit to the touch just before the order, visits of her own accord included.',
  },
  last_nondirect: {
    title: 'Last known touch',
    definition: 'All credit to the last touch that is neither a direct visit nor the visit to the store itself.',
  },
  linear: { title: 'Linear', definition: 'Every touch of the path gets the same share.' },
  position: {
    title: 'Position (40/20/40)',
    definition: '40 % to the first touch, 40 % to the last, 20 % to those between; short paths share equally.',
  },
  position_w: {
    title: 'Position (30/30/30/10)',
    definition:
      '30 % to the first touch, 30 % to the touch half-way, 30 % to the last, 10 % to the others; short paths share equally.',
  },
  decay: {
    title: 'Time decay',
    definition: 'A touch counts half for every 7 days that lie between it and the last touch.',
  },
  markov: {
    title: 'Markov chain',
    definition:
      'Share of orders that would be lost if everybody who meets the channel left there, from the exact chain of all paths, those without an order included. The chain remembers as many touches as asked for.',
  },
  shapley: { title: 'Shapley value', definition: 'Each path shares its order equally among its different channels.' },
}

const ruleModels: readonly string[] = ['first', 'last', 'last_nondirect', 'linear', 'position', 'position_w', 'decay']
export const isRule = (model: AttributionModel): model is RuleModel => ruleModels.includes(model)

export type CreditFigure = { orders: number; revenue: number; share: number; low: number | null; high: number | null }

const level = 0.9
/** Below this the bootstrap of the path models takes less than about a second. */
const bootstrapRows = 20_000
const replicates = 100

/** Credit per key under a rule, from sums of the database. Revenue is rounded so that the parts add up to the whole. */
export function figuresOfRule(
  rows: (CreditSums & { key: string })[],
  totals: ScopeTotals,
  model: RuleModel,
): Map<string, CreditFigure> {
  const whole = Number(totals.touched_revenue)
  const z = normalQuantile((1 + level) / 2)
  const revenue = roundedTo(
    rows.map((row) => Number(row[`${model}_value`])),
    whole,
  )
  return new Map(
    rows.map((row, index) => {
      const share = whole === 0 ? 0 : Number(row[`${model}_value`]) / whole
      // Ratio of two sums over independent persons (linearised): variance of Σ credit / Σ value.
      const variation =
        Number(row[`${model}_squares`]) -
        2 * share * Number(row[`${model}_products`]) +
        share * share * Number(totals.whole_squares)
      const reach = whole === 0 ? 0 : (z * Math.sqrt(Math.max(0, variation))) / Math.abs(whole)
      return [
        row.key,
        {
          orders: Number(row[`${model}_orders`]),
          revenue: revenue[index] as number,
          share,
          low: Math.max(0, share - reach),
          high: Math.min(1, share + reach),
        },
      ]
    }),
  )
}

/** Credit per key under a model of all paths, with a bootstrap interval over persons while the table is small. */
export function figuresOfPaths(
  paths: Paths,
  totals: ScopeTotals,
  model: 'markov' | 'shapley',
  seed: string,
  order = 1,
): Map<string, CreditFigure> {
  const credit = (of: Paths): Credit => (model === 'markov' ? creditByMarkov(of, { order }) : creditByShapley(of))
  const whole = Number(totals.touched_revenue)
  if (paths.channels.length === 0) return new Map()
  const best = credit(paths)
  const revenue = roundedTo([...best.values], whole)
  const bounds =
    paths.conversions.length <= bootstrapRows / order ** 2
      ? bootstrapCredit(paths, (drawn) => asShares(credit(drawn)), {
          replicates,
          draws: drawsFrom('attribution', model, seed),
          level,
        })
      : null
  return new Map(
    paths.channels.map((key, index) => [
      key,
      {
        orders: best.conversions[index] as number,
        revenue: revenue[index] as number,
        share: whole === 0 ? 0 : (best.values[index] as number) / whole,
        low: bounds ? (bounds.values.low[index] as number) : null,
        high: bounds ? (bounds.values.high[index] as number) : null,
      },
    ]),
  )
}

function asShares(credit: Credit): Credit {
  const sum = credit.values.reduce((total, value) => total + value, 0)
  return { conversions: credit.conversions, values: credit.values.map((value) => (sum === 0 ? 0 : value / sum)) }
}

/** Whole numbers that add up to the total, each within one of its figure (largest remainder). */
export function roundedTo(figures: number[], total: number): number[] {
  const floors = figures.map(Math.floor)
  let rest = Math.round(total) - floors.reduce((sum, floor) => sum + floor, 0)
  const order = figures
    .map((figure, index) => ({ index, part: figure - (floors[index] as number) }))
    .sort((a, b) => b.part - a.part)
  for (const { index } of order) {
    if (rest <= 0) break
    floors[index] = (floors[index] as number) + 1
    rest--
  }
  return floors
}

type Row = { key: string; credits: { model: AttributionModel; share: number }[] }

export type Difference = {
  key: string
  high: { model: AttributionModel; share: number }
  low: { model: AttributionModel; share: number }
  reason: 'begins' | 'ends' | 'own_accord' | 'returns' | 'needed' | 'replaceable' | 'middle' | null
}

/** Where the models do not agree and what that says of the channel, the largest difference first. */
export function differencesOf(rows: Row[]): Difference[] {
  const found: Difference[] = []
  for (const { key, credits } of rows) {
    const sorted = [...credits].sort((a, b) => a.share - b.share)
    const [low, high] = [sorted[0], sorted.at(-1)]
    if (low === undefined || high === undefined || high.share - low.share < 0.03) continue
    found.push({
      key,
      high: { model: high.model, share: high.share },
      low: { model: low.model, share: low.share },
      reason: reasonOf(high.model, low.model),
    })
  }
  return found.sort((a, b) => b.high.share - b.low.share - (a.high.share - a.low.share)).slice(0, 5)
}

const reasons: { [Reason in NonNullable<Difference['reason']>]: string } = {
  begins: 'it begins paths more often than it ends them',
  ends: 'it ends paths more often than it begins them',
  own_accord: 'it is mostly visits of their own accord',
  returns: 'people come back by themselves after it',
  needed: 'many paths would break without it',
  replaceable: 'most of these orders would find another way',
  middle: 'it stands in the middle of paths',
}

export function sentenceOf({ key, high, low, reason }: Difference): string {
  const because = reason === null ? '' : `: ${reasons[reason]}`
  return `${key} gets ${percent(high.share)} by ${modelWords[high.model].title.toLowerCase()} and ${percent(low.share)} by ${modelWords[low.model].title.toLowerCase()}${because}.`
}

function reasonOf(high: AttributionModel, low: AttributionModel): Difference['reason'] {
  const late = (model: AttributionModel) => model === 'last' || model === 'last_nondirect' || model === 'decay'
  const whole = (model: AttributionModel) => model === 'linear' || model === 'shapley' || model.startsWith('position')
  if (high === 'first' && late(low)) return 'begins'
  if (late(high) && low === 'first') return 'ends'
  if (high === 'last' && low === 'last_nondirect') return 'own_accord'
  if (high === 'last_nondirect' && low === 'last') return 'returns'
  if (high === 'markov') return 'needed'
  if (low === 'markov') return 'replaceable'
  if (whole(high) && (late(low) || low === 'first')) return 'middle'
  return null
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
