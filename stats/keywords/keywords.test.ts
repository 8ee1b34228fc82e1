import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { betaQuantile, beyondPosition, compareTexts, drawsFrom, priorOf, shrink, type TextCounts } from '../index.ts'

/** Headlines shown equally often; `rates` say how often each is clicked. */
function headlines(seed: string, rates: number[], shown = 40_000): TextCounts[] {
  const draws = drawsFrom('headlines', seed)
  return rates.map((rate, index) => ({
    text: `headline ${index}`,
    impressions: shown,
    clicks: draws.poisson(rate * shown),
    conversions: 0,
    value: 0,
  }))
}

test('quantiles of the beta distribution are the printed ones', () => {
  expect(betaQuantile(0.5, 2, 3)).toBeCloseTo(0.3857275681323, 10)
  expect(betaQuantile(0.05, 1, 1)).toBeCloseTo(0.05, 12)
})

test('the prior of rates drawn from a beta distribution is found again', () => {
  const draws = drawsFrom('prior')
  const counts = Array.from({ length: 800 }, () => {
    const rate = draws.beta(6, 194)
    let successes = 0
    for (let show = 0; show < 400; show++) if (draws.uniform() < rate) successes++
    return { successes, tries: 400 }
  })
  const prior = priorOf(counts)
  expect(prior.mean).toBeCloseTo(0.03, 2)
  expect(prior.tries).toBeGreaterThan(150)
  expect(prior.tries).toBeLessThan(270)
})

test('a shrunken rate lies between its own and the common one, nearer to its own the more is known', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (tries, share) => {
      const successes = Math.round(tries * share)
      const own = shrink(successes, tries, { mean: 0.2, tries: 50 })
      expect(own.value).toBeGreaterThanOrEqual(Math.min(0.2, own.raw) - 1e-12)
      expect(own.value).toBeLessThanOrEqual(Math.max(0.2, own.raw) + 1e-12)
      expect(own.low).toBeLessThan(own.value)
      expect(own.high).toBeGreaterThan(own.value)
    }),
  )
})

describe('eight headlines, 40,000 impressions each, usual click rate 3 %', () => {
  const runs = 100

  test('a planted lead of 20 % is found in at least 95 of 100 runs', () => {
    let found = 0
    for (let run = 0; run < runs; run++) {
      const result = compareTexts(headlines(`planted ${run}`, [0.036, ...Array.from({ length: 7 }, () => 0.03)]), {
        samples: 50,
      })
      if (result.winner === 'headline 0') found++
    }
    expect(found).toBeGreaterThanOrEqual(95)
  }, 60_000)

  test('without a lead a winner is declared in at most 5 of 100 runs', () => {
    let declared = 0
    for (let run = 0; run < runs; run++) {
      if (
        compareTexts(
          headlines(
            `none ${run}`,
            Array.from({ length: 8 }, () => 0.03),
          ),
          { samples: 50 },
        ).winner !== null
      )
        declared++
    }
    expect(declared).toBeLessThanOrEqual(5)
  }, 60_000)

  test('an open test says how many impressions more are needed, about as many as were planned for', () => {
    const result = compareTexts(headlines('open', [0.033, 0.03, 0.03, 0.029], 5000))
    expect(result.winner).toBeNull()
    expect(result.needed).toBeGreaterThan(1000)
  })
})

test('worth decides, not clicks: a text that draws clicks without sales is shown as such', () => {
  const result = compareTexts([
    { text: 'free things', impressions: 50_000, clicks: 3000, conversions: 10, value: 500 },
    { text: 'solid quality', impressions: 50_000, clicks: 1500, conversions: 90, value: 4500 },
    { text: 'fair price', impressions: 50_000, clicks: 1400, conversions: 80, value: 4000 },
  ])
  expect(result.by).toBe('value')
  expect(result.texts[0]?.text).toBe('solid quality')
  expect(result.texts.at(-1)?.text).toBe('free things')
  expect(result.curious).toEqual(['free things'])
  expect(result.texts.reduce((sum, { best }) => sum + best, 0)).toBeCloseTo(1, 9)
  expect(result.texts[0]?.expectedLoss).toBeLessThan(result.texts[1]?.expectedLoss as number)
})

test('one text, no clicks, no impressions: said, not guessed', () => {
  expect(compareTexts([{ text: 'a', impressions: 10, clicks: 0, conversions: 0, value: 0 }]).warnings[0]).toContain(
    'only one text',
  )
  const silent = compareTexts([
    { text: 'a', impressions: 100, clicks: 0, conversions: 0, value: 0 },
    { text: 'b', impressions: 100, clicks: 0, conversions: 0, value: 0 },
  ])
  expect(silent.winner).toBeNull()
  expect(silent.needed).toBeNull()
})

test('at equal position the planted text stands out', () => {
  const draws = drawsFrom('positions')
  const rows = Array.from({ length: 60 }, (_, index) => {
    const position = 1 + 14 * draws.uniform()
    const impressions = 5000
    const rate = (0.3 / position) * (index === 7 ? 1.8 : 1)
    return { text: `query ${index}`, impressions, clicks: draws.poisson(rate * impressions), position }
  })
  expect(beyondPosition(rows)[0]?.text).toBe('query 7')
})
