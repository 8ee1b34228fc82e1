import type { PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'

/** When somebody was seen first and last, to the minute. */
export type Sighting = { person: PersonId; first: string; last: string }

/** The number under which sightings were written last, by a transaction that stands, and ours. */
export type Turn = { before: number; now: number }

const most = 50_000

/** Who writes or takes back sightings says so: what others remember of them holds no longer. */
export async function takeTurn(tx: Database): Promise<Turn> {
  const turn = await tx.row<Turn>`
    with known as (select last from profile.turn)
    update profile.turn set last = nextval('profile.turn_seq') from known
    returning known.last as before, turn.last as now`
  if (!turn) throw new Error('Invariant violated: profile.turn has one row')
  return turn
}

/**
 * What the last batches have noted: within a minute a visit says nothing new, and to look for each person in the table would
 * be most of what sightings cost. Holds only while nobody else takes a turn and only what was written in turns that stand.
 */
export type Sighted = {
  /** Forgets everything unless the turn before this one was ours and stands. */
  begin(turn: Turn): void
  /** Those of whom the table does not say it already; from now on it does. */
  news(seen: Sighting[]): Sighting[]
}

export function rememberSighted(): Sighted {
  const noted = new Map<PersonId, Sighting>()
  let last = -1
  return {
    begin(turn) {
      if (turn.before !== last) noted.clear()
      last = turn.now
    },
    news(seen) {
      const news = seen.filter(({ person, first, last: until }) => {
        const known = noted.get(person)
        return known === undefined || first < known.first || until > known.last
      })
      for (const one of news) {
        noted.delete(one.person)
        noted.set(one.person, one)
      }
      // The oldest go first; a map keeps the order in which its keys came.
      for (const person of noted.keys()) {
        if (noted.size <= most) break
        noted.delete(person)
      }
      return news
    },
  }
}
