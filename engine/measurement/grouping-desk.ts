import { type Caller, type Database, type History, nameOf } from '@einklang/platform'
import { checkRules, type GroupingRule } from './grouping.ts'
import { refused } from './sayings.ts'
import { currentGrouping, type Grouping, saveGrouping } from './store.ts'

/** Governance's ledger of who changed what. */
export type Audit = (
  tx: Database,
  entry: { actor: Caller | 'system'; action: string; object: { kind: string; id: string } },
) => Promise<void>

export type GroupingDesk = {
  current(): Promise<Grouping>
  /** Replaces the rules and has everything built again; a caller who saw an older version is refused. */
  replace(seen: number, rules: GroupingRule[], actor: Caller): Promise<{ version: number }>
}

export function createGroupingDesk(needs: {
  database: Database
  history: History
  refresh: (tx: Database) => Promise<void>
  audit: Audit | undefined
}): GroupingDesk {
  return {
    current: () => currentGrouping(needs.database),
    async replace(seen, rules, actor) {
      await checkRules(needs.history, rules)
      await needs.database.transaction(async (tx) => {
        const saved = await saveGrouping(tx, seen, rules, nameOf(actor))
        if (!saved) {
          throw refused(409, 'grouping_changed')
        }
        await needs.audit?.(tx, {
          actor,
          action: 'measurement.grouping.replaced',
          object: { kind: 'grouping', id: String(seen + 1) },
        })
        await needs.refresh(tx)
      })
      return { version: seen + 1 }
    },
  }
}
