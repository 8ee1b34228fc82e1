import type { SourceId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import type { RuleSet } from './finding.ts'

/** A source that has decided nothing: every check as it comes. */
export const defaultRules: RuleSet = { version: 0, actions: {}, repairs: [] }

export type Rules = {
  /** Looks whether anything was decided since; one look per batch. */
  refresh(tx: Database): Promise<void>
  of(source: SourceId): RuleSet
}

export function createRules(): Rules {
  let number = -1
  let sets = new Map<SourceId, RuleSet>()
  return {
    async refresh(tx) {
      const row = await tx.row<{ number: number }>`
        select coalesce(max(number), 0)::bigint as number from ingest.rule_set`
      if (row && row.number === number) return
      const rows = await tx.rows<RuleSet & { source: SourceId }>`
        select distinct on (source) source, version, actions, repairs from ingest.rule_set
        order by source, version desc`
      sets = new Map(rows.map(({ source, ...rules }) => [source, rules]))
      number = row?.number ?? 0
    },
    of: (source) => sets.get(source) ?? defaultRules,
  }
}
