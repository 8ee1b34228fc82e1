import type { Channel, ConceptId } from '@einklang/contract'
import { expect, test } from 'vitest'
import { type Graph, type Node, problemsOf } from './graph.ts'

const concept = '01990000-0000-8800-8000-000000000001' as ConceptId
const variants = async (asked: ConceptId): Promise<Channel[] | null> => (asked === concept ? ['email'] : null)
const send = (id: string, next: string, channels: Channel[] = ['email']): Node => ({
  id,
  kind: 'send',
  concept,
  channels,
  another: false,
  validHours: 48,
  next,
})
const start: Node = { id: 'start', kind: 'trigger', events: ['Checkout Started'], next: 'mail' }
const end: Node = { id: 'end', kind: 'exit' }
const messages = async (graph: Graph) => (await problemsOf(graph, variants)).map((problem) => problem.message)

test('a whole graph has no problems', async () => {
  expect(await messages({ nodes: [start, send('mail', 'end'), end] })).toEqual([])
})

test('every way to break a graph is named', async () => {
  expect(await messages({ nodes: [send('mail', 'end'), end] })).toEqual(['Nobody can enter: there is no trigger.'])
  expect(await messages({ nodes: [start, send('mail', 'nowhere')] })).toEqual([
    '“mail” leads to “nowhere”, which does not exist.',
  ])
  expect(await messages({ nodes: [start, send('mail', 'end'), end, { id: 'island', kind: 'exit' }] })).toEqual([
    'No way leads to “island”.',
  ])
  expect(await messages({ nodes: [start, send('mail', 'end'), end, end] })).toEqual(['Two steps are called “end”.'])
  expect(await messages({ nodes: [start, send('mail', 'end', ['sms']), end] })).toEqual([
    'The concept has no words for sms.',
  ])
})

test('a circle is refused without a wait and accepted with one', async () => {
  const check: Node = { id: 'check', kind: 'check', ask: 'cart open', yes: 'mail', no: 'end' }
  expect(await messages({ nodes: [start, send('mail', 'check'), check, end] })).toEqual([
    '“mail” comes back to itself without waiting.',
  ])
  const wait: Node = { id: 'wait', kind: 'wait', minutes: 60, next: 'check' }
  expect(await messages({ nodes: [start, send('mail', 'wait'), wait, check, end] })).toEqual([])
})
