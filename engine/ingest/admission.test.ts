import { beforeEach, expect, test } from 'vitest'
import { type Admission, createAdmission } from './admission.ts'

const mebibyte = 1024 * 1024
let now: number
let endTurn: () => void
let admission: Admission

beforeEach(() => {
  now = 0
  endTurn = () => undefined
  admission = createAdmission({
    now: () => now,
    afterTurn(work) {
      endTurn = work
    },
  })
})

/** How many mebibytes are taken until the next one is refused. */
function taken(): number {
  for (let count = 0; ; count++) if (!admission.take(mebibyte)) return count
}

test('a slow disk narrows the queue, once for all who waited for the same reason, and never below four mebibytes', () => {
  expect(taken()).toBe(8)
  now = 1000
  for (let group = 0; group < 4; group++) admission.leave(2 * mebibyte, 1000)
  expect(taken()).toBe(4)
  for (let queue = 0; queue < 10; queue++) {
    now += 60_000
    admission.leave(4 * mebibyte, 50_000)
    expect(taken()).toBe(4)
  }
})

test('a quick disk widens the queue up to 64 mebibytes', () => {
  let most = 0
  for (let group = 0; group < 200; group++) {
    const count = taken()
    most = Math.max(most, count)
    admission.leave(count * mebibyte, 10)
  }
  expect(most).toBe(64)
})

test('bodies on their way have a place; one that has gone or takes longer than a second gives it up', () => {
  const first = admission.expect(4 * mebibyte)
  admission.expect(4 * mebibyte)
  expect(admission.expect(1)).toBeNull()
  first?.over()
  first?.over()
  expect(admission.expect(4 * mebibyte)).not.toBeNull()
  expect(admission.expect(1)).toBeNull()
  now = 1001
  expect(admission.expect(null)).not.toBeNull()
})

test('a long turn of the event loop refuses those who come last, and the next turn takes them again', () => {
  for (let count = 0; count < 300; count++) expect(admission.expect(400)).not.toBeNull()
  now = 251
  expect(admission.expect(400)).toBeNull()
  endTurn()
  expect(admission.expect(400)).not.toBeNull()
})

test('a machine that stands still with few at the door refuses nobody', () => {
  for (let count = 0; count < 20; count++) expect(admission.expect(400)).not.toBeNull()
  now = 5000
  expect(admission.expect(400)).not.toBeNull()
})
