import { createHash } from 'node:crypto'
import { api, importKinds } from '@einklang/contract'
import { isMap, isSeq, LineCounter, parseDocument, stringify } from 'yaml'
import { formatPatterns, type Matcher, matcherOf, unfitPattern } from './pattern.ts'

const { violationKinds, planActions, planTypes, planFormats, dataClasses } = api.ingest
export type PlanDocument = api.ingest.PlanDocument
type PlanProperty = api.ingest.PlanProperty
type PlannedCall = api.ingest.PlannedCall
export type PlanType = api.ingest.PlanType
export type PlanAction = api.ingest.PlanAction
export type ViolationKind = api.ingest.ViolationKind

export const mostEvents = 2_000
export const mostProperties = 20_000
const deepest = 5
const mostProblems = 50

/** One place of a plan with everything written out: no reference is left. */
export type Node = {
  types: PlanType[] | null
  values: (string | number | boolean | null)[] | null
  pattern: string | null
  matches: Matcher | null
  format: api.ingest.PlanFormat | null
  minimum: number | null
  maximum: number | null
  properties: Map<string, Node>
  required: string[]
  /** May hold what is not named. */
  open: boolean
  items: Node | null
  dataClass: api.ingest.DataClass | null
  action: PlanAction | null
  coerce: boolean
  /** Something in here is coerced. */
  coerces: boolean
  description: string
}

export type CallKind = 'events' | 'traits' | 'groups' | 'pages' | 'screens'
export type Call = {
  kind: CallKind
  name: string
  root: Node
  identifiers: string[]
  description: string
  actions: { [kind in ViolationKind]: PlanAction }
}

export type Plan = {
  document: PlanDocument
  hash: string
  events: Map<string, Call> | null
  /** Alias → name of the event. */
  aliases: Map<string, string>
  traits: Call | null
  groups: Call | null
  pages: Call | null
  screens: Call | null
  files: Map<string, { columns: Map<string, Node>; required: string[] }>
  actions: { [kind in ViolationKind]: PlanAction }
  count: { events: number; properties: number }
}

/** Where in the document, dotted, and what is wrong there. */
export type Problem = { path: string; message: string }

/** Reads YAML or JSON; a key named twice is a problem, because the second one would win unseen. */
export function parsePlanText(text: string): { document: unknown } | { problems: Problem[] } {
  const lines = new LineCounter()
  const parsed = parseDocument(text, { version: '1.2', uniqueKeys: true, lineCounter: lines, merge: false })
  const [error] = parsed.errors
  if (error) return { problems: [{ path: '', message: error.message.split('\n')[0] ?? 'This is not YAML.' }] }
  if (parsed.contents !== null && !isMap(parsed.contents) && !isSeq(parsed.contents))
    return { problems: [{ path: '', message: 'A plan is a map of events, traits and files.' }] }
  try {
    return { document: parsed.toJS({ maxAliasCount: 100 }) ?? {} }
  } catch (caught) {
    return { problems: [{ path: '', message: (caught as Error).message }] }
  }
}

/** Checks a plan to the end and writes its references out; every problem names its place. */
export function readPlan(given: unknown): { plan: Plan } | { problems: Problem[] } {
  const reader = new Reader(given)
  const plan = reader.plan()
  return reader.problems.length > 0 ? { problems: reader.problems.slice(0, mostProblems) } : { plan }
}

type Loose = { [key: string]: unknown }

function isLoose(value: unknown): value is Loose {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

const callKeys = [
  'description',
  'owner',
  'retention',
  'identifiers',
  'aliases',
  'actions',
  'properties',
  'required',
  'additionalProperties',
  'example',
] as const
const documentKeys = [
  'description',
  'actions',
  'common',
  'events',
  'traits',
  'groups',
  'pages',
  'screens',
  'files',
] as const
const propertyKeys = [
  '$ref',
  'description',
  'type',
  'enum',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'items',
  'properties',
  'required',
  'additionalProperties',
  'examples',
  'x-class',
  'x-action',
  'x-coerce',
] as const
const strippable = new Set<ViolationKind>(['wrong_type', 'condition', 'additional_property', 'unplanned_trait'])

class Reader {
  readonly problems: Problem[] = []
  readonly #document: Loose
  readonly #common: Loose
  #properties = 0

  constructor(given: unknown) {
    this.#document = isLoose(given) ? given : {}
    if (!isLoose(given)) this.#say('', 'A plan is a map of events, traits and files.')
    const common = this.#own(this.#document, 'common')
    this.#common = isLoose(common) ? common : {}
  }

  plan(): Plan {
    const document = this.#document
    this.#known(document, documentKeys, '')
    this.#text(document, 'description', '', 10_000)
    const defaults = Object.fromEntries(violationKinds.map((kind) => [kind, 'flag'])) as Plan['actions']
    const actions = this.#actions(document, '', defaults)
    this.#commons()
    const events = this.#events(actions)
    const call = (kind: 'traits' | 'groups' | 'pages' | 'screens') => {
      const given = this.#own(document, kind)
      return given === undefined ? null : this.#call(given, kind, kind, '', actions)
    }
    const [traits, groups, pages, screens] = [call('traits'), call('groups'), call('pages'), call('screens')]
    const aliases = this.#aliases(events)
    const files = this.#files()
    const count = { events: events?.size ?? 0, properties: this.#properties }
    // Only what was read without a problem can be put in order.
    const kept = this.problems.length === 0 ? canonical(document as PlanDocument) : {}
    return {
      document: kept,
      hash: hashOf(kept),
      events,
      aliases,
      traits,
      groups,
      pages,
      screens,
      files,
      actions,
      count,
    }
  }

  #say(path: string, message: string): void {
    if (this.problems.length <= mostProblems) this.problems.push({ path, message })
  }

  /** `__proto__` from outside is a name like any other, and what stands on the prototype is nothing. */
  #own(holder: Loose, key: string): unknown {
    return Object.hasOwn(holder, key) ? holder[key] : undefined
  }

  #known(holder: Loose, keys: readonly string[], path: string): void {
    for (const key of Object.keys(holder))
      if (!keys.includes(key)) this.#say(under(path, key), `“${key}” is not known here.`)
  }

  #text(holder: Loose, key: string, path: string, longest: number): string {
    const value = this.#own(holder, key)
    if (value === undefined) return ''
    if (typeof value === 'string' && value.length <= longest) return value
    this.#say(under(path, key), `Must be a text of at most ${longest} characters.`)
    return ''
  }

  #names(holder: Loose, key: string, path: string): string[] {
    const value = this.#own(holder, key)
    if (value === undefined) return []
    if (Array.isArray(value) && value.length <= 1_000 && value.every((one) => typeof one === 'string' && one !== ''))
      return [...new Set(value as string[])]
    this.#say(under(path, key), 'Must be a list of names.')
    return []
  }

  #flag(holder: Loose, key: string, path: string, otherwise: boolean): boolean {
    const value = this.#own(holder, key)
    if (value === undefined) return otherwise
    if (typeof value === 'boolean') return value
    this.#say(under(path, key), 'Must be true or false.')
    return otherwise
  }

  #one<const Value extends string>(holder: Loose, key: string, path: string, of: readonly Value[]): Value | null {
    const value = this.#own(holder, key)
    if (value === undefined) return null
    const found = of.find((one) => one === value)
    if (found === undefined) this.#say(under(path, key), `Must be one of ${of.join(', ')}.`)
    return found ?? null
  }

  #actions(holder: Loose, path: string, before: Plan['actions']): Plan['actions'] {
    const given = this.#own(holder, 'actions')
    if (given === undefined) return before
    const at = under(path, 'actions')
    if (!isLoose(given)) {
      this.#say(at, 'Must be a map from violation to action.')
      return before
    }
    this.#known(given, violationKinds, at)
    const actions = { ...before }
    for (const kind of violationKinds) {
      const action = this.#one(given, kind, at, planActions)
      if (action === 'strip' && !strippable.has(kind))
        this.#say(under(at, kind), 'Only a property or a trait can be stripped; choose flag or quarantine.')
      else if (action) actions[kind] = action
    }
    return actions
  }

  /** Each is read by itself, so that what nobody uses is checked too. */
  #commons(): void {
    const given = this.#own(this.#document, 'common')
    if (given !== undefined && !isLoose(given)) this.#say('common', 'Must be a map from name to property.')
    for (const name of Object.keys(this.#common)) this.#node(this.#common[name], `common.${name}`, 1, [name])
  }

  #events(actions: Plan['actions']): Map<string, Call> | null {
    const given = this.#own(this.#document, 'events')
    if (given === undefined) return null
    const events = new Map<string, Call>()
    if (!isLoose(given)) {
      this.#say('events', 'Must be a map from name to event.')
      return events
    }
    const names = Object.keys(given)
    if (names.length > mostEvents) {
      this.#say('events', `A plan has at most ${mostEvents} events; this one has ${names.length}.`)
      return events
    }
    for (const name of names) {
      if (name.trim() === '' || name.length > 256) this.#say(`events.${name}`, 'A name has 1 to 256 characters.')
      const call = this.#call(given[name], 'events', `events.${name}`, name, actions)
      if (call) events.set(name, call)
    }
    return events
  }

  #aliases(events: Map<string, Call> | null): Map<string, string> {
    const aliases = new Map<string, string>()
    for (const name of events?.keys() ?? []) {
      const given = (this.#document.events as Loose)[name] as Loose
      for (const alias of this.#names(given, 'aliases', `events.${name}`)) {
        const path = `events.${name}.aliases`
        if (events?.has(alias)) this.#say(path, `“${alias}” is the name of an event.`)
        else if (aliases.has(alias)) this.#say(path, `“${alias}” is an alias of “${aliases.get(alias)}” already.`)
        else aliases.set(alias, name)
      }
    }
    return aliases
  }

  #call(given: unknown, kind: CallKind, path: string, name: string, before: Plan['actions']): Call | null {
    if (!isLoose(given)) {
      this.#say(path, 'Must be a map with properties.')
      return null
    }
    this.#known(given, callKeys, path)
    this.#text(given, 'owner', path, 200)
    this.#one(given, 'retention', path, ['short', 'standard', 'long'])
    if (kind !== 'events' && given.aliases !== undefined) this.#say(`${path}.aliases`, 'Only events have aliases.')
    const example = this.#own(given, 'example')
    if (example !== undefined && !isLoose(example)) this.#say(`${path}.example`, 'Must be a map.')
    const root: Node = { ...emptyNode(), types: ['object'] }
    this.#object(given, root, path, 0, [])
    const actions = this.#actions(given, path, before)
    const description = this.#text(given, 'description', path, 10_000)
    return { kind, name, root, identifiers: this.#names(given, 'identifiers', path), description, actions }
  }

  #files(): Plan['files'] {
    const files: Plan['files'] = new Map()
    const given = this.#own(this.#document, 'files')
    if (given === undefined) return files
    if (!isLoose(given)) {
      this.#say('files', 'Must be a map from kind of file to columns.')
      return files
    }
    for (const kind of Object.keys(given)) {
      const path = `files.${kind}`
      const file = given[kind]
      if (!Object.hasOwn(importKinds, kind)) this.#say(path, `There is no kind of file named “${kind}”.`)
      if (!isLoose(file) || !isLoose(this.#own(file, 'columns'))) {
        this.#say(path, 'Must be a map with columns.')
        continue
      }
      this.#known(file, ['columns', 'required'], path)
      const columns = new Map<string, Node>()
      const named = file.columns as Loose
      for (const column of Object.keys(named)) {
        const node = this.#node(named[column], `${path}.columns.${column}`, 1, [])
        if (node?.types?.some((type) => type === 'object' || type === 'array'))
          this.#say(`${path}.columns.${column}.type`, 'A column holds single values.')
        if (node) columns.set(column, node)
      }
      const required = this.#names(file, 'required', path)
      for (const name of required)
        if (!columns.has(name)) this.#say(`${path}.required`, `“${name}” is no column of this file.`)
      files.set(kind, { columns, required })
    }
    return files
  }

  /** `trail` holds the common properties being written out: meeting one again is a recursion. */
  #node(given: unknown, path: string, depth: number, trail: string[]): Node | null {
    if (this.problems.length > mostProblems) return null
    if (++this.#properties > mostProperties) {
      if (this.#properties === mostProperties + 1)
        this.#say(path, `A plan has at most ${mostProperties} properties, common ones counted wherever they are used.`)
      return null
    }
    if (!isLoose(given)) {
      this.#say(path, 'Must be a map with a type.')
      return null
    }
    if (Object.hasOwn(given, '$ref')) return this.#reference(given, path, depth, trail)
    this.#known(given, propertyKeys, path)
    const node = emptyNode()
    node.description = this.#text(given, 'description', path, 10_000)
    node.types = this.#types(given, path)
    this.#conditions(given, node, path)
    node.dataClass = this.#one(given, 'x-class', path, dataClasses)
    node.action = this.#one(given, 'x-action', path, planActions)
    node.coerce = this.#flag(given, 'x-coerce', path, false)
    node.coerces = node.coerce
    const examples = this.#own(given, 'examples')
    if (examples !== undefined && !Array.isArray(examples)) this.#say(`${path}.examples`, 'Must be a list.')
    const holds = node.types?.includes('object') || node.types?.includes('array')
    if (holds && depth > deepest) {
      this.#say(path, `Nested deeper than ${deepest} levels.`)
      return null
    }
    if (this.#fits(given, node, path, ['properties', 'required', 'additionalProperties'], ['object']))
      this.#object(given, node, path, depth, trail)
    if (this.#own(given, 'items') !== undefined && this.#fits(given, node, path, ['items'], ['array'])) {
      node.items = this.#node(given.items, `${path}.items`, depth + 1, trail)
      node.coerces ||= node.items?.coerces ?? false
    }
    return node
  }

  #reference(given: Loose, path: string, depth: number, trail: string[]): Node | null {
    const reference = given.$ref
    if (Object.keys(given).length > 1) this.#say(path, 'A `$ref` stands alone.')
    const name = typeof reference === 'string' && reference.startsWith('#/common/') ? reference.slice(9) : null
    if (name === null) {
      this.#say(`${path}.$ref`, 'Only common properties of this plan can be named: `#/common/<name>`.')
      return null
    }
    const wanted = this.#own(this.#common, name)
    if (wanted === undefined) this.#say(`${path}.$ref`, `There is no common property “${name}”.`)
    else if (trail.includes(name)) this.#say(`${path}.$ref`, `“${name}” contains itself.`)
    else return this.#node(wanted, path, depth, [...trail, name])
    return null
  }

  #object(given: Loose, node: Node, path: string, depth: number, trail: string[]): void {
    const properties = this.#own(given, 'properties')
    if (properties !== undefined && !isLoose(properties)) this.#say(`${path}.properties`, 'Must be a map.')
    if (isLoose(properties)) {
      for (const name of Object.keys(properties)) {
        const at = `${path}.properties.${name}`
        if (name === '' || name.length > 256) this.#say(at, 'A name has 1 to 256 characters.')
        const inner = this.#node(properties[name], at, depth + 1, trail)
        if (!inner) continue
        if (name.includes('.') && (inner.coerce || inner.action === 'strip'))
          this.#say(at, 'A property with a dot in its name can be flagged only.')
        node.properties.set(name, inner)
        node.coerces ||= inner.coerces
      }
    }
    node.required = this.#names(given, 'required', path)
    for (const name of node.required)
      if (isLoose(properties) ? !Object.hasOwn(properties, name) : true)
        this.#say(`${path}.required`, `“${name}” is required but not planned.`)
    node.open = this.#flag(given, 'additionalProperties', path, true)
  }

  #types(given: Loose, path: string): PlanType[] | null {
    const value = this.#own(given, 'type')
    if (value === undefined) return null
    const types = Array.isArray(value) ? value : [value]
    if (types.length > 0 && types.every((type) => (planTypes as readonly unknown[]).includes(type)))
      return [...new Set(types as PlanType[])]
    this.#say(`${path}.type`, `Must be one or several of ${planTypes.join(', ')}.`)
    return null
  }

  #conditions(given: Loose, node: Node, path: string): void {
    const values = this.#own(given, 'enum')
    if (values !== undefined) {
      const single = (one: unknown) =>
        one === null || typeof one === 'string' || typeof one === 'boolean' || Number.isFinite(one)
      if (Array.isArray(values) && values.length > 0 && values.length <= 1_000 && values.every(single))
        node.values = values as Node['values']
      else this.#say(`${path}.enum`, 'Must be a list of 1 to 1,000 texts, numbers, true, false or null.')
    }
    const pattern = this.#own(given, 'pattern')
    if (pattern !== undefined && this.#fits(given, node, path, ['pattern'], ['string'])) {
      const unfit = typeof pattern === 'string' ? unfitPattern(pattern) : 'Must be a text.'
      if (unfit) this.#say(`${path}.pattern`, unfit)
      else {
        node.pattern = pattern as string
        node.matches = matcherOf(pattern as string)
      }
    }
    if (this.#fits(given, node, path, ['format'], ['string']))
      node.format = this.#one(given, 'format', path, planFormats)
    if (this.#fits(given, node, path, ['minimum', 'maximum'], ['number', 'integer'])) {
      for (const key of ['minimum', 'maximum'] as const) {
        const value = this.#own(given, key)
        if (value === undefined) continue
        if (typeof value === 'number' && Number.isFinite(value)) node[key] = value
        else this.#say(`${path}.${key}`, 'Must be a number.')
      }
      if (node.minimum !== null && node.maximum !== null && node.minimum > node.maximum)
        this.#say(`${path}.minimum`, 'Is above the maximum.')
    }
  }

  /** A rule beside the wrong type would never be looked at; better said than silent. */
  #fits(given: Loose, node: Node, path: string, keys: string[], types: PlanType[]): boolean {
    const key = keys.find((one) => Object.hasOwn(given, one))
    if (key === undefined) return false
    if (node.types?.some((type) => types.includes(type))) return true
    this.#say(`${path}.${key}`, `Belongs beside type ${types.join(' or ')}.`)
    return false
  }
}

/** A node that says nothing about its value. */
export function emptyNode(): Node {
  return {
    types: null,
    values: null,
    pattern: null,
    matches: null,
    format: null,
    minimum: null,
    maximum: null,
    properties: new Map(),
    required: [],
    open: true,
    items: null,
    dataClass: null,
    action: null,
    coerce: false,
    coerces: false,
    description: '',
  }
}

const formats = Object.fromEntries(
  Object.entries(formatPatterns).map(([format, pattern]) => [format, matcherOf(pattern)]),
) as { [format in api.ingest.PlanFormat]: Matcher }

/** Whether a text has the format. */
export function hasFormat(format: api.ingest.PlanFormat, text: string): boolean {
  return formats[format](text)
}

function under(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

// --- the same plan, the same bytes --------------------------------------------------------------------------------------

/** Words in a fixed order, names by the alphabet: two versions differ only where they mean something else. */
function canonical(document: PlanDocument): PlanDocument {
  const named = <Value>(given: { [name: string]: Value } | undefined, each: (value: Value) => unknown) =>
    given === undefined
      ? undefined
      : Object.fromEntries(
          Object.keys(given)
            .toSorted()
            .map((name) => [name, each(given[name] as Value)]),
        )
  const property = (given: PlanProperty): unknown =>
    ordered(given, propertyKeys, {
      properties: named(given.properties, property),
      items: given.items && property(given.items),
    })
  const call = (given: PlannedCall) => ordered(given, callKeys, { properties: named(given.properties, property) })
  return ordered(document, documentKeys, {
    common: named(document.common, property),
    events: named(document.events, call),
    ...Object.fromEntries(
      (['traits', 'groups', 'pages', 'screens'] as const).map((kind) => [kind, document[kind] && call(document[kind])]),
    ),
    files: named(document.files, (file) =>
      ordered(file, ['required', 'columns'], { columns: named(file.columns, property) }),
    ),
  }) as PlanDocument
}

function ordered(given: object, keys: readonly string[], replaced: { [key: string]: unknown }): object {
  const all = given as Loose
  return Object.fromEntries(
    keys
      .filter((key) => Object.hasOwn(all, key) && all[key] !== undefined)
      .map((key) => [key, replaced[key] ?? all[key]]),
  )
}

function hashOf(document: PlanDocument): string {
  return createHash('sha256').update(JSON.stringify(document)).digest('hex')
}

/** YAML of a plan that was read: what stands in a repository. */
export function planYaml(document: PlanDocument): string {
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })
}
