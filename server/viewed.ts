import { api, type Route } from '@einklang/contract'
import type { Governance } from '@einklang/engine/governance'
import type { Clock, Database, Log, Mounted } from '@einklang/platform'

const quietMinutes = 10

/**
 * Writes down who looked at whose data (spec security §4). A screen asks for one person several times, so the same
 * pair is written once in ten minutes; an answer is never held up by its entry.
 */
export function watchViews(needs: { database: Database; governance: Governance; clock: Clock; log: Log }) {
  const seen = new Map<string, number>()
  const isNew = (pair: string): boolean => {
    const now = needs.clock.now().getTime()
    if (now - (seen.get(pair) ?? Number.NEGATIVE_INFINITY) < quietMinutes * 60_000) return false
    if (seen.size > 10_000) seen.clear()
    seen.set(pair, now)
    return true
  }
  return (mounted: Mounted<Route>): Mounted<Route> => {
    const { route, handle } = mounted
    if (route.method !== 'get' || !('person' in route.params.shape)) return mounted
    return {
      route,
      async handle(input, request) {
        const answer = await handle(input, request)
        const { caller } = request
        const person = String((input.params as { person?: unknown }).person)
        const entry = (action: string) =>
          needs.database.transaction((tx) =>
            needs.governance.audit(tx, {
              actor: caller,
              action,
              object: { kind: 'person', id: person },
              details: { route: `${route.stage}.${route.name}` },
            }),
          )
        // Whoever takes data away is written down each time, and gets nothing when that fails.
        if (route === api.profile.exportPerson) {
          await entry('person.exported')
          return answer
        }
        const who = caller.kind === 'user' ? caller.user : caller.kind === 'key' ? caller.key : null
        if (who !== null && isNew(`${who} ${person}`)) {
          entry('person.viewed').catch((error: unknown) =>
            needs.log.error('A view of a person could not be written down.', { error }),
          )
        }
        return answer
      },
    }
  }
}
