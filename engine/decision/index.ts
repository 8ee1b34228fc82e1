import type {
  AppliedBatch,
  api,
  Channel,
  ConceptId,
  EventId,
  JourneyId,
  JsonObject,
  MessageId,
  PersonId,
  Predicate,
  Purpose,
  RunId,
  SpokenLanguage,
} from '@einklang/contract'
import type { Database, Ground, Loop } from '@einklang/platform'
import type { OwnEvent } from '#ingest'
import { advanceDue } from './advance.ts'
import { enterAndEnd, followMerges } from './enter.ts'
import { explainRun } from './explain.ts'
import { checkAndReserve, hold, holdOf, release } from './facts.ts'
import { activate, pause, seed } from './journeys.ts'
import type { Check } from './policy.ts'
import { erasePersons } from './store.ts'

export { journeyUses } from './health.ts'
export type { Check } from './policy.ts'
export { decisionParts } from './routes.ts'
export { decisionPhrases } from './sayings.ts'

/** A message that a journey wants to send. `key` is the same however often the step runs. */
export type PlannedMessage = {
  id: MessageId
  key: string
  person: PersonId
  channel: Channel
  purpose: Purpose
  concept: ConceptId
  journey: JourneyId | null
  run: RunId | null
  step: string | null
  experiment: string | null
  occurrence: string
  /** Why this, to this person, on this channel: sentences for "why did she get this?". */
  reasons: string[]
  data: JsonObject
  notBefore: Date
  expiresAt: Date | null
}

/** May this message leave now? `until`: when asking again makes sense; null = this message will not go. */
export type Decided =
  | { go: true; checks: Check[] }
  | {
      go: false
      because: 'held' | 'quiet' | 'capped' | 'ended' | 'paused'
      until: Date | null
      checks: Check[]
    }

export type Candidate = {
  message: MessageId
  person: PersonId
  channel: Channel
  purpose: Purpose
  journey: JourneyId | null
  run: RunId | null
  at: Date
}

export type DecisionNeeds = {
  ground: Ground
  consent: {
    mayMany(
      tx: Database,
      persons: PersonId[],
      purpose: Purpose,
      channel: Channel,
    ): Promise<Map<PersonId, { allowed: true; basis: string } | { allowed: false; because: string }>>
  }
  audience: { matches(tx: Database, predicate: Predicate, persons: PersonId[]): Promise<Set<PersonId>> }
  /** Takes planned messages into the outbox, in the transaction of the step that planned them. */
  plan: (tx: Database, messages: PlannedMessage[]) => Promise<void>
  /** Channels for which a concept has releasable words and the house has a connector; null = no such concept. */
  variants: (concept: ConceptId) => Promise<Channel[] | null>
  /** `ingest.emit`: tells the loop that persons were assigned to the arm of an experiment. */
  emit: (tx: Database, events: OwnEvent[]) => Promise<void>
}

export type Decision = {
  /** Starts runs for triggers younger than 24 hours, ends runs whose goal was reached, follows merges. */
  apply(tx: Database, batch: AppliedBatch): Promise<void>
  /** Caps, quiet hours, hold and the state of the journey; a `go` holds a cap slot until released. */
  check(tx: Database, candidate: Candidate): Promise<Decided>
  /** Gives the cap slots of messages back that certainly did not leave. */
  release(tx: Database, messages: MessageId[]): Promise<void>
  /** Stops campaigns to a person at once, also those already planned; the latest hold counts. */
  hold(tx: Database, person: PersonId, reason: string, until?: Date | null): Promise<void>
  liftHold(tx: Database, person: PersonId): Promise<void>
  /** The hold that stands on a person now, for the customer page. */
  holdOf(person: PersonId, on?: Database): Promise<api.profile.PersonView['hold']>
  explain(run: RunId, language?: SpokenLanguage): Promise<string[]>
  /** The starter journey; `active` for a demo, a draft otherwise. Does nothing when it is there already. */
  seed(options: { active: boolean; abandonedCart: ConceptId }): Promise<void>
  activate(journey: JourneyId): Promise<void>
  pause(journey: JourneyId): Promise<void>
  /** Runs that are due, all of them, now. */
  advance(): Promise<number>
  erase(tx: Database, persons: PersonId[]): Promise<number>
  /** The journey ticker. */
  loops: Loop[]
}

export type Cause = { event: EventId; name: string; at: string }

/** Journeys, caps, quiet hours, holdouts: what happens next, on which channel and when. */
export function createDecision(needs: DecisionNeeds): Decision {
  const { ground } = needs
  return {
    async apply(tx, batch) {
      await followMerges(tx, batch.merges)
      await enterAndEnd(needs, tx, batch)
    },
    check: (tx, candidate) => checkAndReserve(ground, tx, candidate),
    release,
    hold: (tx, person, reason, until = null) => hold(tx, person, reason, until),
    async liftHold(tx, person) {
      await tx.run`update decision.hold set lifted_at = platform.now()
        where person = any(identity.aliases(${person})) and lifted_at is null`
    },
    holdOf: (person, on = ground.database) => holdOf(on, person),
    explain: (run, language = 'en') => explainRun(ground.database, run, language),
    seed: (options) => seed(needs, options),
    activate: (journey) => activate(needs, journey),
    pause: (journey) => pause(needs, journey),
    async advance() {
      let count = 0
      for (;;) {
        const moved = await advanceDue(needs)
        if (moved === 0) return count
        count += moved
      }
    },
    erase: erasePersons,
    loops: [
      {
        name: 'decision.journeys',
        pauseMs: 1000,
        async turn() {
          const moved = await advanceDue(needs)
          if (moved > 0) ground.live.publish('decision.moved', { runs: moved })
          return moved > 0 ? 'busy' : 'idle'
        },
      },
    ],
  }
}
