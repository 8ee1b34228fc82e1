import { describe, expect, test } from 'vitest'
import { drawsFrom } from '../numbers/chance.ts'
import { gradientError } from '../sampling/density.ts'
import { mixModel } from './model.ts'
import { adstockOf, type MixData, type MixSpec } from './spec.ts'

/** Weekly spend that comes and goes, in `regions` regions of different size. */
export function flighted(names: string[], weeks = 104, regions = 1): MixData {
  const draws = drawsFrom('flights', weeks, regions)
  const starts = Array.from({ length: weeks }, (_, week) =>
    new Date(Date.UTC(2022, 0, 3) + week * 7 * 86_400_000).toISOString().slice(0, 10),
  )
  const cells = weeks * regions
  const size = Array.from({ length: regions }, (_, region) => 1 + region)
  const spend = names.map((_, channel) =>
    Float64Array.from({ length: cells }, (_, cell) =>
      draws.uniform() < 0.25
        ? 0
        : (size[Math.floor(cell / weeks)] as number) * 100 * (1 + channel) * Math.exp(0.6 * draws.normal()),
    ),
  )
  return {
    weeks: starts,
    regions: regions === 1 ? [''] : size.map((_, region) => `region ${region}`),
    outcome: Float64Array.from(
      { length: cells },
      (_, cell) => (size[Math.floor(cell / weeks)] as number) * 10_000 * (1 + 0.1 * draws.normal()),
    ),
    spend,
    exposure: names.map(() => null),
    controls: [{ name: 'price', values: Float64Array.from({ length: cells }, () => draws.normal()) }],
  }
}

const channel = (name: string, more: object = {}) => ({ name, spend: name, ...more })
const plain: MixSpec = { date: 'date', outcome: 'sales', channels: [channel('a'), channel('b')] }

describe('the gradient stated is the one of the density', () => {
  const window = { channel: 'a', from: '2022-06-06', until: '2022-07-03', increment: 3000, error: 500 }
  const cases: [string, MixSpec, number][] = [
    ['one region', plain, 1],
    ['three regions', plain, 3],
    ['delayed carry-over', { ...plain, adstock: 'delayed' }, 1],
    [
      'logistic saturation, few lags',
      { ...plain, saturation: 'logistic', adstock: { kind: 'geometric', weeks: 4 } },
      1,
    ],
    ['no saturation, no carry-over', { ...plain, saturation: 'none', adstock: 'none' }, 2],
    ['Student noise', { ...plain, likelihood: 'student-t' }, 2],
    ['log link', { ...plain, link: 'log' }, 2],
    ['experiments', { ...plain, lift: [window, { ...window, test: 'off', channel: 'b' }] }, 1],
    [
      'experiments in regions',
      {
        ...plain,
        lift: [
          { ...window, regions: ['region 1'] },
          { ...window, regions: ['region 0'], test: 'off' },
        ],
      },
      3,
    ],
    ['experiments, delayed', { ...plain, adstock: 'delayed', lift: [window] }, 2],
    ['experiments, log link', { ...plain, link: 'log', lift: [window] }, 2],
    [
      'experiments at a level',
      { ...plain, lift: [{ channel: 'a', spend: 100, extra: 50, increment: 300, error: 50 }] },
      2,
    ],
    [
      'beliefs of every law',
      {
        ...plain,
        channels: [
          channel('a', {
            saturation: 'logistic',
            prior: {
              retention: { law: 'beta', a: 1, b: 3 },
              rate: { law: 'gamma', shape: 3, rate: 1 },
              coefficient: { law: 'half-normal', scale: 0.5 },
            },
          }),
          channel('b', {
            prior: { share: [0, 0.2], slope: { law: 'fixed', value: 1 }, halfLife: { law: 'fixed', value: 1 } },
          }),
        ],
      },
      2,
    ],
    ['online and stores', { ...plain, online: 'online' }, 1],
    [
      'online and stores, in regions with experiments',
      { ...plain, online: 'online', lift: [window, { ...window, regions: ['region 0'], test: 'off' }] },
      3,
    ],
    ['online and stores, Student noise', { ...plain, online: 'online', likelihood: 'student-t' }, 2],
  ]
  test.each(cases)('%s', (_, spec, regions) => {
    const table = flighted(['a', 'b'], 60, regions)
    // A fifth to two fifths of the sales are made online.
    const online = table.outcome.map((value, cell) => value * (0.2 + (0.2 * ((cell * 7) % 10)) / 10))
    const model = mixModel(spec.online === undefined ? table : { ...table, online }, spec)
    const draws = drawsFrom('points', regions)
    for (let attempt = 0; attempt < 3; attempt++) {
      const point = model.drawPrior(draws)
      for (let at = 0; at < point.length; at++) point[at] = Math.max(-2.5, Math.min(2.5, point[at] as number))
      expect(gradientError(model.density, point)).toBeLessThan(2e-6)
    }
  })
})

test('a test that the table itself shows counts once: its result is left out', () => {
  const data = flighted(['a', 'b'], 60, 3)
  const [from, until] = [40, 43]
  const fill = (region: number, value: number) =>
    data.spend[0]?.fill(value, region * 60 + from, region * 60 + until + 1)
  const days = { from: data.weeks[from] as string, until: data.weeks[until] as string }
  const given = { channel: 'a', ...days, increment: 3000, error: 500 }
  const usedOf = (table: MixData, more: object) => mixModel(table, { ...plain, lift: [{ ...given, ...more }] })
  for (const region of [0, 1, 2]) fill(region, 200)
  // Spend went on everywhere: somebody else compared persons, not regions.
  expect(usedOf(data, {}).lifts).toHaveLength(1)
  expect(usedOf(data, { regions: ['region 1'], test: 'off' }).lifts).toHaveLength(1)
  fill(1, 0)
  const paused = usedOf(data, { regions: ['region 1'], test: 'off' })
  expect(paused.lifts).toEqual([])
  expect(paused.shownByTable).toMatchObject([{ regions: ['region 1'] }])
  // The same seen from the other side: only the others spent.
  expect(usedOf(data, { regions: ['region 0', 'region 2'], test: 'on' }).lifts).toEqual([])
  expect(usedOf(data, {}).lifts).toHaveLength(1)
  // Without regions the pause of one is hardly seen in the sum: its result is told, and the table takes it as a whole.
  const sum = (series: Float64Array) =>
    series.subarray(0, 60).map((value, week) => value + (series[60 + week] as number) + (series[120 + week] as number))
  const whole = {
    ...data,
    regions: [''],
    outcome: sum(data.outcome),
    spend: data.spend.map(sum),
    controls: data.controls.map(({ name, values }) => ({ name, values: sum(values) })),
  }
  const national = usedOf(whole, { regions: ['region 1'], test: 'off' })
  expect(national.lifts).toHaveLength(1)
  national.density.at(new Float64Array(national.density.size), new Float64Array(national.density.size))
  expect(national.liftAt()[0]).toBeGreaterThan(0)
})

test('adstock of the whole model holds where a channel says nothing', () => {
  expect(adstockOf({ ...plain, adstock: 'delayed' }, channel('a'))).toEqual({ kind: 'delayed', weeks: 13 })
})
