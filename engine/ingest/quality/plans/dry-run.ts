import type { api, JsonObject, NormalEvent, SourceId } from '@einklang/contract'
import { type History, type HistoryPart, typed } from '@einklang/platform'
import { nobody } from '../../history.ts'
import { placeOf } from '../finding.ts'
import type { Call, Node, Plan, ViolationKind } from './document.ts'
import { formatPatterns, longestText } from './pattern.ts'
import { clientSql, code, kindOf, partOf, payloadOf, readable } from './rows.ts'
import { addedByUs, expectedOf, folded, judgeOf, nothingThere, similarNames } from './violations.ts'

/** Events judged by one statement: small enough that a stop is quick. */
const eventsPerSlice = 1_000_000
/** Kinds of violation told at most; further ones are counted in the sum alone. */
const mostViolations = 500
/** Combinations of violation and client that one statement tells apart; further ones are not begun. */
const boundedGroups = `settings max_rows_to_group_by = 20000, group_by_overflow_mode = 'any'`

type DryRunResult = {
  events: number
  violating: number
  violations: api.ingest.PlanViolation[]
}

type Rule = { kind: ViolationKind; path: string; expected: string }
type Group = { v: string; client: string; n: number; first: string; last: string; ids: string[] }
type Found = {
  rule: Rule
  event: string
  kind: string
  of: number
  count: number
  first: string
  last: string
  clients: Map<string, number>
  ids: string[]
  meant: string | null
}

/**
 * Judges what arrived since `since` by a plan that is not live, inside ClickHouse: the same rules as `judgeOf`, written as
 * SQL (a test compares the two). `step` hears how far it is and says whether to go on.
 */
export async function dryRunOf(needs: {
  history: History
  plan: Plan
  source: SourceId
  since: Date
  step(progress: number): Promise<boolean>
}): Promise<DryRunResult | 'stopped'> {
  const { history, plan, source, since } = needs
  const names = await history.rows<{ kind: string; name: string; n: number; first: string; last: string }>`
    select kind, if(kind = 'track', name, '') as name, count() as n, min(at) as first, max(at) as last from ingest.event
    where source = toUUID(${source}) and received_at >= ${since} and kind in ('track', 'identify', 'group', 'page', 'screen')
    group by 1, 2`
  const judged = names.filter(({ kind }) => judges(plan, kind))
  const events = judged.reduce((sum, { n }) => sum + n, 0)
  const found = new Map<string, Found>()
  let done = 0
  let violating = 0
  for (const { kind, name, n } of judged) {
    const call = callOf(plan, kind, name)
    const which = history.part`source = toUUID(${source}) and received_at >= ${since} and kind = ${kind}
      and ${kind === 'track' ? history.part`name = ${name}` : history.part`1`}`
    if (!call) {
      violating += n
      await unplanned(needs, which, { name, n }, found)
    } else {
      const check = checkOf(history, call)
      const slices = Math.ceil(n / eventsPerSlice)
      for (let slice = 0; slice < slices; slice++) {
        if (!(await needs.step(events === 0 ? 0 : done / events))) return 'stopped'
        const part = slices === 1 ? history.part`1` : history.part`cityHash64(id) % ${slices} = ${slice}`
        if (check.rules.length > 0) violating += await judgeSlice(history, check, { which, part, kind, name, n }, found)
        done += n / slices
      }
      continue
    }
    done += n
  }
  if (!(await needs.step(1))) return 'stopped'
  const told = [...found.values()].toSorted((one, other) => other.count - one.count).slice(0, mostViolations)
  return { events, violating, violations: await withSamples(needs, told) }
}

function judges(plan: Plan, kind: string): boolean {
  const part = partOf[kind]
  return part !== undefined && plan[part] !== null
}

function callOf(plan: Plan, kind: string, name: string): Call | null {
  const part = partOf[kind]
  if (part === undefined) return null
  if (part === 'events') return plan.events?.get(plan.aliases.get(name) ?? name) ?? null
  return plan[part]
}

async function unplanned(
  needs: { history: History; plan: Plan },
  which: HistoryPart,
  { name, n }: { name: string; n: number },
  found: Map<string, Found>,
): Promise<void> {
  const { history, plan } = needs
  const rows = await history.rows<Group>`
    select '' as v, ${code(history, clientSql)} as client, count() as n, min(at) as first, max(at) as last,
      groupArray(3)(toString(id)) as ids
    from ingest.event where ${which} group by client
    ${code(history, boundedGroups)}`
  const meant = similarNames(plan).get(folded(name)) ?? null
  const rule: Rule = { kind: 'unplanned_event', path: 'name', expected: meant ?? nothingThere }
  for (const row of rows) take(found, rule, { ...row, kind: 'track', event: name, of: n }, meant)
}

async function judgeSlice(
  history: History,
  check: { rules: Rule[]; violations: HistoryPart },
  call: { which: HistoryPart; part: HistoryPart; kind: string; name: string; n: number },
  found: Map<string, Found>,
): Promise<number> {
  const rows = await history.rows<Group>`
    select v, ${code(history, clientSql)} as client, count() as n, min(at) as first, max(at) as last,
      groupArray(3)(toString(id)) as ids
    from (
      select at, id, context, arrayDistinct(${check.violations}) as violated
      from (select at, id, person, context, ${code(history, payloadOf(call.kind))} as payload from ingest.event
        where ${call.which} and ${call.part})
      where notEmpty(violated)
    )
    array join arrayConcat([''], violated) as v
    group by v, client
    ${code(history, boundedGroups)}`
  let violating = 0
  for (const row of rows) {
    if (row.v === '') {
      violating += row.n
      continue
    }
    const [number = '', ...rest] = row.v.split(':')
    const rule = check.rules[Number(number)] as Rule
    const name = rest.join(':')
    const told = name === '' ? rule : { ...rule, path: placeOf(`${rule.path}.${name}`) }
    take(found, told, { ...row, kind: call.kind, event: call.name, of: call.n }, null)
  }
  return violating
}

function take(
  found: Map<string, Found>,
  rule: Rule,
  row: Group & { kind: string; event: string; of: number },
  meant: string | null,
): void {
  const key = JSON.stringify([row.kind, row.event, rule.kind, rule.path])
  const known = found.get(key)
  const one = known ?? {
    rule,
    event: row.event,
    kind: row.kind,
    of: row.of,
    count: 0,
    first: row.first,
    last: row.last,
    clients: new Map<string, number>(),
    ids: [],
    meant,
  }
  one.count += row.n
  if (row.first < one.first) one.first = row.first
  if (row.last > one.last) one.last = row.last
  one.clients.set(row.client, (one.clients.get(row.client) ?? 0) + row.n)
  for (const id of row.ids) if (one.ids.length < 3) one.ids.push(id)
  found.set(key, one)
}

type SampleRow = { id: string; name: string; kind: string; sourceName: string; properties: string; context: string }

/** The samples are judged once more here, which tells how the wrong value looks. */
async function withSamples(
  needs: { history: History; plan: Plan; source: SourceId; since: Date },
  found: Found[],
): Promise<api.ingest.PlanViolation[]> {
  const ids = [...new Set(found.flatMap((one) => one.ids))]
  const rows =
    ids.length === 0
      ? []
      : await needs.history.rows<SampleRow>`
          select toString(e.id) as id, name, kind, source_name as sourceName, properties, context from ingest.event as e
          where e.source = toUUID(${needs.source}) and received_at >= ${needs.since}
            and e.id in ${typed('Array(UUID)', ids)}`
  const samples = new Map(rows.map((row) => [row.id, row]))
  const judge = judgeOf(needs.plan)
  return found.map((one) => {
    const own = one.ids.flatMap((id) => samples.get(id) ?? [])
    return {
      code: one.rule.kind,
      event: one.event,
      kind: one.kind,
      path: one.rule.path,
      count: one.count,
      share: one.of === 0 ? 0 : one.count / one.of,
      firstAt: new Date(one.first).toISOString(),
      lastAt: new Date(one.last).toISOString(),
      sources: [...new Set(own.map(({ sourceName }) => sourceName))],
      clients: [...one.clients]
        .map(([client, count]) => ({ client, count }))
        .toSorted((first, second) => second.count - first.count)
        .slice(0, 10),
      expected: one.rule.expected,
      samples: own.map((row) => ({
        event: row.id,
        found:
          judge(eventOf(row)).find(
            (seen) => seen.code === `plan.${one.rule.kind}` && placeOf(seen.path) === one.rule.path,
          )?.found ?? '',
      })),
      didYouMean: one.meant,
    }
  })
}

/** As much of an event as a plan looks at. */
function eventOf(row: SampleRow): NormalEvent {
  const context = JSON.parse(row.context) as JsonObject
  const traits = context['traits']
  return {
    kind: row.kind,
    name: row.name,
    identifiers: [],
    traits: traits !== null && typeof traits === 'object' && !Array.isArray(traits) ? traits : {},
    properties: JSON.parse(row.properties) as JsonObject,
    context,
  } as unknown as NormalEvent
}

// --- a plan as SQL ------------------------------------------------------------------------------------------------------

const digits = '-0123456789'
const firsts: { [type: string]: string } = {
  string: '"',
  object: '{',
  array: '[',
  boolean: 'tf',
  null: 'n',
  number: digits,
  integer: digits,
}

/**
 * The rules of a call and an expression over `payload` (JSON) that gives the numbers of those it breaks; what an object
 * holds beyond its plan comes as `number:name`.
 */
function checkOf(history: History, call: Call): { rules: Rule[]; violations: HistoryPart } {
  const writer = new Writer(history, call)
  const base = kindOf[call.kind] === 'identify' || kindOf[call.kind] === 'group' ? 'traits' : 'properties'
  const parts = [writer.object('payload', call.root, base, true)]
  if (call.identifiers.length > 0) {
    // History knows whose an event is, not by which of its identifiers.
    const rule = writer.rule('missing_required', 'identifiers', call.identifiers.join(' or '))
    parts.push(history.part`if(person = toUUID(${nobody}), [${String(rule)}], emptyArrayString())`)
  }
  return { rules: writer.rules, violations: concat(history, parts) }
}

function concat(history: History, parts: HistoryPart[]): HistoryPart {
  return parts.length === 0
    ? code(history, 'emptyArrayString()')
    : history.part`arrayConcat(${history.join(parts, ',')})`
}

class Writer {
  readonly rules: Rule[] = []
  readonly #history: History
  readonly #call: Call
  #names = 0

  constructor(history: History, call: Call) {
    this.#history = history
    this.#call = call
  }

  rule(kind: ViolationKind, path: string, expected: string): number {
    this.rules.push({ kind, path, expected })
    return this.rules.length - 1
  }

  /** Violations of an object whose JSON is `value`; anything else has none here. */
  object(value: string, node: Node, path: string, isRoot: boolean): HistoryPart {
    const { part } = this.#history
    const pairs = this.#name('kv')
    const single: HistoryPart[] = []
    const inner: HistoryPart[] = []
    for (const [name, property] of node.properties) {
      const held = part`tupleElement(${this.#code(pairs)}, 2)[indexOf(tupleElement(${this.#code(pairs)}, 1), ${name})]`
      const at = placeOf(`${path}.${name}`)
      const own = this.#single(held, property, at, node.required.includes(name))
      if (own) single.push(own)
      const deep = this.#inside(held, property, at)
      if (deep) inner.push(deep)
    }
    const parts = [
      ...(single.length > 0 ? [part`arrayFilter(c -> c != '', [${this.#history.join(single, ',')}])`] : []),
      ...inner,
      ...(node.open ? [] : [this.#beyond(pairs, node, path, isRoot)]),
    ]
    if (parts.length === 0) return this.#code('emptyArrayString()')
    const of = this.#code(value)
    return part`if(substring(${of}, 1, 1) = '{',
      arrayMap(${this.#code(pairs)} -> ${concat(this.#history, parts)}, [JSONExtractKeysAndValuesRaw(${this.#code(readable(value))})])[1],
      emptyArrayString())`
  }

  #beyond(pairs: string, node: Node, path: string, isRoot: boolean): HistoryPart {
    const { part } = this.#history
    const root = isRoot && path === 'traits'
    const rule = this.rule(root ? 'unplanned_trait' : 'additional_property', path, nothingThere)
    const names = [...node.properties.keys(), ...(isRoot && this.#call.kind === 'events' ? [addedByUs] : [])]
    return part`arrayMap(k -> concat(${`${rule}:`}, k),
      arrayFilter(k -> not has(${names}, k), tupleElement(${this.#code(pairs)}, 1)))`
  }

  /** One text for one value: the number of its rule that it breaks, else nothing. */
  #single(value: HistoryPart, node: Node, path: string, required: boolean): HistoryPart | null {
    const { part } = this.#history
    const name = this.#name('v')
    const v = this.#code(name)
    const cases: HistoryPart[] = []
    if (required)
      cases.push(part`${v} = '', ${String(this.rule('missing_required', path, expectedOf(node, 'missing_required')))}`)
    else cases.push(part`${v} = '', ''`)
    if (node.types) {
      const rule = String(this.rule('wrong_type', path, expectedOf(node, 'wrong_type')))
      cases.push(part`not (${this.#hasType(v, node)}), ${rule}`)
    }
    const conditions = this.#conditions(v, node)
    if (conditions.length > 0) {
      const rule = String(this.rule('condition', path, expectedOf(node, 'condition')))
      cases.push(part`${this.#history.join(conditions, 'or')}, ${rule}`)
    }
    if (cases.length === 1 && !required) return null
    return part`arrayMap(${v} -> multiIf(${this.#history.join(cases, ',')}, ''), [${value}])[1]`
  }

  #inside(value: HistoryPart, node: Node, path: string): HistoryPart | null {
    const { part } = this.#history
    const parts: HistoryPart[] = []
    if (node.properties.size > 0 || !node.open) {
      const name = this.#name('o')
      parts.push(part`arrayMap(${this.#code(name)} -> ${this.object(name, node, path, false)}, [${value}])[1]`)
    }
    if (node.items) {
      const [list, name] = [this.#name('a'), this.#name('i')]
      const item = this.#code(name)
      const own = this.#single(item, node.items, path, false)
      const deep = this.#inside(item, node.items, path)
      const both = [...(own ? [part`arrayFilter(c -> c != '', [${own}])`] : []), ...(deep ? [deep] : [])]
      if (both.length > 0)
        parts.push(part`arrayMap(${this.#code(list)} -> arrayFlatten(arrayMap(${item} -> ${concat(this.#history, both)},
          JSONExtractArrayRaw(${this.#code(readable(list))}))), [${value}])[1]`)
    }
    return parts.length === 0 ? null : concat(this.#history, parts)
  }

  #hasType(v: HistoryPart, node: Node): HistoryPart {
    const { part } = this.#history
    const types = node.types ?? []
    const whole = types.includes('integer') && !types.includes('number')
    const plain = types.filter((type) => !(whole && type === 'integer'))
    const signs = plain.map((type) => firsts[type]).join('')
    const ways = [
      ...(signs === '' ? [] : [part`position(${signs}, substring(${v}, 1, 1)) > 0`]),
      ...(whole ? [part`${this.#isNumber(v)} and toFloat64OrZero(${v}) = trunc(toFloat64OrZero(${v}))`] : []),
    ]
    return this.#history.join(ways, 'or')
  }

  #isNumber(v: HistoryPart): HistoryPart {
    return this.#history.part`position(${digits}, substring(${v}, 1, 1)) > 0`
  }

  /** Each is true when the value breaks it. */
  #conditions(v: HistoryPart, node: Node): HistoryPart[] {
    const { part } = this.#history
    const broken: HistoryPart[] = []
    if (node.values) {
      const texts = node.values.filter((one) => typeof one === 'string')
      const numbers = node.values.filter((one) => typeof one === 'number')
      const others = node.values.filter((one) => one === null || typeof one === 'boolean').map(String)
      const ways = [
        ...(texts.length > 0 ? [part`substring(${v}, 1, 1) = '"' and has(${texts}, JSONExtractString(${v}))`] : []),
        ...(numbers.length > 0
          ? [part`${this.#isNumber(v)} and has(${typed('Array(Float64)', numbers)}, toFloat64OrZero(${v}))`]
          : []),
        ...(others.length > 0 ? [part`has(${others}, ${v})`] : []),
      ]
      broken.push(part`not (${this.#history.join(ways, 'or')})`)
    }
    const patterns = [
      ...(node.pattern === null ? [] : [node.pattern]),
      ...(node.format ? [formatPatterns[node.format]] : []),
    ]
    for (const pattern of patterns)
      broken.push(part`substring(${v}, 1, 1) = '"' and (lengthUTF8(JSONExtractString(${v})) > ${longestText}
        or not match(JSONExtractString(${v}), ${`(?-s)${pattern}`}))`)
    if (node.minimum !== null)
      broken.push(part`${this.#isNumber(v)} and toFloat64OrZero(${v}) < ${typed('Float64', node.minimum)}`)
    if (node.maximum !== null)
      broken.push(part`${this.#isNumber(v)} and toFloat64OrZero(${v}) > ${typed('Float64', node.maximum)}`)
    return broken
  }

  #name(prefix: string): string {
    this.#names++
    return `${prefix}${this.#names}`
  }

  #code(text: string): HistoryPart {
    return code(this.#history, text)
  }
}
