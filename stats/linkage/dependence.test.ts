import { expect, test } from 'vitest'
import { adjusted, dependenceOf } from './dependence.ts'

/** Repeats always: a row of pseudo-random numbers below `most`. */
function numbers(rows: number, most: number, seed: number): number[] {
  let state = seed
  return Array.from({ length: rows }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * most)
  })
}

test('the published example: mutual information .41022, expected by chance .15042', () => {
  // The example by which scikit-learn checks its adjusted mutual information.
  const one = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]
  const other = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2]
  const found = dependenceOf({ one, other })
  expect(found.shared).toBeCloseTo(0.41022, 5)
  expect(found.chance).toBeCloseTo(0.15042, 5)
})

test('chance is what shuffled rows give, whatever the order of columns and values', () => {
  const one = numbers(400, 30, 1)
  const shuffles = Array.from({ length: 40 }, (_, seed) => dependenceOf({ one, other: numbers(400, 30, seed + 2) }))
  const mean = shuffles.reduce((sum, { shared }) => sum + shared, 0) / 40
  expect(shuffles[0]?.chance).toBeCloseTo(mean, 1)
  const other = numbers(400, 30, 2)
  const turned = dependenceOf({ one: other, other: one.map((value) => 29 - value) })
  expect(turned.shared).toBeCloseTo(shuffles[0]?.shared ?? 0, 9)
  expect(turned.chance).toBeCloseTo(shuffles[0]?.chance ?? 0, 9)
})

test('a planted dependence is found, an independent column is none, a near-unique one says nothing', () => {
  const postcode = numbers(3000, 200, 5)
  const city = postcode.map((code) => Math.floor(code / 10))
  expect(adjusted(dependenceOf({ one: postcode, other: city }))).toBeCloseTo(1, 9)
  // Every third city is another one.
  const noise = numbers(3000, 20, 6)
  const loose = adjusted(
    dependenceOf({ one: postcode, other: city.map((name, at) => (at % 3 ? name : (noise[at] ?? 0))) }),
  )
  expect(loose).toBeGreaterThan(0.3)
  expect(loose).toBeLessThan(0.7)
  expect(Math.abs(adjusted(dependenceOf({ one: postcode, other: noise })) ?? 1)).toBeLessThan(0.05)
  expect(adjusted(dependenceOf({ one: postcode.map((_, row) => row), other: city }))).toBeNull()
})
