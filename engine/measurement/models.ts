import { type api, kept } from '@einklang/contract'
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
import { keptTouch } from './sayings.ts'

export type AttributionModel = api.measurement.AttributionModel

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

/** The same as a kept sentence; `by` tells what the key is made of. */
export function sentenceOf({ key, high, low, reason }: Difference, by: string): string {
  const [channel = key, ...rest] = key.split('/')
  return kept('differs', {
    name: keptTouch(channel, by === 'channel' ? null : rest.join('/')),
    high: high.share,
    highModel: kept(high.model),
    low: low.share,
    lowModel: kept(low.model),
    reason: kept(`differs_${reason ?? 'plain'}`),
  })
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
