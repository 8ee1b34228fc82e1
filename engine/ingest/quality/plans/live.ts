import type { SourceId } from '@einklang/contract'
import type { LivePlans } from '../finding.ts'
import { storedPlan } from './store.ts'
import { judgeOrSayWhy, type PlanJudge } from './violations.ts'

/** The live plan of each source, compiled once per version; one look per batch tells whether there is another one. */
export function createLivePlans(): LivePlans {
  let judges = new Map<SourceId, { id: string; judge: PlanJudge }>()
  return {
    async refresh(tx) {
      const rows = await tx.rows<{ source: SourceId; id: string }>`
        select source, id from ingest.plan where state = 'live'`
      const same = rows.length === judges.size && rows.every(({ source, id }) => judges.get(source)?.id === id)
      if (same) return
      const next: typeof judges = new Map()
      for (const { source, id } of rows) {
        const known = judges.get(source)
        if (known?.id === id) next.set(source, known)
        else {
          const row = await tx.row<{ document: string }>`select document from ingest.plan where id = ${id}`
          next.set(source, { id, judge: judgeOrSayWhy(() => storedPlan(row?.document ?? 'null')) })
        }
      }
      judges = next
    },
    find: (event) => judges.get(event.source)?.judge(event) ?? [],
  }
}
