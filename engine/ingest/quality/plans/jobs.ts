import type { AnswerOf, api, TrackingPlanId } from '@einklang/contract'
import { type Clock, type Database, type JobKind, jobKind, type Log, Outage } from '@einklang/platform'
import { z } from 'zod'
import type { IngestNeeds } from '../../index.ts'
import { dryRunOf } from './dry-run.ts'
import { planById, storedPlan } from './store.ts'

type DryRun = NonNullable<AnswerOf<typeof api.ingest.dryRunOf>>
type RunRow = Omit<DryRun, 'startedAt' | 'finishedAt' | 'seconds'> & {
  run: string
  startedAt: Date
  finishedAt: Date | null
}

export async function runOf(database: Database, plan: TrackingPlanId): Promise<DryRun | null> {
  const row = await database.row<RunRow>`
    select plan, run, hash, days, state, progress, error, events, violating, violations, started_at as "startedAt",
      finished_at as "finishedAt"
    from ingest.plan_run where plan = ${plan}`
  if (!row) return null
  const { run: _, startedAt, finishedAt, ...rest } = row
  return {
    ...rest,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
    seconds: finishedAt ? (finishedAt.getTime() - startedAt.getTime()) / 1000 : null,
  }
}

export const dryRunJob = 'ingest.dry-run'

/** One run at a time per version; whoever asks again begins anew and the run before it stops at its next step. */
export function planJobs(needs: { ground: IngestNeeds['ground'] }): JobKind[] {
  const { database, history, clock, log } = needs.ground
  return [
    jobKind({
      name: dryRunJob,
      payload: z.object({ plan: z.string(), run: z.string() }),
      async work({ plan: id, run }, signal) {
        const row = await planById(database, id as TrackingPlanId)
        const begun = await database.row<{ days: number }>`
          update ingest.plan_run set state = 'running' where plan = ${id} and run = ${run} and state in ('waiting', 'running')
          returning days`
        if (!begun) return
        await work({ database, clock, log, id, run }, () =>
          dryRunOf({
            history,
            plan: storedPlan(row.document),
            source: row.source,
            since: new Date(clock.now().getTime() - begun.days * 86_400_000),
            async step(progress) {
              if (signal.aborted) throw new Outage('The server is stopping.', { retryAfterSeconds: 1 })
              const going = await database.run`
                update ingest.plan_run set progress = ${progress} where plan = ${id} and run = ${run} and state = 'running'`
              return going > 0
            },
          }),
        )
      },
    }),
  ]
}

async function work(
  at: { database: Database; clock: Clock; log: Log; id: string; run: string },
  judge: () => ReturnType<typeof dryRunOf>,
): Promise<void> {
  const { database, clock, id, run } = at
  try {
    const result = await judge()
    if (result === 'stopped') return
    await database.run`
      update ingest.plan_run set state = 'done', progress = 1, events = ${result.events}, violating = ${result.violating},
        violations = ${database.json(result.violations)}, finished_at = ${clock.now()}
      where plan = ${id} and run = ${run} and state = 'running'`
  } catch (error) {
    // The queue tries again later; the run goes on waiting in front of its reader.
    if (error instanceof Outage) throw error
    at.log.error('A dry run failed', { plan: id, error: String(error) })
    await database.run`
      update ingest.plan_run set state = 'failed', finished_at = ${clock.now()},
        error = ${(error instanceof Error ? error.message : String(error)).slice(0, 500)}
      where plan = ${id} and run = ${run} and state = 'running'`
  }
}
