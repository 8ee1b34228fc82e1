import { setTimeout as pause } from 'node:timers/promises'
import { api, minorDigits } from '@einklang/contract'
import { jobKind, type StageParts } from '@einklang/platform'
import { z } from 'zod'
import { attributionCsv, productsCsv } from './answers.ts'
import type { Measurement } from './index.ts'
import { measurementPhrases, spokenWith } from './sayings.ts'

const routes = api.measurement
const spoken = spokenWith(measurementPhrases)

export function measurementParts(measurement: Measurement): StageParts {
  return {
    stage: 'measurement',
    routes: [
      spoken(routes.attribution, ({ query }) => measurement.attribution(query)),
      spoken(routes.attributionCsv, async ({ query }) => {
        const answer = await measurement.attribution(query)
        return attributionCsv(answer, minorDigits(answer.note.currency ?? 'EUR'))
      }),
      spoken(routes.keptReports, () => measurement.reports.list()),
      spoken(routes.keepReport, ({ body }, { caller }) => measurement.reports.keep(body, caller)),
      spoken(routes.keptReport, ({ params }) => measurement.reports.read(params.report)),
      spoken(routes.weeks, ({ query }) => measurement.weeks(query)),
      spoken(routes.conversions, ({ query }) => measurement.conversions(query)),
      spoken(routes.conversionPersons, ({ query }) => measurement.conversionPersons(query)),
      spoken(routes.personJourney, ({ params }) => measurement.personJourney(params.person)),
      spoken(routes.paths, ({ query }) => measurement.paths(query)),
      spoken(routes.journeyMap, ({ query }) => measurement.journeyMap(query)),
      spoken(routes.journeyPersons, ({ query }) => measurement.journeyPersons(query)),
      spoken(routes.journeyWay, ({ query }) => measurement.sizeOfWay(query)),
      spoken(routes.journeySegment, ({ body }, { caller }) => measurement.segmentOfWay(body, caller)),
      spoken(routes.products, ({ query }) => measurement.products(query)),
      spoken(routes.productsCsv, async ({ query }) => {
        const answer = await measurement.products({ ...query, limit: 100_000 })
        return productsCsv(answer, minorDigits(answer.note.currency ?? 'EUR'))
      }),
      spoken(routes.product, ({ query }) => measurement.product(query)),
      spoken(routes.experiments, () => measurement.experiments()),
      spoken(routes.customerValue, () => measurement.customerValue()),
      spoken(routes.bestCustomers, ({ query }) => measurement.bestCustomers(query)),
      spoken(routes.customerPersons, () => measurement.customerPersons()),
      spoken(routes.refitCustomerValue, async () => {
        await measurement.refitSoon()
        return { queued: true }
      }),
      spoken(routes.planExperiment, ({ query }) => measurement.protocol.plan(query)),
      spoken(routes.keepPlan, ({ params, body }, { caller }) =>
        measurement.protocol.keep(params.experiment, body, caller),
      ),
      spoken(routes.stopExperiment, ({ params, body }, { caller }) =>
        measurement.protocol.stop(params.experiment, body.reason, caller),
      ),
      spoken(routes.evidence, () => measurement.evidence.list()),
      spoken(routes.addEvidence, ({ body }, { caller }) => measurement.evidence.add(body, caller)),
      spoken(routes.withdrawEvidence, ({ params }, { caller }) =>
        measurement.evidence.withdraw(params.evidence, caller),
      ),
      spoken(routes.mixData, ({ query }) => measurement.mix.data(query)),
      spoken(routes.startMix, ({ body }, { caller }) => measurement.mix.start(body, caller)),
      spoken(routes.mixFits, () => measurement.mix.list()),
      spoken(routes.mixFit, ({ params }) => measurement.mix.read(params.fit)),
      spoken(routes.stopMix, async ({ params }) => {
        await measurement.mix.stop(params.fit)
        return { stopping: true }
      }),
      spoken(routes.grouping, async () => {
        const { version, changedAt, rules } = await measurement.grouping.current()
        return { version, changedAt: changedAt?.toISOString() ?? null, rules }
      }),
      spoken(routes.setGrouping, ({ body }, { caller }) =>
        measurement.grouping.replace(body.version, body.rules, caller),
      ),
      spoken(routes.status, async () => {
        const { builtAt, ...status } = await measurement.status()
        return { builtAt: builtAt?.toISOString() ?? null, ...status }
      }),
      spoken(routes.refresh, async () => {
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
          await measurement.forgetObjecting()
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
        name: 'measurement.reports',
        payload: z.object({}),
        cron: '50 3 3 * *',
        work: () => measurement.reports.keepLastMonth(),
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
