import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Database } from './database.ts'
import type { History } from './history.ts'
import type { Jobs } from './jobs.ts'
import type { Live } from './live.ts'
import type { Log } from './log.ts'
import type { Memory } from './memory.ts'
import type { Metrics } from './metrics.ts'
import type { Secrets } from './secrets.ts'

/** Everything the machine gives to a stage. A stage's `create…` takes the ground and the stages it needs. */
export type Ground = {
  config: Config
  clock: Clock
  database: Database
  history: History
  jobs: Jobs
  live: Live
  log: Log
  memory: Memory
  metrics: Metrics
  secrets: Secrets
}
