import type { AnswerOf, api, PersonId } from '@einklang/contract'
import type { Clock, Database, History } from '@einklang/platform'
import { type Identity, refuseProbable } from '#identity'
import { readTimeline } from './timeline.ts'
import { claimsOf, type ViewPieces, viewOf } from './view.ts'

export type PersonExport = AnswerOf<typeof api.profile.exportPerson>

type ExportNeeds = {
  database: Database
  history: History
  clock: Clock
  identifiersOf: (person: PersonId, on: Database) => ReturnType<Identity['identifiersOf']>
  pieces: ViewPieces
}

const most = 20_000

/**
 * One document with everything we hold: the view, every observation behind it, and the events. It may be handed out, so
 * it is refused where a run of matching alone joined some of it.
 */
export async function exportOf(needs: ExportNeeds, asked: PersonId): Promise<PersonExport> {
  await refuseProbable(needs.database, [asked])
  const view = await viewOf(needs, asked)
  const [claims, events] = await Promise.all([
    claimsOf(needs.database, view.aliases),
    readTimeline(needs.history, view.aliases, { limit: most, language: 'en' }),
  ])
  return {
    generatedAt: needs.clock.now().toISOString(),
    view,
    observations: claims.map((claim) => ({
      name: claim.name,
      value: claim.value,
      at: claim.lastAt,
      knownAt: claim.knownAt.toISOString(),
      trust: claim.trust,
      sourceName: claim.sourceName,
      event: claim.event as PersonExport['observations'][number]['event'],
      storedUnder: claim.person,
    })),
    events: events.items,
    truncated: events.next !== null,
  }
}
