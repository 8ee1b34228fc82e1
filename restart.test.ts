import { expect, test } from 'vitest'
import { rollingRestarts } from './bench/restart/rolling.ts'

// Elsewhere a port belongs to one process; the guide says so.
test.runIf(process.platform === 'linux')(
  'a successor takes the house over without a failed call',
  { timeout: 240_000 },
  async () => {
    const result = await rollingRestarts({ restarts: 1, clients: 8 })
    expect(result.failed).toEqual({})
    expect(result.calls).toBeGreaterThan(50)
    expect(result).toMatchObject({ lost: 0, doubled: 0, stored: result.calls })
  },
)
