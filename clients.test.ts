import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { installed } from './bench/clients/packages.ts'
import { Proxy } from './bench/clients/proxy.ts'
import { Run, type Verdict } from './bench/clients/run.ts'
import { drained, freePort, Served } from './bench/served.ts'

/** Those that need neither a certificate nor a page; `einklang bench clients` runs all of them, and kills the server. */
const fast = [
  '@segment/analytics-node',
  '@segment/analytics-next',
  'analytics-node',
  '@rudderstack/rudder-sdk-node',
  '@jitsu/js',
  '@customerio/cdp-analytics-node',
  '@dittofeed/sdk-node',
  'posthog-node',
  'klaviyo-api',
  '@snowplow/node-tracker',
  'cloudevents',
  'standardwebhooks',
  'svix',
]
const here = fast.filter(installed)

// The packages are peers and not in the lockfile; the fixtures beside the dialects always run.
test.skipIf(here.length < fast.length)(
  'official client packages work unmodified: what was acknowledged is stored exactly once (packages: einklang bench clients)',
  async () => {
    const data = await mkdtemp(join(tmpdir(), 'einklang-clients-'))
    const server = new Served(data, await freePort())
    const runs: Run[] = []
    try {
      await server.start()
      for (const [at, name] of fast.entries()) {
        const proxy = new Proxy(server.port)
        const run = new Run(name, server.api(), proxy)
        runs.push(run)
        await run.start(await proxy.listen(), null, at * 10_000)
      }
      await Promise.all(runs.map((run) => run.ordinary()))
      await drained(server.api(), 60)
      const verdicts: Verdict[] = []
      for (const run of runs) verdicts.push(await run.audit())
      expect(verdicts.filter(({ ok }) => !ok)).toEqual([])
      for (const { package: name, lost, doubled, acknowledged, errors: told } of verdicts) {
        // One package refuses an event of 33 KB by itself, before it is sent.
        const errors = told.filter((error) => !error.includes('Your message must be < 32kb'))
        expect({ name, lost, doubled, errors }).toEqual({ name, lost: 0, doubled: 0, errors: [] })
        expect(acknowledged, name).toBeGreaterThan(2)
      }
      expect(verdicts.find(({ package: name }) => name === '@segment/analytics-node')?.largest).toBeGreaterThan(
        1_000_000,
      )
    } finally {
      for (const run of runs) run.stop()
      await server.stop()
      await rm(data, { recursive: true, force: true })
    }
  },
  150_000,
)
