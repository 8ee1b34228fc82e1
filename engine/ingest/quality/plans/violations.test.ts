import type { JsonObject, NormalEvent } from '@einklang/contract'
import { expect, test } from 'vitest'
import { parsePlanText, readPlan } from './document.ts'
import { judgeOf } from './violations.ts'

const order = `
events:
  Order Completed:
    aliases: [Purchase]
    identifiers: [user_id, email]
    required: [order_id, total]
    additionalProperties: false
    properties:
      order_id: { type: string, pattern: '^A-[0-9]{3,6}$' }
      total: { type: number, minimum: 0, x-class: none }
      currency: { type: string, enum: [EUR, CHF], x-class: none }
      products:
        type: array
        items:
          type: object
          required: [sku]
          properties:
            sku: { type: string }
            quantity: { type: integer }
traits:
  additionalProperties: false
  properties:
    email: { type: string, format: email, x-class: contact }
`

function plan(text: string) {
  const parsed = parsePlanText(text)
  const read = 'problems' in parsed ? parsed : readPlan(parsed.document)
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  return read.plan
}

function event(properties: JsonObject, more: Partial<NormalEvent> = {}): NormalEvent {
  return {
    kind: 'track',
    name: 'Order Completed',
    identifiers: [{ namespace: 'user_id', value: '1', trust: 'verified' }],
    traits: {},
    properties,
    context: {},
    flags: [],
    ...more,
  } as NormalEvent
}

const told = (text: string, one: NormalEvent) =>
  judgeOf(plan(text))(one).map(({ code, path, action }) => `${code} ${path} ${action}`)

const fine = { order_id: 'A-1234', total: 12.5, currency: 'EUR', products: [{ sku: 'x', quantity: 1 }] }

test('what is as planned has no violation, by its name, by its alias, and with what ingest adds', () => {
  expect(told(order, event(fine))).toEqual([])
  expect(told(order, event(fine, { name: 'Purchase' }))).toEqual([])
  expect(told(order, event({ ...fine, minor: { total: 1250 } }))).toEqual([])
})

test('each kind of violation is told with its place, what was expected, and what was found by its look', () => {
  const found = judgeOf(plan(order))(
    event({
      order_id: 'anna@x.de',
      currency: 'EURO',
      products: [{ quantity: 1.5 }, { sku: 'b' }, { quantity: 'two' }],
      extra: 1,
    }),
  )
  expect(found.map(({ code, path, expected, found: seen }) => [code, path, expected, seen])).toEqual([
    ['plan.missing_required', 'properties.total', 'number', '–'],
    ['plan.additional_property', 'properties.extra', '–', 'number 9'],
    ['plan.condition', 'properties.order_id', '/^A-[0-9]{3,6}$/', 'string aaaa@a.aa'],
    ['plan.condition', 'properties.currency', 'EUR, CHF', 'string EURO'],
    ['plan.missing_required', 'properties.products.2.sku', 'string', '–'],
    ['plan.wrong_type', 'properties.products.2.quantity', 'integer', 'number 9.9'],
  ])
  expect(found.at(-1)?.also).toEqual(['properties.products.0.quantity'])
})

test('an unplanned event, with the name it may have meant', () => {
  expect(told(order, event(fine, { name: 'Cart Burned' }))).toEqual(['plan.unplanned_event name flag'])
  const [found] = judgeOf(plan(order))(event(fine, { name: 'order  completed' }))
  expect(found?.message).toContain('Did you mean “Order Completed”?')
  expect(found?.expected).toBe('Order Completed')
})

test('traits, identifiers, and what the plan does not speak of', () => {
  const identify = event({}, { kind: 'identify', name: null, traits: { email: 'no', shoe: 43 } })
  expect(told(order, identify)).toEqual(['plan.unplanned_trait traits.shoe flag', 'plan.condition traits.email flag'])
  expect(told(order, event({}, { kind: 'page', name: 'Home' }))).toEqual([])
  expect(
    told(order, event(fine, { identifiers: [{ namespace: 'anonymous_id', value: 'x', trust: 'claimed' }] })),
  ).toEqual(['plan.missing_required identifiers flag'])
  const issued = event(fine, { identifiers: [{ namespace: 'user_id.crm', value: 'x', trust: 'verified' }] })
  expect(told(order, issued)).toEqual([])
})

test('actions by kind, by event and by property', () => {
  const strict = `
actions: { unplanned_event: quarantine, wrong_type: strip }
events:
  E:
    actions: { condition: strip }
    properties:
      a: { type: string, enum: [x] }
      b: { type: number, x-action: quarantine }
      c: { type: number }
`
  expect(told(strict, event({ a: 'y', b: 'no', c: 'no' }, { name: 'E' }))).toEqual([
    'plan.condition properties.a strip',
    'plan.wrong_type properties.b quarantine',
    'plan.wrong_type properties.c strip',
  ])
  expect(told(strict, event({}, { name: 'F' }))).toEqual(['plan.unplanned_event name quarantine'])
})

test('reads a value as another only where the plan says so', () => {
  const soft = `
events:
  E:
    properties:
      price: { type: number, x-coerce: true }
      on: { type: boolean, x-coerce: true }
      day: { type: string, format: date, x-coerce: true }
      at: { type: string, format: date-time, x-coerce: true }
      hard: { type: number }
      lines: { type: array, items: { type: object, properties: { quantity: { type: integer, x-coerce: true } } } }
`
  const given = {
    price: '12.50',
    on: 'TRUE',
    day: '2026-03-02T10:00:00Z',
    at: '2026-03-02 10:00',
    hard: '1',
    lines: [{ quantity: '2' }, { quantity: '1.5' }],
  }
  const found = judgeOf(plan(soft))(event(given, { name: 'E' }))
  expect(found.map(({ code, path, value }) => [code, path, value])).toEqual([
    ['plan.coerced', 'properties.price', 12.5],
    ['plan.coerced', 'properties.on', true],
    ['plan.coerced', 'properties.day', '2026-03-02'],
    ['plan.coerced', 'properties.at', '2026-03-02T10:00:00Z'],
    ['plan.coerced', 'properties.lines.0.quantity', 2],
    ['plan.wrong_type', 'properties.hard', undefined],
    ['plan.wrong_type', 'properties.lines.1.quantity', undefined],
  ])
  expect(given.price).toBe('12.50')
})

test('`__proto__` and its kin are data: planned, missing, additional', () => {
  const named =
    '{"events":{"E":{"required":["__proto__","constructor"],"additionalProperties":false,"properties":{"__proto__":{"type":"string"},"constructor":{"type":"number"}}}}}'
  const parsed = readPlan(JSON.parse(named))
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  const judge = judgeOf(parsed.plan)
  const of = (json: string) =>
    judge(event(JSON.parse(json) as JsonObject, { name: 'E' })).map(({ code, path }) => `${code} ${path}`)
  expect(of('{"__proto__":"x","constructor":1}')).toEqual([])
  expect(of('{}').toSorted()).toEqual([
    'plan.missing_required properties.__proto__',
    'plan.missing_required properties.constructor',
  ])
  expect(of('{"__proto__":1,"constructor":1}')).toEqual(['plan.wrong_type properties.__proto__'])
  expect(of('{"__proto__":"x","constructor":1,"toString":1}')).toEqual(['plan.additional_property properties.toString'])
  const other = judgeOf(plan('events: { E: { additionalProperties: false, properties: {} } }'))
  expect(other(event(JSON.parse('{"__proto__":1}') as JsonObject, { name: 'E' })).map(({ code }) => code)).toEqual([
    'plan.additional_property',
  ])
})
