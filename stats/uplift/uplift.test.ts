import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  boost,
  boostedValues,
  type Columns,
  columnsOf,
  drawsFrom,
  effectByPart,
  encodingsOf,
  estimateUplift,
  fitLinear,
  judge,
  learnerNames,
  learnerOf,
  linearValues,
  policyValue,
  qiniArea,
  robustPolicyValue,
  rowsWhere,
  type Scored,
  Stopped,
  type Trial,
  upliftArea,
} from '../index.ts'

const shared = process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data')
const has = (set: string) => {
  const present = existsSync(join(shared, set))
  if (!present) console.warn(`skipped: ${set} is not at ${shared} (set EINKLANG_SHARED_DATA)`)
  return present
}

function tableOf(path: string): { header: string[]; rows: string[][] } {
  const lines = gunzipSync(readFileSync(join(shared, path)))
    .toString()
    .trim()
    .split('\n')
  const cells = (line: string) => (line.match(/"[^"]*"|[^,]+/g) ?? []).map((cell) => cell.replaceAll('"', '').trim())
  return { header: cells(lines[0] as string), rows: lines.slice(1).map(cells) }
}

const foldOf = (row: number) => (Math.imul(row, 2654435761) >>> 0) % 5

describe('figures', () => {
  test('Qini and uplift areas are those of scikit-uplift 0.5.1', () => {
    // Twelve persons; figures printed by sklift.metrics for the same arrays.
    const scored: Scored = {
      score: Float64Array.from([0.9, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0]),
      outcome: Float64Array.from([1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0]),
      treated: Uint8Array.from([1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0]),
    }
    expect(qiniArea(scored)).toBeCloseTo(0.46217948717948726, 12)
    expect(upliftArea(scored)).toBeCloseTo(0.479, 12)
  })

  test('a perfect ranking has area 1, its reverse a negative one', () => {
    const draws = drawsFrom('perfect')
    const treated = Uint8Array.from({ length: 500 }, () => draws.below(2))
    const outcome = Float64Array.from(treated, (own) => (draws.uniform() < 0.2 + 0.1 * own ? 1 : 0))
    const score = outcome.map((value, row) => (treated[row] === 1 ? value : -value))
    expect(qiniArea({ score, outcome, treated })).toBeCloseTo(1, 10)
    expect(qiniArea({ score: score.map((value) => -value), outcome, treated })).toBeLessThan(0)
  })

  test('the parts of all persons together are all persons', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.nat(1), fc.nat(1)), {
          minLength: 20,
          maxLength: 200,
        }),
        (rows) => {
          const parts = effectByPart(
            {
              score: Float64Array.from(rows, ([score]) => score),
              outcome: Float64Array.from(rows, ([, outcome]) => outcome),
              treated: Uint8Array.from(rows, ([, , treated]) => treated),
            },
            7,
            1.6,
          )
          expect(parts.reduce((sum, { persons }) => sum + persons, 0)).toBe(rows.length)
          expect(parts.reduce((sum, { treated, control }) => sum + treated + control, 0)).toBe(rows.length)
        },
      ),
    )
  })

  test('policy values agree with the truth when the arm is drawn with known chances', () => {
    const draws = drawsFrom('policy')
    const rows = 20_000
    const arm = new Uint8Array(rows)
    const outcome = new Float64Array(rows)
    const chance = new Float64Array(rows)
    const choice = new Uint8Array(rows)
    const expected = [new Float64Array(rows), new Float64Array(rows)]
    for (let row = 0; row < rows; row++) {
      const x = draws.uniform()
      const share = 0.2 + 0.6 * x
      arm[row] = draws.uniform() < share ? 1 : 0
      chance[row] = arm[row] === 1 ? share : 1 - share
      outcome[row] = draws.uniform() < 0.2 + (arm[row] === 1 ? 0.4 * x - 0.2 : 0) ? 1 : 0
      choice[row] = x > 0.5 ? 1 : 0
      ;(expected[0] as Float64Array)[row] = 0.2
      ;(expected[1] as Float64Array)[row] = 0.4 * x
    }
    // Truth: .2 + ½ · mean of .4x − .2 over x > ½ = .2 + ½ · .1.
    const plain = policyValue({ arm, outcome, chance, choice }, 0.99)
    const robust = robustPolicyValue({ arm, outcome, chance, choice }, expected, 0.99)
    for (const figure of [plain, robust]) {
      expect(figure.low).toBeLessThan(0.25)
      expect(figure.high).toBeGreaterThan(0.25)
    }
    expect(robust.high - robust.low).toBeLessThan(plain.high - plain.low)
  })
})

describe('base models', () => {
  const columns = (rows: number, seed: string): Columns => {
    const draws = drawsFrom('columns', seed)
    return {
      names: ['a', 'b', 'c'],
      rows,
      values: [0, 1, 2].map(() => Float64Array.from({ length: rows }, () => draws.normal())),
    }
  }

  test('ridge without pull is least squares: y = 2 + 3a − b', () => {
    const data = columns(200, 'ridge')
    const target = Float64Array.from(
      { length: 200 },
      (_, row) => 2 + 3 * (data.values[0]?.[row] as number) - (data.values[1]?.[row] as number),
    )
    const model = fitLinear(data, rowsWhere(200), target, { kind: 'amount', pull: 0 })
    expect(model.base).toBeCloseTo(2, 6)
    expect(model.effects[0]).toBeCloseTo(3, 6)
    expect(model.effects[1]).toBeCloseTo(-1, 6)
    expect(model.effects[2]).toBeCloseTo(0, 6)
  })

  test('logistic regression finds planted log-odds, and separated data stay finite', () => {
    const rows = 40_000
    const data = columns(rows, 'logistic')
    const draws = drawsFrom('logistic outcome')
    const target = Float64Array.from({ length: rows }, (_, row) =>
      draws.uniform() < 1 / (1 + Math.exp(1 - 0.8 * (data.values[0]?.[row] as number))) ? 1 : 0,
    )
    const model = fitLinear(data, rowsWhere(rows), target, { kind: 'share' })
    expect(model.base).toBeCloseTo(-1, 1)
    expect(model.effects[0]).toBeCloseTo(0.8, 1)
    const split = Float64Array.from({ length: 100 }, (_, row) => ((data.values[0]?.[row] as number) > 0 ? 1 : 0))
    const fitted = linearValues(fitLinear(data, rowsWhere(100), split, { kind: 'share' }), data, rowsWhere(100))
    expect(fitted.every((value) => value > 0 && value < 1)).toBe(true)
  })

  test('boosted trees learn a step and an interaction that no line can', () => {
    const rows = 4000
    const data = columns(rows, 'trees')
    const truth = (row: number) =>
      ((data.values[0]?.[row] as number) > 0 ? 1 : -1) * ((data.values[1]?.[row] as number) > 0 ? 1 : -1)
    const target = Float64Array.from({ length: rows }, (_, row) => truth(row))
    const learning = rowsWhere(rows, (row) => row < 3000)
    const asked = rowsWhere(rows, (row) => row >= 3000)
    const found = boostedValues(boost(data, learning, target, { kind: 'amount', trees: 80, rate: 0.2 }), data, asked)
    const miss =
      found.reduce((sum, value, index) => sum + (value - truth(asked[index] as number)) ** 2, 0) / asked.length
    expect(miss).toBeLessThan(0.05)
  })

  test('the same seed gives the same trees; missing values and constant columns are taken', () => {
    const data = columns(500, 'seeded')
    ;(data.values[0] as Float64Array).fill(Number.NaN, 0, 100)
    ;(data.values[2] as Float64Array).fill(7)
    const target = Float64Array.from({ length: 500 }, (_, row) => (data.values[1]?.[row] as number) * 2)
    const fit = (seed: string) =>
      boostedValues(
        boost(data, rowsWhere(500), target, { kind: 'amount', rowShare: 0.5, seed, trees: 20 }),
        data,
        rowsWhere(500),
      )
    expect(fit('1')).toEqual(fit('1'))
    expect(fit('2')).not.toEqual(fit('1'))
    expect(fit('1').every(Number.isFinite)).toBe(true)
  })

  test('words become columns, numbers stay, the rare share one', () => {
    const raw = [
      { name: 'age', cells: ['3', '', '5'] },
      { name: 'colour', cells: ['red', 'blue', 'red'] },
    ]
    const table = columnsOf(raw, encodingsOf(raw))
    expect(table.names).toEqual(['age', 'colour=blue'])
    expect(table.values[0]?.[1]).toBeNaN()
    expect([...(table.values[1] as Float64Array)]).toEqual([0, 1, 0])
  })
})

/** Effect .1 for those with x > 0, −.05 for the others, everybody's rate depends on z. */
function planted(rows: number, seed: string, confounded = false) {
  const draws = drawsFrom('planted', seed)
  const [x, z] = [new Float64Array(rows), new Float64Array(rows)]
  const [arm, outcome, truth] = [new Uint8Array(rows), new Float64Array(rows), new Float64Array(rows)]
  for (let row = 0; row < rows; row++) {
    x[row] = draws.normal()
    z[row] = draws.normal()
    const chance = confounded ? 1 / (1 + Math.exp(-(z[row] as number))) : 0.5
    arm[row] = draws.uniform() < chance ? 1 : 0
    truth[row] = (x[row] as number) > 0 ? 0.1 : -0.05
    const rate = 0.25 + 0.1 * Math.tanh(z[row] as number) + (arm[row] === 1 ? (truth[row] as number) : 0)
    outcome[row] = draws.uniform() < rate ? 1 : 0
  }
  const columns: Columns = { names: ['x', 'z'], rows, values: [x, z] }
  return { columns, arm, outcome, truth, x }
}

test.each(learnerNames.filter((name) => name !== 's-linear'))(
  '%s tells those who gain from those who lose',
  (name) => {
    const rows = 20_000
    const { columns, arm, outcome, x } = planted(rows, 'learners')
    const trial: Trial = {
      columns,
      treated: arm,
      outcome,
      kind: 'share',
      propensity: new Float64Array(rows).fill(0.5),
      seed: '1',
    }
    const asked = rowsWhere(rows, (row) => row >= 14_000)
    const effects = learnerOf(name)(
      trial,
      rowsWhere(rows, (row) => row < 14_000),
    )(asked)
    let [up, down, above, below] = [0, 0, 0, 0]
    asked.forEach((row, index) => {
      if ((x[row] as number) > 0) {
        up += effects[index] as number
        above++
      } else {
        down += effects[index] as number
        below++
      }
    })
    expect(up / above - down / below).toBeGreaterThan(0.05)
  },
  60_000,
)

test('observational: lots that hang on a column mislead the raw difference, not the estimate', async () => {
  const { columns, arm, outcome, truth } = planted(12_000, 'confounded', true)
  const result = await estimateUplift(
    { columns, arms: ['none', 'mail'], arm, outcome, kind: 'share', observational: true },
    { learner: 'dr-linear', resamples: 20 },
  )
  const mean = truth.reduce((sum, value) => sum + value, 0) / truth.length
  const raw = (which: number) => {
    let [sum, count] = [0, 0]
    outcome.forEach((value, row) => {
      if (arm[row] !== which) return
      sum += value
      count++
    })
    return sum / count
  }
  const [treatment] = result.treatments
  expect(raw(1) - raw(0) - mean).toBeGreaterThan(0.03)
  expect(treatment?.average.low).toBeLessThan(mean)
  expect(treatment?.average.high).toBeGreaterThan(mean)
  expect(result.warnings[0]).toContain('Observational')
  expect(result.overlap.estimated).toBe(true)
}, 60_000)

test('choosing per person beats treating everybody or nobody where effects differ in sign', async () => {
  const { columns, arm, outcome } = planted(12_000, 'policy')
  const result = await estimateUplift(
    { columns, arms: ['none', 'mail'], arm, outcome, kind: 'share', observational: false },
    { learner: 't-linear', resamples: 20 },
  )
  const [own, none, all] = result.policies.map(({ robust }) => robust.value) as [number, number, number]
  expect(own).toBeGreaterThan(none)
  expect(own).toBeGreaterThan(all)
  expect(result.treatments[0]?.disturbed.share).toBeGreaterThan(0.2)
  expect(result.treatments[0]?.qini?.value).toBeGreaterThan(0)
  expect(result.treatments[0]?.qini?.low).toBeLessThan(result.treatments[0]?.qini?.value as number)
}, 60_000)

test('a wish to stop is heard between two steps', async () => {
  const { columns, arm, outcome } = planted(2000, 'stop')
  const stop = new AbortController()
  const work = estimateUplift(
    { columns, arms: ['none', 'mail'], arm, outcome, kind: 'share', observational: false },
    {
      learner: 't-linear',
      signal: stop.signal,
      progress: (done) => done === 2 && stop.abort(),
      turn: () => Promise.resolve(),
    },
  )
  await expect(work).rejects.toBeInstanceOf(Stopped)
})

test('noise explains nothing', () => {
  const draws = drawsFrom('noise')
  const pseudo = Float64Array.from({ length: 5000 }, () => draws.normal())
  const score = Float64Array.from({ length: 5000 }, () => draws.normal())
  expect(judge(score, pseudo).gain).toBeLessThan(0.01)
  expect(judge(pseudo, pseudo)).toMatchObject({ scale: expect.closeTo(1, 9) })
})

describe.skipIf(!has('bank-marketing-uci'))('phone contacts of a bank', () => {
  test('logistic regression ranks as published, and its chances can be believed', () => {
    const { header, rows } = tableOf('bank-marketing-uci/bank-additional-full.csv.gz')
    const at = (name: string) => header.indexOf(name)
    const target = Float64Array.from(rows, (row) => (row[at('y')] === 'yes' ? 1 : 0))
    const columns = columnsOf(
      header
        .filter((name) => name !== 'y' && name !== 'duration')
        .map((name) => ({ name, cells: rows.map((row) => row[at(name)] as string) })),
    )
    const learning = rowsWhere(rows.length, (row) => foldOf(row) === 1)
    const asked = rowsWhere(rows.length, (row) => foldOf(row) === 0)
    const chances = linearValues(fitLinear(columns, learning, target, { kind: 'share' }), columns, asked)
    expect(
      aucOf(
        chances,
        Float64Array.from(asked, (row) => target[row] as number),
      ),
    ).toBeGreaterThan(0.76)
    const promised = chances.reduce((sum, value) => sum + value, 0) / asked.length
    const happened = asked.reduce((sum, row) => sum + (target[row] as number), 0) / asked.length
    expect(Math.abs(promised - happened)).toBeLessThan(0.015)
  }, 60_000)
})

function aucOf(scores: Float64Array, truth: Float64Array): number {
  const order = [...scores.keys()].sort((left, right) => (scores[left] as number) - (scores[right] as number))
  let [ranks, ones] = [0, 0]
  order.forEach((row, rank) => {
    if (truth[row] !== 1) return
    ranks += rank + 1
    ones++
  })
  return (ranks - (ones * (ones + 1)) / 2) / (ones * (truth.length - ones))
}
