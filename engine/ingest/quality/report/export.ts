import { api } from '@einklang/contract'
import type { Report } from './report.ts'

type Cell = string | number | null
type Share = { count: number; of: number }

/** Hides what would tell of fewer than five people (spec quality §5). */
export function withoutSmallCells(report: Report): Report {
  const hidden = (count: number | null) => (count !== null && count > 0 && count < api.ingest.smallCell ? null : count)
  const fields = (known: { field: string; filled: number | null; valid: number | null }[]) =>
    known.map((one) => ({ ...one, filled: hidden(one.filled), valid: hidden(one.valid) }))
  const { completeness, identity } = report
  return {
    ...report,
    reachable: report.reachable.map((one) => ({
      ...one,
      reachable: hidden(one.reachable),
      lost: one.lost.map(({ cause, people }) => ({ cause, people: hidden(people) })),
    })),
    completeness: {
      ...completeness,
      bySource: completeness.bySource.map((one) => ({
        ...one,
        people: hidden(one.people),
        fields: fields(one.fields),
      })),
      byStore: completeness.byStore.map((one) => ({ ...one, people: hidden(one.people), fields: fields(one.fields) })),
    },
    // Who they are is nothing for readers without profiles.
    identity: { ...identity, largest: [] },
    problems: report.problems.map((one) => ({ ...one, people: hidden(one.people) })),
  }
}

/** The figures of the report, one a line: block, what, of what, number, out of. The same numbers as everywhere. */
export function csvOf(report: Report): string {
  const rows: Cell[][] = [['block', 'what', 'where', 'number', 'of', 'as of']]
  const add = (block: string, what: string, where: string, number: number | null, of: number | null = null) =>
    rows.push([block, what, where, number, of, report.asOf])
  const share = (block: string, what: string, where: string, { count, of }: Share) => add(block, what, where, count, of)
  for (const score of [report.score, ...report.scores]) {
    const where = score.name === '' ? score.key : `${score.name} (${score.key})`
    add('score', score.kind, where, score.value)
    for (const part of score.parts) add('score', `${score.kind} ${part.part}`, where, part.count, part.of)
  }
  for (const one of report.reachable) {
    add('reachable', 'reachable', one.channel, one.reachable, one.people)
    for (const { cause, people } of one.lost) add('reachable', `lost: ${cause}`, one.channel, people, one.people)
  }
  for (const one of report.completeness.fields) {
    share('completeness', 'filled', one.field, one.filled)
    share('completeness', 'valid', one.field, one.valid)
    share('completeness', 'confirmed', one.field, one.confirmed)
  }
  for (const [name, list] of [
    ['source', report.completeness.bySource.map((one) => ({ ...one, where: one.sourceName }))],
    ['store', report.completeness.byStore.map((one) => ({ ...one, where: one.storeName }))],
  ] as const) {
    for (const { where, people, fields } of list) {
      for (const { field, filled, valid } of fields) {
        add('completeness', `${name} filled: ${field}`, where, filled, people)
        add('completeness', `${name} valid: ${field}`, where, valid, filled)
      }
    }
  }
  const { identity, freshness, plan } = report
  add('identity', 'people', '', identity.people)
  add('identity', 'known', '', identity.known, identity.people)
  add('identity', 'identifiers per person', '', identity.identifiersPerPerson)
  add('identity', 'merged', '', identity.merged)
  add('identity', 'undone', '', identity.undone)
  if (identity.duplicates) {
    add('identity', 'duplicates estimated', '', identity.duplicates.estimate)
    add('identity', 'duplicates estimated, low', '', identity.duplicates.low)
    add('identity', 'duplicates estimated, high', '', identity.duplicates.high)
  }
  add('identity', 'review open', '', identity.review.open)
  add('identity', 'hot values', '', identity.hotValues)
  share('identity', 'store buyers seen on the web', '', identity.storeAndWeb)
  for (const one of identity.tied)
    add('identity', 'turnover tied', one.storeName || one.channel, one.tied, one.turnover)
  for (const one of freshness.sources) add('freshness', 'typical gap, minutes', one.sourceName, one.typicalGapMinutes)
  if (freshness.delay) {
    add('freshness', 'delay p50, seconds', '', freshness.delay.p50)
    add('freshness', 'delay p95, seconds', '', freshness.delay.p95)
  }
  add('freshness', 'stores without data today', '', freshness.silentStores.length)
  for (const one of report.problems)
    add('problems', `${one.code} ${one.path} ${one.action}`.replace('  ', ' '), one.sourceName, one.items)
  share('plan', 'events in plan', '', plan.planned)
  for (const { code, items } of plan.violations) add('plan', code, '', items)
  return `\uFEFF${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`
}

/** RFC 4180; a text that a spreadsheet would run as a formula gets an apostrophe in front. */
function cell(value: Cell): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^\s*[=+\-@]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
