import { createHash, randomBytes } from 'node:crypto'
import type { api, KeyId, Purpose, SourceId, TouchChannel } from '@einklang/contract'
import { type Clock, type Database, foldText, newId, Refusal, type Secrets } from '@einklang/platform'
import type { SourceFacts } from './item.ts'

export type KeyTrust = 'publishable' | 'secret'
/** Who sends: the source, and what its key vouches for. `key` is missing where a source is named without one. */
export type KeyFacts = { key?: KeyId; trust: KeyTrust; endsAt: Date | null; source: Source }
export type Source = SourceFacts & {
  slug: string
  timeZone: string
  origins: string[]
  dialects: DialectName[]
  webhook: api.ingest.Webhook | null
}
type DialectName = api.ingest.DialectName

export type NewSource = {
  name: string
  kind: string
  channel?: TouchChannel | undefined
  issuer?: string | undefined
  currency?: string | undefined
  country?: string | undefined
  timeZone?: string | undefined
  origins?: string[] | undefined
  consentCategories?: { [category: string]: Purpose } | undefined
  oldestYears?: number | undefined
  dialects?: DialectName[] | undefined
  webhook?: api.ingest.Webhook | undefined
  mappings?: api.ingest.EventMapping[] | undefined
}

/** Facts that our own stages report come from here. */
export const internalSlug = 'einklang'

const channelOfKind: { [kind: string]: TouchChannel } = {
  web: 'web',
  app: 'app',
  till: 'store',
  shop: 'web',
  newsletter: 'email',
  crm: 'store',
  loyalty: 'store',
  ads: 'ads',
  print: 'letter',
  sms: 'sms',
  social: 'social',
  service: 'service',
  erp: 'store',
  internal: 'service',
}

/** Web, app and shop system know customers by the same account; customer numbers of others are their own. */
const issuerOfKind: { [kind: string]: string } = { web: 'user_id', app: 'user_id', shop: 'user_id' }

/** The namespace of a source's customer numbers: the account of the shop, or the numbers of that issuer. */
export function customerNamespace(issuer: string): string {
  return issuer === 'user_id' ? 'user_id' : `customer_no.${issuer}`
}

/** Where events may come from, remembered in the process; a change is seen everywhere within seconds. */
export type Sources = {
  /** At once where it is remembered: nearly every request asks. */
  byKey(key: string): KeyFacts | Promise<KeyFacts | null>
  byId(id: SourceId): Promise<Source | null>
  /** For clients that show no key on the wire; whoever names a source may only say what a web page may. */
  bySlug(slug: string): Promise<Source | null>
  /** Does any source speak one of these? The paths of the others do not exist. */
  speaks(dialects: DialectName[]): true | Promise<boolean>
  /** Live signing secrets of a webhook's sender, newest first. */
  webhookSecrets(source: SourceId): Promise<string[]>
  internal(): Promise<Source>
  create(tx: Database, given: NewSource, trust: KeyTrust | null): Promise<{ source: Source; key: string | null }>
  change(
    tx: Database,
    id: SourceId,
    given: { [field in keyof NewSource]?: NewSource[field] | undefined },
  ): Promise<void>
  addKey(tx: Database, source: SourceId, trust: KeyTrust): Promise<{ id: KeyId; key: string }>
  rotateKey(tx: Database, source: SourceId, key: KeyId, graceDays: number): Promise<{ id: KeyId; key: string }>
  endKey(tx: Database, source: SourceId, key: KeyId, graceDays: number): Promise<Date>
  addWebhookSecret(tx: Database, source: SourceId, given: string | null, graceHours: number): Promise<string>
  /** Forget what is remembered: after a change in this process. */
  forget(): void
}

type Remembered = {
  /** By the hash of the key. */
  keys: Map<string, KeyFacts>
  /** By the key as it was shown, so that not every request is hashed; gone with the rest within seconds. */
  shown: Map<string, KeyFacts>
  sources: Map<SourceId, Source>
  spoken: Set<DialectName>
  secrets: Map<SourceId, { secret: string; endsAt: Date | null }[]>
  readAt: number
}

const freshFor = 5_000

const sealing = 'ingest.webhook_secret'

export function createSources(needs: { database: Database; clock: Clock; secrets: Secrets }): Sources {
  let remembered: Remembered | null = null
  let reading: Promise<Remembered> | null = null

  const read = async (): Promise<Remembered> => {
    reading ??= readAll(needs).finally(() => {
      reading = null
    })
    remembered = await reading
    return remembered
  }
  // Durations only: performance.now is monotonic and no wall clock.
  const fresh = () => (remembered && performance.now() - remembered.readAt < freshFor ? remembered : null)
  const current = async (): Promise<Remembered> => fresh() ?? read()
  /** Unknown keys may be new ones made by another process; hostile ones must not cost a query each. */
  const again = async (known: Remembered): Promise<Remembered> =>
    performance.now() - known.readAt > 1_000 ? read() : known

  const found = async (key: string): Promise<KeyFacts | null> => {
    let known = await current()
    const hash = hashOf(key).toString('hex')
    let facts = known.keys.get(hash)
    if (!facts) {
      known = await again(known)
      facts = known.keys.get(hash)
    }
    if (!facts || (facts.endsAt && facts.endsAt <= needs.clock.now())) return null
    known.shown.set(key, facts)
    return facts
  }

  const sources: Sources = {
    byKey(key) {
      const shown = fresh()?.shown.get(key)
      return shown && (!shown.endsAt || shown.endsAt > needs.clock.now()) ? shown : found(key)
    },
    async byId(id) {
      const known = await current()
      return known.sources.get(id) ?? (await read()).sources.get(id) ?? null
    },
    async bySlug(slug) {
      const find = (known: Remembered) => [...known.sources.values()].find((source) => source.slug === slug)
      const known = await current()
      return find(known) ?? find(await again(known)) ?? null
    },
    speaks(dialects) {
      const speak = (known: Remembered) => dialects.some((dialect) => known.spoken.has(dialect))
      const known = fresh()
      return known && speak(known) ? true : current().then(async (read) => speak(read) || speak(await again(read)))
    },
    async webhookSecrets(source) {
      const now = needs.clock.now()
      const kept = (await current()).secrets.get(source) ?? []
      return kept.filter(({ endsAt }) => endsAt === null || endsAt > now).map(({ secret }) => secret)
    },
    async internal() {
      const find = (known: Remembered) => [...known.sources.values()].find((source) => source.slug === internalSlug)
      const found = find(await current()) ?? find(await read())
      if (found) return found
      await insertSource(needs, needs.database, { name: 'Einklang', kind: 'internal', oldestYears: 100 }, internalSlug)
      const made = find(await read())
      if (!made) throw new Error('The internal source could not be made')
      return made
    },
    async create(tx, given, trust) {
      const id = await insertSource(needs, tx, given, null)
      const key = trust ? await insertKey(needs, tx, id, trust) : null
      sources.forget()
      const [row] = await rowsOf(tx, id)
      if (!row) throw new Error('A source vanished while it was made')
      return { source: row, key: key?.key ?? null }
    },
    async change(tx, id, given) {
      await tx.run`
        update ingest.source set
          name = coalesce(${given.name ?? null}, name), kind = coalesce(${given.kind ?? null}, kind),
          channel = coalesce(${given.channel ?? null}, channel), issuer = coalesce(${given.issuer ?? null}, issuer),
          currency = coalesce(${given.currency ?? null}, currency), country = coalesce(${given.country ?? null}, country),
          time_zone = coalesce(${given.timeZone ?? null}, time_zone), origins = coalesce(${given.origins ?? null}::text[], origins),
          consent_categories = coalesce(${given.consentCategories ? tx.json(given.consentCategories) : null}::jsonb, consent_categories),
          oldest_years = coalesce(${given.oldestYears ?? null}::integer, oldest_years),
          dialects = coalesce(${given.dialects ?? null}::text[], dialects),
          webhook = coalesce(${given.webhook ? tx.json(given.webhook) : null}::jsonb, webhook),
          mappings = coalesce(${given.mappings ? tx.json(given.mappings) : null}::jsonb, mappings)
        where id = ${id}`
      sources.forget()
    },
    async addKey(tx, source, trust) {
      const live = await tx.row<{ count: number }>`
        select count(*)::int as count from ingest.key where source = ${source} and ends_at is null`
      if ((live?.count ?? 0) >= 2) {
        throw new Refusal(409, 'two_keys', 'The source has two live keys already.', {
          doInstead: 'Revoke or rotate one of them.',
        })
      }
      const key = await insertKey(needs, tx, source, trust)
      sources.forget()
      return key
    },
    async rotateKey(tx, source, key, graceDays) {
      const old = await tx.row<{ trust: KeyTrust }>`
        select trust from ingest.key where id = ${key} and source = ${source} and ends_at is null for update`
      if (!old) throw new Refusal(404, 'unknown_key', 'The source has no such live key.')
      await sources.endKey(tx, source, key, graceDays)
      const made = await insertKey(needs, tx, source, old.trust)
      sources.forget()
      return made
    },
    async endKey(tx, source, key, graceDays) {
      const ends = new Date(needs.clock.now().getTime() + graceDays * 86_400_000)
      const changed = await tx.run`
        update ingest.key set ends_at = least(coalesce(ends_at, ${ends}), ${ends}) where id = ${key} and source = ${source}`
      if (changed === 0) throw new Refusal(404, 'unknown_key', 'The source has no such key.')
      sources.forget()
      return ends
    },
    async addWebhookSecret(tx, source, given, graceHours) {
      const secret = given ?? `whsec_${randomBytes(32).toString('base64')}`
      const id = newId('key', needs.clock)
      const ends = new Date(needs.clock.now().getTime() + graceHours * 3_600_000)
      await tx.run`
        update ingest.webhook_secret set ends_at = ${ends} where source = ${source} and ends_at is null`
      await tx.run`
        insert into ingest.webhook_secret (id, source, secret, created_at)
        values (${id}, ${source}, ${needs.secrets.seal(sealing, Buffer.from(secret), id)}, ${needs.clock.now()})`
      sources.forget()
      return secret
    },
    forget() {
      remembered = null
    },
  }
  return sources
}

async function readAll({ database, secrets }: { database: Database; secrets: Secrets }): Promise<Remembered> {
  const readAt = performance.now()
  const sources = new Map((await rowsOf(database, null)).map((source) => [source.id, source]))
  const keys = await database.rows<{ id: KeyId; source: SourceId; trust: KeyTrust; hash: string; endsAt: Date | null }>`
    select id, source, trust, encode(hash, 'hex') as hash, ends_at as "endsAt" from ingest.key
    where ends_at is null or ends_at > platform.now()`
  const byHash = new Map<string, KeyFacts>()
  for (const key of keys) {
    const source = sources.get(key.source)
    if (source) byHash.set(key.hash, { key: key.id, trust: key.trust, endsAt: key.endsAt, source })
  }
  const sealed = await database.rows<{ id: string; source: SourceId; secret: Buffer; endsAt: Date | null }>`
    select id, source, secret, ends_at as "endsAt" from ingest.webhook_secret
    where ends_at is null or ends_at > platform.now() order by created_at desc`
  const signing: Remembered['secrets'] = new Map()
  for (const { id, source, secret, endsAt } of sealed) {
    const opened = Buffer.from(secrets.open(sealing, secret, id)).toString('utf8')
    signing.set(source, [...(signing.get(source) ?? []), { secret: opened, endsAt }])
  }
  const spoken = new Set([...sources.values()].flatMap((source) => source.dialects))
  return { keys: byHash, shown: new Map(), sources, spoken, secrets: signing, readAt }
}

function rowsOf(database: Database, id: SourceId | null): Promise<Source[]> {
  return database.rows<Source>`
    select id, name, slug, kind, channel, issuer, currency, country, time_zone as "timeZone", origins,
      consent_categories as "consentCategories", oldest_years as "oldestYears", dialects, webhook, mappings,
      (select jsonb_build_object('version', version, 'repairs', repairs) from ingest.rule_set
        where rule_set.source = source.id and repairs <> '[]' and version =
          (select max(version) from ingest.rule_set as newest where newest.source = source.id)) as rules
    from ingest.source where ${id}::uuid is null or id = ${id}::uuid`
}

async function insertSource(
  needs: { clock: Clock },
  tx: Database,
  given: NewSource,
  fixedSlug: string | null,
): Promise<SourceId> {
  const id = newId('source', needs.clock)
  const slug = fixedSlug ?? (await freeSlug(tx, given.name))
  await tx.run`
    insert into ingest.source (id, name, slug, kind, channel, issuer, currency, country, time_zone, origins,
      consent_categories, oldest_years, dialects, webhook, mappings, created_at)
    values (${id}, ${given.name}, ${slug}, ${given.kind}, ${given.channel ?? channelOfKind[given.kind] ?? 'web'},
      ${given.issuer ?? issuerOfKind[given.kind] ?? slug}, ${given.currency ?? 'EUR'}, ${given.country ?? 'DE'}, ${given.timeZone ?? 'Europe/Berlin'},
      ${given.origins ?? ['*']}, ${tx.json(given.consentCategories ?? {})}, ${given.oldestYears ?? 10},
      ${given.dialects ?? ['segment']}, ${given.webhook ? tx.json(given.webhook) : null}, ${tx.json(given.mappings ?? [])}, ${needs.clock.now()})
    on conflict (slug) do nothing`
  return id
}

async function freeSlug(tx: Database, name: string): Promise<string> {
  const plain =
    foldText(name)
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'source'
  const taken = await tx.rows<{ slug: string }>`select slug from ingest.source where slug like ${`${plain}%`}`
  const slugs = new Set(taken.map((row) => row.slug))
  if (plain === internalSlug) slugs.add(plain)
  if (!slugs.has(plain)) return plain
  for (let number = 2; ; number++) if (!slugs.has(`${plain}-${number}`)) return `${plain}-${number}`
}

async function insertKey(
  needs: { clock: Clock },
  tx: Database,
  source: SourceId,
  trust: KeyTrust,
): Promise<{ id: KeyId; key: string }> {
  const id = newId('key', needs.clock)
  const key = `${trust === 'secret' ? 'sk' : 'pk'}_${randomBytes(24).toString('base64url')}`
  await tx.run`
    insert into ingest.key (id, source, trust, hash, hint, created_at)
    values (${id}, ${source}, ${trust}, ${hashOf(key)}, ${`${key.slice(0, 7)}…${key.slice(-4)}`}, ${needs.clock.now()})`
  return { id, key }
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
