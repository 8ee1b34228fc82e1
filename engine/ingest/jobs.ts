import { fault, type JobKind, jobKind } from '@einklang/platform'
import { z } from 'zod'
import type { Ingest, IngestInside } from './index.ts'

/** How long raw requests stay for a replay, and how long ids are remembered at least. */
const replayDays = 14
const quarantineDays = 90

/** Drops whole partitions that are older than the replay window and confirmed in history. */
export function ingestJobs(ingest: Ingest & IngestInside): JobKind[] {
  const { database, clock } = ingest.needs.ground
  return [
    jobKind({
      name: 'ingest.sweep',
      payload: z.unknown(),
      cron: '17 3 * * *',
      async work() {
        const now = clock.now()
        const before = (days: number) => new Date(now.getTime() - days * 86_400_000)
        const edge = before(replayDays).toISOString().slice(0, 10)
        fault('ingest.partition-drop')
        await database.run`select ingest.drop_before(${edge}::date)`
        await database.run`
          delete from ingest.batch where history_at < ${before(replayDays)} and rows is null
            and not exists (select from ingest.inbox where inbox.batch = batch.id)`
        await database.run`
          update ingest.quarantine set status = 'expired', resolved_at = ${now}, resolved_by = 'system'
          where status in ('open', 'patched') and received_at < ${before(quarantineDays)}`
        await database.run`
          delete from ingest.quarantine where status in ('expired', 'discarded', 'replayed')
            and resolved_at < ${before(quarantineDays)}`
        await database.run`
          delete from ingest.import_part using ingest.import
          where import.id = import_part.import and import.state not in ('waiting', 'running') and import.created_at < ${before(7)}`
        await database.run`delete from ingest.counter where hour < ${before(400)}`
      },
    }),
  ]
}
