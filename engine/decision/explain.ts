import { type api, type JourneyId, kept, type PersonId, type RunId, type SpokenLanguage } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { said } from './sayings.ts'

export type StepRow = {
  at: Date
  node: string
  label: string
  kind: string
  decision: string
  reasons: string[]
  message: api.decision.RunSummary['id'] | null
}

export function stepsOf(database: Database, run: RunId): Promise<StepRow[]> {
  return database.rows<StepRow>`
    select at, node, label, kind, decision, reasons, message from decision.step where run = ${run} order by seq`
}

type RunRow = {
  journey: JourneyId
  person: PersonId
  name: string
  state: api.decision.RunState
  because: string
  due: Date | null
}

/** A run in words, one sentence per step, for people who never saw the canvas. */
export async function explainRun(database: Database, run: RunId, language: SpokenLanguage): Promise<string[]> {
  const row = await database.row<RunRow>`
    select run.journey, run.person, journey.name, run.state, run.because, run.due
    from decision.run join decision.journey on journey.id = run.journey where run.id = ${run}`
  if (!row) return []
  const steps = await stepsOf(database, run)
  const lines = [kept('journey', { name: row.name }), ...steps.map((step) => lineOf(step, language)), ending(row)]
  return lines.map((line) => said(line, language))
}

function lineOf(step: StepRow, language: SpokenLanguage): string {
  const what = step.reasons.map((reason) => said(reason, language)).join(' ')
  const at = step.at.toISOString()
  switch (step.kind) {
    case 'trigger':
      return kept('at', { at, what: kept(step.decision === 'held out' ? 'would_enter' : 'did_enter', { what }) })
    case 'wait':
      return kept('at', { at, what })
    default:
      return kept('at', { at, what: kept('step', { label: step.label, what }) })
  }
}

function ending(row: RunRow): string {
  switch (row.state) {
    case 'waiting':
      return row.due ? kept('waits_until', { due: row.due.toISOString() }) : kept('waits')
    case 'done':
      return kept('over')
    default:
      return row.because
  }
}
