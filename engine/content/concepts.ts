import type { api, Channel, ConceptId, InputOf, Purpose, SpokenLanguage } from '@einklang/contract'
import { type Database, derivedId, type Ground, newId, Refusal } from '@einklang/platform'
import type { Finding } from './lint.ts'
import { findingsIn } from './sayings.ts'
import { type Compiled, type Content, compile, hashOf, type Workshops } from './words.ts'

type Summary = api.content.ConceptSummary
type Detail = api.content.ConceptDetail
type Variant = api.content.Variant

export type ConceptRow = {
  id: ConceptId
  name: string
  description: string
  purpose: Purpose
  topic: string | null
  language: string
  updated_at: Date
}

export type VariantRow = {
  id: Variant['id']
  concept: ConceptId
  channel: Channel
  language: string
  version: number
  hash: string
  content: Content
  compiled: Compiled
  findings: Finding[]
  updated_at: Date
  updated_by: string
}

export function conceptRow(database: Database, concept: ConceptId): Promise<ConceptRow | undefined> {
  return database.row<ConceptRow>`select * from content.concept where id = ${concept}`
}

export async function existing(database: Database, concept: ConceptId): Promise<ConceptRow> {
  const row = await conceptRow(database, concept)
  if (!row) throw new Refusal(404, 'no_concept', 'There is no such concept.')
  return row
}

/** Channels of a concept with a variant that no check blocks. */
export async function releasable(database: Database, concept: ConceptId): Promise<Channel[] | null> {
  if (!(await conceptRow(database, concept))) return null
  const rows = await database.rows<{ channel: Channel; findings: Finding[] }>`
    select channel, findings from content.variant where concept = ${concept}`
  return [...new Set(rows.filter((row) => !isBlocked(row.findings)).map((row) => row.channel))]
}

function isBlocked(findings: Finding[]): boolean {
  return findings.some((finding) => finding.level === 'block')
}

/** The variant a reader of the language gets: theirs, else the concept's, else any. */
export async function variantFor(
  database: Database,
  concept: ConceptRow,
  channel: Channel,
  language: string | null,
): Promise<VariantRow | undefined> {
  const rows = await database.rows<VariantRow>`
    select * from content.variant where concept = ${concept.id} and channel = ${channel} order by language`
  const whole = rows.filter((row) => !isBlocked(row.findings))
  return (
    whole.find((row) => row.language === language) ?? whole.find((row) => row.language === concept.language) ?? whole[0]
  )
}

export async function listConcepts(database: Database): Promise<Summary[]> {
  const concepts = await database.rows<ConceptRow>`select * from content.concept order by name`
  const variants = await database.rows<Pick<VariantRow, 'concept' | 'channel' | 'language' | 'findings'>>`
    select concept, channel, language, findings from content.variant order by channel, language`
  return concepts.map((concept) =>
    summaryOf(
      concept,
      variants.filter((variant) => variant.concept === concept.id),
    ),
  )
}

function summaryOf(concept: ConceptRow, variants: Pick<VariantRow, 'channel' | 'language' | 'findings'>[]): Summary {
  const { updated_at, ...row } = concept
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    purpose: row.purpose,
    topic: row.topic,
    language: row.language,
    variants: variants.map(({ channel, language, findings }) => ({ channel, language, blocked: isBlocked(findings) })),
    updatedAt: updated_at.toISOString(),
  }
}

export async function conceptDetail(database: Database, concept: ConceptId, speak: SpokenLanguage): Promise<Detail> {
  const row = await existing(database, concept)
  const variants = await database.rows<VariantRow>`
    select * from content.variant where concept = ${concept} order by channel, language`
  return { ...summaryOf(row, variants), variants: variants.map((variant) => shown(variant, speak)) }
}

function shown(row: VariantRow, speak: SpokenLanguage): Variant {
  const { id, channel, language, version, hash, content, findings } = row
  return {
    id,
    channel,
    language,
    version,
    hash,
    content,
    findings: findingsIn(findings, speak),
    updatedAt: row.updated_at.toISOString(),
    updatedBy: row.updated_by,
  }
}

/** Every saved version is kept, so what was approved once can always be shown. */
export async function wordsByHash(
  database: Database,
  variant: string,
  hash: string,
): Promise<{ [part: string]: string } | null> {
  const row = await database.row<{ content: Content }>`
    select content from content.version where variant::text = ${variant} and hash = ${hash}
    order by version desc limit 1`
  if (!row) return null
  const { channel: _, ...parts } = row.content
  return parts
}

type ConceptBody = InputOf<typeof api.content.createConcept>['body']

export async function createConcept(ground: Ground, body: ConceptBody, id?: ConceptId): Promise<ConceptId> {
  const concept = id ?? newId('concept', ground.clock)
  await ground.database.run`insert into content.concept
      (id, name, description, purpose, topic, language, created_at, updated_at)
    values (${concept}, ${body.name}, ${body.description}, ${body.purpose}, ${body.topic}, ${body.language},
      platform.now(), platform.now())
    on conflict do nothing`
  return concept
}

export async function saveConcept(database: Database, concept: ConceptId, body: ConceptBody): Promise<void> {
  const saved = await database.run`update content.concept set name = ${body.name}, description = ${body.description},
      purpose = ${body.purpose}, topic = ${body.topic}, language = ${body.language}, updated_at = platform.now()
    where id = ${concept}`
  if (saved === 0) throw new Refusal(404, 'no_concept', 'There is no such concept.')
}

/** Compiles, checks and stores; nothing is stored when a check blocks or the edited version is not the latest. */
export async function saveVariant(
  needs: { database: Database; workshops: Workshops; speak: SpokenLanguage },
  edit: { concept: ConceptId; language: string; version: number | null; content: Content; by: string },
): Promise<Variant> {
  const { database } = needs
  const concept = await existing(database, edit.concept)
  const { compiled, findings } = await compile(needs.workshops, edit.content, edit.language, concept.purpose)
  const blocking = findingsIn(findings, needs.speak).find((finding) => finding.level === 'block')
  if (blocking)
    throw new Refusal(422, `check_${blocking.rule}`, blocking.message, {
      at: blocking.line === null ? blocking.field : `${blocking.field}:${blocking.line}`,
      doInstead: blocking.doInstead ?? undefined,
    })
  const hash = hashOf(edit.content, edit.language)
  const id = derivedId('variant', edit.concept, edit.content.channel, edit.language)
  return await database.transaction(async (tx) => {
    const row = await tx.row<VariantRow>`
      insert into content.variant
        (id, concept, channel, language, version, hash, content, compiled, findings, updated_at, updated_by)
      values (${id}, ${edit.concept}, ${edit.content.channel}, ${edit.language}, ${(edit.version ?? 0) + 1}, ${hash},
        ${tx.json(edit.content)}, ${tx.json(compiled)}, ${tx.json(findings)}, platform.now(), ${edit.by})
      on conflict (id) do update set version = excluded.version, hash = excluded.hash, content = excluded.content,
        compiled = excluded.compiled, findings = excluded.findings, updated_at = excluded.updated_at,
        updated_by = excluded.updated_by
      where variant.version = ${edit.version}
      returning *`
    if (!row)
      throw new Refusal(409, 'stale', 'Somebody else saved these words meanwhile.', { doInstead: 'Load them again.' })
    await tx.run`insert into content.version (variant, version, hash, content, at, by)
      values (${id}, ${row.version}, ${hash}, ${tx.json(edit.content)}, platform.now(), ${edit.by})`
    await tx.run`update content.concept set updated_at = platform.now() where id = ${edit.concept}`
    return shown(row, needs.speak)
  })
}
