import { setTimeout as pause } from 'node:timers/promises'
import { api, minorDigits } from '@einklang/contract'
import { jobKind, mount, type StageParts } from '@einklang/platform'
import { z } from 'zod'
import { attributionCsv } from './answers.ts'
import type { Measurement } from './index.ts'

const routes = api.measurement

export function measurementParts(measurement: Measurement): StageParts {
  return {
    stage: 'measurement',
    routes: [
      mount(routes.attribution, ({ query }) => measurement.attribution(query)),
      mount(routes.attributionCsv, async ({ query }) => {
        const answer = await measurement.attribution(query)
        return attributionCsv(answer, minorDigits(answer.note.currency ?? 'EUR'))
      }),
      mount(routes.weeks, ({ query }) => measurement.weeks(query)),
      mount(routes.conversions, ({ query }) => measurement.conversions(query)),
      mount(routes.personJourney, ({ params }) => measurement.personJourney(params.person)),
      mount(routes.paths, ({ query }) => measurement.paths(query)),
      mount(routes.journeyMap, ({ query }) => measurement.journeyMap(query)),
      mount(routes.journeyPersons, ({ query }) => measurement.journeyPersons(query)),
      mount(routes.experiments, () => measurement.experiments()),
      mount(routes.customerValue, () => measurement.customerValue()),
      mount(routes.bestCustomers, ({ query }) => measurement.bestCustomers(query)),
      mount(routes.refitCustomerValue, async () => {
        await measurement.refitSoon()
        return { queued: true }
      }),
      mount(routes.planExperiment, ({ query }) => measurement.protocol.plan(query)),
      mount(routes.keepPlan, ({ params, body }, { caller }) =>
        measurement.protocol.keep(params.experiment, body, caller),
      ),
      mount(routes.stopExperiment, ({ params, body }, { caller }) =>
        measurement.protocol.stop(params.experiment, body.reason, caller),
      ),
      mount(routes.mixData, ({ query }) => measurement.mix.data(query)),
      mount(routes.startMix, ({ body }, { caller }) => measurement.mix.start(body, caller)),
      mount(routes.mixFits, () => measurement.mix.list()),
      mount(routes.mixFit, ({ params }) => measurement.mix.read(params.fit)),
      mount(routes.stopMix, async ({ params }) => {
        await measurement.mix.stop(params.fit)
        return { stopping: true }
      }),
      mount(routes.grouping, async () => {
        const { version, changedAt, rules } = await measurement.grouping.current()
        return { version, changedAt: changedAt?.toISOString() ?? null, rules }
      }),
      mount(routes.setGrouping, ({ body }, { caller }) =>
        measurement.grouping.replace(body.version, body.rules, caller),
      ),
      mount(routes.status, async () => {
        const { builtAt, ...status } = await measurement.status()
        return { builtAt: builtAt?.toISOString() ?? null, ...status }
      }),
      mount(routes.refresh, async () => {
        await measurement.refresh()
        return { queued: true }
      }),
    ],
    jobs: [
      jobKind({
        name: 'measurement.build',
        payload: z.object({}),
        cron: '*/5 * * * *',
        work: async (_payload, signal) => {
          // The build that is running began before this was asked for; look again when it is done.
          while ((await measurement.buildNow(signal)) === 'busy') await pause(1000, undefined, { signal })
        },
      }),
      jobKind({
        name: 'measurement.customers',
        payload: z.object({}),
        cron: '20 2 * * *',
        work: async (_payload, signal) => {
          await measurement.refitCustomers(signal)
        },
      }),
      jobKind({
        name: 'measurement.mix',
        payload: z.object({ fit: z.number() }),
        work: ({ fit }, signal) => measurement.mix.run(fit, signal),
      }),
    ],
    erase: (tx, persons) => measurement.erase(tx, persons),
  }
}
