import { z } from 'zod'
import { purpose, touchChannel } from '../channels.ts'
import { idOf } from '../ids.ts'
import { type ImportKind, importKinds } from '../imports.ts'
import { jsonObject } from '../json.ts'
import { page, pageOf, route } from '../route.ts'
import { findingAction } from './ingest-checks.ts'

export * from './ingest-checks.ts'
export * from './ingest-plans.ts'
export * from './ingest-quality.ts'

const stage = 'ingest' as const

/** What kind of system a source is; it sets sensible defaults, nothing more. */
export const sourceKinds = [
  'web',
  'app',
  'till',
  'shop',
  'newsletter',
  'crm',
  'loyalty',
  'ads',
  'print',
  'sms',
  'social',
  'service',
  'erp',
  'internal',
] as const
export const sourceKind = z.enum(sourceKinds)
export type SourceKind = (typeof sourceKinds)[number]

/**
 * Wire shapes that a source may speak. `segment_bare` is Segment's calls without `/v1` before them; `rudderstack`,
 * `jitsu` and `customerio` bring their own paths and take Segment's batches too.
 */
export const dialects = [
  'segment',
  'segment_bare',
  'rudderstack',
  'jitsu',
  'customerio',
  'dittofeed',
  'posthog',
  'klaviyo',
  'snowplow',
  'unomi',
  'cloudevents',
  'webhook',
] as const
export const dialect = z.enum(dialects)
export type DialectName = (typeof dialects)[number]

/** How the sender of a webhook signs; `hmac` is any HMAC-SHA256 of the body in a header of your choice. */
export const webhookSchemes = ['standard', 'shopify', 'woocommerce', 'shopware', 'stripe', 'hmac'] as const
export type WebhookScheme = (typeof webhookSchemes)[number]

export const webhook = z.strictObject({
  scheme: z.enum(webhookSchemes),
  /** For `hmac`: the header, how the digest is written, and what stands before it (`sha256=`). */
  header: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .optional(),
  digest: z.enum(['hex', 'base64']).optional(),
  prefix: z.string().max(32).optional(),
  /** Path of the unique id and of the type inside the body, for senders that name neither in a header. */
  id: z.string().max(256).optional(),
  type: z.string().max(256).optional(),
})
export type Webhook = z.infer<typeof webhook>

/**
 * Turns a message of another system (CloudEvent or webhook) into a call. Fields are named on the left as in a
 * tracking call (`userId`, `properties.order_id`, `traits.email`, `properties.products[].sku`) and on the right where
 * the message has them (`data.customer.id`, `line_items[].sku`); `=text` is a fixed value.
 */
export const eventMapping = z.strictObject({
  /** Type of the message; a `*` at the end stands for any ending. */
  type: z.string().min(1).max(256),
  call: z.enum(['track', 'identify', 'page', 'screen', 'group', 'alias', 'ignore']),
  event: z.string().max(256).optional(),
  fields: z.record(z.string().max(256), z.string().max(256)).default({}),
})
export type EventMapping = z.infer<typeof eventMapping>

/** A publishable key may stand in a web page; a secret key vouches for what it sends. */
export const keyTrust = z.enum(['publishable', 'secret'])

export const sourceKey = z.object({
  id: idOf('key'),
  trust: keyTrust,
  /** The first and last characters; the whole key is shown once, when it is made. */
  hint: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  /** A rotated or revoked key works until then (grace period). */
  endsAt: z.string().nullable(),
  state: z.enum(['live', 'ending', 'ended']),
})

export const source = z.object({
  id: idOf('source'),
  name: z.string(),
  /** Short name used in namespaces and file names: `web-shop`. */
  slug: z.string(),
  kind: sourceKind,
  channel: touchChannel,
  /** Customer numbers of sources with the same issuer are the same numbers. */
  issuer: z.string(),
  currency: z.string(),
  country: z.string(),
  timeZone: z.string(),
  /** Origins whose browsers may send; `*` = every origin. */
  origins: z.array(z.string()),
  /** Consent category of the source's banner → our purpose. */
  consentCategories: z.record(z.string(), purpose),
  /** Items older than this many years wait in quarantine. */
  oldestYears: z.number(),
  /** Wire shapes it speaks; the paths of all others answer 404. */
  dialects: z.array(dialect),
  /** How its webhooks are signed; the address is `/api/ingest/webhooks/{slug}`. */
  webhook: webhook.nullable(),
  /** How many signing secrets are live (two while rotating). */
  webhookSecrets: z.number(),
  /** Types of CloudEvents and webhooks → calls, before the ones we bring. */
  mappings: z.array(eventMapping),
  createdAt: z.string(),
  keys: z.array(sourceKey),
  lastEventAt: z.string().nullable(),
  /** `silent`: nothing for 24 h although it has sent before. */
  state: z.enum(['new', 'live', 'silent']),
  day: z.object({ received: z.number(), accepted: z.number(), duplicates: z.number(), quarantined: z.number() }),
})

const sourceFields = {
  name: z.string().min(1).max(100),
  kind: sourceKind,
  channel: touchChannel.optional(),
  issuer: z.string().min(1).max(64).optional(),
  currency: z.string().length(3).optional(),
  country: z.string().length(2).optional(),
  timeZone: z.string().max(64).optional(),
  origins: z.array(z.string().max(256)).max(100).optional(),
  consentCategories: z.record(z.string().max(100), purpose).optional(),
  oldestYears: z.number().min(1).max(100).optional(),
  dialects: z.array(dialect).max(dialects.length).optional(),
  webhook: webhook.optional(),
  mappings: z.array(eventMapping).max(200).optional(),
}

export const sources = route({
  stage,
  name: 'sources',
  summary: 'Sources with keys, counters of the last 24 hours and last event',
  method: 'get',
  path: '/sources',
  may: 'signed-in',
  answer: z.object({ items: z.array(source) }),
})

export const createSource = route({
  stage,
  name: 'createSource',
  summary: 'Create a source; the key is shown once',
  method: 'post',
  path: '/sources',
  may: ['admin', 'marketer'],
  secretAnswer: true,
  /** Left out: publishable for web and app, whose keys everybody can read; secret for all others. */
  body: z.strictObject({ ...sourceFields, trust: keyTrust.optional() }),
  answer: z.object({ source, key: z.string() }),
})

export const changeSource = route({
  stage,
  name: 'changeSource',
  summary: 'Change name, channel, consent categories or origins of a source',
  method: 'patch',
  path: '/sources/{source}',
  may: ['admin', 'marketer'],
  params: z.object({ source: idOf('source') }),
  body: z.strictObject(sourceFields).partial(),
  answer: source,
})

export const createKey = route({
  stage,
  name: 'createKey',
  summary: 'Add a key to a source (two may be live at a time)',
  method: 'post',
  path: '/sources/{source}/keys',
  may: ['admin'],
  secretAnswer: true,
  params: z.object({ source: idOf('source') }),
  body: z.strictObject({ trust: keyTrust }),
  answer: z.object({ id: idOf('key'), key: z.string() }),
})

export const rotateKey = route({
  stage,
  name: 'rotateKey',
  summary: 'Replace a key; the old one works for the grace period (default 7 days)',
  method: 'post',
  path: '/sources/{source}/keys/{key}/rotate',
  may: ['admin'],
  secretAnswer: true,
  params: z.object({ source: idOf('source'), key: idOf('key') }),
  body: z.strictObject({ graceDays: z.number().min(0).max(90).optional() }),
  answer: z.object({ id: idOf('key'), key: z.string() }),
})

export const revokeKey = route({
  stage,
  name: 'revokeKey',
  summary: 'End a key, at once or after a grace period',
  method: 'delete',
  path: '/sources/{source}/keys/{key}',
  may: ['admin'],
  params: z.object({ source: idOf('source'), key: idOf('key') }),
  query: z.object({ graceDays: z.coerce.number().min(0).max(90).default(0) }),
  answer: z.object({ endsAt: z.string() }),
})

export const addWebhookSecret = route({
  stage,
  name: 'addWebhookSecret',
  summary: 'Add a signing secret for webhooks that come in; the one before stays valid for the grace period',
  method: 'post',
  path: '/sources/{source}/webhook-secrets',
  may: ['admin'],
  secretAnswer: true,
  params: z.object({ source: idOf('source') }),
  body: z.strictObject({
    /** The secret that the sender shows; left out: one of ours in the form of Standard Webhooks. */
    secret: z.string().min(8).max(512).optional(),
    graceHours: z
      .number()
      .min(0)
      .max(24 * 90)
      .default(24),
  }),
  answer: z.object({ secret: z.string(), path: z.string() }),
})

/** What has arrived from a source since it was made: for "waiting for the first event". */
export const sourceArrival = route({
  stage,
  name: 'sourceArrival',
  summary: 'Whether and when a source has sent its first and last item, and what was refused at the door lately',
  method: 'get',
  path: '/sources/{source}/arrival',
  may: 'signed-in',
  params: z.object({ source: idOf('source') }),
  answer: z.object({
    received: z.number(),
    accepted: z.number(),
    quarantined: z.number(),
    lastAt: z.string().nullable(),
    /** Names of the last events, newest first. */
    names: z.array(z.string()),
  }),
})

export const eventRow = z.object({
  id: z.string(),
  person: z.string().nullable(),
  at: z.string(),
  receivedAt: z.string(),
  source: z.string(),
  sourceName: z.string(),
  kind: z.string(),
  name: z.string(),
  channel: z.string(),
  flags: z.array(z.string()),
  /** What the checks found: `code place action`. */
  findings: z.array(z.string()),
  properties: jsonObject,
  context: jsonObject,
})

export const events = route({
  stage,
  name: 'events',
  summary: 'Most recent events, newest first; live screens also listen to the topic `ingest.events`',
  method: 'get',
  path: '/events',
  may: ['admin', 'marketer', 'analyst', 'support', 'privacy'],
  query: z.object({
    ...page,
    source: idOf('source').optional(),
    name: z.string().max(256).optional(),
    person: idOf('person').optional(),
  }),
  answer: pageOf(eventRow),
})

export const eventNames = route({
  stage,
  name: 'eventNames',
  summary: 'Event names observed per source with counts and a sample of property names',
  method: 'get',
  path: '/event-names',
  may: 'signed-in',
  query: z.object({ days: z.coerce.number().int().min(1).max(3650).default(90) }),
  answer: z.object({
    items: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        sourceName: z.string(),
        count: z.number(),
        firstAt: z.string(),
        lastAt: z.string(),
        properties: z.array(z.string()),
      }),
    ),
  }),
})

export const counters = route({
  stage,
  name: 'counters',
  summary: 'Received, accepted, duplicate and quarantined items per source and hour',
  method: 'get',
  path: '/counters',
  may: 'signed-in',
  query: z.object({
    source: idOf('source').optional(),
    hours: z.coerce
      .number()
      .int()
      .min(1)
      .max(24 * 90)
      .default(24),
  }),
  answer: z.object({
    /** Inbox rows not applied yet and age of the oldest in seconds; batches not yet in history. */
    lag: z.object({ rows: z.number(), seconds: z.number(), historyBatches: z.number() }),
    items: z.array(
      z.object({
        source: idOf('source'),
        sourceName: z.string(),
        hour: z.string(),
        received: z.number(),
        accepted: z.number(),
        duplicates: z.number(),
        quarantined: z.number(),
      }),
    ),
  }),
})

/** Why an item waits; closed list (spec ingest-wire §14, quality). */
export const quarantineCodes = [
  'unparsable',
  'unknown_type',
  'missing_id',
  'missing_event',
  'missing_group',
  'missing_previous',
  'event_too_large',
  'too_deep',
  'unsafe_number',
  'too_old',
  'id_reused',
  'schema',
  'consent_without_evidence',
  'unknown_category',
  'unknown_reference',
  'needs_review',
  'unmapped',
  'currency_unknown',
  'money_mismatch',
  'money_sign',
  'check_failed',
  'poison',
] as const
export type QuarantineCode = (typeof quarantineCodes)[number]

export const quarantineReason = z.object({
  code: z.enum(quarantineCodes),
  /** Where in the item, dotted. */
  path: z.string(),
  message: z.string(),
  /** The check that found it, where it is not the code itself. */
  check: z.string().optional(),
  /** Which sentence it is, where a code has several; `message` is that sentence in English. */
  word: z.string().optional(),
  /** What the sentence speaks of, so that it can be said in any language. */
  values: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
})

export const quarantineGroup = z.object({
  key: z.string(),
  source: idOf('source'),
  sourceName: z.string(),
  code: z.enum(quarantineCodes),
  path: z.string(),
  message: z.string(),
  /** Of the sentence of one of its items, as in `quarantineReason`. */
  word: z.string().optional(),
  values: quarantineReason.shape.values,
  /** What a person can do about it. */
  doInstead: z.string(),
  /** The check behind the reason, empty when the reason says it all. */
  check: z.string(),
  open: z.number(),
  /** Different people as far as the items name somebody. */
  people: z.number(),
  /** Turnover that waits, minor units. */
  turnover: z.number(),
  currency: z.string(),
  /** Part of the source's items of the last 24 hours, 0–1. */
  share: z.number(),
  firstAt: z.string(),
  lastAt: z.string(),
  /** When the first items of the group end unrepaired, if that is within 7 days, and how many do by then. */
  expiring: z.object({ at: z.string(), count: z.number() }).nullable(),
  /** Tried again by itself next at; null = a person has to do something. */
  retryAt: z.string().nullable(),
})

export const quarantine = route({
  stage,
  name: 'quarantine',
  summary: 'Items that wait, grouped by source, reason and place',
  method: 'get',
  path: '/quarantine',
  may: ['admin', 'marketer', 'analyst', 'privacy'],
  query: z.object({
    status: z.enum(['open', 'patched', 'replayed', 'discarded', 'expired']).default('open'),
    /** Only what this import brought. */
    import: idOf('import').optional(),
  }),
  answer: z.object({ items: z.array(quarantineGroup), open: z.number() }),
})

export const quarantineItem = z.object({
  id: idOf('quarantine'),
  source: idOf('source'),
  sourceName: z.string(),
  receivedAt: z.string(),
  originalAt: z.string().nullable(),
  reasons: z.array(quarantineReason),
  status: z.enum(['open', 'patched', 'replayed', 'discarded', 'expired']),
  attempts: z.number(),
  /** The item as it came; `patched` is what a repair would replay. */
  payload: z.unknown(),
  patched: z.unknown().nullable(),
})

export const quarantineItems = route({
  stage,
  name: 'quarantineItems',
  summary: 'Items of one group with their payload',
  method: 'get',
  path: '/quarantine/items',
  may: ['admin', 'marketer', 'privacy'],
  query: z.object({
    ...page,
    group: z.string().max(512),
    /** Only what this import brought. */
    import: idOf('import').optional(),
    status: z.enum(['open', 'patched', 'replayed', 'discarded', 'expired']).default('open'),
  }),
  answer: pageOf(quarantineItem),
})

export const repairItem = route({
  stage,
  name: 'repairItem',
  summary: 'Patch one item (the original is kept) and say whether it would pass now',
  method: 'put',
  path: '/quarantine/items/{item}',
  may: ['admin', 'marketer'],
  params: z.object({ item: idOf('quarantine') }),
  body: z.strictObject({ payload: jsonObject, dryRun: z.boolean().default(false) }),
  answer: z.object({ passes: z.boolean(), reasons: z.array(quarantineReason) }),
})

/** A whole group, or chosen items. */
const chosen = {
  group: z.string().max(512).optional(),
  items: z.array(idOf('quarantine')).max(1000).optional(),
}

export const replay = route({
  stage,
  name: 'replay',
  summary: 'Send items through the pipeline again with their original id and times; safe to repeat',
  method: 'post',
  path: '/quarantine/replay',
  may: ['admin', 'marketer'],
  body: z.strictObject(chosen),
  answer: z.object({ replayed: z.number() }),
})

export const discard = route({
  stage,
  name: 'discard',
  summary: 'Give up items with a reason',
  method: 'post',
  path: '/quarantine/discard',
  may: ['admin', 'privacy'],
  body: z.strictObject({ ...chosen, reason: z.string().min(3).max(500) }),
  answer: z.object({ discarded: z.number() }),
})

export const importKind = z.enum(Object.keys(importKinds) as [ImportKind, ...ImportKind[]])

export const importMapping = z.strictObject({
  fields: z.record(z.string(), z.string()),
  constants: z.record(z.string(), z.string()).optional(),
  encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']).optional(),
  delimiter: z.enum([',', ';', '\t', '|']).optional(),
  decimal: z.enum(['.', ',']).optional(),
  dates: z.enum(['iso', 'german']).optional(),
  timeZone: z.string().optional(),
})

export const importFormat = z.enum(['csv', 'ndjson', 'json', 'xlsx'])

export const importState = z.enum(['uploading', 'waiting', 'running', 'done', 'cancelled', 'failed'])

export const importJob = z.object({
  id: idOf('import'),
  kind: importKind,
  source: idOf('source'),
  sourceName: z.string(),
  fileName: z.string(),
  format: importFormat,
  size: z.number(),
  sha256: z.string(),
  dryRun: z.boolean(),
  mapping: importMapping,
  state: importState,
  /** Bytes uploaded so far; send the next part with this offset. */
  uploaded: z.number(),
  rowsRead: z.number(),
  accepted: z.number(),
  rejected: z.number(),
  /** Rows that an earlier import of the same file has already brought. */
  duplicates: z.number(),
  /** Rows of which something waits in quarantine. `rowsRead` = accepted + duplicates + waiting + rejected. */
  waiting: z.number(),
  /** 0–1 by bytes read. */
  progress: z.number(),
  error: z.string().nullable(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
})

export const imports = route({
  stage,
  name: 'imports',
  summary: 'Imports, newest first',
  method: 'get',
  path: '/imports',
  may: ['admin', 'marketer', 'analyst', 'privacy'],
  query: z.object({ ...page }),
  answer: pageOf(importJob),
})

export const importDetail = importJob.extend({
  /** `PUT {uploadPath}&offset={uploaded}` with raw bytes (≤ 8 MiB each) while the state is `uploading`; else null. */
  uploadPath: z.string().nullable(),
  /** Columns found in the file and what was detected, once bytes are there. */
  columns: z.array(z.string()),
  detected: z
    .object({
      encoding: z.string(),
      delimiter: z.string(),
      /** Row with the names of the columns; 0 = there is none. */
      header: z.number(),
      /** The file inside a ZIP. */
      entry: z.string().nullable(),
    })
    .nullable(),
  /** First rows as they would be taken. */
  preview: z.array(jsonObject),
  /** What the checks find on its rows, the most frequent first; `rows` are the first three. */
  findings: z.array(
    z.object({
      code: z.string(),
      /** Dotted; `*` = further places. */
      path: z.string(),
      action: findingAction,
      message: z.string(),
      count: z.number(),
      rows: z.array(z.number()),
    }),
  ),
  /** Items it brought that still wait in quarantine. */
  stillWaiting: z.number(),
  /** Everything that was not taken as it stood, as CSV: rows that did not fit, values not used or doubted, rows that wait. */
  rejectsPath: z.string().nullable(),
})

export const importOf = route({
  stage,
  name: 'importOf',
  summary: 'One import with progress, preview and what to send next',
  method: 'get',
  path: '/imports/{import}',
  may: ['admin', 'marketer', 'analyst', 'privacy'],
  params: z.object({ import: idOf('import') }),
  answer: importDetail,
})

export const createImport = route({
  stage,
  name: 'createImport',
  summary: 'Announce a file; then PUT its bytes in parts to `uploadPath`; it runs when the last byte is there',
  method: 'post',
  path: '/imports',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    kind: importKind,
    source: idOf('source'),
    fileName: z.string().min(1).max(256),
    size: z
      .int()
      .min(1)
      .max(8 * 1024 ** 3),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    /** Left out: a saved mapping for the same columns, else columns are recognised by their names (German and English). */
    mapping: importMapping.optional(),
    dryRun: z.boolean().default(false),
  }),
  answer: importDetail,
})

export const startImport = route({
  stage,
  name: 'startImport',
  summary: 'After a dry run: run it for real, optionally with another mapping, without a new upload',
  method: 'post',
  path: '/imports/{import}/start',
  may: ['admin', 'marketer'],
  params: z.object({ import: idOf('import') }),
  body: z.strictObject({ mapping: importMapping.optional(), dryRun: z.boolean().default(false) }),
  answer: importDetail,
})

export const cancelImport = route({
  stage,
  name: 'cancelImport',
  summary: 'Stop at the row it has reached',
  method: 'post',
  path: '/imports/{import}/cancel',
  may: ['admin', 'marketer'],
  params: z.object({ import: idOf('import') }),
  answer: importDetail,
})

export const resumeImport = route({
  stage,
  name: 'resumeImport',
  summary: 'Go on at the row where it stopped',
  method: 'post',
  path: '/imports/{import}/resume',
  may: ['admin', 'marketer'],
  params: z.object({ import: idOf('import') }),
  answer: importDetail,
})

export const rejects = route({
  stage,
  name: 'rejects',
  summary: 'Rows that did not fit, with row number and reason (all of them as CSV at `rejectsPath`)',
  method: 'get',
  path: '/imports/{import}/rejects',
  may: ['admin', 'marketer', 'privacy'],
  params: z.object({ import: idOf('import') }),
  query: z.object({ ...page }),
  answer: pageOf(z.object({ row: z.number(), reason: z.string(), raw: z.string() })),
})

export const importNotes = route({
  stage,
  name: 'importNotes',
  summary: 'Values of single rows that are not used or are doubted, and rows that wait, with what stood there',
  method: 'get',
  path: '/imports/{import}/notes',
  may: ['admin', 'marketer', 'privacy'],
  params: z.object({ import: idOf('import') }),
  query: z.object({ ...page, code: z.string().max(100).optional() }),
  answer: pageOf(
    z.object({
      row: z.number(),
      code: z.string(),
      path: z.string(),
      action: findingAction,
      /** At most 200 characters. */
      given: z.string(),
    }),
  ),
})

export const detectColumns = route({
  stage,
  name: 'detectColumns',
  summary: 'From the first bytes of a file: encoding, delimiter, columns and the mapping we would use',
  method: 'post',
  asks: true,
  path: '/imports/detect',
  may: ['admin', 'marketer'],
  body: z.strictObject({
    kind: importKind,
    fileName: z.string().max(256),
    /** Base64 of up to 64 KiB from the beginning of the file. */
    head: z.string().max(100_000),
  }),
  answer: z.object({
    /** An archive (XLSX, ZIP) shows its columns only when it is here whole: make a dry run. */
    format: importFormat,
    mapping: importMapping,
    /** The saved mapping that was used, because it was made for these columns. */
    saved: z.string().nullable(),
    columns: z.array(z.string()),
    missing: z.array(z.string()),
    sample: z.array(z.record(z.string(), z.string())),
  }),
})

export const savedMapping = z.object({
  name: z.string(),
  kind: importKind,
  mapping: importMapping,
  /** Columns of the file it was made for; a file with the same ones takes it by itself. */
  columns: z.array(z.string()),
  changedBy: z.string(),
  changedAt: z.string(),
})

const mappingName = z.string().trim().min(1).max(100)

export const savedMappings = route({
  stage,
  name: 'savedMappings',
  summary: 'Mappings kept under a name',
  method: 'get',
  path: '/import-mappings',
  may: ['admin', 'marketer', 'analyst', 'privacy'],
  query: z.object({ kind: importKind.optional() }),
  answer: z.object({ items: z.array(savedMapping) }),
})

export const saveMapping = route({
  stage,
  name: 'saveMapping',
  summary: 'Keep a mapping under a name; the same name replaces it',
  method: 'put',
  path: '/import-mappings/{name}',
  may: ['admin', 'marketer'],
  params: z.object({ name: mappingName }),
  body: z.strictObject({
    kind: importKind,
    mapping: importMapping,
    columns: z.array(z.string().max(256)).max(2000).default([]),
  }),
  answer: savedMapping,
})

export const dropMapping = route({
  stage,
  name: 'dropMapping',
  summary: 'Forget a saved mapping; imports that used it stay as they are',
  method: 'delete',
  path: '/import-mappings/{name}',
  may: ['admin', 'marketer'],
  params: z.object({ name: mappingName }),
  answer: z.object({ dropped: z.boolean() }),
})

// --- feeds: what is fetched again and again ---------------------------------------------------------------------------

const column = z.string().min(1).max(63)
const host = z.string().min(1).max(253)
const port = z.int().min(1).max(65_535).optional()

export const feedSettings = z.discriminatedUnion('way', [
  z.strictObject({
    way: z.literal('folder'),
    /** Below the watched folder of the server (`EINKLANG_WATCH`, else `watch` in the data directory). */
    folder: z.string().max(500).default(''),
    pattern: z.string().min(1).max(200).default('*'),
  }),
  z.strictObject({
    way: z.literal('sftp'),
    host,
    port,
    user: z.string().min(1).max(200),
    folder: z.string().max(500).default(''),
    pattern: z.string().min(1).max(200).default('*'),
    /** Fingerprint of the server's key; left out, the first key seen is kept and any other refused. */
    hostKey: z.string().max(100).optional(),
  }),
  z.strictObject({
    way: z.literal('ftp'),
    host,
    port,
    user: z.string().max(200).optional(),
    folder: z.string().max(500).default(''),
    pattern: z.string().min(1).max(200).default('*'),
    tls: z.boolean().default(true),
  }),
  ...(['postgres', 'mysql'] as const).map((way) =>
    z.strictObject({
      way: z.literal(way),
      host,
      port,
      user: z.string().min(1).max(200),
      database: z.string().min(1).max(63),
      /** A table or view, with its schema if needed. */
      table: z.string().min(1).max(127),
      /** Grows with every change: a number or the time of the last change. */
      cursorColumn: column,
      /** Tells rows with the same cursor apart. */
      keyColumn: column,
      tls: z.boolean().default(true),
      delaySeconds: z.int().min(0).max(86_400).default(10),
    }),
  ),
] as const)

const feedSecret = z.strictObject({
  password: z.string().max(1000).optional(),
  privateKey: z.string().max(20_000).optional(),
})

const feedFields = {
  name: z.string().trim().min(1).max(100),
  source: idOf('source'),
  kind: importKind,
  mapping: importMapping.nullable().default(null),
  settings: feedSettings,
  everyMinutes: z.int().min(1).max(10_080).default(15),
}

export const feed = z.object({
  id: idOf('feed'),
  name: z.string(),
  source: idOf('source'),
  sourceName: z.string(),
  kind: importKind,
  mapping: importMapping.nullable(),
  settings: z.record(z.string(), z.unknown()),
  /** Whether a password or key is kept; itself it is never answered. */
  hasSecret: z.boolean(),
  everyMinutes: z.number(),
  paused: z.boolean(),
  state: z.enum(['new', 'running', 'ok', 'failing', 'paused']),
  /** Where a table has been read to. */
  cursor: z.string().nullable(),
  nextAt: z.string().nullable(),
  lastAt: z.string().nullable(),
  /** Files or pages of rows fetched by the last visit. */
  lastFound: z.number(),
  lastError: z.string().nullable(),
  imports: z.object({ files: z.number(), rows: z.number(), waiting: z.number(), rejected: z.number() }),
})

export const feeds = route({
  stage,
  name: 'feeds',
  summary: 'Folders, servers and tables that are read again and again, with last and next visit',
  method: 'get',
  path: '/feeds',
  may: ['admin', 'marketer', 'analyst', 'privacy'],
  answer: z.object({ items: z.array(feed) }),
})

export const createFeed = route({
  stage,
  name: 'createFeed',
  summary: 'Read a folder, SFTP or FTP server, or a table of another database on a schedule',
  method: 'post',
  path: '/feeds',
  may: ['admin'],
  body: z.strictObject({ ...feedFields, secret: feedSecret.optional() }),
  answer: feed,
})

export const changeFeed = route({
  stage,
  name: 'changeFeed',
  summary: 'Change a feed; a secret that is left out stays',
  method: 'patch',
  path: '/feeds/{feed}',
  may: ['admin'],
  params: z.object({ feed: idOf('feed') }),
  body: z.strictObject({
    name: feedFields.name.optional(),
    kind: importKind.optional(),
    mapping: importMapping.nullable().optional(),
    settings: feedSettings.optional(),
    everyMinutes: z.int().min(1).max(10_080).optional(),
    paused: z.boolean().optional(),
    secret: feedSecret.optional(),
  }),
  answer: feed,
})

export const dropFeed = route({
  stage,
  name: 'dropFeed',
  summary: 'End a feed; what it brought stays',
  method: 'delete',
  path: '/feeds/{feed}',
  may: ['admin'],
  params: z.object({ feed: idOf('feed') }),
  answer: z.object({ dropped: z.boolean() }),
})

export const testFeed = route({
  stage,
  name: 'testFeed',
  summary: 'Try a connection without keeping or fetching anything: what lies there',
  method: 'post',
  path: '/feeds/test',
  may: ['admin'],
  body: z.strictObject({
    settings: feedSettings,
    secret: feedSecret.optional(),
    /** Take the secret that this feed keeps. */
    feed: idOf('feed').optional(),
  }),
  answer: z.object({
    ok: z.boolean(),
    message: z.string(),
    hostKey: z.string().nullable(),
    files: z.array(z.object({ path: z.string(), size: z.number(), modifiedAt: z.string().nullable() })),
    rows: z.array(jsonObject),
  }),
})

export const runFeed = route({
  stage,
  name: 'runFeed',
  summary: 'Visit now instead of at the next time',
  method: 'post',
  path: '/feeds/{feed}/run',
  may: ['admin', 'marketer'],
  params: z.object({ feed: idOf('feed') }),
  answer: feed,
})
