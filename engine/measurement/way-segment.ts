import type { AnswerOf, AudienceId, api, InputOf, PersonId, Predicate } from '@einklang/contract'
import type { Caller, Database, Ground } from '@einklang/platform'
import type { Answers } from './answers.ts'
import { countedBehind } from './behind.ts'
import { refused } from './sayings.ts'
import { knownPersons, objectingPersons } from './store.ts'

type Routes = typeof api.measurement
type Ask = InputOf<Routes['journeySegment']>['body']

/** Saves a segment, has it filled, and tells how many members it then has; audience does it. */
export type SaveSegment = (
  draft: { name: string; description: string | null; purpose: 'profiling'; predicate: Predicate },
  by: string | null,
  /** Writes what the condition looks at, and for whom. */
  fill: (tx: Database) => Promise<PersonId[]>,
) => Promise<{ audience: AudienceId; members: number }>

/** Writes scores to profiles. */
export type SetScore = (
  tx: Database,
  rows: { person: PersonId; name: string; value: number; low: number; high: number; asOf: Date }[],
) => Promise<void>

const perStatement = 20_000

type Way = Pick<Ask, 'from' | 'to' | 'step' | 'source' | 'target' | 'soldVia' | 'segment'>
type WayNeeds = { ground: Ground; answers: Pick<Answers, 'wayPersons'> }

async function sieved({ ground: { database }, answers }: WayNeeds, way: Way) {
  const { period, persons } = await answers.wayPersons(way)
  const known: PersonId[] = []
  let objecting = 0
  for (let start = 0; start < persons.length; start += perStatement) {
    const some = await knownPersons(database, persons.slice(start, start + perStatement))
    known.push(...some)
    objecting += (await objectingPersons(database, some)).length
  }
  return { period, persons, known, counts: { persons: persons.length, known: known.length, objecting } }
}

/** How many went along a flow, and how many of them a segment would have to leave out. */
export async function sizeOfWay(needs: WayNeeds, way: Way): Promise<AnswerOf<Routes['journeyWay']>> {
  const { persons, counts } = await sieved(needs, way)
  const { hidden } = await countedBehind(needs.ground.database, persons)
  return { ...counts, hidden }
}

/**
 * Gives every known person of a flow a score that bears the name of the segment, and makes all who have it the segment.
 * The segment keeps to everybody's objections by itself, as every segment does.
 */
export async function segmentOfWay(
  needs: WayNeeds & { setScore: SetScore; saveSegment: SaveSegment },
  ask: Ask,
  by: Caller,
): Promise<AnswerOf<Routes['journeySegment']>> {
  const { period, known, counts } = await sieved(needs, ask)
  if (counts.persons === 0) throw refused(409, 'empty_way')
  if (known.length === 0) throw refused(409, 'nobody_known', { given: { persons: counts.persons } })
  const asOf = needs.ground.clock.now()
  const score = `way: ${ask.source} > ${ask.target}, ${ask.name} (${asOf.toISOString().slice(0, 16)})`
  const went: Predicate = { score, is: 'known', value: 1 }
  const { audience, members } = await needs.saveSegment(
    {
      name: ask.name,
      description: `${ask.source} > ${ask.target}, ${period.from} – ${period.to}`,
      purpose: 'profiling',
      predicate:
        ask.permitted === null
          ? went
          : { all: [went, { permitted: ask.permitted.purpose, channel: ask.permitted.channel }] },
    },
    by.kind === 'anonymous' ? null : by.name,
    async (tx) => {
      for (let start = 0; start < known.length; start += perStatement) {
        const some = known.slice(start, start + perStatement)
        await needs.setScore(
          tx,
          some.map((person) => ({ person, name: score, value: 1, low: 1, high: 1, asOf })),
        )
      }
      return known
    },
  )
  return { audience, ...counts, members }
}
