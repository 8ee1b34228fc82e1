import type { QuarantineId } from '@einklang/contract'
import type { Ingest, IngestInside } from '../../index.ts'
import { tryAgain } from '../work.ts'
import type { StoredPlan } from './store.ts'

/** Items of the source that wait because of a plan, and those of them that would pass all checks now. */
export async function acceptedNow(
  ingest: Ingest & IngestInside,
  { source }: Pick<StoredPlan, 'source'>,
): Promise<{ waiting: number; accepted: QuarantineId[] }> {
  const { sources, quarantine, judge } = ingest
  const { database, clock } = ingest.needs.ground
  const accepted: QuarantineId[] = []
  let waiting = 0
  for (let after: QuarantineId | null = null; ; ) {
    const ids: { id: QuarantineId }[] = await database.rows<{ id: QuarantineId }>`
      select id from ingest.quarantine
      where source = ${source} and code = 'schema' and status in ('open', 'patched')
        and (${after}::uuid is null or id > ${after}::uuid)
      order by id limit 500`
    const last = ids.at(-1)
    if (!last) return { waiting, accepted }
    after = last.id
    waiting += ids.length
    const chosen = { items: ids.map(({ id }) => id) }
    const rows = await quarantine.items(database, chosen, ['open', 'patched'], null, 500)
    const tried = await tryAgain({ database, clock, sources, quarantine, judge }, database, rows, [])
    for (const { row, reasons } of tried) if (reasons.length === 0) accepted.push(row.id)
  }
}
