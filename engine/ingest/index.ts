import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FeedWays, PersonId } from '@einklang/contract'
import type { Database, Ground, Loop } from '@einklang/platform'
import type { ApprovalDocument, Governance } from '#governance'
import { type Applier, type Apply, createApplier } from './applier.ts'
import { createCarrier } from './carry.ts'
import { createDoor, type Door } from './door.ts'
import { emit } from './emit.ts'
import { createGroupCommit } from './group-commit.ts'
import { nodeListener } from './http.ts'
import { type FeedNeeds, feedLoop } from './imports/feeds.ts'
import { importLoop } from './imports/run.ts'
import { inboxLoop } from './inbox.ts'
import type { OwnEvent } from './own.ts'
import { type AroundUs, createAround } from './quality/around.ts'
import type { References } from './quality/finding.ts'
import { createJudge, type Judge } from './quality/judge.ts'
import { createDomainNotes, type MailServers, mailDomainLoop } from './quality/mail-domains.ts'
import { createMonitor, type Monitor, type Team } from './quality/monitor/index.ts'
import type { Approvals } from './quality/plans/approvals.ts'
import { createLivePlans } from './quality/plans/live.ts'
import { planWords } from './quality/plans/store.ts'
import { createQuality, type HealthOf, type LetterNeeds, type Quality, type SendMail } from './quality/report/index.ts'
import type { TownPeople } from './quality/towns.ts'
import { quarantineLoop, workChannel } from './quality/work.ts'
import { createQuarantine, type Quarantine } from './quarantine.ts'
import { createSources, type Sources } from './source.ts'

export type { Apply } from './applier.ts'
export { CsvReader } from './imports/csv.ts'
export { spoken } from './imports/sayings.ts'
export type { OwnEvent } from './own.ts'
export { personNamespace } from './own.ts'
export type { SendMail } from './quality/report/index.ts'
export type {
  CommerceHealth,
  FieldHealth,
  IdentityHealth,
  ProfileHealth,
  ReachHealth,
  Use,
} from './quality/report/shape.ts'
export { ingestParts } from './routes.ts'

/** One row of a record import: our field → text as in the file. */
export type RecordRow = { row: number; fields: { [field: string]: string } }
/** `reason` is a kept sentence: one of `importPhrases`, or in all languages by `spoken`. */
export type Rejected = { row: number; reason: string }
export type TakeRecords = (tx: Database, rows: RecordRow[]) => Promise<Rejected[]>
export type RecordKind = 'spend' | 'products' | 'prices' | 'stock' | 'places'

export type Ingest = {
  /** Facts of later stages; written in the caller's transaction, applied like every event. */
  emit(tx: Database, events: OwnEvent[]): Promise<void>
  /** Tracking requests on Node's own HTTP objects; false = not our path. */
  trackingListener(request: IncomingMessage, response: ServerResponse): boolean
  door: Door
  sources: Sources
  quarantine: Quarantine
  /** The words of a plan behind a hash, for whoever approves it. */
  planWords: ApprovalDocument
  /** Applies everything that waits, history included. For tests and for the end of a run. */
  drain(): Promise<void>
}

export type IngestNeeds = {
  ground: Ground
  apply: Apply
  records?: { [kind in RecordKind]?: TakeRecords }
  /** Sorts what imports have left unsorted in the search index. */
  tidySearch?: () => Promise<void>
  /** How folders, servers and databases elsewhere are read; without it feeds are refused. */
  feeds?: FeedWays
  /** Writes down who made, changed or ended sources and keys. */
  audit?: Governance['audit']
  /** Which articles and stores exist; null where the house keeps no such list. */
  references?: References
  /** Addresses of our stores, dead mailboxes and values that many share, for the checks of contacts and identifiers. */
  around?: AroundUs
  /** Which towns our customers name at which postcodes, for the check of towns. */
  towns?: () => Promise<TownPeople[]>
  /** Whether a domain takes mail; without it nobody is asked. */
  mailServers?: MailServers
  /** Four eyes for tracking plans; without it none can go live. */
  approvals?: Approvals
  /** Who asks for a page that is no JSON route. */
  authenticate?: Governance['authenticate']
  /** Numbers of later stages for the data-quality report; without them there is none. */
  health?: HealthOf
  /** Colleagues who can own an alarm; without it alarms have no owner. */
  team?: Team
  /** Who gets the weekly mail of the report, and the way to them. */
  letters?: { colleagues: LetterNeeds['colleagues']; send: SendMail }
  /** Identifiers of people to be erased, so that inbox and quarantine can be searched for them. */
  identifiersOf?: (tx: Database, persons: PersonId[]) => Promise<{ namespace: string; value: string }[]>
}

export function createIngest(needs: IngestNeeds): Ingest & IngestInside {
  const { ground } = needs
  const { database, clock, log, metrics, live, history, secrets } = ground
  const sources = createSources({ database, clock, secrets })
  const quarantine = createQuarantine({ clock, secrets })
  const inbox = createGroupCommit({ database, clock, metrics })
  const door = createDoor({ sources, inbox, clock, log, metrics })
  const judge = createJudge({
    clock,
    ...(needs.mailServers ? { noteDomains: createDomainNotes() } : {}),
    sourceOf: sources.byId,
    ...(needs.references ? { references: needs.references } : {}),
    plans: createLivePlans(),
    around: createAround(needs.around ?? null, clock, database),
  })
  const applier = createApplier({
    database,
    clock,
    live,
    log,
    metrics,
    sources,
    quarantine,
    judge,
    apply: needs.apply,
  })
  const feedNeeds: FeedNeeds = { database, clock, secrets, log, ways: needs.feeds ?? null }
  const own = (tx: Database, events: OwnEvent[]) => emit({ clock, sources }, tx, events)
  const monitor = createMonitor({
    database,
    history,
    clock,
    live,
    log,
    emit: own,
    team: needs.team ?? (async () => []),
  })
  const quality = needs.health
    ? createQuality({
        database,
        clock,
        log,
        monitor,
        health: needs.health,
        house: ground.config,
        ...(needs.letters ? { letters: { ...needs.letters, publicUrl: ground.config.publicUrl } } : {}),
        audited: async (tx, actor, weights) =>
          needs.audit?.(tx, {
            actor,
            action: 'quality.weighed',
            object: { kind: 'quality', id: 'weights' },
            details: weights,
          }),
      })
    : null
  const carrier = createCarrier({ database, history, now: () => performance.now() })
  const loops = [
    inboxLoop({ database, clock, log, sources, applier }),
    carrier.loop,
    importLoop({
      database,
      clock,
      log,
      sources,
      applier,
      judge,
      records: announced(needs.records ?? {}, quarantine),
      ...(needs.tidySearch ? { tidySearch: needs.tidySearch } : {}),
    }),
    feedLoop(feedNeeds),
    quarantineLoop({ database, clock, sources, quarantine, judge }),
    monitor.loop,
    ...(quality ? [quality.loop] : []),
    ...(needs.mailServers ? [mailDomainLoop({ database, clock, servers: needs.mailServers })] : []),
  ]
  return {
    emit: own,
    trackingListener: nodeListener(door),
    door,
    sources,
    quarantine,
    planWords: (source, hash) => planWords(database, source, hash),
    async drain() {
      const signal = new AbortController().signal
      const [inboxTurns, , importTurns] = loops
      for (const loop of [importTurns, inboxTurns]) while ((await loop?.turn(signal)) === 'busy');
      await carrier.carryAll()
    },
    needs,
    applier,
    judge,
    monitor,
    quality,
    loops,
    feedNeeds,
  }
}

/** Items that wait for an article or a store are tried again as soon as it is there. */
function announced(records: NonNullable<IngestNeeds['records']>, quarantine: Quarantine) {
  const naming: { [kind in RecordKind]?: { kind: 'sku' | 'store'; fields: string[] } } = {
    products: { kind: 'sku', fields: ['sku', 'gtin', 'product_no'] },
    places: { kind: 'store', fields: ['place'] },
  }
  const wrapped = { ...records }
  for (const kind of ['products', 'places'] as const) {
    const take = records[kind]
    const named = naming[kind]
    if (!take || !named) continue
    wrapped[kind] = async (tx, rows) => {
      const rejected = await take(tx, rows)
      const values = rows.flatMap(({ fields }) => named.fields.map((field) => fields[field] ?? '')).filter(Boolean)
      if ((await quarantine.arrived(tx, named.kind, values)) > 0) await tx.notify(workChannel)
      return rejected
    }
  }
  return wrapped
}

/** What the routes of the stage use of it. */
export type IngestInside = {
  needs: IngestNeeds
  applier: Applier
  judge: Judge
  monitor: Monitor
  /** Null where no stage tells its numbers. */
  quality: Quality | null
  loops: Loop[]
  feedNeeds: FeedNeeds
}
