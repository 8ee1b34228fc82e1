import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGovernance, type Governance, governanceParts } from '@einklang/engine/governance'
import type { Ground, StageParts } from '@einklang/platform'

/** All stages, wired; what the server mounts, schedules and registers. */
export type House = {
  governance: Governance
  /** In the order of the flow. */
  parts: StageParts[]
  /** Tracking requests on Node's own objects, before the router. */
  early: (request: IncomingMessage, response: ServerResponse) => boolean
  close(): Promise<void>
}

/** The one place that knows every stage: makes them in the order of the flow and hands each what it needs. */
export async function compose(ground: Ground): Promise<House> {
  const governance = createGovernance({ ground })
  return {
    governance,
    parts: [governanceParts(governance)],
    early: () => false,
    close: async () => undefined,
  }
}
