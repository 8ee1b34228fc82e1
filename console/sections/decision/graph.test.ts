import { api, type ConceptId } from '@einklang/contract'
import { expect, test } from 'vitest'
import { connect, edgesOf, firstGraph, type Graph, insertOn, placesOf, removeStep } from './graph.ts'

const concept = '01234567-89ab-8801-8123-456789abcdef' as ConceptId

/** Cart, wait, still open? then a mail, else the end. */
const cart: Graph = {
  nodes: [
    { id: 'start', kind: 'trigger', events: ['Cart Viewed'], next: 'wait-1' },
    { id: 'wait-1', kind: 'wait', minutes: 60, next: 'check-1' },
    { id: 'check-1', kind: 'check', ask: 'cart open', yes: 'send-1', no: 'end' },
    { id: 'send-1', kind: 'send', concept, channels: ['email'], another: false, validHours: 48, next: 'end' },
    { id: 'end', kind: 'exit' },
  ],
}

test('a new journey is one the server reads', () => {
  expect(api.decision.journeyGraph.safeParse(firstGraph('Cart Viewed')).success).toBe(true)
})

test('every way out is an edge with its name', () => {
  expect(edgesOf(cart).map((edge) => `${edge.from} ${edge.way} ${edge.to}`)).toEqual([
    'start next wait-1',
    'wait-1 next check-1',
    'check-1 yes send-1',
    'check-1 no end',
    'send-1 next end',
  ])
})

test('a step put onto a way stands between its two ends', () => {
  for (const kind of ['wait', 'check', 'send', 'split'] as const) {
    const graph = insertOn(cart, { from: 'check-1', way: 'yes' }, kind, concept)
    const id = kind === 'split' ? 'split-1' : `${kind}-2`
    const edges = edgesOf(graph)
    expect(edges.some((edge) => edge.from === 'check-1' && edge.way === 'yes' && edge.to === id)).toBe(true)
    expect(edges.some((edge) => edge.from === id && edge.to === 'send-1')).toBe(true)
    expect(api.decision.journeyGraph.safeParse(graph).success, kind).toBe(true)
  }
})

test('a step taken out leaves no arrow that leads nowhere', () => {
  for (const step of cart.nodes) {
    const graph = removeStep(cart, step.id)
    const ids = new Set(graph.nodes.map((node) => node.id))
    for (const edge of edgesOf(graph)) expect(ids.has(edge.to), `${step.id}: ${edge.from} → ${edge.to}`).toBe(true)
  }
})

test('the begin stays, and so does the last end that is needed', () => {
  expect(removeStep(cart, 'start')).toEqual(cart)
  expect(removeStep(cart, 'end')).toEqual(cart)
})

test('a step cannot lead to itself', () => {
  expect(connect(cart, 'wait-1', 'next', 'wait-1')).toEqual(cart)
})

test('no two steps stand in the same place and no arrow points up', () => {
  const places = placesOf(cart)
  expect(new Set([...places.values()].map((place) => `${place.x} ${place.y}`)).size).toBe(cart.nodes.length)
  for (const edge of edgesOf(cart)) {
    expect(places.get(edge.to)?.y ?? 0).toBeGreaterThan(places.get(edge.from)?.y ?? 0)
  }
})

test('a circle is laid out as well', () => {
  const circle = connect(cart, 'send-1', 'next', 'wait-1')
  expect(placesOf(circle).size).toBe(cart.nodes.length)
})

test('a step added to a drawing made by hand covers no other', () => {
  const drawn: Graph = {
    nodes: cart.nodes.map((step, index) => ({ ...step, at: { x: 40, y: index * 150 } })),
  }
  const places = [...placesOf(insertOn(drawn, { from: 'send-1', way: 'next' }, 'wait', concept)).values()]
  expect(places).toHaveLength(6)
  for (const [index, one] of places.entries()) {
    for (const other of places.slice(index + 1)) {
      expect(Math.abs(one.x - other.x) >= 220 || Math.abs(one.y - other.y) >= 100).toBe(true)
    }
  }
})
