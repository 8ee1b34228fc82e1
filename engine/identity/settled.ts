import type { NormalEvent, PersonId } from '@einklang/contract'
import { type Graph, keyOf, livingPerson, type Node } from './graph.ts'
import type { Named } from './normalise.ts'
import type { Turn } from './store.ts'

/** Identifiers about which nothing is left to decide, and between which times that holds. */
type Holding = { person: PersonId; stored: PersonId; from: number; until: number; claimed: boolean }

const day = 86_400_000
const most = 50_000

/**
 * Whose the identifiers of lately are, remembered between batches: most events name one identifier of one known person
 * and change nothing, and need not be looked up. Holds only while nobody else takes the graph (`Turn`), and only what
 * was read or written in turns that stand.
 */
export type Settled = {
  /** Forgets everything unless the turn before this one was ours and stands. */
  begin(turn: Turn): void
  /** Whose the event is, where it names one settled identifier alone and says nothing more. */
  recall(event: NormalEvent, named: Named[]): { person: PersonId; stored: PersonId } | null
  /** Takes what the batch has left settled, drops what it has touched otherwise. */
  learn(graph: Graph): void
  forget(): void
}

export function rememberSettled(): Settled {
  const byKey = new Map<string, Holding>()
  const keysOf = new Map<PersonId, Set<string>>()
  let last = -1

  const drop = (key: string) => {
    const known = byKey.get(key)
    if (!known) return
    byKey.delete(key)
    const keys = keysOf.get(known.person)
    keys?.delete(key)
    if (keys?.size === 0) keysOf.delete(known.person)
  }
  const forget = () => {
    byKey.clear()
    keysOf.clear()
  }
  return {
    begin(turn) {
      if (turn.before !== last) forget()
      last = turn.now
    },
    recall(event, named) {
      const [one] = named
      if (!one || named.length > 1 || !quiet(event, one)) return null
      const known = byKey.get(keyOf(one))
      if (!known || (known.claimed && one.trust === 'verified')) return null
      const at = Date.parse(event.at)
      return at >= known.from && at < known.until ? known : null
    },
    learn(graph) {
      for (const person of graph.persons.values())
        if (person.dirty || person.contested) for (const key of keysOf.get(person.id) ?? []) drop(key)
      for (const [key, node] of graph.nodes) {
        drop(key)
        const holding = settledOf(graph, node)
        if (!holding) continue
        byKey.set(key, holding)
        const keys = keysOf.get(holding.person)
        if (keys) keys.add(key)
        else keysOf.set(holding.person, new Set([key]))
      }
      // The oldest go first; a map keeps the order in which its keys came.
      for (const key of byKey.keys()) {
        if (byKey.size <= most) break
        drop(key)
      }
    },
    forget,
  }
}

/** Events that can neither join, attach nor tell anything about a person whose identifier is settled. */
function quiet(event: NormalEvent, one: Named): boolean {
  if (event.kind !== 'track' && event.kind !== 'page' && event.kind !== 'screen') return false
  // Receipts are counted per card.
  if (event.name === 'Order Completed' || one.class === 'transaction') return false
  if (one.class === 'contact' && one.trust === 'claimed') return false
  return event.identifiers.every(({ namespace }) => namespace !== 'person')
}

function settledOf(graph: Graph, node: Node): Holding | null {
  if (node.person === null || node.atom === null || node.status !== 'active') return null
  if (node.sharedSince !== null || node.storeDevice || node.earlier.length > 0) return null
  const person = livingPerson(graph, node.person)
  if (!person || person.id !== node.person || person.contested) return null
  return {
    person: person.id,
    stored: node.atom,
    from: node.firstSeenAt,
    until: node.lastSeenAt + day,
    claimed: node.trust === 'claimed',
  }
}
