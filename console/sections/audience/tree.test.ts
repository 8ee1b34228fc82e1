import { type Predicate, predicate } from '@einklang/contract'
import { expect, test } from 'vitest'
import { addAt, asGroup, blank, changeAt, joinBy, leafKinds, negateAt, unfinished, valueFor } from './tree.ts'

const cologne: Predicate = { trait: 'city', is: 'equal', value: 'Köln' }
const buyer: Predicate = { orders: { least: 1 } }

test('a condition added to a list stands at its end', () => {
  expect(addAt({ all: [cologne] }, [], buyer)).toEqual({ all: [cologne, buyer] })
})

test('a condition added inside a negated group stays inside the negation', () => {
  const tree: Predicate = { all: [{ not: { any: [cologne] } }] }
  expect(addAt(tree, [0, 0], buyer)).toEqual({ all: [{ not: { any: [cologne, buyer] } }] })
  expect(addAt(tree, [0], buyer)).toEqual({ all: [{ not: { any: [cologne, buyer] } }] })
})

test('taking away the content of a negation takes the negation with it', () => {
  expect(changeAt({ all: [{ not: cologne }, buyer] }, [0, 0], () => null)).toEqual({ all: [buyer] })
})

test('changing one condition leaves the tree it came from alone', () => {
  const tree: Predicate = { all: [cologne, buyer] }
  const changed = changeAt(tree, [0], () => ({ cart: 'open' }))
  expect(changed).toEqual({ all: [{ cart: 'open' }, buyer] })
  expect(tree).toEqual({ all: [cologne, buyer] })
})

test('negating twice is where one began', () => {
  const tree: Predicate = { all: [cologne] }
  const once = negateAt(tree, [0])
  expect(once).toEqual({ all: [{ not: cologne }] })
  expect(negateAt(once, [0])).toEqual(tree)
})

test('a single condition becomes a list of one, a list stays what it is', () => {
  expect(asGroup(cologne)).toEqual({ all: [cologne] })
  expect(asGroup({ any: [cologne] })).toEqual({ any: [cologne] })
  expect(joinBy({ any: [cologne] }, 'all')).toEqual({ all: [cologne] })
})

test('an unfinished condition is found where it stands', () => {
  expect(unfinished({ all: [] })).toEqual([])
  expect(unfinished({ all: [buyer, { trait: 'city', is: 'equal', value: '' }] })).toEqual([1])
  expect(unfinished({ all: [{ trait: 'city', is: 'known' }] })).toBeNull()
  expect(unfinished({ all: [{ not: { any: [{ member: '' }] } }] })).toEqual([0, 0, 0])
})

test('every new condition is one the server reads, or is marked as unfinished', () => {
  for (const kind of leafKinds) {
    const tree: Predicate = { all: [blank(kind)] }
    expect(predicate.safeParse(tree).success || unfinished(tree) !== null, kind).toBe(true)
  }
})

test('typed values become what the comparison needs', () => {
  expect(valueFor('more', '12,5')).toBe(12.5)
  expect(valueFor('equal', '12')).toBe('12')
  expect(valueFor('one_of', 'Köln')).toEqual(['Köln'])
  expect(valueFor('known', 'x')).toBeUndefined()
})
