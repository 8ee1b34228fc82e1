import type { Json, JsonObject, NormalEvent } from '@einklang/contract'
import { Ajv2020, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { PlanFound } from '../finding.ts'
import { type Call, hasFormat, type Node, type Plan, type PlanAction, type ViolationKind } from './document.ts'
import { formatPatterns, matcherOf } from './pattern.ts'

/** What a live plan finds on one event: pure, the same event gives the same findings. */
export type PlanJudge = (event: NormalEvent) => readonly PlanViolation[]

export type PlanViolation = PlanFound & {
  expected: string
  /** As it looks, not as it is, unless the plan says that the value is harmless. */
  found: string
}

const nothing: readonly PlanViolation[] = []
/** What ingest adds to the properties of an event and no sender plans. */
export const addedByUs = 'minor'
/** An event can be wrong in very many places; each kind and place is told once, with all its places. */
const mostPlaces = 1_000

/** Compiles a plan; done once per live version. */
export function judgeOf(plan: Plan): PlanJudge {
  const checks = new Map<Call, (event: NormalEvent) => readonly PlanViolation[]>()
  const of = (call: Call) => {
    let check = checks.get(call)
    if (!check) {
      check = checkOf(call)
      checks.set(call, check)
    }
    return check
  }
  const similar = plan.events && similarNames(plan)
  return (event) => {
    switch (event.kind) {
      case 'track': {
        if (!plan.events) return nothing
        const name = event.name ?? ''
        const call = plan.events.get(plan.aliases.get(name) ?? name)
        return call
          ? of(call)(event)
          : [unplanned(name, similar?.get(folded(name)) ?? null, plan.actions.unplanned_event)]
      }
      case 'identify':
        return plan.traits ? of(plan.traits)(event) : nothing
      case 'group':
        return plan.groups ? of(plan.groups)(event) : nothing
      case 'page':
        return plan.pages ? of(plan.pages)(event) : nothing
      case 'screen':
        return plan.screens ? of(plan.screens)(event) : nothing
      default:
        return nothing
    }
  }
}

/** No value, where one is expected or found. */
export const nothingThere = '–'

/** A plan that cannot be compiled must not stop the line: it is told on every event of the source. */
export function judgeOrSayWhy(read: () => Plan): PlanJudge {
  try {
    return judgeOf(read())
  } catch (error) {
    const found: PlanViolation = {
      code: 'plan.invalid_plan',
      path: '',
      action: 'flag',
      expected: nothingThere,
      found: nothingThere,
      message: `The live plan of this source cannot be read: ${String((error as Error).message).slice(0, 200)}`,
    }
    return () => [found]
  }
}

export function folded(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]+/g, '')
}

export function similarNames(plan: Plan): Map<string, string> {
  const names = new Map<string, string>()
  for (const [alias, name] of plan.aliases) names.set(folded(alias), name)
  for (const name of plan.events?.keys() ?? []) names.set(folded(name), name)
  return names
}

function unplanned(name: string, meant: string | null, action: PlanAction): PlanViolation {
  const hint = meant === null ? '' : ` Did you mean “${meant}”?`
  return {
    code: 'plan.unplanned_event',
    path: 'name',
    action,
    expected: meant ?? nothingThere,
    found: name.slice(0, 100),
    message: `“${name.slice(0, 100)}” is not in the plan.${hint}`,
    values: { found: name.slice(0, 100) },
  }
}

function checkOf(call: Call): PlanJudge {
  const validate = compiled(call)
  const base = call.kind === 'traits' || call.kind === 'groups' ? 'traits' : 'properties'
  return (event) => {
    const given = event[base]
    const found: PlanViolation[] = []
    const data = call.root.coerces ? coerced(given, call.root, base, found) : given
    if (call.identifiers.length > 0 && !hasIdentifier(event, call.identifiers)) found.push(withoutIdentifier(call))
    if (!validate(data)) collect(validate.errors ?? [], data, call, base, found)
    return found.length === 0 ? nothing : found
  }
}

/** Customer numbers carry their issuer behind a dot: `customer_no.crm` is a `customer_no`. */
function hasIdentifier(event: NormalEvent, wanted: string[]): boolean {
  return event.identifiers.some(({ namespace }) =>
    wanted.some((one) => namespace === one || namespace.startsWith(`${one}.`)),
  )
}

function withoutIdentifier(call: Call): PlanViolation {
  const expected = call.identifiers.join(' / ')
  return {
    code: 'plan.missing_required',
    path: 'identifiers',
    action: call.actions.missing_required,
    expected,
    found: nothingThere,
    message: `Comes without ${expected}.`,
    values: { expected, found: nothingThere },
  }
}

// --- JSON Schema --------------------------------------------------------------------------------------------------------

function compiled(call: Call): ValidateFunction {
  const ajv = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    allErrors: true,
    ownProperties: true,
    // The reader of plans knows a subset and has checked it.
    meta: false,
    validateSchema: false,
    // Patterns of plans run in time that grows with the text alone; a flag for Unicode is not needed there.
    code: { regExp: linear },
    formats: Object.fromEntries(
      Object.keys(formatPatterns).map((format) => [format, (text: string) => hasFormat(format as 'date', text)]),
    ),
  })
  const schema = schemaOf(call.root)
  if (call.kind === 'events' && !call.root.open) schema.properties[addedByUs] ??= true
  return ajv.compile(schema)
}

const linear = Object.assign(
  (pattern: string) => {
    const matches = matcherOf(pattern)
    // The library tells patterns apart by their text.
    return { test: matches, toString: () => pattern }
  },
  { code: '' },
) as never

type Schema = AnySchemaObject & { properties: { [name: string]: Schema | true } }

/** The subset as the library takes it; it leaves `__proto__` out of `properties`, but not out of patterns. */
function schemaOf(node: Node): Schema {
  const schema: AnySchemaObject = {}
  if (node.types) schema['type'] = node.types.length === 1 ? node.types[0] : node.types
  if (node.values) schema['enum'] = node.values
  if (node.pattern !== null) schema['pattern'] = node.pattern
  if (node.format !== null) schema['format'] = node.format
  if (node.minimum !== null) schema['minimum'] = node.minimum
  if (node.maximum !== null) schema['maximum'] = node.maximum
  if (node.items) schema['items'] = schemaOf(node.items)
  if (node.types?.includes('object')) {
    const names = [...node.properties.keys()].filter((name) => name !== '__proto__')
    schema['properties'] = Object.fromEntries(names.map((name) => [name, schemaOf(node.properties.get(name) as Node)]))
    const hidden = node.properties.get('__proto__')
    if (hidden) schema['patternProperties'] = { '^__proto__$': schemaOf(hidden) }
    if (node.required.length > 0) schema['required'] = node.required
    if (!node.open) schema['additionalProperties'] = false
  }
  return schema as Schema
}

const conditions = new Set(['enum', 'pattern', 'format', 'minimum', 'maximum'])

/** The library's errors in our words: the closed list, one finding per kind and place. */
function collect(errors: ErrorObject[], data: Json, call: Call, base: string, into: PlanViolation[]): void {
  const places = new Map<string, PlanViolation & { kind: ViolationKind }>()
  for (const error of errors.slice(0, mostPlaces)) {
    const steps = stepsOf(error.instancePath)
    const { node, value } = walk(call.root, data, steps)
    if (error.keyword === 'required') {
      const name = (error.params as { missingProperty: string }).missingProperty
      const wanted = node?.properties.get(name) ?? null
      put(places, call, base, 'missing_required', [...steps, name], wanted, undefined)
    } else if (error.keyword === 'additionalProperties') {
      const name = (error.params as { additionalProperty: string }).additionalProperty
      const kind = steps.length === 0 && base === 'traits' ? 'unplanned_trait' : 'additional_property'
      const held = (value as JsonObject)[name]
      put(places, call, base, kind, [...steps, name], null, held)
    } else if (error.keyword === 'type') put(places, call, base, 'wrong_type', steps, node, value)
    // Of a value of the wrong type nothing else is told.
    else if (conditions.has(error.keyword) && node && fitsType(node, value))
      put(places, call, base, 'condition', steps, node, value)
  }
  for (const { kind: _, ...violation } of places.values()) into.push(violation)
}

function put(
  places: Map<string, PlanViolation & { kind: ViolationKind }>,
  call: Call,
  base: string,
  kind: ViolationKind,
  steps: string[],
  node: Node | null,
  value: Json | undefined,
): void {
  const path = [base, ...steps].join('.')
  const place = `${kind} ${placeOfSteps(base, steps)}`
  const known = places.get(place)
  if (known) {
    // From the end of a list, so that taking one out does not move the next.
    if (known.path !== path && !known.also?.includes(path)) {
      known.also = [known.path, ...(known.also ?? [])]
      known.path = path
    }
    return
  }
  const wanted = actionOf(call, kind, node)
  // A name with a dot cannot be told from two names.
  const action = wanted === 'strip' && steps.some((step) => step.includes('.')) ? 'flag' : wanted
  const expected = kind === 'additional_property' || kind === 'unplanned_trait' ? nothingThere : expectedOf(node, kind)
  const found = kind === 'missing_required' ? nothingThere : shown(value, node)
  places.set(place, {
    kind,
    code: `plan.${kind}`,
    path,
    action,
    expected,
    found,
    message: `${steps.join('.') || base}: expected ${expected}, found ${found}.`,
    values: { expected, found },
  })
}

function actionOf(call: Call, kind: ViolationKind, node: Node | null): PlanAction {
  const own = node?.action ?? null
  const strips = kind === 'wrong_type' || kind === 'condition'
  return own !== null && (own !== 'strip' || strips) ? own : call.actions[kind]
}

function stepsOf(pointer: string): string[] {
  return pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function placeOfSteps(base: string, steps: string[]): string {
  return [base, ...steps.filter((step) => !/^\d+$/.test(step))].join('.')
}

function walk(root: Node, data: Json, steps: string[]): { node: Node | null; value: Json | undefined } {
  let node: Node | null = root
  let value: Json | undefined = data
  for (const step of steps) {
    if (Array.isArray(value)) {
      value = value[Number(step)]
      node = node?.items ?? null
    } else {
      value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined
      node = node?.properties.get(step) ?? null
    }
  }
  return { node, value }
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function typeOf(value: Json | undefined): string {
  if (value === undefined) return nothingThere
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function fitsType(node: Node, value: Json | undefined): boolean {
  if (!node.types) return true
  const type = typeOf(value)
  return node.types.some(
    (wanted) => wanted === type || (wanted === 'integer' && typeof value === 'number' && value % 1 === 0),
  )
}

/** What belongs there, in signs that need no language: `string / null`, `EUR, USD …`, `/^A-[0-9]+$/`, `≥ 0, ≤ 100`. */
export function expectedOf(node: Node | null, kind: ViolationKind): string {
  const type = node?.types?.join(' / ') ?? '…'
  if (!node || kind !== 'condition') return type
  const parts = [
    ...(node.values ? [`${node.values.slice(0, 8).map(String).join(', ')}${node.values.length > 8 ? ' …' : ''}`] : []),
    ...(node.pattern === null ? [] : [`/${node.pattern}/`]),
    ...(node.format === null ? [] : [node.format]),
    ...(node.minimum === null ? [] : [`≥ ${node.minimum}`]),
    ...(node.maximum === null ? [] : [`≤ ${node.maximum}`]),
  ]
  return parts.join(', ') || type
}

/** How a value looks: harmless by the plan as it is, else its shape (`aaaa9@aa.aa`). */
function shown(value: Json | undefined, node: Node | null): string {
  const type = typeOf(value)
  if (type === 'array' || type === 'object' || value === null || value === undefined) return type
  const text = String(value).slice(0, 60)
  return `${type} ${node?.dataClass === 'none' || typeof value === 'boolean' ? text : masked(text)}`
}

export function masked(text: string): string {
  return text.replaceAll(/\p{L}/gu, 'a').replaceAll(/\p{N}/gu, '9')
}

// --- coercion -----------------------------------------------------------------------------------------------------------

/** A copy with what the plan allows to be read as something else; each change is a repair. */
function coerced(value: Json, node: Node, path: string, into: PlanViolation[]): Json {
  if (node.coerce && typeof value === 'string' && !fitsAll(node, value)) {
    const better = readAs(node, value)
    if (better === undefined) return value
    into.push({
      code: 'plan.coerced',
      path,
      action: 'repair',
      value: better,
      expected: expectedOf(node, 'wrong_type'),
      found: shown(value, node),
      message: `${path.slice(path.indexOf('.') + 1)}: read ${shown(value, node)} as ${typeOf(better)}.`,
    })
    return better
  }
  if (Array.isArray(value) && node.items?.coerces) {
    const items = node.items
    return value.map((one, index) => coerced(one, items, `${path}.${index}`, into))
  }
  if (!isObject(value) || ![...node.properties.values()].some((one) => one.coerces)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      const inner = node.properties.get(name)
      return [name, inner?.coerces && !name.includes('.') ? coerced(one, inner, `${path}.${name}`, into) : one]
    }),
  )
}

function fitsAll(node: Node, value: string): boolean {
  return (!node.types || node.types.includes('string')) && (node.format === null || hasFormat(node.format, value))
}

function readAs(node: Node, text: string): Json | undefined {
  const clean = text.trim()
  const types = node.types ?? []
  if (types.includes('number') || types.includes('integer')) {
    const number = /^[+-]?\d{1,15}(\.\d{1,15})?$/.test(clean) ? Number(clean) : Number.NaN
    if (Number.isFinite(number) && (types.includes('number') || number % 1 === 0)) return number
  }
  if (types.includes('boolean') && /^(true|false)$/i.test(clean)) return clean.toLowerCase() === 'true'
  if (types.includes('string') && (node.format === 'date' || node.format === 'date-time'))
    return dateAs(node.format, clean)
  return undefined
}

const isoLike = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)\s?(Z|[+-]\d\d:?\d\d)?)?$/i

/** What is nearly an ISO date becomes one; without a zone it is UTC. */
function dateAs(format: 'date' | 'date-time', text: string): string | undefined {
  const parts = isoLike.exec(text)
  if (!parts) return undefined
  const [, day = '', time = '00:00:00', zone = 'Z'] = parts
  if (format === 'date') return hasFormat('date', day) ? day : undefined
  const full = time.length === 5 ? `${time}:00` : time
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone
  const instant = `${day}T${full}${offset}`
  return hasFormat('date-time', instant) ? instant : undefined
}
