import { expect, test } from 'vitest'
import { median, robustDeviation } from './robust.ts'

test('the middle of odd, even and no values', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([])).toBeNaN()
})

test('the deviation of a published sample (Rousseeuw and Croux 1993 use MAD × 1.4826)', () => {
  expect(robustDeviation([1, 1, 2, 2, 4, 6, 9])).toBeCloseTo(1.4826, 10)
})

test('wild values in less than half of the sample leave it bounded', () => {
  const calm = [10, 11, 9, 10, 12, 8, 10, 11, 9]
  expect(robustDeviation([...calm, 1e9, -1e9, 1e12])).toBeLessThan(4)
})
