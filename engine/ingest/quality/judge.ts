import type { Finding, FindingAction, Json, NormalEvent, SourceId } from '@einklang/contract'
import { type Clock, type Columns, type Database, recordset } from '@einklang/platform'
import type { Item, Reason, SourceFacts } from '../item.ts'
import type { Around } from './around.ts'
import { checks, repairs } from './checks/index.ts'
import { EventDraft, valueAt } from './event-path.ts'
import {
  type Check,
  type Facts,
  type Found,
  type LivePlans,
  type PlanFound,
  type Plans,
  placeOf,
  type References,
  type RuleSet,
} from './finding.ts'
import { createKnown } from './known.ts'
import type { createDomainNotes } from './mail-domains.ts'
import { createRules } from './rules.ts'
import { Subject } from './subject.ts'

/** Do we believe it? Stands between the adapters and everything else. */
export type Judge = {
  /**
   * Runs the checks of each item's source: repairs first, then all others over the repaired event. An item that must
   * wait loses its event and gets its reasons. The given items stay as they are.
   */
  judge(tx: Database, items: Item[], options?: { dry?: boolean }): Promise<Item[]>
  /** Counts what was found, per source, hour, code, place and action. */
  count(tx: Database, items: readonly Item[]): Promise<void>
}

type JudgeNeeds = {
  sourceOf(id: SourceId): Promise<SourceFacts | null>
  /** Which articles and stores exist; missing = nobody knows, and nothing is unknown. */
  references?: References
  /** Tracking plans; missing = none. */
  plans?: LivePlans
  around: Around
  /** Writes down which mail domains a batch names; missing = nobody is asked about them. */
  noteDomains?: ReturnType<typeof createDomainNotes>
  clock: Clock
}

export function createJudge(needs: JudgeNeeds): Judge {
  const rules = createRules()
  const known = createKnown(needs.references ?? null)
  const rate = createRate()
  return {
    async judge(tx, items, options = {}) {
      await rules.refresh(tx)
      await needs.plans?.refresh(tx)
      const sources = new Map<string, SourceFacts | null>()
      for (const item of items)
        if (!sources.has(item.source)) sources.set(item.source, await needs.sourceOf(item.source))
      await known.learn(items)
      await needs.around.refresh()
      if (!options.dry) await needs.noteDomains?.(tx, items, needs.clock.now())
      return items.map((item) => {
        const source = sources.get(item.source)
        if (!source) return item
        const set = rules.of(item.source)
        if (item.event === null) return refused(item, set.version)
        // What our own stages report was checked where it was made.
        if (item.event.dialect === 'own') return item
        const facts: Facts = {
          source,
          receivedAt: item.receivedAt,
          knows: known.knows,
          price: known.price,
          gtin: known.gtin,
          isStore: needs.around.isStore,
          bounced: needs.around.bounced,
          takesNoMail: needs.around.takesNoMail,
          isShared: needs.around.isShared,
          meantTown: needs.around.meantTown,
          // A dry run is no second visit.
          rate: options.dry ? 0 : rate(item.event),
        }
        return judged(item, item.event, facts, set, needs.plans?.find ?? null)
      })
    },
    count: createCount(),
  }
}

/** A cell of a file that could not be understood; found while its row was read. */
export const cellFinding = 'import.cell'

/** What the checks make of one event under a set of rules; pure. */
export function judged(item: Item, event: NormalEvent, facts: Facts, rules: RuleSet, plans: Plans | null): Item {
  // What standing repairs did before the event was read, and what of a row never became part of it.
  const findings = event.findings === undefined ? [] : event.findings.filter(({ code }) => before.has(code))
  const draft = new EventDraft(event)
  const subject = new Subject(event)
  const repair = (found: Found, code: string) => {
    const finding = findingOf(code, found, 'repair', rules.version)
    const values = mend(draft, found)
    if (!has(findings, finding)) findings.push(finding)
    return values
  }
  // Nearly always nothing is found: an iterator for each check would be a quarter of all that a batch leaves behind.
  for (let at = 0; at < repairs.length; at++) {
    const check = repairs[at] as Check
    // What a check finds, it finds before its own repairs.
    const all = check.find(subject, facts)
    if (all.length === 0) continue
    let values: Map<string, Json> | null = null
    for (const found of all) {
      const changed = repair(found, check.code)
      if (changed !== null) values = values === null ? changed : new Map([...values, ...changed])
    }
    if (values !== null) subject.mended(draft.event, values)
  }
  const planned = plans?.(draft.event, facts.source) ?? nothingPlanned
  let replanned = false
  for (const found of planned)
    if (found.action === 'repair') replanned = repair(found, found.code) !== null || replanned
  // A plan may write anywhere: what it repaired is looked at anew.
  const repaired = replanned ? new Subject(draft.event) : subject
  if (planned.length > 0) ride(draft, planned)
  const reasons: Reason[] = []
  const strips: Found[] = []
  const flags: string[] = []
  const take = (code: string, found: Found, action: FindingAction, reason: Reason['code']) => {
    const finding = findingOf(code, found, action, rules.version)
    if (action === 'strip') strips.push(found)
    if (found.flag !== undefined && !flags.includes(found.flag)) flags.push(found.flag)
    if (has(findings, finding)) return
    findings.push(finding)
    if (action === 'quarantine')
      reasons.push({
        code: reason,
        path: finding.path,
        message: finding.message,
        check: code,
        ...(found.values === undefined ? {} : { values: found.values }),
      })
  }
  for (let at = 0; at < checks.length; at++) {
    const check = checks[at] as Check
    const all = check.find(repaired, facts)
    if (all.length === 0) continue
    for (const found of all)
      take(
        found.code ?? check.code,
        found,
        actionOf(check, found, rules),
        found.reason ?? check.reason ?? 'check_failed',
      )
  }
  for (const found of planned) if (found.action !== 'repair') take(found.code, found, found.action, 'schema')
  if (findings.length === 0) return item
  findings.sort(byPlace)
  if (reasons.length > 0) {
    reasons.sort((one, other) => byText(one.check ?? '', other.check ?? '') || byText(one.path, other.path))
    return { ...item, event: null, reasons, findings, held: event }
  }
  for (const found of strips) strip(draft, found)
  // A row about somebody whose every name is wrong is about nobody: it would be taken and never be seen again.
  if (event.dialect === 'import' && event.kind === 'identify' && draft.event.identifiers.length === 0) {
    const missing = { code: 'missing_id' as const, path: 'identifiers', message: nobodyLeft }
    return {
      ...item,
      event: null,
      reasons: [{ ...missing, word: 'nobody_left' }],
      findings: [...findings, { ...missing, rule: rules.version, action: 'quarantine' }],
      held: event,
    }
  }
  const more = flags.filter((flag) => !event.flags.includes(flag))
  if (more.length > 0) draft.put('flags', [...event.flags, ...more])
  draft.put('findings', findings)
  return { ...item, event: draft.event }
}

const nothingPlanned: readonly PlanFound[] = []
const before = new Set(['rule.repair', cellFinding])

/** Violations of a plan ride on the event, with what was expected. */
function ride(draft: EventDraft, planned: readonly PlanFound[]): void {
  const violations = planned
    .filter(({ action }) => action !== 'repair')
    .map(({ code, path, action, expected, found }) => ({ code, path: placeOf(path), action, expected, found }))
  if (violations.length > 0) draft.put('context.violations', violations)
}

/** What a source has decided holds only where the check allows it. */
function actionOf(check: Check, found: Found, rules: RuleSet): FindingAction {
  const chosen = found.fixed ? undefined : rules.actions[check.code]
  if (chosen !== undefined && check.actions.includes(chosen)) return chosen
  return found.action ?? check.actions[0]
}

/** What the adapter could not take is counted like every other finding. */
function refused(item: Item, rule: number): Item {
  return {
    ...item,
    findings: item.reasons.map(({ code, path, message, check }) => ({
      code: check ?? code,
      path: shortPlace(path),
      rule,
      action: 'quarantine',
      message,
    })),
  }
}

/** Writes the better value at every place of it; the places that had another one, null = none. */
function mend(draft: EventDraft, found: Found): Map<string, Json> | null {
  if (found.value === undefined) return null
  let changed: Map<string, Json> | null = null
  for (const path of [found.path, ...(found.also ?? [])]) {
    const given = path.startsWith('identifiers.') ? found.given : valueAt(draft.event, path)
    if (given === found.value) continue
    draft.put(path, found.value, found.given)
    if (given !== undefined) draft.note('given', path, given)
    changed ??= new Map()
    changed.set(path, found.value)
  }
  return changed
}

function strip(draft: EventDraft, found: Found): void {
  for (const path of [found.path, ...(found.also ?? [])]) {
    const given = path.startsWith('identifiers.') ? found.given : valueAt(draft.event, path)
    if (given === undefined) continue
    draft.put(path, undefined, found.given)
    draft.note('stripped', path, given)
  }
}

function findingOf(code: string, found: Found, action: FindingAction, rule: number): Finding {
  return { code, path: shortPlace(found.path), rule, action, message: found.message.slice(0, 300) }
}

/** Keys come from outside and may be as long as a request; places are counted, grouped and indexed. */
function shortPlace(path: string): string {
  const place = placeOf(path)
  return place.length <= longestPlace ? place : `${place.slice(0, longestPlace).toWellFormed()}…`
}

const longestPlace = 200
const nobodyLeft = 'Every number and address of the row is wrong: nobody is left whom it could belong to.'

/** Many lines of one order with the same trouble are one finding. */
function has(findings: Finding[], wanted: Finding): boolean {
  return findings.some((one) => one.code === wanted.code && one.path === wanted.path && one.action === wanted.action)
}

function byPlace(one: Finding, other: Finding): number {
  return byText(one.code, other.code) || byText(one.path, other.path) || byText(one.action, other.action)
}

function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

// --- how often a device speaks ------------------------------------------------------------------------------------------

const mostDevices = 50_000

/** The how-manieth event of its device in its minute; counted in order, so that a batch counts like its items. */
function createRate(): (event: NormalEvent) => number {
  let counts = new Map<string, number>()
  return (event) => {
    // Servers speak for many.
    if (event.mayJoin) return 0
    const device = event.identifiers.find(({ namespace }) => namespace === 'anonymous_id')
    if (device === undefined) return 0
    const key = `${event.source}|${device.value}|${event.at.slice(0, 16)}`
    const count = (counts.get(key) ?? 0) + 1
    if (counts.size >= mostDevices) counts = new Map()
    counts.set(key, count)
    return count
  }
}

// --- counting -----------------------------------------------------------------------------------------------------------

const columns: Columns = {
  source: 'uuid',
  hour: 'timestamptz',
  code: 'text',
  path: 'text',
  action: 'text',
  count: 'bigint',
  value: 'bigint',
  last: 'timestamptz',
}
type Tally = {
  source: string
  hour: string
  code: string
  path: string
  action: string
  count: number
  value: number
  last: string
}

/** Names come from outside: beyond so many places of one check in one hour of a source, the rest is counted as one. */
const mostPlaces = 50
/** The place of all further ones. */
export const otherPlaces = '*'

/** Counts findings, with a bound on the places of a source and hour that holds over restarts. */
function createCount(): Judge['count'] {
  /** Source and hour → check → its places so far. */
  const hours = new Map<string, Map<string, Set<string>>>()
  const placesOf = async (tx: Database, source: string, hour: string) => {
    const key = `${source}|${hour}`
    const known = hours.get(key)
    if (known) return known
    const rows = await tx.rows<{ code: string; path: string }>`
      select distinct code, path from ingest.finding where source = ${source} and hour = ${hour}`
    const places = new Map<string, Set<string>>()
    for (const { code, path } of rows) places.set(code, (places.get(code) ?? new Set()).add(path))
    if (hours.size >= 500) hours.clear()
    hours.set(key, places)
    return places
  }
  return async (tx, items) => {
    const bounded = new Map<string, Tally>()
    for (const tally of tallied(items)) {
      const places = await placesOf(tx, tally.source, tally.hour)
      const known = places.get(tally.code) ?? new Set()
      places.set(tally.code, known)
      if (!known.has(tally.path) && known.size >= mostPlaces) tally.path = otherPlaces
      else known.add(tally.path)
      const { source, hour, code, path, action } = tally
      const same = bounded.get(`${source}|${hour}|${code}|${path}|${action}`)
      if (same) addTo(same, tally)
      else bounded.set(`${source}|${hour}|${code}|${path}|${action}`, tally)
    }
    if (bounded.size === 0) return
    await tx.run`
      insert into ingest.finding as known (source, hour, code, path, action, count, value, last_at)
      select source, hour, code, path, action, count, value, last from ${recordset(tx, [...bounded.values()], columns)} as row
      on conflict (source, hour, code, path, action) do update set
        count = known.count + excluded.count, value = known.value + excluded.value,
        last_at = greatest(known.last_at, excluded.last_at)`
  }
}

function tallied(items: readonly Item[]): Iterable<Tally> {
  const tallies = new Map<string, Tally>()
  for (const item of items) {
    const findings = item.event ? item.event.findings : item.findings
    if (findings === undefined || findings.length === 0) continue
    const at = Math.floor(item.receivedAt / 3_600_000)
    const last = new Date(item.receivedAt).toISOString()
    const value = turnoverOf(item.event ?? item.held ?? null)
    for (const { code, path, action } of findings) {
      const key = `${item.source}|${at}|${code}|${path}|${action}`
      const hour = new Date(at * 3_600_000).toISOString()
      const one = { source: item.source, hour, code, path, action, count: 1, value, last }
      const tally = tallies.get(key)
      if (tally) addTo(tally, one)
      else tallies.set(key, one)
    }
  }
  return tallies.values()
}

function addTo(tally: Tally, more: Tally): void {
  tally.count += more.count
  tally.value += more.value
  if (more.last > tally.last) tally.last = more.last
}

/** Turnover in minor units that hangs on an item; 0 for what sells nothing. */
export function turnoverOf(event: NormalEvent | null): number {
  if (event?.name !== 'Order Completed' && event?.name !== 'Order Refunded') return 0
  const minor = event.properties.minor
  if (minor === null || typeof minor !== 'object' || Array.isArray(minor)) return 0
  const amount = minor.total ?? minor.revenue
  if (typeof amount !== 'number') return 0
  return event.name === 'Order Refunded' ? -Math.abs(amount) : amount
}
