import type { AnswerOf, api } from '@einklang/contract'
import type { Item } from '../item.ts'
import { otherPlaces } from '../quality/judge.ts'

export type ImportFinding = AnswerOf<typeof api.ingest.importOf>['findings'][number]

const mostFindings = 200
const shownRows = 3

/** Adds what the checks found in some items of a file: per code, place and action the count and the first rows. */
export function addFound(known: readonly ImportFinding[], items: readonly Item[]): ImportFinding[] {
  const found = new Map(known.map((one) => [keyOf(one), { ...one, rows: [...one.rows] }]))
  for (const item of items) {
    const event = item.event ?? item.held
    const file = event?.context.import as { row?: unknown } | undefined
    for (const finding of event?.findings ?? item.findings ?? []) {
      // Names of columns come from outside: beyond so many places all others are one.
      const room = found.size < mostFindings || found.has(keyOf(finding))
      const { code, action, message } = finding
      const path = room ? finding.path : otherPlaces
      const one = found.get(keyOf({ code, action, path })) ?? { code, path, action, message, count: 0, rows: [] }
      one.count++
      if (typeof file?.row === 'number' && one.rows.length < shownRows && !one.rows.includes(file.row))
        one.rows.push(file.row)
      found.set(keyOf(one), one)
    }
  }
  return [...found.values()].sort((one, other) => other.count - one.count || (one.code < other.code ? -1 : 1))
}

function keyOf({ code, path, action }: Pick<ImportFinding, 'code' | 'path' | 'action'>): string {
  return `${code}|${path}|${action}`
}
