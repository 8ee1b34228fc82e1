import type { z } from 'zod'
import type { Database } from './database.ts'

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
