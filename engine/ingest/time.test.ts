import fc from 'fast-check'
import { expect, test } from 'vitest'
import { correctTime, readInstant } from './time.ts'

const received = Date.parse('2026-03-02T12:00:10.000Z')
const correct = (original: unknown, sent: unknown, oldestDays = 3653) => {
  const { at, flags, tooOld } = correctTime({ receivedAt: received, original, sent, oldestDays })
  return { at: new Date(at).toISOString(), flags, tooOld }
}

test('a clock two hours fast is set right', () => {
  expect(correct('2026-03-02T13:59:35.000Z', '2026-03-02T14:00:05.000Z')).toEqual({
    at: '2026-03-02T11:59:40.000Z',
    flags: [],
    tooOld: false,
  })
})

test('without the time of sending the time stands as given; without both it is that of arrival', () => {
  expect(correct('2026-03-02T11:00:00Z', undefined).at).toBe('2026-03-02T11:00:00.000Z')
  expect(correct(undefined, undefined).at).toBe('2026-03-02T12:00:10.000Z')
  expect(correct(undefined, '2026-03-02T11:00:00Z').at).toBe('2026-03-02T12:00:10.000Z')
})

test('sent before it happened cannot be corrected', () => {
  expect(correct('2026-03-02T11:00:00Z', '2026-03-02T10:00:00Z')).toMatchObject({
    at: '2026-03-02T11:00:00.000Z',
    flags: ['time_order'],
  })
  expect(correct('2026-03-02T13:00:00Z', '2026-03-02T10:00:00Z').at).toBe('2026-03-02T12:00:10.000Z')
})

test('the future becomes now, ten years ago waits, 2012 stays in 2012', () => {
  expect(correct('2026-03-02T12:20:00Z', undefined)).toMatchObject({
    at: '2026-03-02T12:00:10.000Z',
    flags: ['future_time'],
  })
  expect(correct('2026-03-02T12:05:00Z', undefined)).toMatchObject({ at: '2026-03-02T12:05:00.000Z', flags: [] })
  expect(correct('2012-05-05T00:00:00Z', '2026-03-02T12:00:10.000Z').tooOld).toBe(true)
  expect(correct('2012-05-05T00:00:00Z', '2026-03-02T12:00:10.000Z', 36_525)).toEqual({
    at: '2012-05-05T00:00:00.000Z',
    flags: [],
    tooOld: false,
  })
})

test('texts without a zone are UTC and flagged; epochs are read; nonsense is the time of arrival', () => {
  expect(correct('2026-03-02 11:00:00', undefined)).toMatchObject({
    at: '2026-03-02T11:00:00.000Z',
    flags: ['zone_missing'],
  })
  expect(correct(1772449200, undefined).at).toBe('2026-03-02T11:00:00.000Z')
  expect(correct('1772449200000', undefined).at).toBe('2026-03-02T11:00:00.000Z')
  expect(correct('2026-03-02T12:00:00+01:00', undefined).at).toBe('2026-03-02T11:00:00.000Z')
  expect(correct('Mon, 02 Mar 2026 11:00:00 GMT', undefined).at).toBe('2026-03-02T11:00:00.000Z')
  for (const nonsense of ['yesterday', '2026-02-31T10:00:00Z', '2026-02-31T10:00:00.000Z', '03/02/2026', true, {}]) {
    expect(correct(nonsense, undefined)).toMatchObject({ at: '2026-03-02T12:00:10.000Z', flags: ['bad_time'] })
  }
  expect(readInstant('2026-02-29T10:00:00.000Z')).toBeNull()
})

test("shifting a client's whole clock does not change the corrected time", () => {
  const past = fc.integer({ min: 0, max: 86_400_000 })
  fc.assert(
    fc.property(past, past, fc.integer({ min: -1e10, max: 1e10 }), (age, delay, shift) => {
      const sent = received - delay
      const original = sent - age
      const text = (at: number) => new Date(at).toISOString()
      expect(correct(text(original + shift), text(sent + shift)).at).toBe(correct(text(original), text(sent)).at)
    }),
  )
})
