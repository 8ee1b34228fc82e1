import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawsFrom } from '../numbers/chance.ts'
import { type AllocateNeeds, type Allocation, allocate, evaluatePlan, exploringPlan } from './allocate.ts'
import { bandAlong, slopeAt, smoothThrough, type UncertainCurve, valueAt } from './curve.ts'
import { contactPrices, jointReach, reachBounds, toldReach, vehicleReach } from './reach.ts'

type Hill = { channel: string; possible: number; half: number; slope: number }

/** Hill curves as the fit hands them over, with `spread` (log scale) between the draws. */
function curvesOf(laws: Hill[], most = 300, spread = 0, count = 60): UncertainCurve[] {
  return laws.map(({ channel, possible, half, slope }) => {
    const draws = drawsFrom('curves', channel)
    const spend = Float64Array.from({ length: 121 }, (_, index) => (most * index) / 120)
    return {
      channel,
      spend,
      outcome: Array.from({ length: spread === 0 ? 1 : count }, () => {
        const factor = Math.exp(spread * draws.normal())
        return spend.map((x) => (x === 0 ? 0 : (factor * possible * x ** slope) / (x ** slope + half ** slope)))
      }),
    }
  })
}

const needsOf = (curves: UncertainCurve[], total: number, more: Partial<AllocateNeeds> = {}): AllocateNeeds => ({
  curves,
  total,
  bounds: {},
  today: {},
  objective: { kind: 'outcome' },
  ...more,
})

function feasible(answer: ReturnType<typeof allocate>): Allocation {
  if ('infeasible' in answer) throw new Error(answer.infeasible)
  return answer
}

const spends = (answer: ReturnType<typeof allocate>) => feasible(answer).channels.map(({ spend }) => spend)

describe('allocation', () => {
  test('square roots: the published optimum divides in proportion to the squares of the effects', () => {
    const spend = Float64Array.from({ length: 401 }, (_, index) => (index / 400) ** 2 * 100)
    const roots = [1, 2, 3].map((effect) => ({
      channel: `root ${effect}`,
      spend,
      outcome: [spend.map((x) => effect * Math.sqrt(x))],
    }))
    const found = spends(allocate(needsOf(roots, 56)))
    for (const [index, share] of [1, 4, 9].entries()) expect(found[index]).toBeCloseTo((56 * share) / 14, 1)
  })

  test('free channels have the same marginal return and the total is spent', () => {
    const laws = [
      { channel: 'a', possible: 100, half: 40, slope: 1 },
      { channel: 'b', possible: 60, half: 20, slope: 1 },
      { channel: 'c', possible: 200, half: 150, slope: 1 },
    ]
    const answer = feasible(allocate(needsOf(curvesOf(laws), 150)))
    expect(answer.spend).toBeCloseTo(150, 6)
    const free = answer.channels.filter(({ heldBy }) => heldBy === null)
    expect(free).toHaveLength(3)
    for (const { marginal } of free) expect(marginal.mean / (answer.price as number)).toBeCloseTo(1, 4)
  })

  test('doubt: what the draws do not know stays as today, what they know moves', () => {
    const laws = [
      { channel: 'known good', possible: 300, half: 60, slope: 1 },
      { channel: 'known bad', possible: 20, half: 60, slope: 1 },
    ]
    const today = { 'known good': 50, 'known bad': 50, foggy: 50, misty: 50 }
    const fog = curvesOf(
      [
        { channel: 'foggy', possible: 90, half: 60, slope: 1 },
        { channel: 'misty', possible: 100, half: 60, slope: 1 },
      ],
      300,
      1.2,
    )
    const curves = [...curvesOf(laws, 300, 0.05), ...fog]
    const doubting = (doubt: number, over = curves) =>
      feasible(allocate(needsOf(over, 200, { today, objective: { kind: 'outcome', doubt } })))
    const [good, bad] = doubting(1).channels
    expect(good?.spend).toBeGreaterThan(70)
    expect(bad?.spend).toBeLessThan(20)
    // Between two channels of which nothing is known no hint is believed …
    const alone = feasible(
      allocate(needsOf(fog, 100, { today: { foggy: 50, misty: 50 }, objective: { kind: 'outcome', doubt: 1 } })),
    )
    for (const { spend } of alone.channels) expect(spend).toBeCloseTo(50, 1)
    expect(alone.today.gain.mean).toBeCloseTo(0, 1)
    // … and the more doubt, the surer the gain of what is still moved.
    const chances = [0, 0.5, 1, 2].map((doubt) => doubting(doubt).today.chanceOfGain)
    expect([...chances].sort((left, right) => left - right)).toEqual(chances)
    expect(chances[2]).toBeGreaterThan(0.84)
  })

  test('a channel that is held keeps its share of any total, and says why', () => {
    const laws = [
      { channel: 'a', possible: 100, half: 40, slope: 1 },
      { channel: 'b', possible: 60, half: 20, slope: 1 },
      { channel: 'c', possible: 200, half: 150, slope: 1 },
    ]
    const today = { a: 50, b: 50, c: 50 }
    const answer = feasible(allocate(needsOf(curvesOf(laws), 120, { today, hold: ['b'] })))
    expect(answer.channels[1]).toMatchObject({ heldBy: 'unbelievable', spend: 40 })
    expect(answer.spend).toBeCloseTo(120, 6)
    const all = feasible(allocate(needsOf(curvesOf(laws), 150, { today, hold: ['a', 'b', 'c'] })))
    expect(all.channels.map(({ spend }) => spend)).toEqual([50, 50, 50])
  })

  test('a channel that nobody knows gets no more on belief alone, but may give to one that is known', () => {
    const today = { strong: 50, weak: 50 }
    const divided = (strong: number, weak: number) =>
      feasible(
        allocate(
          needsOf(
            curvesOf([
              { channel: 'strong', possible: strong, half: 60, slope: 1 },
              { channel: 'weak', possible: weak, half: 60, slope: 1 },
            ]),
            100,
            { today, noMore: ['weak'] },
          ),
        ),
      ).channels[1]
    expect(divided(50, 200)).toMatchObject({ heldBy: 'unknown', spend: 50 })
    const gives = divided(200, 50)
    expect(gives?.spend).toBeLessThan(30)
    expect(gives?.heldBy).not.toBe('unknown')
  })

  test('S-shaped responses: as good as trying every division', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.integer({ min: 20, max: 200 }),
            fc.integer({ min: 10, max: 90 }),
            fc.double({ min: 0.8, max: 4, noNaN: true }),
          ),
          { minLength: 3, maxLength: 3 },
        ),
        fc.integer({ min: 30, max: 200 }),
        (rows, total) => {
          const laws = rows.map(([possible, half, slope], index) => ({ channel: `c${index}`, possible, half, slope }))
          const curves = curvesOf(laws)
          const found = feasible(allocate(needsOf(curves, total))).outcome.mean
          const smooth = curves.map(({ spend, outcome }) => smoothThrough(spend, outcome[0] as Float64Array))
          let best = 0
          for (let first = 0; first <= 60; first++)
            for (let second = 0; second + first <= 60; second++) {
              const [x, y] = [(total * first) / 60, (total * second) / 60]
              best = Math.max(
                best,
                [x, y, total - x - y].reduce(
                  (sum, at, index) => sum + valueAt(smooth[index] as (typeof smooth)[number], at),
                  0,
                ),
              )
            }
          expect(found).toBeGreaterThan(best * (1 - 1e-6))
        },
      ),
      { numRuns: 25 },
    )
  })

  test('bounds, whole steps and minimum runs are kept', () => {
    const laws = [
      { channel: 'print', possible: 100, half: 60, slope: 1 },
      { channel: 'radio', possible: 90, half: 30, slope: 1.5 },
      { channel: 'search', possible: 80, half: 25, slope: 1 },
    ]
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 250 }), (total) => {
        const bounds = {
          print: { low: 0, high: 120, least: 35 },
          radio: { low: 0, high: 200, step: 8 },
          search: { low: 10, high: 60 },
        }
        const [print, radio, search] = spends(allocate(needsOf(curvesOf(laws), total, { bounds }))) as [
          number,
          number,
          number,
        ]
        expect(print === 0 || print >= 35 - 1e-6).toBe(true)
        expect(print).toBeLessThanOrEqual(120 + 1e-6)
        expect(Math.abs(radio / 8 - Math.round(radio / 8))).toBeLessThan(1e-6)
        expect(search).toBeGreaterThanOrEqual(10 - 1e-6)
        expect(search).toBeLessThanOrEqual(60 + 1e-6)
        expect(print + radio + search).toBeLessThanOrEqual(total * (1 + 1e-9))
      }),
      { numRuns: 20 },
    )
  })

  test('profit: money that would not earn itself back stays', () => {
    const laws = [{ channel: 'a', possible: 100, half: 40, slope: 1 }]
    const answer = feasible(allocate(needsOf(curvesOf(laws), 250, { objective: { kind: 'profit', margin: 0.9 } })))
    // d/dx 0.9 · 100x/(x + 40) = 1 at x = 60 − 40.
    expect(answer.spend).toBeCloseTo(20, 1)
    expect(answer.unspent).toBeCloseTo(230, 1)
  })

  test('a total below the minima names the rows that bind', () => {
    const curves = curvesOf([
      { channel: 'a', possible: 10, half: 10, slope: 1 },
      { channel: 'b', possible: 10, half: 10, slope: 1 },
      { channel: 'c', possible: 10, half: 10, slope: 1 },
    ])
    const answer = allocate(needsOf(curves, 50, { bounds: { a: { low: 20, high: 99 }, c: { low: 40, high: 99 } } }))
    expect(answer).toEqual({
      infeasible: 'The minima add up to 60, 10 more than the total of 50.',
      binding: [
        { channel: 'c', low: 40 },
        { channel: 'a', low: 20 },
      ],
    })
  })

  test('caution moves money from the uncertain to the sure channel', () => {
    const law = { possible: 100, half: 60, slope: 1 }
    const sure = curvesOf([{ channel: 'sure', ...law }], 300, 0.02)
    const unsure = curvesOf([{ channel: 'unsure', ...law, possible: 110 }], 300, 0.6)
    const curves = [...sure, ...unsure]
    const at = (objective: AllocateNeeds['objective']) =>
      spends(allocate(needsOf(curves, 150, { objective })))[0] as number
    const expected = at({ kind: 'outcome' })
    expect(at({ kind: 'outcome', deviations: 1 })).toBeGreaterThan(expected + 5)
    expect(at({ kind: 'outcome', worst: 0.1 })).toBeGreaterThan(expected + 5)
  })

  test('never worse than today in the mean, and the chance of a gain is told', () => {
    const laws = [
      { channel: 'a', possible: 100, half: 40, slope: 1 },
      { channel: 'b', possible: 50, half: 60, slope: 2 },
    ]
    const answer = feasible(allocate(needsOf(curvesOf(laws, 300, 0.3), 120, { today: { a: 20, b: 100 } })))
    expect(answer.today.gain.mean).toBeGreaterThan(0)
    expect(answer.today.chanceOfGain).toBeGreaterThan(0.5)
    const again = evaluatePlan(
      { curves: curvesOf(laws, 300, 0.3), objective: { kind: 'outcome' } },
      Object.fromEntries(answer.channels.map(({ channel, spend }) => [channel, spend])),
    )
    expect(again.outcome.mean).toBeCloseTo(answer.outcome.mean, 6)
  })

  test('a plan that explores differs from the best by its seed, within bounds and total', () => {
    const laws = [
      { channel: 'a', possible: 100, half: 40, slope: 1 },
      { channel: 'b', possible: 90, half: 50, slope: 1 },
    ]
    const needs = needsOf(curvesOf(laws, 300, 0.5), 100, { bounds: { a: { low: 10, high: 90 } } })
    const plans = [1, 2, 3, 4].map((seed) => spends(exploringPlan(needs, 0.5, seed)))
    for (const [first, second] of plans as [number, number][]) {
      expect(first).toBeGreaterThanOrEqual(10)
      expect(first + second).toBeLessThanOrEqual(100 + 1e-6)
    }
    expect(new Set(plans.map(([first]) => Math.round((first as number) * 100))).size).toBeGreaterThan(1)
    expect(spends(exploringPlan(needs, 0.5, 1))).toEqual(plans[0])
  })
})

test('the smooth curve rises where its points rise and has the slope it says', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 3, maxLength: 12 }), (steps) => {
      let level = 0
      const y = Float64Array.from(steps, (step) => (level += step))
      const curve = smoothThrough(
        Float64Array.from(y, (_, index) => index * index + index),
        y,
      )
      let before = -Infinity
      for (let x = 0; x <= (curve.x.at(-1) as number); x += 0.05) {
        const value = valueAt(curve, x)
        expect(value).toBeGreaterThanOrEqual(before - 1e-9)
        before = value
      }
      const x = 0.37 * (curve.x.at(-1) as number)
      expect((valueAt(curve, x + 1e-6) - valueAt(curve, x - 1e-6)) / 2e-6).toBeCloseTo(slopeAt(curve, x), 3)
    }),
    { numRuns: 50 },
  )
})

describe('reach and frequency', () => {
  const first = { reachOfOne: 0.3, reachOfTwo: 0.42 }
  const second = { reachOfOne: 0.12, reachOfTwo: 0.2 }
  test('published figures of the beta-binomial law', () => {
    const three = vehicleReach({ ...first, insertions: 3 })
    expect([three.reach, three.effective].map((value) => value.toFixed(6))).toEqual(['0.489600', '0.129600'])
    const ten = vehicleReach({ ...first, insertions: 10 })
    expect([ten.reach, ten.effective, ten.frequency].map((value) => value.toFixed(6))).toEqual([
      '0.667519',
      '0.439216',
      '4.494252',
    ])
    expect(ten.grp).toBeCloseTo(300, 9)
    const six = vehicleReach({ ...second, insertions: 6 })
    expect([six.reach, six.effective].map((value) => value.toFixed(6))).toEqual(['0.371003', '0.095394'])
    const both = jointReach([ten, six])
    expect([both.reach, both.effective, both.frequency].map((value) => value.toFixed(6))).toEqual([
      '0.790871',
      '0.531185',
      '4.703677',
    ])
    expect(both.grp).toBeCloseTo(372, 9)
  })

  test('edges: perfect habit, no habit, impossible figures', () => {
    expect(vehicleReach({ reachOfOne: 0.3, reachOfTwo: 0.3, insertions: 9 }).reach).toBeCloseTo(0.3, 12)
    expect(vehicleReach({ reachOfOne: 0.3, reachOfTwo: 0.51, insertions: 4 }).reach).toBeCloseTo(1 - 0.7 ** 4, 9)
    const wrong = vehicleReach({ reachOfOne: 0.3, reachOfTwo: 0.9, insertions: 4 })
    expect(wrong.reach).toBeCloseTo(1 - 0.7 ** 4, 9)
    expect(wrong.assumed).toContain('between 0.3 and 0.5100')
    expect(() => vehicleReach({ reachOfOne: 0, reachOfTwo: null, insertions: 1 })).toThrow(RangeError)
    expect(() => vehicleReach({ reachOfOne: 1.2, reachOfTwo: null, insertions: 1 })).toThrow(RangeError)
  })

  test('two hundred thousand people with habits of their own agree within three standard errors', () => {
    const draws = drawsFrom('audience')
    const habit = (0.42 - 0.3) / (0.6 - 0.42 - 0.09)
    const people = 200_000
    let [reached, thrice] = [0, 0]
    for (let person = 0; person < people; person++) {
      const chance = draws.beta(0.3 * habit, 0.7 * habit)
      let seen = 0
      for (let insertion = 0; insertion < 10; insertion++) if (draws.uniform() < chance) seen++
      if (seen > 0) reached++
      if (seen >= 3) thrice++
    }
    const law = vehicleReach({ ...first, insertions: 10 })
    for (const [seen, said] of [
      [reached / people, law.reach],
      [thrice / people, law.effective],
    ] as const)
      expect(Math.abs(seen - said)).toBeLessThan(3 * Math.sqrt((said * (1 - said)) / people))
  })

  test('of the next insertion, the share that is new is what reach grows by', () => {
    for (const habit of [{ reachOfOne: 0.3, reachOfTwo: 0.42 }, { reachOfOne: 0.3, reachOfTwo: 0.51 }, second]) {
      const [now, next] = [10, 11].map((insertions) => vehicleReach({ ...habit, insertions }))
      expect(now?.fresh).toBeCloseTo(((next?.reach ?? 0) - (now?.reach ?? 0)) / habit.reachOfOne, 9)
    }
    const both = jointReach([vehicleReach({ ...first, insertions: 10 }), vehicleReach({ ...second, insertions: 6 })])
    expect(both.fresh).toBeLessThan(vehicleReach({ ...second, insertions: 6 }).fresh)
  })

  test('persons and contacts of a platform: both figures are met, and people with habits of their own are found again', () => {
    const told = { contacts: 300_000, reached: 100_000, population: 500_000 }
    const answer = toldReach(told, 3)
    expect(answer?.reach).toBeCloseTo(0.2, 9)
    expect(answer?.contacts.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9)
    expect(answer).toMatchObject({ frequency: expect.closeTo(3, 9), grp: expect.closeTo(60, 9), assumed: null })
    // Reach grows with a little more pressure as `fresh` says.
    const more = toldReach(told, 3, 1.0001)
    expect(((more?.reach ?? 0) - (answer?.reach ?? 0)) / (0.6 * 0.0001)).toBeCloseTo(answer?.fresh ?? 0, 4)
    // Gamma habits, Poisson contacts: planted, drawn, told and found again.
    const draws = drawsFrom('platform')
    const people = 200_000
    let [contacts, reached, thrice, twofold] = [0, 0, 0, 0]
    for (let person = 0; person < people; person++) {
      const rate = draws.gamma(0.5, 1 / 1.4)
      const seen = draws.poisson(rate)
      contacts += seen
      if (seen > 0) reached++
      if (seen >= 3) thrice++
      if (seen + draws.poisson(rate) > 0) twofold++
    }
    const once = toldReach({ contacts, reached, population: people }, 3)
    const twice = toldReach({ contacts, reached, population: people }, 3, 2)
    for (const [seen, said] of [
      [thrice / people, once?.effective ?? 0],
      [twofold / people, twice?.reach ?? 0],
    ] as const)
      expect(Math.abs(seen - said)).toBeLessThan(4 * Math.sqrt((said * (1 - said)) / people))
  })

  test('contacts more even than by chance are said to be; impossible figures have no answer', () => {
    const capped = toldReach({ contacts: 200_000, reached: 100_000, population: 110_000 }, 2)
    expect(capped).toMatchObject({ reach: expect.closeTo(1 / 1.1, 9), frequency: expect.closeTo(2, 9), fresh: 0 })
    expect(capped?.assumed).toContain('evenly')
    expect(toldReach({ contacts: 100, reached: 101, population: 1000 })).toBeNull()
    expect(toldReach({ contacts: 5000, reached: 1001, population: 1000 })).toBeNull()
    expect(toldReach({ contacts: 100, reached: 100, population: 1000 })?.effective).toBeCloseTo(0, 12)
  })

  test('net reach of channels without persons is a bound; prices per contact', () => {
    expect(reachBounds([0.3, 0.2, 0.1])).toEqual({
      least: 0.3,
      independent: expect.closeTo(0.496, 9),
      most: expect.closeTo(0.6, 9),
    })
    expect(contactPrices(12_000, 300, 500_000)).toEqual({ contacts: 1_500_000, perPoint: 40, perThousand: 8 })
  })
})

test('a curve known at uneven spends is shown at even ones, bent as it is', () => {
  const spend = Float64Array.from([0, 10, 20, 50, 100, 300])
  const outcome = [0.8, 1, 1.2].map((factor) => spend.map((x) => (factor * 90 * x) / (x + 60)))
  const band = bandAlong({ channel: 'a', spend, outcome }, 30)
  expect(band.map((point) => point.spend)).toEqual(Array.from({ length: 31 }, (_, step) => 10 * step))
  for (const [index, point] of band.entries()) {
    expect(point.mean).toBeCloseTo((90 * point.spend) / (point.spend + 60), -0.5)
    expect(point.low).toBeLessThanOrEqual(point.mean)
    expect(point.high).toBeGreaterThanOrEqual(point.mean)
    if (index > 1)
      expect(point.mean - (band[index - 1]?.mean ?? 0)).toBeLessThan(
        (band[index - 1]?.mean ?? 0) - (band[index - 2]?.mean ?? 0) + 0.5,
      )
  }
})
