import type { AnswerOf, AppliedBatch, api, PersonId, SpokenLanguage } from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import type { Identity } from '#identity'
import { counterOf } from './counter.ts'
import { exportOf, type PersonExport } from './export.ts'
import { type Reach, reachOf } from './reach.ts'
import { namesOf, type SearchAnswer, type SearchInput, searchPersons } from './search.ts'
import { rememberSighted } from './sighted.ts'
import {
  applyBatch,
  dropScores,
  erasePersons,
  type Forecast,
  forgetOld,
  recompute,
  type Score,
  writeForecasts,
  writeScores,
} from './store.ts'
import { readTimeline, type TimelineAnswer, type TimelineInput } from './timeline.ts'
import { type Today, todayOf } from './today.ts'
import { aliasesOf, type PersonView, resolved, type ViewPieces, viewOf } from './view.ts'

export type { PersonExport } from './export.ts'
export { fieldSums, fieldsFrom, profileHealth } from './health.ts'
export { profileParts } from './routes.ts'
export type { Forecast, Score } from './store.ts'
export type { Today } from './today.ts'
export { townsOfPeople } from './towns.ts'
export type { PersonView, ViewPieces } from './view.ts'
export type TimelineEntry = AnswerOf<typeof api.profile.timeline>['items'][number]

/** All that the rest of the system may do with what we know of people. */
export type Profile = {
  /** Sightings, traits, counters, contacts and numbers of one batch, in the caller's transaction. */
  apply(tx: Database, batch: AppliedBatch): Promise<void>
  /** Derives these current persons anew from all observations, for example after a split. */
  recompute(tx: Database, persons: PersonId[]): Promise<void>
  search(input: SearchInput, pieces?: ViewPieces): Promise<SearchAnswer>
  /** The short form for staff of a store, found by a number or address typed whole. */
  counter(typed: string, pieces?: ViewPieces): Promise<AnswerOf<typeof api.profile.counter>>
  names(persons: PersonId[]): Promise<{ person: PersonId; name: string | null }[]>
  /** Everything about one customer; `pieces` are answered by later stages. */
  view(person: PersonId, pieces?: ViewPieces, language?: SpokenLanguage): Promise<PersonView>
  timeline(person: PersonId, input: TimelineInput): Promise<TimelineAnswer>
  /** Which channel reaches the person best, from receipts. */
  reach(person: PersonId): Promise<Reach>
  export(person: PersonId, pieces?: ViewPieces): Promise<PersonExport>
  setScore(tx: Database, scores: Score[]): Promise<void>
  /** Keeps what customers will buy; `asOf` of a row stays while its figures do. */
  setForecasts(tx: Database, forecasts: readonly Forecast[], asOf: Date): Promise<void>
  /** Takes all scores and forecasts of persons who object away. */
  dropScores(tx: Database, persons: PersonId[]): Promise<number>
  today(): Promise<Today>
  /** Sorts what is new into the search index; beside a large import, so that the import itself need not. */
  tidySearch(): Promise<void>
  /** Drops counters and contacts that are older than their window. */
  forgetOld(): Promise<number>
  erase(tx: Database, persons: PersonId[]): Promise<number>
}

export type ProfileNeeds = {
  ground: Ground
  identity: Pick<Identity, 'identifiersOf' | 'find'>
}

export function createProfile({ ground, identity }: ProfileNeeds): Profile {
  const { database, history, clock, config } = ground
  const needs = (pieces: ViewPieces, language: SpokenLanguage = 'en') => ({
    database,
    pieces,
    language,
    identifiersOf: (person: PersonId, on: Database) => identity.identifiersOf(person, on),
  })
  const sighted = rememberSighted()
  return {
    apply: (tx, batch) => applyBatch(tx, clock, sighted, batch),
    recompute,
    search: (input, pieces = {}) => searchPersons(database, input, pieces.buyersOf),
    counter: (typed, pieces = {}) => counterOf({ database, pieces, find: identity.find }, typed),
    names: (persons) => namesOf(database, persons),
    view: (person, pieces = {}, language = 'en') => viewOf(needs(pieces, language), person),
    timeline: async (person, input) => readTimeline(history, await aliasesOf(database, person), input),
    reach: async (asked) => {
      const { person, aliases } = await resolved(database, asked)
      return reachOf({ database, history, clock }, person, aliases)
    },
    export: (person, pieces = {}) => exportOf({ ...needs(pieces), history, clock }, person),
    setScore: writeScores,
    setForecasts: writeForecasts,
    dropScores,
    tidySearch: async () => {
      await database.run`select gin_clean_pending_list('profile.document_text'::regclass)`
    },
    today: () => todayOf(database, clock, config.timeZone),
    forgetOld: () => forgetOld(database),
    erase: erasePersons,
  }
}
