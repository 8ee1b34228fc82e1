import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bootstrapCredit,
  type Credit,
  chooseOrder,
  collectPaths,
  creditByMarkov,
  creditByOrderedShapley,
  creditByRateShapley,
  creditByRule,
  creditByShapley,
  drawsFrom,
  firstTouch,
  incrementalCredit,
  lastNonDirect,
  lastTouch,
  linear,
  type Paths,
  pathsFrom,
  position,
  timeDecay,
  totalsOf,
  transitionsOf,
  uShape,
  wShape,
} from '../index.ts'

const shared = join(
  process.env.EINKLANG_SHARED_DATA ?? join(import.meta.dirname, '../../../shared/data'),
  'attribution-channelattribution',
)
const present = existsSync(join(shared, 'reference.json'))
if (!present) console.warn(`skipped: published attribution figures are not at ${shared} (set EINKLANG_SHARED_DATA)`)

type Effects = {
  [channel: string]: {
    conversions: number
    value: number
    removal_effect_conversions: number
    removal_effect_value: number
  }
}
type Reference = {
  heuristics: { table: { [channel: string]: { [figure: string]: number } } }
  markov_exact: { [order: string]: Effects }
  shapley: { conversions: { [channel: string]: number }; value: { [channel: string]: number } }
  transition_matrix_order1_no_self_loops: { from: string; to: string; p: number }[]
}

function publishedPaths(): Paths {
  const collector = collectPaths()
  const text = gunzipSync(readFileSync(join(shared, 'paths.csv.gz'))).toString()
  for (const line of text.trim().split('\n').slice(1)) {
    const [path, conversions, value, nulls] = line.split(',') as [string, string, string, string]
    for (const name of path.split(' > ')) collector.touch(collector.channel(name))
    collector.row(Number(conversions), Number(value), Number(nulls))
  }
  return collector.paths()
}

function expectRelative(actual: number, published: number, tolerance: number): void {
  expect(Math.abs(actual / published - 1)).toBeLessThan(tolerance)
}

describe.skipIf(!present)('against published figures', () => {
  const reference = (present ? JSON.parse(readFileSync(join(shared, 'reference.json'), 'utf8')) : {}) as Reference
  const paths = present ? publishedPaths() : pathsFrom([])

  test('the sums of the example data are the published ones', () => {
    const totals = totalsOf(paths)
    expect(totals.rows).toBe(10_000)
    expect(totals.conversions).toBe(19_785)
    expect(totals.nulls).toBe(68_602)
    expect(totals.value).toBeCloseTo(74_802.97, 2)
  })

  test.each([
    ['first', firstTouch],
    ['last', lastTouch],
    ['linear', linear],
  ] as const)('%s touch equals ChannelAttribution', (name, rule) => {
    const credit = creditByRule(paths, rule)
    paths.channels.forEach((channel, index) => {
      const published = reference.heuristics.table[channel]
      expectRelative(credit.conversions[index] as number, published?.[`${name}_touch_conversions`] as number, 1e-12)
      expectRelative(credit.values[index] as number, published?.[`${name}_touch_value`] as number, 1e-12)
    })
  })

  test.each([
    [1, true],
    [1, false],
    [2, true],
    [2, false],
    [3, true],
    [3, false],
  ])('Markov order %i (nulls %s) equals the exact solution to 1e-9', (order, nulls) => {
    const credit = creditByMarkov(paths, { order, nulls })
    const published = reference.markov_exact[`order${order}_with${nulls ? '' : 'out'}_null`] as Effects
    paths.channels.forEach((channel, index) => {
      const row = published[channel] as Effects[string]
      expectRelative(credit.conversions[index] as number, row.conversions, 1e-9)
      expectRelative(credit.values[index] as number, row.value, 1e-9)
      expectRelative(credit.removalConversions[index] as number, row.removal_effect_conversions, 1e-9)
      expectRelative(credit.removalValues[index] as number, row.removal_effect_value, 1e-9)
    })
  })

  test('Shapley equals the full enumeration to 1e-9', () => {
    const credit = creditByShapley(paths)
    paths.channels.forEach((channel, index) => {
      expectRelative(credit.conversions[index] as number, reference.shapley.conversions[channel] as number, 1e-9)
      expectRelative(credit.values[index] as number, reference.shapley.value[channel] as number, 1e-9)
    })
  })

  test('the transition matrix is the published one', () => {
    const ours = new Map(transitionsOf(paths).map((row) => [`${row.from}>${row.to}`, row.share]))
    expect(ours.size).toBe(reference.transition_matrix_order1_no_self_loops.length)
    for (const { from, to, p } of reference.transition_matrix_order1_no_self_loops) {
      expect(ours.get(`${from}>${to}`)).toBeCloseTo(p, 12)
    }
  })
})

const anyPaths = fc
  .array(
    fc.record({
      channels: fc.array(fc.constantFrom('email', 'search', 'social', 'letter', 'direct'), {
        minLength: 1,
        maxLength: 9,
      }),
      conversions: fc.nat(5),
      nulls: fc.nat(5),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((rows) => pathsFrom(rows.map((row) => ({ ...row, value: row.conversions * 12.5 }))))

const models: [string, (paths: Paths) => Credit][] = [
  ['first', (paths) => creditByRule(paths, firstTouch)],
  ['last', (paths) => creditByRule(paths, lastTouch)],
  ['last non-direct', (paths) => creditByRule(paths, lastNonDirect(paths, ['direct']))],
  ['linear', (paths) => creditByRule(paths, linear)],
  ['U', (paths) => creditByRule(paths, position(uShape))],
  ['W', (paths) => creditByRule(paths, position(wShape))],
  ['decay', (paths) => creditByRule(paths, timeDecay(7))],
  ['Markov 1', (paths) => creditByMarkov(paths, { order: 1 })],
  ['Markov 2', (paths) => creditByMarkov(paths, { order: 2 })],
  ['Shapley', creditByShapley],
]

test.each(models)(
  '%s: credit adds up to the conversions and their value, and nobody gets less than nothing',
  (_, model) => {
    fc.assert(
      fc.property(anyPaths, (paths) => {
        const credit = model(paths)
        const totals = totalsOf(paths)
        expect(credit.conversions.reduce((sum, part) => sum + part, 0)).toBeCloseTo(totals.conversions, 8)
        expect(credit.values.reduce((sum, part) => sum + part, 0)).toBeCloseTo(totals.value, 7)
        for (const part of credit.conversions) expect(part).toBeGreaterThanOrEqual(-1e-9)
      }),
      { numRuns: 60 },
    )
  },
)

test('U gives 40/20/40, W gives 30/30/30/10, and short paths share what is there', () => {
  const shares = (channels: string[], parts = uShape) => {
    const paths = pathsFrom([{ channels, conversions: 1, value: 1, nulls: 0 }])
    return [...creditByRule(paths, position(parts)).conversions].map((share) => Math.round(share * 1e6) / 1e6)
  }
  expect(shares(['a', 'b', 'c', 'd'])).toEqual([0.4, 0.1, 0.1, 0.4])
  expect(shares(['a', 'b'])).toEqual([0.5, 0.5])
  expect(shares(['a'])).toEqual([1])
  expect(shares(['a', 'b', 'c', 'd', 'e'], wShape)).toEqual([0.3, 0.05, 0.3, 0.05, 0.3])
})

test('decay halves the weight of a touch seven days older', () => {
  const paths = pathsFrom([{ channels: ['a', 'b'], conversions: 3, value: 30, nulls: 0, ages: [9, 2] }])
  const credit = creditByRule(paths, timeDecay(7))
  expect(credit.conversions[0]).toBeCloseTo(1, 12)
  expect(credit.conversions[1]).toBeCloseTo(2, 12)
})

test('last non-direct looks past visits without a source, unless there is nothing else', () => {
  const paths = pathsFrom([
    { channels: ['email', 'direct', 'direct'], conversions: 2, value: 20, nulls: 0 },
    { channels: ['direct'], conversions: 1, value: 5, nulls: 0 },
  ])
  const credit = creditByRule(paths, lastNonDirect(paths, ['direct']))
  expect([...credit.conversions]).toEqual([2, 1])
  expect([...credit.values]).toEqual([20, 5])
})

test('the sparse and the dense solution of a chain agree', () => {
  // 330 channels cross the limit of the dense solver; removing unused names brings the same paths below it.
  const draws = drawsFrom('dense and sparse', 1)
  const rows = Array.from({ length: 4000 }, () => ({
    channels: Array.from({ length: 1 + draws.below(6) }, () => `c${draws.below(40)}`),
    conversions: draws.below(3),
    value: 7,
    nulls: draws.below(4),
  }))
  const few = creditByMarkov(pathsFrom(rows), { order: 1 })
  const padded = pathsFrom([
    ...Array.from({ length: 330 }, (_, index) => ({ channels: [`pad${index}`], conversions: 0, value: 0, nulls: 1 })),
    ...rows,
  ])
  const many = creditByMarkov(padded, { order: 1 })
  few.chain.channels.forEach((channel, index) => {
    const other = many.conversions[many.chain.channels.indexOf(channel)] as number
    expectRelative(other, few.conversions[index] as number, 1e-9)
  })
})

test('Markov finds the removal effects of the chain that made the paths', () => {
  // a leads to b half of the time; b converts 20 %, a 10 %; everybody starts at a with 70 %.
  const draws = drawsFrom('planted chain', 3)
  const rows = Array.from({ length: 60_000 }, () => {
    const channels = [draws.uniform() < 0.7 ? 'a' : 'b']
    for (;;) {
      const chance = draws.uniform()
      if (channels.at(-1) === 'a') {
        if (chance < 0.5) channels.push('b')
        else return { channels, conversions: chance < 0.6 ? 1 : 0, value: 0, nulls: chance < 0.6 ? 0 : 1 }
      } else if (chance < 0.3) channels.push('a')
      else return { channels, conversions: chance < 0.5 ? 1 : 0, value: 0, nulls: chance < 0.5 ? 0 : 1 }
    }
  })
  const paths = pathsFrom(rows)
  const fromA = (0.1 + 0.5 * 0.2) / (1 - 0.5 * 0.3)
  const fromB = 0.2 + 0.3 * fromA
  const rate = 0.7 * fromA + 0.3 * fromB
  const credit = creditByMarkov(paths, { order: 1 })
  const removal = (channel: string) => credit.removalConversions[paths.channels.indexOf(channel)] as number
  expect(credit.conversionRate).toBeCloseTo(rate, 2)
  expect(removal('a')).toBeCloseTo(1 - (0.3 * 0.2) / rate, 1)
  expect(removal('b')).toBeCloseTo(1 - (0.7 * 0.1) / rate, 1)
})

test('removing an only channel loses everything', () => {
  const paths = pathsFrom([{ channels: ['a', 'a'], conversions: 4, value: 8, nulls: 6 }])
  const credit = creditByMarkov(paths, { order: 1 })
  expect(credit.conversionRate).toBeCloseTo(0.4, 12)
  expect([...credit.removalConversions]).toEqual([1])
  expect([...credit.conversions]).toEqual([4])
})

test('a path of 10,000 touches is handled', () => {
  const channels = Array.from({ length: 10_000 }, (_, index) => (index % 2 === 0 ? 'a' : 'b'))
  const paths = pathsFrom([{ channels, conversions: 1, value: 1, nulls: 0 }])
  const credit = creditByMarkov(paths, { order: 2 })
  expect(credit.conversions.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 9)
})

test('Shapley of rates: exact and sampled agree within the stated error, and too many channels are refused', () => {
  const draws = drawsFrom('rates', 5)
  const rowsOf = (width: number) =>
    Array.from({ length: 3000 }, () => ({
      channels: Array.from({ length: 1 + draws.below(4) }, () => `c${Math.floor(draws.uniform() ** 2 * width)}`),
      conversions: draws.below(2),
      value: 0,
      nulls: 2,
    }))
  const wide = pathsFrom(rowsOf(30))
  expect(creditByRateShapley(wide)).toHaveProperty('refused')
  const sampled = creditByRateShapley(wide, { permutations: 50, draws })
  if ('refused' in sampled) throw new Error(sampled.refused)
  expect(sampled.conversions.reduce((sum, part) => sum + part, 0)).toBeCloseTo(totalsOf(wide).conversions, 6)
  expect(sampled.standardErrors?.every((error) => error > 0)).toBe(true)
})

test('Shapley of rates splits a symmetric game evenly and gives nothing to a channel without effect', () => {
  const paths = pathsFrom([
    { channels: ['a'], conversions: 1, value: 0, nulls: 3 },
    { channels: ['b'], conversions: 1, value: 0, nulls: 3 },
    { channels: ['a', 'b'], conversions: 2, value: 0, nulls: 6 },
  ])
  const exact = creditByRateShapley(paths)
  if ('refused' in exact) throw new Error(exact.refused)
  expect(exact.conversions[0]).toBeCloseTo(2, 9)
  expect(exact.conversions[1]).toBeCloseTo(2, 9)
})

test('the bootstrap interval holds the credit, repeats with its seed and shrinks with more data', () => {
  const rows = (times: number) =>
    pathsFrom([
      { channels: ['a', 'b'], conversions: 3 * times, value: 30 * times, nulls: 20 * times },
      { channels: ['b'], conversions: 2 * times, value: 10 * times, nulls: 9 * times },
    ])
  const model = (paths: Paths) => creditByRule(paths, linear)
  const run = (times: number) =>
    bootstrapCredit(rows(times), model, { replicates: 200, draws: drawsFrom('bootstrap', 1) })
  const small = run(10)
  expect(run(10)).toEqual(small)
  expect(small.conversions.low[0]).toBeLessThan(15)
  expect(small.conversions.high[0]).toBeGreaterThan(15)
  const width = (of: typeof small) => (of.conversions.high[0] as number) - (of.conversions.low[0] as number)
  expect(width(run(1000)) / 1000).toBeLessThan(width(small) / 10 / 5)
})

describe('beyond the plain models', () => {
  const rows = (seed: string, count: number) => {
    const draws = drawsFrom('walk', seed)
    // What comes next depends on the last two steps, so order 2 must win over order 1.
    return pathsFrom(
      Array.from({ length: count }, () => {
        const path = ['a', draws.uniform() < 0.5 ? 'a' : 'b']
        while (draws.uniform() < 0.8) {
          const same = path.at(-1) === path.at(-2)
          path.push((same ? 0.85 : 0.15) > draws.uniform() ? 'b' : 'a')
        }
        const bought = draws.uniform() < 0.3
        return { channels: path, conversions: bought ? 1 : 0, value: bought ? 10 : 0, nulls: bought ? 0 : 1 }
      }),
    )
  }

  test('the order of a walk that remembers two steps is found by unseen paths', () => {
    const { order, heldOut } = chooseOrder(rows('two', 3000))
    expect(order).toBe(2)
    expect(heldOut[1]).toBeGreaterThan((heldOut[0] as number) + 0.05)
  })

  test('ordered Shapley adds up to the total, by channel and by place', () => {
    const paths = rows('ordered', 200)
    const credit = creditByOrderedShapley(paths)
    const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
    expect(sum(credit.conversions)).toBeCloseTo(sum(paths.conversions), 9)
    credit.byPlace.conversions.forEach((places, channel) => {
      expect(sum(places)).toBeCloseTo(credit.conversions[channel] as number, 9)
    })
    const simple = creditByOrderedShapley(
      pathsFrom([{ channels: ['x', 'x', 'y', 'x'], conversions: 3, value: 30, nulls: 0 }]),
    )
    expect([...simple.conversions]).toEqual([2, 1])
    expect([...(simple.byPlace.conversions[0] as Float64Array)]).toEqual([1, 0, 1, 0, 0])
  })

  test('credit agrees with an experiment, and the rest keeps its proportions', () => {
    const credit = { conversions: Float64Array.from([60, 30, 10]), values: Float64Array.from([0, 0, 0]) }
    const scaled = incrementalCredit(credit, [{ channel: 0, value: 20, low: 10, high: 30 }])
    expect([...scaled.conversions]).toEqual([20, 60, 20])
    expect(scaled.low[1]).toBeCloseTo(52.5, 9)
    expect(scaled.high[1]).toBeCloseTo(67.5, 9)
    expect(scaled.fromExperiment).toEqual([true, false, false])
  })
})
