import { quantileOfSorted } from '../attribution/bootstrap.ts'
import { drawsFrom } from '../numbers/chance.ts'
import type { ChainDraws } from '../sampling/nuts.ts'
import { halfLifeOf, lawOf } from './coordinate.ts'
import type { MixModel, Unfolded } from './model.ts'
import { correlation, withoutThese } from './readiness.ts'
import { saturate } from './saturation.ts'
import type { LiftResult } from './spec.ts'

/** A figure with its 90 % interval. */
export type Figure = { mean: number; low: number; high: number }

export type ChannelAnswer = {
  name: string
  spend: number
  /** What the channel brought over all weeks, in the unit of the outcome. */
  contribution: Figure
  share: Figure
  /** Null when nothing was spent (exposure only). */
  roas: Figure | null
  /** Outcome of the next unit of spend, at the spend as it was. */
  marginalRoas: Figure | null
  /** What ten per cent more spend would have brought over all weeks. */
  tenPercentMore: Figure
  halfLifeWeeks: Figure
  /** Weeks until the effect is largest; null without delay. */
  peakWeeks: Figure | null
  /** Weekly spend (all regions) at which half of the possible effect is reached; null without saturation. */
  halfSaturation: Figure | null
  slope: Figure | null
  /** How the effect differs between regions (log scale); null without regions. */
  spread: Figure | null
  /** Share of the effect that is bought online; null where the table does not tell what is sold online. */
  online: Figure | null
  regions: { name: string; spend: number; contribution: Figure; roas: Figure | null }[]
  /** Share of the outcome as believed before and as known now: 5 %, 50 %, 95 %. */
  belief: Figure
  /** The belief as a return on the spend; null when nothing was spent. */
  believedRoas: Figure | null
  /** Share of what was believed possible that lies below what is known now: near 0 and 1 data and belief contradict each other. */
  rank: number
  /** Overlap of both: near 1 the data taught nothing. */
  overlap: number
  /** How much of the channel's course base and other channels tell too (adjusted R²), and which of them tells most alone. */
  explained: { share: number; by: string; part: 'trend' | 'season' | 'control' | 'channel' }
  /** Contribution in each week, regions together. */
  weekly: { mean: number[]; low: number[]; high: number[] }
}

/** Response for the allocator: outcome a week for a level of weekly spend, scaled as the spend was spread before. */
export type ChannelResponse = {
  channel: string
  /** Usual spend a week: all spend over all weeks. */
  usual: number
  /** Levels in multiples of the usual spend, rising from 0. */
  levels: number[]
  /** Outcome a week: one row per posterior draw, one value per level. */
  draws: number[][]
}

export type BaseAnswer = {
  share: Figure
  weekly: { mean: number[]; low: number[]; high: number[] }
  /** Weight of each column, in multiples of the region's usual outcome (controls: per standard deviation). */
  columns: { name: string; part: string; region: string; weight: Figure }[]
}

export type MixAnswers = {
  channels: ChannelAnswer[]
  base: BaseAnswer
  /** All weeks and regions: what the model says beside what was. */
  fit: {
    observed: number[]
    mean: number[]
    low: number[]
    high: number[]
    r2: number
    mape: number
    /** Share of rows inside the 90 % interval of a new observation. */
    coverage: number
    /** Correlation of a week's residual with that of the week before. */
    autocorrelation: number
  }
  response: ChannelResponse[]
  /** Correlation of the channels' contributions in the posterior. */
  together: number[][]
  /** ROAS under half and double the width of the channel's prior, by reweighting; null when that would need a new fit. */
  sensitivity: { channel: string; half: number | null; usual: number; double: number | null }[]
  experiments: { result: LiftResult; model: Figure }[]
  /** Results left out, because the table itself shows their pause: counted with it, they would count twice. */
  shownByTable?: LiftResult[]
  /** Channels by what a four-week pause of them would be worth to the budget, in the unit of the outcome a year. */
  tests: { channel: string; value: number; error: number }[]
}

export const responseLevels = [
  0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.4, 1.6, 1.8, 2, 2.25, 2.5, 2.75, 3,
]

export function figureOf(values: Float64Array): Figure {
  const sorted = values.toSorted()
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: quantileOfSorted(sorted, 0.05),
    high: quantileOfSorted(sorted, 0.95),
  }
}

/** Points of all chains, evenly thinned to at most so many. */
export function pointsOf(chains: readonly ChainDraws[], most: number): Float64Array[] {
  const all = chains.flatMap((chain) =>
    Array.from({ length: chain.draws }, (_, draw) => chain.values.subarray(draw * chain.size, (draw + 1) * chain.size)),
  )
  if (all.length <= most) return all
  return Array.from({ length: most }, (_, index) => all[Math.floor((index * all.length) / most)] as Float64Array)
}

/** Everything that is said of a fit, from the points drawn. */
export function answersOf(model: MixModel, points: readonly Float64Array[], seed: string | number): MixAnswers {
  const { data, channels, size } = model
  const weeks = data.weeks.length
  const regions = data.regions.length
  const cells = weeks * regions
  const count = points.length
  const log = model.spec.link === 'log'
  const draws = drawsFrom('answers', seed)
  const total = data.outcome.reduce((sum, value) => sum + value, 0)
  const column = () => new Float64Array(count)
  const figures = channels.map(() => ({
    contribution: column(),
    marginal: column(),
    more: column(),
    halfLife: column(),
    peak: column(),
    half: column(),
    slope: column(),
    spread: column(),
    online: column(),
    regions: data.regions.map(column),
  }))
  const weekly = channels.map(() => Array.from({ length: weeks }, column))
  const baseShare = column()
  const baseWeekly = Array.from({ length: weeks }, column)
  const weights = Array.from({ length: model.rows.length * model.columns.length }, column)
  const expected = new Float64Array(cells)
  const predicted = Array.from({ length: cells }, column)
  const lifts = model.lifts.map(column)
  const reachedMean = new Float64Array(channels.length * cells)

  for (const [which, point] of points.entries()) {
    const at = model.unfold(point)
    const { base, weights: own } = model.drawBase(point, draws)
    for (let index = 0; index < own.length; index++) (weights[index] as Float64Array)[which] = own[index] as number
    const increments = model.liftAt()
    for (let index = 0; index < lifts.length; index++)
      (lifts[index] as Float64Array)[which] = increments[index] as number
    for (const [row, { region, size: scale }] of model.rows.entries())
      for (let week = 0; week < weeks; week++) {
        const place = row * weeks + week
        const cell = region * weeks + week
        const inside = (base[place] as number) + (at.media[place] as number)
        const noise = (at.noise[row] as number) * studentOrNormal(draws, at.freedom)
        add(expected, cell, (scale * (log ? Math.exp(inside) : inside)) / count)
        add(predicted[cell] as Float64Array, which, scale * (log ? Math.exp(inside + noise) : inside + noise))
        const without = scale * (log ? Math.exp(base[place] as number) : (base[place] as number))
        add(baseWeekly[week] as Float64Array, which, without)
        add(baseShare, which, without / total)
      }
    for (const [index, channel] of channels.entries()) {
      const into = figures[index] as (typeof figures)[number]
      const half = at.half[index] as number
      const slope = at.slope[index] as number
      for (let region = 0; region < regions; region++) {
        const lane = index * regions + region
        const effect = at.effect[lane] as number
        const scale = size[region] as number
        for (let week = 0; week < weeks; week++) {
          const cell = region * weeks + week
          const stock = at.stock[lane * weeks + week] as number
          const reached = at.reached[lane * weeks + week] as number
          add(reachedMean, lane * weeks + week, reached / count)
          // With a log link a channel is credited with what would be missing without it.
          const unit = log ? scale * Math.exp((base[cell] as number) + (at.media[cell] as number)) : scale
          const brought = log ? unit * -Math.expm1(-effect * reached) : unit * effect * reached
          const more = (factor: number) => {
            const gain = effect * (saturate(channel.saturation, factor * stock, half, slope) - reached)
            return log ? unit * Math.expm1(gain) : unit * gain
          }
          add(into.contribution, which, brought)
          add(into.regions[region] as Float64Array, which, brought)
          add((weekly[index] as Float64Array[])[week] as Float64Array, which, brought)
          if (stock > 0) {
            add(into.marginal, which, more(1.01))
            add(into.more, which, more(1.1))
          }
        }
      }
      into.halfLife[which] = halfLifeOf(at.retention[index] as number, channel.adstock === 'delayed')
      into.peak[which] = at.peak[index] as number
      into.half[which] = half * channel.unit * regions
      into.slope[which] = slope
      into.spread[which] = at.spread[index] as number
      into.online[which] = at.online[index] as number
    }
  }

  const answers = channels.map((channel, index): ChannelAnswer => {
    const own = figures[index] as (typeof figures)[number]
    const prior = priorShares(model, index, seed)
    const share = own.contribution.map((value) => value / total)
    const known = figureOf(share)
    const paid = channel.totalSpend > 0
    const exposed = (data.exposure[channel.index] ?? null) !== null
    // A half-saturation in exposure is told in the money that buys it on average.
    const price = exposed
      ? channel.totalSpend / (data.exposure[channel.index] as Float64Array).reduce((sum, value) => sum + value, 0)
      : 1
    return {
      name: channel.name,
      spend: channel.totalSpend,
      contribution: figureOf(own.contribution),
      share: known,
      roas: paid ? figureOf(own.contribution.map((value) => value / channel.totalSpend)) : null,
      marginalRoas: paid ? figureOf(own.marginal.map((value) => value / (0.01 * channel.totalSpend))) : null,
      tenPercentMore: figureOf(own.more),
      halfLifeWeeks: figureOf(own.halfLife),
      peakWeeks: channel.adstock === 'delayed' ? figureOf(own.peak) : null,
      halfSaturation: channel.saturation === 'none' || !paid ? null : figureOf(own.half.map((value) => value * price)),
      slope: channel.saturation === 'hill' ? figureOf(own.slope) : null,
      spread: regions > 1 ? figureOf(own.spread) : null,
      online: data.online === undefined ? null : figureOf(own.online),
      regions:
        regions === 1
          ? []
          : data.regions.map((name, region) => {
              const spend = channel.spend
                .subarray(region * weeks, (region + 1) * weeks)
                .reduce((sum, value) => sum + value, 0)
              const brought = own.regions[region] as Float64Array
              return {
                name,
                spend,
                contribution: figureOf(brought),
                roas: spend > 0 ? figureOf(brought.map((value) => value / spend)) : null,
              }
            }),
      belief: figureOf(prior),
      believedRoas: paid ? figureOf(prior.map((value) => (value * total) / channel.totalSpend)) : null,
      rank: prior.filter((value) => value <= known.mean).length / prior.length,
      overlap: overlapOf(prior, share),
      explained: explainedBy(model, reachedMean, index),
      weekly: bandOf(weekly[index] as Float64Array[]),
    }
  })
  const residual = data.outcome.map((value, cell) => value - (expected[cell] as number))
  const bands = predicted.map(figureOf)
  return {
    channels: answers,
    base: {
      share: figureOf(baseShare),
      weekly: bandOf(baseWeekly),
      columns: weights.map((values, index) => ({
        name: model.columns[index % model.columns.length]?.name as string,
        part: model.columns[index % model.columns.length]?.part as string,
        region: model.rows[Math.floor(index / model.columns.length)]?.name as string,
        weight: figureOf(values),
      })),
    },
    fit: {
      observed: [...data.outcome],
      mean: [...expected],
      low: bands.map(({ low }) => low),
      high: bands.map(({ high }) => high),
      r2: explained(data.outcome, residual, weeks),
      mape:
        residual.reduce((sum, value, cell) => {
          const seen = Math.abs(data.outcome[cell] as number)
          return sum + (seen > 0 ? Math.abs(value) / seen : 0)
        }, 0) / cells,
      coverage:
        bands.filter(({ low, high }, cell) => {
          const seen = data.outcome[cell] as number
          return seen >= low && seen <= high
        }).length / cells,
      autocorrelation: autocorrelationOf(residual, weeks),
    },
    response: responseOf(model, points),
    together: figures.map((left) => figures.map((right) => correlation(left.contribution, right.contribution))),
    sensitivity: sensitivityOf(model, points, figures),
    experiments: model.lifts.map(({ result }, index) => ({ result, model: figureOf(lifts[index] as Float64Array) })),
    shownByTable: [...model.shownByTable],
    tests: testsOf(model, figures, residual),
  }
}

function add(into: Float64Array, at: number, value: number): void {
  into[at] = (into[at] as number) + value
}

function studentOrNormal(draws: ReturnType<typeof drawsFrom>, freedom: number): number {
  const normal = draws.normal()
  return Number.isFinite(freedom) ? normal / Math.sqrt(draws.gamma(freedom / 2, freedom / 2)) : normal
}

function bandOf(series: readonly Float64Array[]) {
  const figures = series.map(figureOf)
  return {
    mean: figures.map(({ mean }) => mean),
    low: figures.map(({ low }) => low),
    high: figures.map(({ high }) => high),
  }
}

/** Share of the variance within regions that is explained. */
function explained(outcome: Float64Array, residual: Float64Array, weeks: number): number {
  let [left, all] = [0, 0]
  for (let from = 0; from < outcome.length; from += weeks) {
    const own = outcome.subarray(from, from + weeks)
    const mean = own.reduce((sum, value) => sum + value, 0) / weeks
    for (let week = 0; week < weeks; week++) {
      all += ((own[week] as number) - mean) ** 2
      left += (residual[from + week] as number) ** 2
    }
  }
  return 1 - left / all
}

/** How far base and other channels tell the course of a channel's effect; what tells most of it alone is named. */
function explainedBy(model: MixModel, reached: Float64Array, index: number): ChannelAnswer['explained'] {
  const { data, channels, columns } = model
  const weeks = data.weeks.length
  const regions = data.regions.length
  const lane = (channel: number, region: number) =>
    reached.subarray((channel * regions + region) * weeks, (channel * regions + region + 1) * weeks)
  const own = (values: Float64Array, region: number) => values.subarray(region * weeks, (region + 1) * weeks)
  const level = columns.filter(({ part }) => part === 'level')
  const told = (series: (region: number) => Float64Array[]) => {
    let [left, all, used] = [0, 0, 0]
    for (let region = 0; region < regions; region++) {
      const base = level.map(({ values }) => own(values, region))
      const centred = withoutThese(lane(index, region), base)
      const rest = withoutThese(lane(index, region), [...base, ...series(region)])
      used = series(region).length
      for (let week = 0; week < weeks; week++) {
        all += (centred[week] as number) ** 2
        left += (rest[week] as number) ** 2
      }
    }
    // Many columns tell something by chance alone.
    return all > 0 ? Math.max(0, 1 - (left / all) * ((weeks - 1) / Math.max(1, weeks - 1 - used))) : 0
  }
  const parts = (wanted: readonly string[]) => columns.filter(({ part }) => wanted.includes(part))
  const others = channels.flatMap((_, other) => (other === index ? [] : [other]))
  const candidates = [
    {
      by: 'the trend',
      part: 'trend' as const,
      share: told((region) => parts(['trend']).map((one) => own(one.values, region))),
    },
    {
      by: 'the season',
      part: 'season' as const,
      share: told((region) => parts(['season', 'holiday']).map((one) => own(one.values, region))),
    },
    ...parts(['control']).map((one) => ({
      by: one.name,
      part: 'control' as const,
      share: told((region) => [own(one.values, region)]),
    })),
    ...others.map((other) => ({
      by: (channels[other] as MixModel['channels'][number]).name,
      part: 'channel' as const,
      share: told((region) => [lane(other, region)]),
    })),
  ]
  const most = candidates.reduce((best, one) => (one.share > best.share ? one : best))
  const share = told((region) => [
    ...parts(['trend', 'season', 'holiday', 'control']).map((one) => own(one.values, region)),
    ...others.map((other) => lane(other, region)),
  ])
  return { share, by: most.by, part: most.part }
}

function autocorrelationOf(residual: Float64Array, weeks: number): number {
  let [both, all] = [0, 0]
  for (let from = 0; from < residual.length; from += weeks)
    for (let week = 0; week < weeks; week++) {
      const own = residual[from + week] as number
      all += own * own
      if (week > 0) both += own * (residual[from + week - 1] as number)
    }
  return all > 0 ? both / all : 0
}

/** What was believed of the channel's share of the outcome, as draws. */
function priorShares(model: MixModel, index: number, seed: string | number): Float64Array {
  const draws = drawsFrom('belief', seed, index)
  const channel = model.channels[index] as MixModel['channels'][number]
  const name = `${channel.name}.share`
  const place = model.names.indexOf(name)
  const coordinate = model.coordinates[place]
  if (coordinate !== undefined)
    return Float64Array.from({ length: 2000 }, () => coordinate.value(coordinate.draw(draws)))
  const weeks = model.data.weeks.length
  const regions = model.data.regions.length
  const total = model.data.outcome.reduce((sum, value) => sum + value, 0)
  return Float64Array.from({ length: 400 }, () => {
    const at = model.unfold(model.drawPrior(draws))
    let sum = 0
    for (let region = 0; region < regions; region++) {
      const lane = index * regions + region
      let reached = 0
      for (let week = 0; week < weeks; week++) reached += at.reached[lane * weeks + week] as number
      sum += (at.effect[lane] as number) * (model.size[region] as number) * reached
    }
    return sum / total
  })
}

/** Common area of two distributions, from thirty steps of equal width in ranks of both. */
function overlapOf(left: Float64Array, right: Float64Array): number {
  const edges = Float64Array.from([...left, ...right]).sort()
  const bins = 30
  const cut = Array.from({ length: bins - 1 }, (_, index) => quantileOfSorted(edges, (index + 1) / bins))
  const parts = [left, right].map((values) => {
    const counts = new Float64Array(bins)
    for (const value of values) {
      let bin = 0
      while (bin < bins - 1 && value > (cut[bin] as number)) bin++
      counts[bin] = (counts[bin] as number) + 1 / values.length
    }
    return counts
  })
  return (parts[0] as Float64Array).reduce((sum, value, bin) => sum + Math.min(value, parts[1]?.[bin] as number), 0)
}

/** Response of each channel, up to 200 draws: all its spend scaled, pauses and bursts as they were. */
function responseOf(model: MixModel, points: readonly Float64Array[]): ChannelResponse[] {
  const { data, channels, size } = model
  const weeks = data.weeks.length
  const regions = data.regions.length
  const cells = weeks * regions
  const few = points.length <= 200 ? points : points.filter((_, index) => index % Math.ceil(points.length / 200) === 0)
  const result = channels.map(
    (channel): ChannelResponse => ({
      channel: channel.name,
      usual: channel.totalSpend / weeks,
      levels: responseLevels,
      draws: [],
    }),
  )
  // Many cells are represented by a part of them: the curve is an average over weeks.
  const step = Math.max(1, Math.floor(cells / 400))
  for (const point of few) {
    const at = model.unfold(point)
    for (const [index, channel] of channels.entries()) {
      const sums = new Float64Array(responseLevels.length)
      let exact = 0
      let represented = 0
      for (let cell = 0; cell < cells; cell++) {
        const region = Math.floor(cell / weeks)
        const lane = index * regions + region
        const scale = (at.effect[lane] as number) * (size[region] as number)
        const place = lane * weeks + (cell % weeks)
        exact += scale * (at.reached[place] as number)
        if (cell % step !== 0) continue
        represented += scale * (at.reached[place] as number)
        for (let level = 0; level < sums.length; level++)
          sums[level] =
            (sums[level] as number) +
            scale *
              saturate(
                channel.saturation,
                (responseLevels[level] as number) * (at.stock[place] as number),
                at.half[index] as number,
                at.slope[index] as number,
              )
      }
      const factor = represented > 0 ? exact / represented / weeks : 0
      result[index]?.draws.push([...sums].map((value) => Number((value * factor).toPrecision(6))))
    }
  }
  return result
}

type DrawnFigures = { contribution: Float64Array; marginal: Float64Array }[]

/** ROAS when the channel's own prior were half or twice as wide: each draw weighted by the ratio of the priors. */
function sensitivityOf(model: MixModel, points: readonly Float64Array[], figures: DrawnFigures) {
  return model.channels.map((channel, index) => {
    const contribution = figures[index]?.contribution as Float64Array
    const unit = channel.totalSpend > 0 ? channel.totalSpend : 1
    const usual = contribution.reduce((sum, value) => sum + value, 0) / contribution.length / unit
    const place = model.names.findIndex(
      (name) => name === `${channel.name}.share` || name === `${channel.name}.coefficient`,
    )
    const reweighted = (power: number) => {
      if (place < 0) return null
      const logs = Float64Array.from(points, (point) => (power - 1) * model.logPrior(place, point))
      const most = logs.reduce((left, right) => Math.max(left, right), -Infinity)
      const weights = logs.map((value) => Math.exp(value - most))
      const sum = weights.reduce((left, right) => left + right, 0)
      const effective = (sum * sum) / weights.reduce((left, right) => left + right * right, 0)
      if (effective < Math.max(20, 0.05 * points.length)) return null
      return weights.reduce((left, weight, at) => left + weight * (contribution[at] as number), 0) / sum / unit
    }
    // Of a normal law in its coordinate: half the width is the fourth power of the density, double the width its fourth root.
    return { channel: channel.name, half: reweighted(4), usual, double: reweighted(0.25) }
  })
}

/**
 * What a four-week pause would be worth: the budget may move a channel by a fifth up or down, paid for at the average
 * marginal return. The result of the pause is imagined from the posterior; the draws that agree with it say what would
 * be best then. Value = gain of deciding with the result − gain of deciding now, for a year.
 */
function testsOf(model: MixModel, figures: DrawnFigures, residual: Float64Array) {
  const weeks = model.data.weeks.length
  const draws = drawsFrom('tests')
  const paid = model.channels.map(({ totalSpend }) => totalSpend)
  const all = paid.reduce((sum, spend) => sum + spend, 0)
  const meanOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  const fair = figures.reduce((sum, { marginal }) => sum + meanOf(marginal) / 0.01, 0) / Math.max(all, 1e-300)
  const national = new Float64Array(weeks)
  for (let cell = 0; cell < residual.length; cell++)
    national[cell % weeks] = (national[cell % weeks] as number) + (residual[cell] as number)
  const noise = Math.sqrt(national.reduce((sum, value) => sum + value * value, 0) / weeks)
  // Four weeks against a forecast that is itself as noisy as four weeks.
  const error = noise * Math.sqrt(8)
  return model.channels
    .flatMap((channel, index) => {
      const spend = paid[index] as number
      if (spend === 0) return []
      const { contribution, marginal } = figures[index] as DrawnFigures[number]
      const step = Math.max(1, Math.floor(contribution.length / 300))
      const kept = Array.from({ length: Math.floor(contribution.length / step) }, (_, at) => at * step)
      const gain = kept.map((at) => 0.2 * ((marginal[at] as number) / 0.01 - fair * spend))
      const seen = kept.map((at) => ((contribution[at] as number) * 4) / weeks)
      const now = Math.abs(gain.reduce((sum, value) => sum + value, 0) / gain.length)
      let then = 0
      for (const truth of seen) {
        const result = truth + error * draws.normal()
        let [sum, weighted] = [0, 0]
        for (const [at, value] of seen.entries()) {
          const weight = Math.exp(-0.5 * ((result - value) / error) ** 2)
          sum += weight
          weighted += weight * (gain[at] as number)
        }
        if (sum > 0) then += Math.abs(weighted / sum) / seen.length
      }
      return [{ channel: channel.name, value: (Math.max(0, then - now) * 52) / weeks, error }]
    })
    .sort((left, right) => right.value - left.value)
}

export type PriorPredictive = {
  /** Outcome per week (regions together) that the beliefs alone would expect. */
  weekly: { mean: number[]; low: number[]; high: number[] }
  observed: number[]
  /** Share of the outcome by all advertising together. */
  advertising: Figure
  shares: { channel: string; belief: Figure; law: string; roas: Figure | null }[]
}

/** What the beliefs say before the data do: to be looked at before any fit. */
export function priorPredictive(model: MixModel, seed: string | number, count = 300): PriorPredictive {
  const { data, channels } = model
  const weeks = data.weeks.length
  const draws = drawsFrom('prior predictive', seed)
  const series = Array.from({ length: weeks }, () => new Float64Array(count))
  const advertising = new Float64Array(count)
  const observed = new Float64Array(weeks)
  for (const [cell, value] of data.outcome.entries())
    observed[cell % weeks] = (observed[cell % weeks] as number) + value
  const total = observed.reduce((sum, value) => sum + value, 0)
  for (let which = 0; which < count; which++) {
    const at: Unfolded = model.unfold(model.drawPrior(draws))
    const weights = model.drawBaseWeights(draws)
    for (const [row, { region, size: scale }] of model.rows.entries()) {
      for (let week = 0; week < weeks; week++) {
        let base = 0
        for (const [place, column] of model.columns.entries())
          base +=
            (weights[row * model.columns.length + place] as number) * (column.values[region * weeks + week] as number)
        const media = at.media[row * weeks + week] as number
        const noise = (at.noise[row] as number) * studentOrNormal(draws, at.freedom)
        const value = base + media + noise
        add(series[week] as Float64Array, which, scale * (model.spec.link === 'log' ? Math.exp(value) : value))
        add(advertising, which, (scale * media) / total)
      }
    }
  }
  return {
    weekly: bandOf(series),
    observed: [...observed],
    advertising: figureOf(advertising),
    shares: channels.map((channel, index) => {
      const prior = priorShares(model, index, seed)
      return {
        channel: channel.name,
        belief: figureOf(prior),
        law: lawOf(channel.share).law,
        roas: channel.totalSpend > 0 ? figureOf(prior.map((value) => (value * total) / channel.totalSpend)) : null,
      }
    }),
  }
}
