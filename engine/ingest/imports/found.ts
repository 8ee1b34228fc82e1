import type { AnswerOf, api, Finding, Json, NormalEvent } from '@einklang/contract'
import { isObject } from '../dialects/dialect.ts'
import type { Item } from '../item.ts'
import { valueAt } from '../quality/event-path.ts'
import { otherPlaces } from '../quality/judge.ts'

export type ImportFinding = AnswerOf<typeof api.ingest.importOf>['findings'][number]

/** One thing found on one row; `given` is what stood there, cut short. */
export type ImportNote = { row: number; code: string; path: string; action: Finding['action']; given: string }

const mostFindings = 200
const shownRows = 3
/** So many rows are listed one by one for each code and place; the count goes on. */
const mostListed = 20_000
const longestGiven = 200

/**
 * Adds what was found on some rows of a file: per code, place and action the count and the first rows, and as notes the
 * rows themselves wherever a value is not used or doubted, or the row waits. What was repaired is counted alone: it is used.
 */
export function addFound(
  known: readonly ImportFinding[],
  items: readonly Item[],
): { findings: ImportFinding[]; notes: ImportNote[] } {
  const found = new Map(known.map((one) => [keyOf(one), { ...one, rows: [...one.rows] }]))
  const notes: ImportNote[] = []
  for (const item of items) {
    const findings = item.event?.findings ?? item.findings
    if (findings === undefined || findings.length === 0) continue
    const event = item.event ?? item.held ?? null
    const row = rowOf(event)
    for (const finding of findings) {
      // Names of columns come from outside: beyond so many places all others are one.
      const room = found.size < mostFindings || found.has(keyOf(finding))
      const { code, action, message } = finding
      const path = room ? finding.path : otherPlaces
      const one = found.get(keyOf({ code, action, path })) ?? { code, path, action, message, count: 0, rows: [] }
      one.count++
      if (row !== null && one.rows.length < shownRows && !one.rows.includes(row)) one.rows.push(row)
      found.set(keyOf(one), one)
      if (row !== null && action !== 'repair' && one.count <= mostListed)
        notes.push({ row, code, path: finding.path, action, given: givenAt(event, finding.path) })
    }
  }
  return {
    findings: [...found.values()].sort((one, other) => other.count - one.count || (one.code < other.code ? -1 : 1)),
    notes,
  }
}

function keyOf({ code, path, action }: Pick<ImportFinding, 'code' | 'path' | 'action'>): string {
  return `${code}|${path}|${action}`
}

function rowOf(event: NormalEvent | null): number | null {
  const file = event?.context.import
  return isObject(file) && typeof file.row === 'number' ? file.row : null
}

/** What stood at a place before anything was taken from there. */
function givenAt(event: NormalEvent | null, path: string): string {
  if (event === null) return ''
  const { stripped, given } = event.context
  for (const kept of [stripped, given]) {
    const value = isObject(kept) && Object.hasOwn(kept, path) ? kept[path] : undefined
    if (value !== undefined) return textOf(value)
  }
  if (path === 'identifiers') return textOf(event.identifiers.map(({ value }) => value).join(' · '))
  if (path.startsWith('identifiers.')) {
    const namespace = path.slice('identifiers.'.length)
    return textOf(event.identifiers.find((one) => one.namespace === namespace)?.value)
  }
  return textOf(valueAt(event, path))
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, longestGiven).toWellFormed()
}
