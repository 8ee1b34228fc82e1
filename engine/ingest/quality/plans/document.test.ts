import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { type Problem, parsePlanText, planYaml, readPlan } from './document.ts'
import { matcherOf } from './pattern.ts'

function problemsOf(text: string): Problem[] {
  const parsed = parsePlanText(text)
  if ('problems' in parsed) return parsed.problems
  const read = readPlan(parsed.document)
  return 'problems' in read ? read.problems : []
}
const property = (inner: string) => problemsOf(`events: { E: { properties: { p: ${inner} } } }`)

test.each([
  ['{ type: string, minLength: 3 }', 'events.E.properties.p.minLength', 'not known'],
  ['{ $ref: "https://x.de/schema.json" }', 'events.E.properties.p.$ref', 'Only common properties'],
  ['{ $ref: "#/common/none" }', 'events.E.properties.p.$ref', 'There is no common property'],
  ['{ $ref: "#/common/toString" }', 'events.E.properties.p.$ref', 'There is no common property'],
  ['{ type: text }', 'events.E.properties.p.type', 'Must be one or several of'],
  ['{ type: string, pattern: "(a+)+$" }', 'events.E.properties.p.pattern', 'exponential'],
  ['{ type: string, pattern: "((ab)*c?)*x" }', 'events.E.properties.p.pattern', 'exponential'],
  ['{ type: string, pattern: "(x+x+){5,}y" }', 'events.E.properties.p.pattern', 'exponential'],
  ['{ type: string, pattern: "^(?=a)b" }', 'events.E.properties.p.pattern', 'Look-around'],
  ['{ type: string, pattern: "(a)\\\\1" }', 'events.E.properties.p.pattern', 'back references'],
  ['{ type: string, pattern: "(a{1,100}){1,100}" }', 'events.E.properties.p.pattern', 'repeats too much'],
  ['{ type: string, pattern: "[" }', 'events.E.properties.p.pattern', 'cannot be used'],
  ['{ type: number, pattern: "a" }', 'events.E.properties.p.pattern', 'Belongs beside type string'],
  ['{ minimum: 1 }', 'events.E.properties.p.minimum', 'Belongs beside type number'],
  ['{ type: number, minimum: 2, maximum: 1 }', 'events.E.properties.p.minimum', 'above the maximum'],
  ['{ type: string, enum: [] }', 'events.E.properties.p.enum', 'Must be a list'],
  ['{ type: string, enum: [{}] }', 'events.E.properties.p.enum', 'Must be a list'],
  ['{ type: string, format: ipv7 }', 'events.E.properties.p.format', 'Must be one of'],
  ['{ type: string, x-class: secret }', 'events.E.properties.p.x-class', 'Must be one of'],
  ['{ type: object, required: [q] }', 'events.E.properties.p.required', 'required but not planned'],
  ['[]', 'events.E.properties.p', 'Must be a map'],
])('a property %s is refused with its place', (inner, path, words) => {
  const [first] = property(inner)
  expect(first?.path).toBe(path)
  expect(first?.message).toContain(words)
})

test('a recursion is refused where it closes, through one or several names', () => {
  expect(problemsOf('common: { a: { type: object, properties: { b: { $ref: "#/common/a" } } } }')).toEqual([
    { path: 'common.a.properties.b.$ref', message: '“a” contains itself.' },
  ])
  const [first] = problemsOf(
    'common: { a: { type: array, items: { $ref: "#/common/b" } }, b: { type: array, items: { $ref: "#/common/a" } } }',
  )
  expect(first?.message).toContain('contains itself')
})

test('references that double at each step are counted where they are used and stop at the limit', () => {
  const doubling = Array.from(
    { length: 5 },
    (_, at) =>
      `c${at}: { type: object, properties: { ${Array.from({ length: 12 }, (_, one) => `p${one}: { $ref: "#/common/c${at + 1}" }`).join(', ')} } }`,
  )
  const begun = performance.now()
  const problems = problemsOf(`common: { ${doubling.join(', ')}, c5: { type: string } }`)
  expect(performance.now() - begun).toBeLessThan(5_000)
  expect(problems[0]?.message).toMatch(/at most 20000 properties|Nested deeper/)
})

test('five levels are allowed, six are not', () => {
  const nested = (levels: number): string =>
    levels === 0 ? '{ type: string }' : `{ type: object, properties: { n: ${nested(levels - 1)} } }`
  expect(property(nested(5))).toEqual([])
  expect(property(nested(6))[0]?.message).toContain('Nested deeper than 5 levels')
})

test('more than 2,000 events or 20,000 properties are refused with the limit', () => {
  const many = (count: number, properties: number) =>
    readPlan({
      events: Object.fromEntries(
        Array.from({ length: count }, (_, at) => [
          `E${at}`,
          {
            properties: Object.fromEntries(
              Array.from({ length: properties }, (_, one) => [`p${one}`, { type: 'string' }]),
            ),
          },
        ]),
      ),
    })
  expect('plan' in many(2_000, 1)).toBe(true)
  expect(many(2_001, 0)).toMatchObject({ problems: [{ path: 'events', message: expect.stringContaining('2000') }] })
  expect('plan' in many(20, 1_000)).toBe(true)
  expect(many(20, 1_001)).toMatchObject({ problems: [{ message: expect.stringContaining('20000') }] })
})

test('an alias that is used twice, or is the name of an event, is refused', () => {
  expect(problemsOf('events: { A: { aliases: [X] }, B: { aliases: [X] } }')).toEqual([
    { path: 'events.B.aliases', message: '“X” is an alias of “A” already.' },
  ])
  expect(problemsOf('events: { A: { aliases: [B] }, B: {} }')[0]?.path).toBe('events.A.aliases')
})

test('only a property or trait can be stripped', () => {
  expect(problemsOf('actions: { unplanned_event: strip }')[0]?.path).toBe('actions.unplanned_event')
  expect(problemsOf('actions: { additional_property: strip, unplanned_trait: strip }')).toEqual([])
})

test('text that is no plan: key twice, bombs of aliases, no map, an unknown file', () => {
  expect(problemsOf('events: {}\nevents: {}')[0]?.message).toContain('unique')
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g'].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[at]}`).join(',')}]`).join('\n')}`
  expect(problemsOf(bomb)[0]?.message).toMatch(/alias/i)
  expect(problemsOf('- a')[0]?.message).toContain('A plan is a map')
  expect(problemsOf('files: { letters: { columns: {} } }')[0]?.path).toBe('files.letters')
  expect(problemsOf('surprise: 1')).toEqual([{ path: 'surprise', message: '“surprise” is not known here.' }])
})

test('the same plan has the same hash and the same text, in whatever order it was written', () => {
  const read = (text: string) => {
    const parsed = parsePlanText(text)
    const result = 'problems' in parsed ? parsed : readPlan(parsed.document)
    if ('problems' in result) throw new Error(JSON.stringify(result.problems))
    return result.plan
  }
  const one = read('events: { B: { properties: { z: { type: string, description: d }, a: { type: number } } }, A: {} }')
  const other = read(
    '{"events":{"A":{},"B":{"properties":{"a":{"type":"number"},"z":{"description":"d","type":"string"}}}}}',
  )
  expect(other.hash).toBe(one.hash)
  expect(planYaml(other.document)).toBe(planYaml(one.document))
  expect(read(planYaml(one.document)).hash).toBe(one.hash)
  const strange = read('{"events":{"__proto__":{"properties":{"__proto__":{"type":"string"}}}}}')
  expect(read(planYaml(strange.document)).hash).toBe(strange.hash)
  expect(strange.events?.has('__proto__')).toBe(true)
})

test('a pattern takes time that grows with its text, and texts beyond the limit break it', () => {
  const matches = matcherOf('^(a|a)*b$')
  const begun = performance.now()
  expect(matches('a'.repeat(4_096))).toBe(false)
  expect(performance.now() - begun).toBeLessThan(250)
  expect(matcherOf('^a*$')('a'.repeat(4_097))).toBe(false)
})
