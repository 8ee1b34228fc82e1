import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawsFrom } from '../numbers/chance.ts'
import { symmetricEigen } from '../numbers/eigen.ts'
import { cholesky } from '../sampling/metric.ts'
import { delayedWeights, geometricAdstock, weightedAdstock } from './carry.ts'
import { fitMix, type MixFit, testWeeks } from './fit.ts'
import { easterSunday } from './holidays.ts'
import { mixModel } from './model.ts'
import { proposeMix } from './propose.ts'
import { readinessOf } from './readiness.ts'
import { saturate, saturateSlope } from './saturation.ts'
import type { MixData, MixSpec } from './spec.ts'

const starts = (weeks: number) =>
  Array.from({ length: weeks }, (_, week) =>
    new Date(Date.UTC(2023, 0, 2) + week * 7 * 86_400_000).toISOString().slice(0, 10),
  )

/** Two channels with planted response: `strong` brings 25 %, `weak` 8 % of sales. */
function planted(weeks = 120, noise = 0.03): { data: MixData; brought: Float64Array[] } {
  const draws = drawsFrom('planted', weeks)
  const spend = [0, 1].map(() =>
    Float64Array.from({ length: weeks }, () => (draws.uniform() < 0.3 ? 0 : 100 * Math.exp(0.5 * draws.normal()))),
  )
  const brought = spend.map((series, channel) => {
    const stock = new Float64Array(weeks)
    geometricAdstock(series, channel === 0 ? 0.5 : 0.2, 13, stock)
    const reached = stock.map((x) => saturate('hill', x, 120, 1.2))
    const sum = reached.reduce((total, value) => total + value, 0)
    return reached.map((value) => (value * (channel === 0 ? 250 : 80) * weeks) / sum)
  })
  const outcome = Float64Array.from({ length: weeks }, (_, week) => {
    const season = 60 * Math.sin((2 * Math.PI * week) / 52.18)
    return (
      670 + season + (brought[0]?.[week] as number) + (brought[1]?.[week] as number) + 1000 * noise * draws.normal()
    )
  })
  return {
    data: { weeks: starts(weeks), regions: [''], outcome, spend, exposure: [null, null], controls: [] },
    brought,
  }
}

const spec: MixSpec = {
  date: 'week',
  outcome: 'sales',
  season: 1,
  channels: [
    { name: 'strong', spend: 'a' },
    { name: 'weak', spend: 'b' },
  ],
}

function fitOf(answer: Awaited<ReturnType<typeof fitMix>>): MixFit {
  if ('refused' in answer) throw new Error(answer.refused[0]?.because)
  return answer
}

describe('carry-over and saturation', () => {
  test('one week of spend fades by half and adds up to itself', () => {
    const stock = new Float64Array(6)
    geometricAdstock(Float64Array.of(15, 0, 0, 0, 0, 0), 0.5, 4, stock)
    expect([...stock].map((value) => Number(value.toFixed(9)))).toEqual([8, 4, 2, 1, 0, 0])
  })

  test('recursion and weights agree; nothing is lost', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.95, noNaN: true }),
        fc.integer({ min: 1, max: 13 }),
        fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 20, maxLength: 40 }),
        (retention, lags, spend) => {
          const series = Float64Array.from([...spend, ...new Float64Array(13)])
          const weight = Float64Array.from({ length: lags }, (_, lag) => retention ** lag)
          const sum = weight.reduce((total, value) => total + value, 0)
          const [byRecursion, byWeight] = [new Float64Array(series.length), new Float64Array(series.length)]
          geometricAdstock(series, retention, lags, byRecursion)
          weightedAdstock(
            series,
            weight.map((value) => value / sum),
            byWeight,
          )
          for (const [week, value] of byRecursion.entries()) expect(value).toBeCloseTo(byWeight[week] as number, 7)
          const total = (values: ArrayLike<number>) => Array.from(values).reduce((left, right) => left + right, 0)
          expect(total(byRecursion)).toBeCloseTo(total(spend), 6)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('a delayed effect is largest where it should be', () => {
    const { weight } = delayedWeights(0.6, 3, 10)
    expect(weight.indexOf(Math.max(...weight))).toBe(3)
    expect(weight.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12)
  })

  test.each(['hill', 'logistic'] as const)('%s reaches one half at the half, and has the slope it says', (kind) => {
    expect(saturate(kind, 2.5, 2.5, 1.7)).toBeCloseTo(0.5, 12)
    expect(saturate(kind, 0, 2.5, 1.7)).toBe(0)
    const slope = (saturate(kind, 1.2 + 1e-6, 2.5, 1.7) - saturate(kind, 1.2 - 1e-6, 2.5, 1.7)) / 2e-6
    expect(saturateSlope(kind, 1.2, 2.5, 1.7)).toBeCloseTo(slope, 7)
  })
})

test('Easter, as published', () => {
  const days = [2000, 2019, 2024, 2025, 2026, 2038].map((year) =>
    new Date(easterSunday(year)).toISOString().slice(0, 10),
  )
  expect(days).toEqual(['2000-04-23', '2019-04-21', '2024-03-31', '2025-04-20', '2026-04-05', '2038-04-25'])
})

test('eigenvectors put a symmetric matrix together again', () => {
  const draws = drawsFrom('eigen')
  const size = 9
  const half = Float64Array.from({ length: size * size }, () => draws.normal())
  const matrix = half.map(
    (_, cell) => (half[cell] as number) + (half[(cell % size) * size + Math.floor(cell / size)] as number),
  )
  const { values, vectors } = symmetricEigen(matrix, size)
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      let sum = 0
      for (let index = 0; index < size; index++)
        sum +=
          (vectors[row * size + index] as number) *
          (values[index] as number) *
          (vectors[column * size + index] as number)
      expect(sum).toBeCloseTo(matrix[row * size + column] as number, 10)
    }
  expect([...values]).toEqual([...values].sort((left, right) => right - left))
})

test('integrating the base out is exact: the density is that of a normal with the base in its covariance', () => {
  const { data } = planted(60)
  const model = mixModel(data, spec)
  const draws = drawsFrom('exact')
  const direct = (point: Float64Array) => {
    const at = model.unfold(point)
    const weeks = 60
    const noise = (at.noise[0] as number) ** 2
    const covariance = new Float64Array(weeks * weeks)
    for (let row = 0; row < weeks; row++)
      for (let column = 0; column < weeks; column++) {
        let sum = row === column ? noise : 0
        for (const { values, deviation } of model.columns)
          sum += deviation ** 2 * (values[row] as number) * (values[column] as number)
        covariance[row * weeks + column] = sum
      }
    const lower = cholesky(covariance, weeks) as Float64Array
    let value = 0
    const z = new Float64Array(weeks)
    for (let row = 0; row < weeks; row++) {
      let sum = at.rest[row] as number
      for (let column = 0; column < row; column++)
        sum -= (lower[row * weeks + column] as number) * (z[column] as number)
      z[row] = sum / (lower[row * weeks + row] as number)
      value -= 0.5 * (z[row] as number) ** 2 + Math.log(lower[row * weeks + row] as number)
    }
    for (let index = 0; index < point.length; index++) value += model.logPrior(index, point)
    return value
  }
  const gradient = new Float64Array(model.density.size)
  const points = [0, 1, 2].map(() => model.drawPrior(draws).map((value) => Math.max(-2, Math.min(2, value))))
  const gaps = points.map((point) => model.density.at(point, gradient) - direct(point))
  for (const gap of gaps) expect(gap).toBeCloseTo(gaps[0] as number, 6)
})

describe('a fit', () => {
  test('finds planted contributions, foresees unseen weeks, and says so', async () => {
    const { data, brought } = planted()
    const fit = fitOf(await fitMix(data, spec, { chains: 2, draws: 300, warmup: 300, seed: 'planted' }))
    for (const [index, series] of brought.entries()) {
      const truth = series.reduce((sum, value) => sum + value, 0)
      const { contribution } = fit.answers.channels[index] as MixFit['answers']['channels'][number]
      expect(contribution.low).toBeLessThan(truth)
      expect(contribution.high).toBeGreaterThan(truth)
      expect(contribution.high - contribution.low).toBeLessThan(1.5 * truth)
    }
    expect(fit.outOfSample?.model).toBeLessThan(fit.outOfSample?.naive as number)
    expect(fit.answers.fit.r2).toBeGreaterThan(0.9)
    expect(fit.answers.fit.coverage).toBeGreaterThan(0.8)
    const whole = fit.answers.base.share.mean + fit.answers.channels.reduce((sum, { share }) => sum + share.mean, 0)
    expect(whole).toBeCloseTo(1, 1)
    for (const response of fit.answers.response)
      for (const draw of response.draws) expect(draw).toEqual(draw.toSorted((left, right) => left - right))
  }, 120_000)

  test('an experiment pulls a channel that the data alone misjudge', async () => {
    const { data, brought } = planted(80, 0.15)
    const truth = (brought[1] as Float64Array).subarray(30, 38).reduce((sum, value) => sum + value, 0)
    const lift = [
      {
        channel: 'weak',
        from: data.weeks[30] as string,
        until: data.weeks[37] as string,
        increment: truth,
        error: 0.1 * truth,
      },
    ]
    const run = { chains: 2, draws: 200, warmup: 200, outOfSample: false }
    const width = async (given: MixSpec) => {
      const { contribution } = fitOf(await fitMix(data, given, run)).answers
        .channels[1] as MixFit['answers']['channels'][number]
      return contribution.high - contribution.low
    }
    expect(await width({ ...spec, lift })).toBeLessThan(0.7 * (await width(spec)))
  }, 120_000)

  test('what sells online is seen against the noise of online sales alone', async () => {
    const { data, brought } = planted(80)
    const draws = drawsFrom('online')
    const noisy = (usual: number) => usual + 50 * Math.sqrt(usual / 200) * draws.normal()
    // Online is a quarter of all: there the weak channel sells, the strong one in stores.
    const online = (brought[1] as Float64Array).map((value) => noisy(150) + value)
    const outcome = (brought[0] as Float64Array).map((value, week) => noisy(500) + value + (online[week] as number))
    const run = { chains: 2, draws: 200, warmup: 200, outOfSample: false }
    const weakIn = async (table: MixData, given: MixSpec) =>
      fitOf(await fitMix(table, given, run)).answers.channels[1] as MixFit['answers']['channels'][number]
    const whole = await weakIn({ ...data, outcome }, spec)
    const apart = await weakIn({ ...data, outcome, online }, { ...spec, online: 'online' })
    const width = ({ contribution }: typeof whole) => contribution.high - contribution.low
    expect(width(apart)).toBeLessThan(0.75 * width(whole))
    expect(apart.contribution.low).toBeLessThan(80 * 80)
    expect(apart.contribution.high).toBeGreaterThan(80 * 80)
    expect(apart.online?.mean).toBeGreaterThan(0.6)
    expect(whole.online).toBeNull()
  }, 120_000)

  test('with too few draws no figure is shown, and what to do is said', async () => {
    const fit = fitOf(await fitMix(planted(60).data, spec, { chains: 2, draws: 20, warmup: 30, outOfSample: false }))
    expect(fit.blocked).toBe(true)
    expect(fit.headline).toMatch(/R-hat|independent ones|broke away/)
    expect(fit.headline).toContain('--draws')
  })

  test('a run that is stopped keeps what it drew', async () => {
    let steps = 0
    const fit = fitOf(
      await fitMix(planted(60).data, spec, {
        chains: 1,
        draws: 400,
        warmup: 50,
        outOfSample: false,
        onProgress: ({ done }) => {
          steps = done
        },
        stopped: () => steps >= 150,
      }),
    )
    expect(fit.run).toMatchObject({ stopped: true, kept: 100 })
    expect(fit.checks[0]).toMatchObject({ name: 'complete', passed: false })
  })
})

test('what a table cannot tell is found before a fit', () => {
  const { data } = planted(80)
  const twin = (data.spend[0] as Float64Array).map((value) => 3 * value)
  const still = new Float64Array(80).fill(7)
  const four: MixSpec = {
    ...spec,
    channels: ['strong', 'twin', 'still', 'never'].map((name) => ({ name, spend: name })),
  }
  const told = readinessOf(
    {
      ...data,
      spend: [data.spend[0] as Float64Array, twin, still, new Float64Array(80)],
      exposure: [null, null, null, null],
    },
    four,
  )
  expect(told.refusals).toEqual([])
  expect(told.unidentified.map(({ channels }) => channels)).toEqual([['still'], ['never'], ['strong', 'twin']])
  expect(told.collinearity[0]?.[1]).toBeCloseTo(1, 9)
  expect(readinessOf({ ...data, outcome: still }, spec).refusals[0]?.because).toContain('the same every week')
  expect(readinessOf(planted(40).data, spec).refusals[0]?.because).toContain('40 weeks are too few')
})

test('a column of online sales must be a part of the outcome', () => {
  const { data } = planted(60)
  const half = data.outcome.map((value) => value / 2)
  const refusedFor = (online: Float64Array, more: Partial<MixSpec> = {}) =>
    readinessOf({ ...data, online }, { ...spec, online: 'shop', ...more }).refusals.map(({ said }) => said.code)
  expect(refusedFor(half)).toEqual([])
  expect(refusedFor(half.with(3, 1e6))).toEqual(['online_no_part'])
  expect(refusedFor(half.with(3, -1))).toEqual(['online_no_part'])
  expect(refusedFor(half.fill(0))).toEqual(['online_constant'])
  expect(refusedFor(data.outcome)).toEqual(['online_constant'])
  expect(refusedFor(half, { link: 'log' })).toEqual(['online_log'])
})

test('weeks kept for a test leave more than a year to learn from', () => {
  expect([52, 60, 67, 80, 104, 200].map(testWeeks)).toEqual([0, 0, 11, 13, 13, 13])
})

test('a proposal takes what the names say and tells the rest', () => {
  const numbers = Float64Array.from({ length: 60 }, (_, week) => 50 + 20 * Math.sin(week * 1.3))
  const column = (name: string, more: object = {}) => ({ name, numbers, distinct: 60, dates: false, ...more })
  const outcome = Float64Array.from({ length: 60 }, (_, week) => 500 + 30 * Math.cos(week * 0.7))
  const proposal = proposeMix(
    [
      column('DATE', { dates: true, numbers: null }),
      column('revenue_online', { numbers: outcome.map((value) => value / 4) }),
      column('revenue', { numbers: outcome }),
      column('tv_S'),
      column('facebook_spend'),
      column('facebook_I'),
      column('competitor_price'),
      column('newsletter'),
      column('revenue_copy_spend', { numbers: outcome }),
      column('dayofyear'),
    ],
    60,
  )
  if ('because' in proposal) throw new Error(proposal.because)
  expect(proposal.spec.channels.map(({ name }) => name)).toEqual(['tv', 'facebook'])
  expect(proposal.spec).toMatchObject({
    date: 'DATE',
    outcome: 'revenue',
    online: 'revenue_online',
    controls: ['competitor_price'],
  })
  expect(proposal.unused.map(({ column: name }) => name)).toEqual([
    'revenue_copy_spend',
    'facebook_I',
    'newsletter',
    'dayofyear',
  ])
})
