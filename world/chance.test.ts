import { expect, test } from 'vitest'
import { permute, purposeOf, Stream } from './chance.ts'

const purpose = purposeOf(7, 'person', 'test')

function draws(stream: Stream, count: number): number[] {
  return Array.from({ length: count }, () => stream.uniform())
}

test('a draw added in one stream shifts nothing in another', () => {
  const alone = draws(new Stream().open(purpose, 2), 5)
  const shared = new Stream().open(purpose, 1)
  draws(shared, 300)
  shared.normal()
  expect(draws(shared.open(purpose, 2), 5)).toEqual(alone)
})

test('streams of other ids, purposes and seeds are other streams', () => {
  const first = draws(new Stream().open(purpose, 1), 3)
  expect(draws(new Stream().open(purpose, 2), 3)).not.toEqual(first)
  expect(draws(new Stream().open(purposeOf(7, 'person', 'other'), 1), 3)).not.toEqual(first)
  expect(draws(new Stream().open(purposeOf(8, 'person', 'test'), 1), 3)).not.toEqual(first)
})

test('draws are uniform within and across streams', () => {
  const cells = Array.from({ length: 64 }, () => 0)
  const stream = new Stream()
  for (let id = 0; id < 4000; id++)
    for (const value of draws(stream.open(purpose, id), 16))
      cells[Math.floor(value * 64)] = (cells[Math.floor(value * 64)] ?? 0) + 1
  const chi = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
  // χ² with 63 degrees of freedom: mean 63, standard deviation 11.2.
  expect(chi).toBeGreaterThan(25)
  expect(chi).toBeLessThan(110)
})

test.each([
  ['gamma 0.9', (stream: Stream) => stream.gamma(0.9, 0.9), 1, 1 / 0.9],
  ['gamma 3', (stream: Stream) => stream.gamma(3, 2), 1.5, 0.75],
  ['normal', (stream: Stream) => stream.normal(), 0, 1],
  ['poisson 0.4', (stream: Stream) => stream.poisson(0.4), 0.4, 0.4],
  ['poisson 70', (stream: Stream) => stream.poisson(70), 70, 70],
  ['geometric', (stream: Stream) => stream.geometric(0.7), 0.3 / 0.7, 0.3 / 0.49],
  ['exponential', (stream: Stream) => stream.exponential(2), 0.5, 0.25],
] as const)('%s has its mean and variance', (_name, draw, mean, variance) => {
  const stream = new Stream().open(purpose, 99)
  const count = 40_000
  const values = Array.from({ length: count }, () => draw(stream))
  const average = values.reduce((a, b) => a + b, 0) / count
  const spread = values.reduce((a, b) => a + (b - average) ** 2, 0) / count
  expect(Math.abs(average - mean)).toBeLessThan(4 * Math.sqrt(variance / count))
  expect(spread / variance).toBeGreaterThan(0.9)
  expect(spread / variance).toBeLessThan(1.1)
})

test('a permutation hits every number once and is not the identity', () => {
  const image = Array.from({ length: 1000 }, (_, value) => permute(purpose, value, 1000))
  expect(new Set(image).size).toBe(1000)
  expect(image.filter((value, at) => value === at).length).toBeLessThan(10)
})
