import type { api, JourneyId, PersonId, RunId } from '@einklang/contract'
import type { Database } from '@einklang/platform'

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
export async function explainRun(database: Database, run: RunId): Promise<string[]> {
  const row = await database.row<RunRow>`
    select run.journey, run.person, journey.name, run.state, run.because, run.due
    from decision.run join decision.journey on journey.id = run.journey where run.id = ${run}`
  if (!row) return []
  const steps = await stepsOf(database, run)
  return [`Journey “${row.name}”.`, ...steps.flatMap(sentences), ending(row)]
}

function sentences(step: StepRow): string[] {
  const time = step.at.toISOString().slice(0, 16).replace('T', ' ')
  switch (step.kind) {
    case 'trigger':
      return [
        `${time}: ${step.decision === 'held out' ? 'would have entered' : 'entered'} by ${step.reasons.join(' ')}`,
      ]
    case 'wait':
      return [`${time}: ${step.reasons.join(' ').toLowerCase()}`]
    default:
      return [`${time}: ${step.label}: ${step.decision}. ${step.reasons.join(' ')}`]
  }
}

function ending(row: RunRow): string {
  switch (row.state) {
    case 'waiting':
      return row.due ? `Waits until ${row.due.toISOString().slice(0, 16).replace('T', ' ')} UTC.` : 'Waits.'
    case 'done':
      return 'The journey is over.'
    default:
      return row.because
  }
}
