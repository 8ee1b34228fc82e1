import {
  Logger,
  parseCronItems,
  type Runner,
  type RunnerOptions,
  run,
  runMigrations,
  runOnce,
  type TaskList,
} from 'graphile-worker'
import type { z } from 'zod'
import type { Database } from './database.ts'
import { assert, Outage } from './failure.ts'
import type { Log } from './log.ts'

/** A kind of background job. Runs at least once: the work must be idempotent. */
export type JobKind = {
  /** `stage.verb`, for example `measurement.refit`. */
  name: string
  payload: z.ZodType
  /** Crontab line (UTC) when it also runs by itself with an empty payload. */
  cron?: string
  work: (payload: unknown, signal: AbortSignal) => Promise<void>
}

/** Declares a job kind with a typed payload. */
export function jobKind<Payload extends z.ZodType>(kind: {
  name: string
  payload: Payload
  cron?: string
  work: (payload: z.output<Payload>, signal: AbortSignal) => Promise<void>
}): JobKind {
  return kind as unknown as JobKind
}

export type Jobs = {
  /** Adds a job in the caller's transaction; a job with the same `key` that has not started is replaced. */
  add(tx: Database, name: string, payload: unknown, options?: { key?: string; at?: Date }): Promise<void>
}

/** Adding needs only a database: the job lies in the caller's transaction and a worker of any process finds it. */
export function createJobs(): Jobs {
  return {
    async add(tx, name, payload, options = {}) {
      assert(/^[a-z]+\.[a-z-]+$/i.test(name), `a job is named stage.verb, not ${name}`)
      await tx.run`select graphile_worker.add_job(${name}, payload := ${tx.json(payload ?? {})}::json,
        run_at := ${options.at ?? null}::timestamptz, job_key := ${options.key ?? null}::text)`
    },
  }
}

// The queue's own lines would carry payloads; failures are logged by us.
const silent = new Logger(() => () => undefined)

/** Brings the queue's own schema to its version. */
export async function migrateJobs(url: string): Promise<void> {
  await runMigrations({ connectionString: url, logger: silent })
}

/** Works off jobs in this process until stopped; cron entries run once per time over all processes. */
export async function startJobs(needs: {
  url: string
  kinds: JobKind[]
  log: Log
  concurrency?: number
}): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController()
  const runner: Runner = await run({
    ...optionsOf(needs, stopping.signal),
    concurrency: needs.concurrency ?? 2,
    noHandleSignals: true,
    pollInterval: 2000,
    // As items, because the crontab's text form knows no dots in names.
    parsedCronItems: parseCronItems(
      needs.kinds.flatMap(({ name, cron }) =>
        cron ? [{ task: name, match: cron, options: { backfillPeriod: 3_600_000, maxAttempts: 25 } }] : [],
      ),
    ),
  })
  return {
    async stop() {
      stopping.abort()
      await runner.stop()
    },
  }
}

/** Test help: works off all jobs that are due, then returns. */
export async function runDueJobs(needs: { url: string; kinds: JobKind[]; log: Log }): Promise<void> {
  await runOnce(optionsOf(needs, new AbortController().signal))
}

function optionsOf(needs: { url: string; kinds: JobKind[]; log: Log }, stopping: AbortSignal): RunnerOptions {
  return {
    connectionString: needs.url,
    maxPoolSize: 4,
    logger: silent,
    taskList: Object.fromEntries(needs.kinds.map((kind) => [kind.name, taskOf(kind, stopping, needs.log)])),
  }
}

function taskOf(kind: JobKind, stopping: AbortSignal, log: Log): TaskList[string] {
  return async (payload, helpers) => {
    try {
      // Cron adds its own field; a payload schema that is strict would refuse it.
      const { _cron, ...given } = (payload ?? {}) as { _cron?: unknown }
      await kind.work(kind.payload.parse(given), stopping)
    } catch (error) {
      const level = error instanceof Outage ? 'warn' : 'error'
      log[level](`Job ${kind.name} failed; it will be tried again.`, {
        error,
        job: helpers.job.id,
        attempt: helpers.job.attempts,
      })
      throw error
    }
  }
}
