import {
  type AppliedBatch,
  type api,
  type Channel,
  channels,
  type PersonId,
  type Purpose,
  type StatementId,
} from '@einklang/contract'
import type { Database, Ground } from '@einklang/platform'
import type { z } from 'zod'
import type { OwnEvent } from '#ingest'
import { applyBatch } from './apply.ts'
import { decide, type Permission } from './decision.ts'
import type { Statement } from './ledger.ts'
import { createPoints, type Points } from './point.ts'
import { stateOf } from './show.ts'
import { answer, append, erasePersons, load, lockEpoch, refresh, type StoreNeeds } from './store.ts'
import { type LinkTarget, linkToken, readLink } from './token.ts'

export { decide, type Facts, type Permission, type Question, type Stated } from './decision.ts'
export { bouncedAddresses, reachHealth } from './health.ts'
export type { Statement, Wording } from './ledger.ts'
export { type PurposeRule, registry, ruleOf } from './registry.ts'
export { consentParts } from './routes.ts'

export type ConsentState = z.infer<typeof api.consent.consentState>

/** Who is asked about, and for what. */
export type Ask = {
  person: PersonId
  purpose: Purpose
  channel: Channel
  /** The very address that will be used; the person's present one when missing. */
  address?: string | null
  topic?: string | null
  goods?: 'own' | 'third_party'
  dataPurposes?: readonly Purpose[]
  at?: Date
}

/** All that the rest of the system may know about permission. */
export type Consent = {
  apply(tx: Database, batch: AppliedBatch): Promise<void>
  may(tx: Database, ask: Ask): Promise<Permission>
  /** The same answer for many persons, from a handful of set queries. Keys are the ids that were asked for. */
  mayMany(tx: Database, persons: PersonId[], purpose: Purpose, channel: Channel): Promise<Map<PersonId, Permission>>
  /** Writes statements in the caller's transaction; denials take the fence. Use `state` when a person waits for the answer. */
  record(tx: Database, statements: Statement[]): Promise<StatementId[]>
  /** Records in its own transaction, tells the event path, and returns only when no earlier hand-over is under way. */
  state(statements: Statement[]): Promise<StatementId[]>
  /** The row a hand-over must hold while it decides. */
  lock(tx: Database, person: PersonId, channel: Channel): Promise<{ epoch: number }>
  /** Derives the answers of these persons anew, for example after a split. */
  recompute(tx: Database, persons: PersonId[]): Promise<void>
  stateOf(person: PersonId, on?: Database): Promise<ConsentState>
  unsubscribeUrl(link: {
    person: PersonId
    channel: Channel
    address: string
    topic?: string | null
    message?: string | null
  }): string
  preferenceUrl(person: PersonId, address: string, channel?: Channel): string
  erase(tx: Database, persons: PersonId[]): Promise<number>
}

export type ConsentNeeds = {
  ground: Ground
  /** Name and language on the public pages. */
  brand?: () => Promise<{ name: string; language: string }>
  /** Waits until hand-overs that began before a denial have ended (spec reliability §4); delivery's part. */
  settled?: (persons: PersonId[], channels: readonly Channel[]) => Promise<void>
  /** Tells the event path of a statement, so that timeline and journeys learn of it. */
  emit?: (tx: Database, events: OwnEvent[]) => Promise<void>
}

export function createConsent(needs: ConsentNeeds): Consent & ConsentInside {
  const { database, clock, config, secrets, live } = needs.ground
  const points = createPoints(secrets)
  const store: StoreNeeds = { clock, points }
  const url = (path: string, target: LinkTarget) => `${config.publicUrl}/p/${path}/${linkToken(secrets, target)}`

  async function mayMany(tx: Database, persons: PersonId[], purpose: Purpose, channel: Channel) {
    const loaded = await load(tx, store, persons)
    const at = clock.now().getTime()
    return new Map(
      persons.map((person) => {
        const point = loaded.points.get(`${person}|${channel}`) ?? null
        return [person, decide(loaded.factsFor(person, channel, point), { purpose, channel, point, at })]
      }),
    )
  }

  async function state(statements: Statement[]): Promise<StatementId[]> {
    const written = await database.transaction(async (tx) => {
      const ids = await append(tx, store, statements)
      await refresh(tx, store, personsOf(statements))
      if (ids.length > 0)
        await needs.emit?.(
          tx,
          statements.flatMap((statement, index) => echo(statement, ids[index], clock.now())),
        )
      return ids
    })
    const denied = statements.filter((statement) => statement.stance === 'deny' || statement.stance === 'restrict')
    if (denied.length > 0) await needs.settled?.(personsOf(denied), channelsOf(denied))
    live.publish('consent.changed', { statements: written.length })
    return written
  }

  return {
    points,
    brand: async () =>
      (await needs.brand?.()) ?? { name: new URL(config.publicUrl).hostname, language: config.languages[0] ?? 'en' },
    store,
    apply: (tx, batch) => applyBatch(tx, store, batch),
    may: (tx, ask) => answer(tx, store, ask),
    mayMany,
    async record(tx, statements) {
      const ids = await append(tx, store, statements)
      await refresh(tx, store, personsOf(statements))
      return ids
    },
    state,
    lock: lockEpoch,
    recompute: (tx, persons) => refresh(tx, store, persons),
    stateOf: (person, on = database) => stateOf(on, store, person),
    unsubscribeUrl: ({ person, channel, address, topic, message }) =>
      url('u', { person, channel, address, topic: topic ?? null, message: message ?? null }),
    preferenceUrl: (person, address, channel = 'email') =>
      url('preferences', { person, channel, address, topic: null, message: null }),
    readLink: (token) => readLink(secrets, token),
    erase: (tx, persons) => erasePersons(tx, store, persons),
  }
}

/** What the stage's own routes and pages need besides the face. */
export type ConsentInside = {
  points: Points
  store: StoreNeeds
  brand(): Promise<{ name: string; language: string }>
  readLink(token: string): LinkTarget | null
}

function personsOf(statements: Statement[]): PersonId[] {
  return [...new Set(statements.flatMap((statement) => (statement.person === null ? [] : [statement.person])))]
}

function channelsOf(statements: Statement[]): readonly Channel[] {
  if (statements.some((statement) => statement.channel === null)) return channels
  return [...new Set(statements.flatMap((statement) => (statement.channel === null ? [] : [statement.channel])))]
}

/** The ledger line as an event; consent itself ignores it when it comes round. */
function echo(statement: Statement, id: StatementId | undefined, now: Date): OwnEvent[] {
  if (id === undefined || statement.person === null) return []
  if (statement.stance !== 'grant' && statement.stance !== 'deny') return []
  return [
    {
      key: `consent:${id}`,
      name: statement.stance === 'grant' ? 'consent.granted' : 'consent.withdrawn',
      person: statement.person,
      at: statement.happenedAt ?? now,
      channel: 'service',
      properties: {
        statement: id,
        purpose: statement.purpose ?? 'all marketing',
        channel: statement.channel ?? 'all channels',
        reason: statement.reason ?? null,
      },
    },
  ]
}
