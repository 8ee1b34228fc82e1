import { normalQuantile } from '@einklang/stats'
import { expect, test } from 'vitest'
import { type Protocol, readingOf } from './protocol.ts'

const protocol: Protocol = {
  experiment: 'x',
  worthwhile: 100,
  persons: 20_000,
  days: 30,
  plannedVariance: 40 ** 2,
  plannedAt: new Date(),
  stoppedAt: null,
  stoppedBy: null,
  reason: null,
}
const at = (value: number, error: number) => {
  const reach = normalQuantile(0.95) * error
  return { value, low: value - reach, high: value + reach }
}

test('at any time the range is wider than the one read once at the end', () => {
  const once = at(150, 40)
  const reading = readingOf(protocol, once, [18_000, 2000])
  expect(reading.low as number).toBeLessThan(once.low)
  expect(reading.high as number).toBeGreaterThan(once.high)
})

test.each([
  [at(200, 20), 'proven', true],
  [at(-200, 20), 'harm', true],
  [at(5, 20), 'futile', true],
  [at(60, 60), 'go_on', false],
] as const)('%j is %s', (difference, verdict, stop) => {
  expect(readingOf(protocol, difference, [18_000, 2000])).toMatchObject({ verdict, stop })
})

test('below 100 persons in an arm nothing is said', () => {
  expect(readingOf(protocol, at(900, 1), [900, 99])).toMatchObject({ verdict: 'too_few', stop: false })
})
