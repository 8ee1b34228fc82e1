import {
  type Channel,
  channels,
  type JsonObject,
  type PersonId,
  type Purpose,
  type StatementId,
} from '@einklang/contract'
import { type Clock, type Columns, type Database, derivedId, newId, recordset } from '@einklang/platform'
import { decide, type Facts, holdsUntil, mayBear, type Permission, type Question, type Stated } from './decision.ts'
import {
  type Content,
  contentHash,
  factsAbout,
  freshSalt,
  type Statement,
  type Subject,
  type Suppression,
  sealOf,
  type Wording,
} from './ledger.ts'
import { normalAddress, type Points } from './point.ts'
import { registry } from './registry.ts'

export type StoreNeeds = { clock: Clock; points: Points }

const lineColumns: Columns = {
  statement: 'uuid',
  sequence: 'bigint',
  person: 'uuid',
  point: 'text',
  address: 'text',
  stance: 'text',
  purpose: 'text',
  channel: 'text',
  topic: 'text',
  basis: 'text',
  happenedAt: 'timestamptz',
  knownAt: 'timestamptz',
  confirmedAt: 'timestamptz',
  needsConfirmation: 'boolean',
  expiresAt: 'timestamptz',
  trust: 'text',
  named: 'text[]',
  source: 'text',
  wording: 'jsonb',
  evidence: 'jsonb',
  reason: 'text',
  actor: 'text',
  salt: 'text',
  hash: 'text',
  seal: 'text',
}
const concernedColumns: Columns = { statement: 'uuid', person: 'uuid', address: 'text' }
const signalColumns: Columns = {
  person: 'uuid',
  purpose: 'text',
  at: 'timestamptz',
  knownAt: 'timestamptz',
  event: 'uuid',
}
const cellColumns: Columns = {
  person: 'uuid',
  purpose: 'text',
  channel: 'text',
  allowed: 'boolean',
  because: 'text',
  basis: 'text',
  statement: 'uuid',
  since: 'timestamptz',
  validUntil: 'timestamptz',
}

// --- writing ---------------------------------------------------------------------------------------------------------

type NewLine = Content & { point: string | null; salt: Buffer; hash: Buffer }

/**
 * Appends statements, once each by their key, and seals them. A denial also takes and moves the fence of everybody
 * it concerns before the caller's transaction can commit; the derived answers follow.
 */
export async function append(tx: Database, needs: StoreNeeds, statements: Statement[]): Promise<StatementId[]> {
  if (statements.length === 0) return []
  const lines = new Map(statements.map((statement) => lineOf(needs, statement)).map((line) => [line.statement, line]))
  const head = await tx.row<{ sequence: number; seal: Buffer }>`
    select sequence, seal from consent.head where single for update`
  const there = await tx.rows<{ statement: StatementId }>`
    select statement from consent.statement where statement in (select unnest(${[...lines.keys()]}::uuid[]))`
  for (const { statement } of there) lines.delete(statement)
  if (lines.size > 0 && head !== undefined) await write(tx, [...lines.values()], head)
  await fence(tx, needs, [...lines.values()])
  return [...lines.keys()]
}

function lineOf(needs: StoreNeeds, given: Statement): NewLine {
  const now = needs.clock.now().toISOString()
  const address = given.address && given.channel ? normalAddress(given.channel, given.address) : null
  const content: Content = {
    statement: given.key === undefined ? newId('statement', needs.clock) : derivedId('statement', given.key),
    person: given.person,
    address,
    stance: given.stance,
    purpose: given.purpose,
    channel: given.channel,
    topic: given.topic ?? null,
    basis: given.basis ?? 'consent',
    happenedAt: isoOr(given.happenedAt, now),
    knownAt: now,
    confirmedAt: given.confirmedAt == null ? null : isoOr(given.confirmedAt, now),
    needsConfirmation: given.needsConfirmation ?? false,
    expiresAt: given.expiresAt == null ? null : isoOr(given.expiresAt, now),
    trust: given.trust ?? 'verified',
    named: given.named ?? [],
    source: given.source,
    wording: given.wording ?? null,
    evidence: given.evidence ?? {},
    reason: given.reason ?? null,
    actor: given.actor ?? null,
  }
  const salt = freshSalt()
  const point = address !== null && given.channel !== null ? needs.points.of(given.channel, address) : null
  return { ...content, point, salt, hash: contentHash(content, salt) }
}

function isoOr(instant: Date | string | undefined, otherwise: string): string {
  return instant === undefined ? otherwise : new Date(instant).toISOString()
}

async function write(tx: Database, lines: NewLine[], head: { sequence: number; seal: Buffer }): Promise<void> {
  let { sequence, seal } = head
  const rows = lines.map((line) => {
    seal = sealOf(seal, line.hash)
    sequence++
    return { ...line, sequence, salt: hex(line.salt), hash: hex(line.hash), seal: hex(seal) }
  })
  await tx.run`
    insert into consent.statement (statement, sequence, person, point, address, stance, purpose, channel, topic, basis,
      happened_at, known_at, confirmed_at, needs_confirmation, expires_at, trust, named, source, wording, evidence,
      reason, actor, salt, content_hash, seal)
    select r.statement, r.sequence, r.person, decode(r.point, 'hex'), r.address, r.stance, r.purpose, r.channel,
      r.topic, r.basis, r."happenedAt", r."knownAt", r."confirmedAt", r."needsConfirmation", r."expiresAt", r.trust,
      r.named, r.source, r.wording, r.evidence, r.reason,
      r.actor, decode(r.salt, 'hex'), decode(r.hash, 'hex'), decode(r.seal, 'hex')
    from ${recordset(tx, rows, lineColumns)} as r`
  await tx.run`update consent.head set sequence = ${sequence}, seal = ${seal} where single`
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** Locks and moves the rows that every hand-over holds; after this transaction no older decision can be used. */
async function fence(tx: Database, needs: StoreNeeds, lines: NewLine[]): Promise<void> {
  const denials = lines.filter((line) => line.stance === 'deny' || line.stance === 'restrict')
  if (denials.length === 0) return
  const persons = await concerned(tx, denials)
  const cells = denials.flatMap((line) =>
    (persons.get(line.statement) ?? []).flatMap((person) =>
      (line.channel === null ? channels : [line.channel]).map((channel) => ({ person, channel })),
    ),
  )
  await moveEpochs(tx, cells)
}

/** The current persons a statement speaks of: its own, and everybody at whom its address was seen. */
async function concerned(
  tx: Database,
  lines: { statement: StatementId; person: PersonId | null; address: string | null }[],
): Promise<Map<StatementId, PersonId[]>> {
  const rows = await tx.rows<{ statement: StatementId; person: PersonId }>`
    with line as (select * from ${recordset(tx, lines, concernedColumns)} as r),
    said as (
      select statement, person from line where person is not null
      union
      select line.statement, seen.person from line
      join profile.observation as seen on seen.value_key = line.address
        and seen.name in ('email', 'phone', 'push_token')
      where line.address is not null)
    select distinct said.statement, coalesce(merged.winner, said.person) as person
    from said left join identity.merged on merged.loser = said.person and not merged.undone`
  const found = new Map<StatementId, PersonId[]>()
  for (const { statement, person } of rows) found.set(statement, [...(found.get(statement) ?? []), person])
  return found
}

export async function moveEpochs(tx: Database, cells: { person: PersonId; channel: Channel }[]): Promise<void> {
  if (cells.length === 0) return
  await tx.run`
    insert into consent.epoch (person, channel, epoch)
    select distinct r.person, r.channel, 1
    from jsonb_to_recordset(${tx.json(cells)}) as r(person uuid, channel text) order by r.person, r.channel
    on conflict (person, channel) do update set epoch = epoch.epoch + 1`
}

/** The row that a hand-over locks: a denial waits for it, and it waits for a denial. */
export async function lockEpoch(tx: Database, person: PersonId, channel: Channel): Promise<{ epoch: number }> {
  const row = await tx.row<{ epoch: number }>`
    insert into consent.epoch (person, channel, epoch) values (${person}, ${channel}, 0)
    on conflict (person, channel) do update set epoch = epoch.epoch returning epoch`
  return { epoch: row?.epoch ?? 0 }
}

export type Hit = {
  channel: Channel
  address: string
  person: PersonId
  reason: 'hard_bounce'
  at: string
}
/** A click from the address proves that it works again. */
export type Clearance = { channel: Channel; address: string; at: string }

export async function suppress(tx: Database, needs: StoreNeeds, hits: Hit[]): Promise<void> {
  if (hits.length === 0) return
  const rows = new Map(
    hits
      .toSorted((a, b) => (a.at < b.at ? -1 : 1))
      .map((hit) => {
        const address = normalAddress(hit.channel, hit.address)
        return [
          `${needs.points.of(hit.channel, address)}${hit.reason}`,
          { ...hit, address, point: needs.points.of(hit.channel, address) },
        ]
      }),
  )
  await tx.run`
    insert into consent.suppression (point, reason, channel, scope, person, address, hit_at)
    select decode(r.point, 'hex'), r.reason, r.channel, 'all', r.person, r.address, r.at
    from jsonb_to_recordset(${tx.json([...rows.values()])})
      as r(point text, reason text, channel text, person uuid, address text, at timestamptz)
    on conflict (point, reason) do update set hit_at = greatest(suppression.hit_at, excluded.hit_at)`
  await moveEpochs(tx, await currentCells(tx, hits))
}

async function currentCells(tx: Database, hits: Hit[]): Promise<{ person: PersonId; channel: Channel }[]> {
  return tx.rows<{ person: PersonId; channel: Channel }>`
    select distinct identity.current(r.person) as person, r.channel
    from jsonb_to_recordset(${tx.json(hits)}) as r(person uuid, channel text)`
}

/** Returns the persons whose suppression a click took back. */
export async function clear(tx: Database, needs: StoreNeeds, clearances: Clearance[]): Promise<PersonId[]> {
  if (clearances.length === 0) return []
  const rows = clearances.map((given) => ({ point: needs.points.of(given.channel, given.address), at: given.at }))
  const cleared = await tx.rows<{ person: PersonId | null }>`
    update consent.suppression set cleared_at = greatest(cleared_at, r.at)
    from (select decode(point, 'hex') as point, max(at) as at
      from jsonb_to_recordset(${tx.json(rows)}) as r(point text, at timestamptz) group by 1) as r
    where suppression.point = r.point and suppression.reason = 'hard_bounce'
    returning suppression.person`
  return cleared.flatMap(({ person }) => (person === null ? [] : [person]))
}

export type Signal = { person: PersonId; purpose: string; at: string; knownAt: string; event: string }

/**
 * Keeps the latest "no" of ordinary events per purpose; returns the persons whose derived answer it may move: only
 * who has a yes to lose. For purposes that need no consent, `consent.refused` tells it without a derived row.
 */
export async function narrow(tx: Database, signals: Signal[]): Promise<PersonId[]> {
  if (signals.length === 0) return []
  const rows = await tx.rows<{ person: PersonId | null }>`
    insert into consent.signal (person, purpose, at, known_at, event)
    select r.person, r.purpose, r.at, r."knownAt", r.event
    from ${recordset(tx, signals, signalColumns)} as r
    order by r.person, r.purpose
    on conflict (person, purpose) do update
      set at = excluded.at, known_at = excluded.known_at, event = excluded.event where excluded.at > signal.at
    returning case when exists (select from consent.state
      where state.person = signal.person and state.purpose = signal.purpose and state.allowed) then person end as person`
  return [...new Set(rows.flatMap(({ person }) => (person === null ? [] : [person])))]
}

// --- reading ---------------------------------------------------------------------------------------------------------

type Address = { person: PersonId; channel: Channel; address: string }

/** Persons with everything that was stated about them and their contact points. */
export type Loaded = {
  subjects: Map<PersonId, Subject>
  /** Contact point per `person|channel`. */
  points: Map<string, string>
  factsFor(person: PersonId, channel: Channel, point: string | null): Facts
}

/**
 * Loads the facts of many persons with a handful of set queries. An id that was merged away answers as the person
 * it belongs to now; both ids work as keys.
 */
export async function load(tx: Database, needs: StoreNeeds, asked: PersonId[], extra: Address[] = []): Promise<Loaded> {
  const subjects = await subjectsOf(tx, asked)
  const addresses = await tx.rows<Address>`
    select asked.id as person, way.channel, way.address
    from unnest(${asked}::uuid[]) as asked(id) left join identity.merged on merged.loser = asked.id and not merged.undone
    join profile.reachable as way on way.person = coalesce(merged.winner, asked.id)`
  const points = new Map<string, string>()
  for (const { person, channel, address } of [...addresses, ...extra]) {
    const point = needs.points.of(channel, address)
    points.set(`${person}|${channel}`, point)
    points.set(`${subjects.get(person)?.person ?? person}|${channel}`, point)
  }
  const selves = [...new Set([...subjects.values()].flatMap((subject) => subject.aliases))]
  const all = [...new Set(points.values())]
  const [statements, suppressions, holders] = await Promise.all([
    statementsOf(tx, selves, all),
    suppressionsOf(tx, all),
    holdersOf(tx, needs, subjects),
  ])
  const byPerson = Map.groupBy(
    statements.filter((line) => line.point === null),
    (line) => line.person,
  )
  const byPoint = Map.groupBy(
    statements.filter((line) => line.point !== null),
    (line) => line.point,
  )
  const hits = Map.groupBy(suppressions, (hit) => hit.point)
  return {
    subjects,
    points,
    factsFor(person, _channel, point) {
      const subject = subjects.get(person) ?? unknownSubject(person)
      return factsAbout(subject, point, holders(subject, point), {
        statements: [...subject.aliases.flatMap((self) => byPerson.get(self) ?? []), ...(byPoint.get(point) ?? [])],
        suppressions: point === null ? [] : (hits.get(point) ?? []),
      })
    },
  }
}

function unknownSubject(person: PersonId): Subject {
  return { person, aliases: [person], known: false, erased: false, mergedAt: null, minorUntil: null }
}

/** GDPR Art. 8 as Germany has it: below sixteen nobody consents to marketing by themselves. */
const adultAtYears = 16

async function subjectsOf(tx: Database, asked: PersonId[]): Promise<Map<PersonId, Subject>> {
  type Row = Omit<Subject, 'mergedAt' | 'minorUntil'> & { asked: PersonId; mergedAt: Date | null; adultAt: Date | null }
  const rows = await tx.rows<Row>`
    with living as materialized (
      select asked.id as asked, coalesce(merged.winner, asked.id) as person from unnest(${asked}::uuid[]) as asked(id)
      left join identity.merged on merged.loser = asked.id and not merged.undone),
    who as materialized (
      select asked, person, array_prepend(person, array(
        select loser from identity.merged where winner = living.person and not undone)) as aliases from living)
    select who.asked, who.person, who.aliases, person.person is not null as known,
      exists (select from consent.erased where erased.person = any(who.aliases)) as erased,
      case when cardinality(who.aliases) > 1 then
        (select max(log.at) from identity.merged join identity.log on log.id = merged.log
          where merged.winner = who.person and not merged.undone) end as "mergedAt",
      (person.birthday + ${adultAtYears} * interval '1 year')::timestamptz as "adultAt"
    from who left join profile.person as person on person.person = who.person`
  const subjects = new Map<PersonId, Subject>()
  for (const { asked: id, mergedAt, adultAt, ...row } of rows) {
    const subject = { ...row, mergedAt: mergedAtOf(row.aliases, mergedAt), minorUntil: adultAt?.getTime() ?? null }
    subjects.set(id, subject).set(row.person, subject)
  }
  return subjects
}

/** Without a trace of when two became one, nothing counts as said after it. */
function mergedAtOf(aliases: PersonId[], logged: Date | null): number | null {
  if (aliases.length <= 1) return null
  return logged?.getTime() ?? Number.MAX_SAFE_INTEGER
}

type StatementRow = Omit<Stated, 'happenedAt' | 'knownAt' | 'confirmedAt' | 'expiresAt'> & {
  happenedAt: Date
  knownAt: Date
  confirmedAt: Date | null
  expiresAt: Date | null
}

async function statementsOf(tx: Database, persons: PersonId[], points: string[]): Promise<Stated[]> {
  const rows = await tx.rows<StatementRow>`
    select statement, person, encode(point, 'hex') as point, stance, purpose, channel, topic, basis,
      happened_at as "happenedAt", known_at as "knownAt", confirmed_at as "confirmedAt",
      needs_confirmation as "needsConfirmation", expires_at as "expiresAt", trust, named,
      (wording is not null or evidence <> '{}') as proven
    from (
      select own.* from unnest(${persons}::uuid[]) as asked(person)
      cross join lateral (select * from consent.statement where statement.person = asked.person
        and point is null and erased_at is null offset 0) as own
      union all
      select own.* from unnest(${points}::text[]) as asked(hex)
      cross join lateral (select * from consent.statement where statement.point = decode(asked.hex, 'hex')
        and erased_at is null offset 0) as own) as said
    union all
    select null, person, null, 'deny', purpose, null, null, 'consent', at, known_at, null, false, null, 'verified',
      '{}', true
    from consent.signal where person in (select unnest(${persons}::uuid[]))`
  return rows.map((row) => ({
    ...row,
    happenedAt: row.happenedAt.getTime(),
    knownAt: row.knownAt.getTime(),
    confirmedAt: row.confirmedAt?.getTime() ?? null,
    expiresAt: row.expiresAt?.getTime() ?? null,
  }))
}

async function suppressionsOf(tx: Database, points: string[]): Promise<Suppression[]> {
  if (points.length === 0) return []
  const rows = await tx.rows<{ point: string; channel: Channel; scope: 'all' | 'marketing'; since: Date }>`
    select encode(point, 'hex') as point, channel, scope, hit_at as since from consent.suppression
    where point in (select decode(hex, 'hex') from unnest(${points}::text[]) as hex)
      and (cleared_at is null or cleared_at < hit_at)`
  return rows.map((row) => ({ ...row, since: row.since.getTime() }))
}

type HoldersOf = (subject: Subject, point: string | null) => PersonId[]

/** Under which former self an address was seen; only merged persons need to know. */
async function holdersOf(tx: Database, needs: StoreNeeds, subjects: Map<PersonId, Subject>): Promise<HoldersOf> {
  const merged = [...subjects.values()].filter((subject) => subject.aliases.length > 1)
  if (merged.length === 0) return (subject) => subject.aliases
  const selves = merged.flatMap((subject) => subject.aliases)
  const rows = await tx.rows<{ person: PersonId; name: string; address: string }>`
    select distinct person, name, value_key as address from profile.observation
    where person = any(${selves}) and name in ('email', 'phone', 'push_token')`
  const channelOf: { [name: string]: Channel } = { email: 'email', phone: 'phone', push_token: 'push' }
  const byPoint = new Map<string, Set<PersonId>>()
  const identified = new Set<PersonId>()
  for (const { person, name, address } of rows) {
    const point = needs.points.of(channelOf[name] ?? 'email', address)
    byPoint.set(point, (byPoint.get(point) ?? new Set()).add(person))
    identified.add(person)
  }
  return (subject, point) => {
    const found = point === null ? identified : (byPoint.get(point) ?? identified)
    return subject.aliases.filter((self) => found.has(self))
  }
}

export async function answer(
  tx: Database,
  needs: StoreNeeds,
  question: Omit<Question, 'point' | 'at'> & { person: PersonId; address?: string | null | undefined; at?: Date },
): Promise<Permission> {
  const { person, address, at, ...rest } = question
  const extra = address ? [{ person, channel: question.channel, address }] : []
  const loaded = await load(tx, needs, [person], extra)
  const point = loaded.points.get(`${person}|${question.channel}`) ?? null
  const instant = (at ?? needs.clock.now()).getTime()
  return decide(loaded.factsFor(person, question.channel, point), { ...rest, point, at: instant })
}

// --- derived answers -------------------------------------------------------------------------------------------------

type Cell = {
  person: PersonId
  purpose: Purpose
  channel: Channel
  permission: Permission
  since: string | null
  validUntil: string | null
}

/** Writes the answers of these persons that differ from what holds when nobody ever said anything. */
export async function refresh(tx: Database, needs: StoreNeeds, asked: PersonId[]): Promise<void> {
  if (asked.length === 0) return
  const loaded = await load(tx, needs, asked)
  const at = needs.clock.now().getTime()
  const current = [...new Map([...loaded.subjects.values()].map((subject) => [subject.person, subject])).values()]
  const cells = current.flatMap((subject) => cellsOf(loaded, subject.person, at))
  const gone = [...loaded.subjects.values()].flatMap((subject) => subject.aliases)
  await tx.run`delete from consent.state where person in (select unnest(${[...new Set(gone)]}::uuid[]))`
  if (cells.length === 0) return
  const rows = cells.map(({ permission, ...cell }) => ({
    ...cell,
    allowed: permission.allowed,
    because: permission.allowed ? null : permission.because,
    basis: permission.allowed ? permission.basis : null,
    statement: permission.statement,
  }))
  await tx.run`
    insert into consent.state (person, purpose, channel, allowed, because, basis, statement, since, valid_until)
    select r.person, r.purpose, r.channel, r.allowed, r.because, r.basis, r.statement, r.since, r."validUntil"
    from ${recordset(tx, rows, cellColumns)} as r
    on conflict (person, purpose, channel) do nothing`
}

/** The answer to every question about one person; `since` is the instant of the line that decides. */
export function cellsOf(loaded: Loaded, person: PersonId, at: number, all = false): Cell[] {
  return channels.flatMap((channel) => {
    const point = loaded.points.get(`${person}|${channel}`) ?? null
    const facts = loaded.factsFor(person, channel, point)
    // Of the many visitors who only send a browser's "no", no row is kept: `consent.refused` tells of them.
    const stated = facts.statements.some(({ statement }) => statement !== null)
    if (!all && !stated && facts.suppressions.length === 0 && !facts.erased) return []
    const until = holdsUntil(facts, at)
    return registry.flatMap((rule) => {
      const question = { purpose: rule.purpose, channel, point, at }
      if (!all && facts.suppressions.length === 0 && !facts.statements.some((line) => mayBear(line, question)))
        return []
      const permission = decide(facts, question)
      if (!all && sameAnswer(permission, decide({ ...facts, statements: [], suppressions: [] }, question))) return []
      const line = facts.statements.find(({ statement }) => statement !== null && statement === permission.statement)
      return [
        {
          person,
          purpose: rule.purpose,
          channel,
          permission,
          since: line === undefined ? null : new Date(Math.max(line.happenedAt, line.knownAt)).toISOString(),
          validUntil: until === null ? null : new Date(until).toISOString(),
        },
      ]
    })
  })
}

function sameAnswer(one: Permission, other: Permission): boolean {
  if (one.allowed !== other.allowed) return false
  return one.allowed || (!other.allowed && one.because === other.because)
}

// --- showing ---------------------------------------------------------------------------------------------------------

export type LedgerRow = {
  statement: StatementId
  sequence: number
  person: PersonId | null
  address: string | null
  stance: Stated['stance']
  purpose: Purpose | null
  channel: Channel | null
  topic: string | null
  basis: Stated['basis']
  happenedAt: Date
  knownAt: Date
  confirmedAt: Date | null
  needsConfirmation: boolean
  expiresAt: Date | null
  trust: 'verified' | 'claimed'
  named: string[]
  source: string
  wording: Wording | null
  evidence: JsonObject
  reason: string | null
  actor: string | null
  salt: Buffer | null
  contentHash: Buffer
  seal: Buffer
  erasedAt: Date | null
}

/** Columns of a ledger row under the names of `LedgerRow`. */
function ledgerColumns(database: Database) {
  return database.part`statement, sequence, person, address, stance, purpose, channel, topic, basis,
    happened_at as "happenedAt", known_at as "knownAt", confirmed_at as "confirmedAt",
    needs_confirmation as "needsConfirmation", expires_at as "expiresAt", trust, named, source, wording, evidence,
    reason, actor, salt, content_hash as "contentHash", seal, erased_at as "erasedAt"`
}

/** What a person and its former selves stated, and what was stated about its addresses, the newest first. */
export function ledgerOf(database: Database, persons: PersonId[], points: string[]): Promise<LedgerRow[]> {
  return database.rows<LedgerRow>`
    select ${ledgerColumns(database)} from consent.statement
    where erased_at is null and (person = any(${persons})
      or point = any(array(select decode(hex, 'hex') from unnest(${points}::text[]) as hex)))
    order by sequence desc`
}

export function ledgerPage(
  database: Database,
  filter: {
    before: number | null
    stance?: string | undefined
    channel?: string | undefined
    purpose?: string | undefined
    limit: number
  },
): Promise<(LedgerRow & { currentPerson: PersonId | null; personName: string | null; sourceName: string | null })[]> {
  const conditions = [database.part`s.erased_at is null`]
  if (filter.before !== null) conditions.push(database.part`s.sequence < ${filter.before}`)
  if (filter.stance !== undefined) conditions.push(database.part`s.stance = ${filter.stance}`)
  if (filter.channel !== undefined) conditions.push(database.part`s.channel = ${filter.channel}`)
  if (filter.purpose !== undefined) conditions.push(database.part`s.purpose = ${filter.purpose}`)
  return database.rows`
    with s as (select ${ledgerColumns(database)} from consent.statement as s
      where ${database.join(conditions, 'and')} order by s.sequence desc limit ${filter.limit})
    select s.*, person.person as "currentPerson",
      nullif(concat_ws(' ', person.first_name, person.last_name), '') as "personName", source.name as "sourceName"
    from s left join ingest.source on source.id::text = split_part(s.source, ':', 2) left join profile.person on person.person = identity.current(s.person) order by s.sequence desc`
}

/** Walks the whole chain in pages; `brokenAt` is the first line whose seal or content does not fit. */
export async function verifyChain(
  database: Database,
): Promise<{ intact: boolean; statements: number; brokenAt: number | null; erased: number }> {
  let seal: Buffer | null = null
  let after = 0
  let statements = 0
  let erased = 0
  for (;;) {
    const rows = await database.rows<LedgerRow & { start: Buffer }>`
      select ${ledgerColumns(database)}, sha256('einklang consent ledger') as start
      from consent.statement where sequence > ${after} order by sequence limit 5000`
    for (const row of rows) {
      const expected = sealOf(seal ?? row.start, row.contentHash)
      if (row.sequence !== after + 1 || !expected.equals(row.seal) || !contentFits(row))
        return { intact: false, statements, brokenAt: row.sequence, erased }
      seal = row.seal
      after = row.sequence
      statements++
      if (row.erasedAt !== null) erased++
    }
    if (rows.length < 5000) break
  }
  const head = await database.row<{ sequence: number; seal: Buffer }>`select sequence, seal from consent.head`
  const ends = head?.sequence === after && (seal === null || head.seal.equals(seal))
  return { intact: ends, statements, brokenAt: ends ? null : after + 1, erased }
}

function contentFits(row: LedgerRow): boolean {
  if (row.salt === null) return row.erasedAt !== null
  const content: Content = {
    statement: row.statement,
    person: row.person,
    address: row.address,
    stance: row.stance,
    purpose: row.purpose,
    channel: row.channel,
    topic: row.topic,
    basis: row.basis,
    happenedAt: row.happenedAt.toISOString(),
    knownAt: row.knownAt.toISOString(),
    confirmedAt: row.confirmedAt?.toISOString() ?? null,
    needsConfirmation: row.needsConfirmation,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    trust: row.trust,
    named: row.named,
    source: row.source,
    wording: row.wording,
    evidence: row.evidence,
    reason: row.reason,
    actor: row.actor,
  }
  return contentHash(content, row.salt).equals(row.contentHash)
}

// --- erasing ---------------------------------------------------------------------------------------------------------

/**
 * Empties what these persons stated and keeps the chain; an objection lives on as a keyed hash of the address, so
 * that a later import of the same address cannot wake it.
 */
export async function erasePersons(tx: Database, needs: StoreNeeds, persons: PersonId[]): Promise<number> {
  const now = needs.clock.now()
  let rows = await tx.run`
    insert into consent.suppression (point, reason, channel, scope, hit_at)
    select distinct on (point) point, 'objected_before_erasure', channel, 'marketing', happened_at
    from consent.statement
    where person = any(${persons}) and point is not null and stance = 'deny' order by point, happened_at desc
    on conflict (point, reason) do nothing`
  rows += await tx.run`
    update consent.statement set person = null, address = null, point = null, topic = null, wording = null,
      evidence = '{}', reason = null, actor = null, salt = null, source = 'erased', erased_at = ${now}
    where person = any(${persons})`
  rows += await tx.run`
    update consent.suppression set person = null, address = null where person = any(${persons})`
  rows += await tx.run`delete from consent.signal where person = any(${persons})`
  rows += await tx.run`delete from consent.state where person = any(${persons})`
  await moveEpochs(
    tx,
    persons.flatMap((person) => channels.map((channel) => ({ person, channel }))),
  )
  await tx.run`
    insert into consent.erased (person, at) select person, ${now}::timestamptz from unnest(${persons}::uuid[]) as person
    on conflict do nothing`
  return rows
}

/** The objection of somebody we have erased: effective on the address, without knowing it. */
export async function objectByHash(
  database: Database,
  needs: StoreNeeds,
  channel: Channel,
  address: string,
): Promise<void> {
  await database.run`
    insert into consent.suppression (point, reason, channel, scope, hit_at)
    values (decode(${needs.points.of(channel, address)}, 'hex'), 'objected_after_erasure', ${channel}, 'marketing',
      ${needs.clock.now()})
    on conflict (point, reason) do nothing`
}
