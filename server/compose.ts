import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AppliedBatch, NormalEvent, PersonId, SourceId } from '@einklang/contract'
import { type Commerce, commerceParts, createCommerce } from '@einklang/engine/commerce'
import { type Consent, consentParts, createConsent } from '@einklang/engine/consent'
import { createGovernance, type Governance, governanceParts } from '@einklang/engine/governance'
import { createIdentity, type Identity, identityParts } from '@einklang/engine/identity'
import { createIngest, type Ingest, ingestParts } from '@einklang/engine/ingest'
import { createMeasurement, type Measurement, measurementParts } from '@einklang/engine/measurement'
import { createProfile, type Profile, profileParts } from '@einklang/engine/profile'
import type { Database, Ground, StageParts } from '@einklang/platform'

/** All stages, wired; what the server mounts, schedules and registers. */
export type House = {
  governance: Governance
  ingest: Ingest
  identity: Identity
  profile: Profile
  consent: Consent
  commerce: Commerce
  measurement: Measurement
  /** In the order of the flow. */
  parts: StageParts[]
  /** Tracking requests on Node's own objects, before the router. */
  early: (request: IncomingMessage, response: ServerResponse) => boolean
  close(): Promise<void>
}

/** The one place that knows every stage: makes them in the order of the flow and hands each what it needs. */
export async function compose(ground: Ground): Promise<House> {
  const { database } = ground
  const governance = createGovernance({ ground })
  const ingest = createIngest({
    ground,
    apply: applyEvents,
    records: {
      products: (tx, rows) => commerce.records.products(tx, rows),
      prices: (tx, rows) => commerce.records.prices(tx, rows),
      stock: (tx, rows) => commerce.records.stock(tx, rows),
      places: (tx, rows) => commerce.records.places(tx, rows),
    },
    identifiersOf: (tx, persons) => identity.namesOf(tx, persons),
  })
  const identity = createIdentity({ ground, reapply: applyBatch })
  const profile = createProfile({
    ground,
    identity: { identifiersOf: (person) => namedIdentifiers(identity, ingest, person) },
  })
  const consent = createConsent({ ground, brand: governance.brand, emit: ingest.emit })
  const commerce = createCommerce({ ground })
  const measurement = createMeasurement({ ground, audit: governance.audit })

  /** The path of a batch through the stages, in one transaction. The list is the order. */
  async function applyBatch(tx: Database, batch: AppliedBatch): Promise<void> {
    for (const stage of [profile, consent, commerce]) await stage.apply(tx, batch)
  }
  async function applyEvents(tx: Database, events: NormalEvent[]): Promise<AppliedBatch> {
    const batch = await identity.resolve(tx, events)
    await applyBatch(tx, batch)
    return batch
  }

  const pieces = {
    orders: commerce.orders,
    cart: (person: PersonId) => commerce.openCart(database, person),
    consent: consent.stateOf,
  }
  return {
    governance,
    ingest,
    identity,
    profile,
    consent,
    commerce,
    measurement,
    parts: [
      governanceParts(governance),
      ingestParts(ingest),
      identityParts(identity),
      profileParts(profile, pieces),
      consentParts(consent, { database }),
      commerceParts(commerce, ground),
      measurementParts(measurement),
    ],
    early: ingest.trackingListener,
    close: async () => undefined,
  }
}

/** Identity keeps the source of an identifier by id; a reader wants its name. */
async function namedIdentifiers(identity: Identity, ingest: Ingest, person: PersonId) {
  const rows = await identity.identifiersOf(person)
  const sources = [...new Set(rows.map(({ source }) => source))]
  const named = await Promise.all(
    sources.map(async (id) => [id, (await ingest.sources.byId(id as SourceId))?.name] as const),
  )
  const names = new Map(named)
  return rows.map((row) => ({
    ...row,
    sourceName: names.get(row.source) ?? '',
    firstSeenAt: row.firstSeenAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
  }))
}
