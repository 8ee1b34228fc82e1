import type { PersonId, Route, StageName } from '@einklang/contract'
import type { Database } from './database.ts'
import type { Mounted, RawMount } from './http.ts'
import type { JobKind } from './jobs.ts'

/**
 * What a stage hands to the server besides its face: `consentParts(consent)` returns one of these and
 * `server/compose.ts` mounts, schedules and registers all of them alike.
 */
export type StageParts = {
  stage: StageName
  routes: Mounted<Route>[]
  /** Requests that do not speak JSON routes: tracking endpoints, public pages under `/p/`, click links. */
  raw?: RawMount[]
  /** Ordinary background jobs and cron (graphile-worker). */
  jobs?: JobKind[]
  /** Hot loops with their own batch claims (inbox, journeys, outbox); run in the worker role. */
  loops?: Loop[]
  /** Removes or anonymises all this stage knows of a person, in the caller's transaction; returns rows touched. */
  erase?: (tx: Database, persons: PersonId[]) => Promise<number>
}

/** A claim-and-work loop. `busy` = call again at once; `idle` = wait `pauseMs` or until `wake` fires on its channel. */
export type Loop = {
  name: string
  pauseMs: number
  /** PostgreSQL notification channel that ends the pause early. */
  wake?: string
  /** Needs PostgreSQL alone and much time: may run in a process of its own. */
  apart?: true
  turn(signal: AbortSignal): Promise<'busy' | 'idle'>
}
