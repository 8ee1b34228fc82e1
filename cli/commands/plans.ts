import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type AnswerOf, api } from '@einklang/contract'
import type { Client } from '@einklang/sdk'
import { type Command, dataFlags, Misuse } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'
import { table } from '../table.ts'
import { findSource } from './sources.ts'

type Plan = AnswerOf<typeof api.ingest.plans>['items'][number]

export const planList: Command = {
  name: 'plan list',
  summary: 'Tracking plans of all sources',
  operands: { text: '', least: 0, most: 0 },
  flags: { ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const { items, unplanned } = await client.call(api.ingest.plans)
      const rows = items.map((row) => [
        row.sourceName,
        String(row.version),
        row.state,
        String(row.events),
        String(row.properties),
      ])
      call.show(table(['SOURCE', 'VERSION', 'STATE', 'EVENTS', 'PROPERTIES'], rows))
      if (unplanned.length > 0) call.show(`Without a plan: ${unplanned.map(({ sourceName }) => sourceName).join(', ')}`)
      return { items, unplanned }
    }),
}

export const planExport: Command = {
  name: 'plan export',
  summary: 'Print the plan of a source as YAML, for a repository',
  operands: { text: 'SOURCE', least: 1, most: 1 },
  flags: { draft: { text: 'the draft instead of what is live' }, ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const states = call.switch('draft') ? ['draft', 'review'] : ['live']
      const row = await findPlan(client, call.operands[0] as string, states)
      const plan = await client.call(api.ingest.planOf, { params: { plan: row.id } })
      call.show(plan.text.trimEnd())
      return plan
    }),
}

export const planImport: Command = {
  name: 'plan import',
  summary: 'Make a YAML or JSON file the draft of a source',
  operands: { text: 'FILE', least: 1, most: 1 },
  flags: {
    source: { value: 'SOURCE', text: 'whose plan it is (einklang source list)' },
    note: { value: 'TEXT', text: 'what has changed' },
    ...dataFlags,
    ...reachFlags,
  },
  help: 'Example: einklang plan import web.yaml --source web-shop --note "Release 4.2"',
  async run(call) {
    const given = call.flag('source')
    if (given === undefined) throw new Misuse('Whose plan is it?', '--source SOURCE')
    const text = await readFile(call.operands[0] as string, 'utf8')
    return withServer(call, async ({ client }) => {
      const source = await findSource(client, given)
      const note = call.flag('note')
      const body = { text, ...(note === undefined ? {} : { note }) }
      const { items } = await client.call(api.ingest.plans)
      const open = items.find((row) => row.source === source.id && (row.state === 'draft' || row.state === 'review'))
      const plan = open
        ? await client.call(api.ingest.changePlan, { params: { plan: open.id }, body })
        : await client.call(api.ingest.createPlan, { body: { source: source.id, ...body } })
      call.show(`Draft ${plan.version} of ${plan.sourceName}: ${plan.events} events, ${plan.properties} properties.`)
      return plan
    })
  },
}

export const planLearn: Command = {
  name: 'plan learn',
  summary: 'Print the plan that what a source has sent would make',
  operands: { text: 'SOURCE', least: 1, most: 1 },
  flags: { days: { value: 'DAYS', text: 'how far back to look (default 7)' }, ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const source = await findSource(client, call.operands[0] as string)
      const learned = await client.call(api.ingest.learnPlan, {
        body: { source: source.id, days: daysOf(call.flag('days')) },
      })
      call.show(learned.text.trimEnd())
      return learned
    }),
}

export const planDryRun: Command = {
  name: 'plan dry-run',
  summary: 'Judge what came lately by the draft of a source; exits with 1 when something breaks it',
  operands: { text: 'SOURCE', least: 1, most: 1 },
  flags: { days: { value: 'DAYS', text: 'how far back to look (default 7)' }, ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const row = await findPlan(client, call.operands[0] as string, ['draft', 'review', 'live'])
      const params = { plan: row.id }
      let run = await client.call(api.ingest.startDryRun, { params, body: { days: daysOf(call.flag('days')) } })
      while (run.state === 'waiting' || run.state === 'running') {
        await pause(500)
        run = (await client.call(api.ingest.dryRunOf, { params })) ?? run
      }
      if (run.error !== null) throw new Error(run.error)
      const rows = run.violations.map((one) => [
        one.event || one.kind,
        one.code,
        one.path,
        String(one.count),
        one.samples[0]?.found ?? '',
      ])
      call.show(`${run.violating} of ${run.events} events break version ${row.version}.`)
      if (rows.length > 0) call.show(table(['EVENT', 'VIOLATION', 'WHERE', 'EVENTS', 'FOUND'], rows))
      if (run.violating > 0) call.fail()
      return run
    }),
}

async function findPlan(client: Client, given: string, states: string[]): Promise<Plan> {
  const source = await findSource(client, given)
  const { items } = await client.call(api.ingest.plans)
  const own = items.filter((row) => row.source === source.id)
  for (const state of states) {
    const row = own.find((one) => one.state === state)
    if (row) return row
  }
  throw new Misuse(`${source.name} has no plan that is ${states.join(' or ')}.`, 'einklang plan list')
}

function daysOf(given: string | undefined): number {
  const days = Number(given ?? 7)
  if (!Number.isInteger(days) || days < 1) throw new Misuse('DAYS is a whole number from 1.', '--days 7')
  return days
}
