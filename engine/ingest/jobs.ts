import { fault, type JobKind, jobKind } from '@einklang/platform'
import { z } from 'zod'
import type { Ingest, IngestInside } from './index.ts'
import { writeTowns } from './quality/town-table.ts'

/** How long raw requests stay for a replay, and how long ids are remembered at least. */
const replayDays = 14
/** How long what has ended can still be looked at. */
const resolvedDays = 30

/** Drops whole partitions that are older than the replay window and confirmed in history. */
export function ingestJobs(ingest: Ingest & IngestInside): JobKind[] {
  const { database, clock, history } = ingest.needs.ground
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
          where status in ('open', 'patched') and expires_at < ${now}`
        // What was given up can be taken back until it would have expired; what was sent again stands in history.
        await database.run`
          delete from ingest.quarantine where (status = 'discarded' and expires_at < ${now})
            or (status in ('expired', 'replayed') and resolved_at < ${before(resolvedDays)})`
        await database.run`delete from ingest.quarantine_work where created_at < ${before(90)}`
        await database.run`delete from ingest.finding where hour < ${before(400)}`
        await history.run`alter table ingest.aside delete where received_at < ${before(90)}`
        await database.run`
          delete from ingest.import_part using ingest.import
          where import.id = import_part.import and import.state not in ('waiting', 'running') and import.created_at < ${before(7)}`
        await database.run`delete from ingest.counter where hour < ${before(400)}`
        await database.run`delete from ingest.mail_domain where noted_at < ${before(resolvedDays)}`
      },
    }),
    jobKind({
      name: 'ingest.towns',
      payload: z.unknown(),
      cron: '41 2 * * *',
      async work() {
        if (ingest.needs.towns) await writeTowns(database, await ingest.needs.towns())
      },
    }),
  ]
}
