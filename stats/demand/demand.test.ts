import { expect, test } from 'vitest'
import { drawsFrom } from '../numbers/chance.ts'
import { demandIfAvailable } from './available.ts'

test('an article that was always there keeps its figure, with the published interval of a Poisson count', () => {
  // Garwood 1936: 10 events, 90 %: 5.425 to 16.962.
  const found = demandIfAvailable([{ units: 10, squares: 10, share: 1 }])
  expect(found?.corrected).toBe(10)
  expect(found?.low).toBeCloseTo(5.425, 2)
  expect(found?.high).toBeCloseTo(16.962, 2)
})

test('half the time in stock doubles what was sold; few large sales are less sure than many small ones', () => {
  const small = demandIfAvailable([{ units: 40, squares: 40, share: 0.5 }])
  const large = demandIfAvailable([{ units: 40, squares: 400, share: 0.5 }])
  expect(small?.corrected).toBe(80)
  expect((large?.high ?? 0) - (large?.low ?? 0)).toBeGreaterThan((small?.high ?? 0) - (small?.low ?? 0))
})

test('an article that was hardly ever there, or nowhere, gets no figure', () => {
  expect(demandIfAvailable([{ units: 3, squares: 3, share: 0.05 }])).toBeNull()
  expect(demandIfAvailable([{ units: 0, squares: 0, share: 0 }])).toBeNull()
  expect(demandIfAvailable([])).toBeNull()
})

/** Sales of `rate` a day of so many days; each sale takes `size` units with equal chances. */
function soldIn(draws: ReturnType<typeof drawsFrom>, rate: number, days: number) {
  let [units, squares] = [0, 0]
  for (let at = -Math.log(draws.uniform()) / rate; at < days; at -= Math.log(draws.uniform()) / rate) {
    const size = draws.uniform() < 0.8 ? 1 : 3
    units += size
    squares += size * size
  }
  return { units, squares }
}

test('planted demand under stock-outs is found again, and its interval holds it nine times in ten', () => {
  const draws = drawsFrom('stock-outs')
  const runs = 600
  let [inside, sum, raw] = [0, 0, 0]
  const truth = 90 * (0.5 + 0.2) * 1.4
  for (let run = 0; run < runs; run++) {
    const [online, store] = [0.2 + 0.8 * draws.uniform(), 0.2 + 0.8 * draws.uniform()]
    const found = demandIfAvailable([
      { ...soldIn(draws, 0.5, 90 * online), share: online },
      { ...soldIn(draws, 0.2, 90 * store), share: store },
    ])
    sum += found?.corrected ?? 0
    raw += truth * ((0.5 * online + 0.2 * store) / 0.7)
    if (found !== null && found.low <= truth && truth <= found.high) inside++
  }
  expect(sum / runs / truth).toBeGreaterThan(0.97)
  expect(sum / runs / truth).toBeLessThan(1.03)
  // What was sold says a third less.
  expect(raw / runs / truth).toBeLessThan(0.7)
  expect(inside / runs).toBeGreaterThan(0.86)
  expect(inside / runs).toBeLessThan(0.97)
})
