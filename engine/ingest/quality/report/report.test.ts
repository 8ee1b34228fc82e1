import { type AlarmId, api, type PersonId, type SourceId, type UserId } from '@einklang/contract'
import { derivedId, newId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { drawsFrom } from '@einklang/stats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { segmentUses } from '#audience'
import { commerceHealth } from '#commerce'
import { reachHealth } from '#consent'
import { wordUses } from '#content'
import { journeyUses } from '#decision'
import { identityHealth } from '#identity'
import { profileHealth } from '#profile'
import { createIngest, type Ingest, type IngestInside, type SendMail } from '../../index.ts'
import { openAlarm } from '../monitor/store.ts'
import { csvOf, withoutSmallCells } from './export.ts'
import { changes } from './letter.ts'
import { scoreOf, usualWeights } from './score.ts'
import { fieldsOf, usualFields } from './shape.ts'

type Person = {
  person: PersonId
  known: boolean
  first_name: string | null
  email: string | null
  phone: string | null
  postal_code: string | null
  birthday: string | null
  street: string | null
  city: string | null
}

let world: TestGround
let ingest: Ingest & IngestInside
let crm: SourceId
const people: Person[] = []
const mails: Parameters<SendMail>[0][] = []
const eva = newId('user', { now: () => new Date('2026-01-01T00:00:00Z') }) as UserId
const tom = newId('user', { now: () => new Date('2026-01-02T00:00:00Z') }) as UserId
/** Person → its allowed, withdrawn and bounced state for e-mail. */
const said = new Map<PersonId, 'allowed' | 'withdrawn'>()
const bounced = new Set<PersonId>()
const merged = new Map<PersonId, PersonId>()
const buyers = new Set<PersonId>()

beforeAll(async () => {
  world = await testGround()
  const { ground } = world
  const { database } = ground
  ingest = createIngest({
    ground,
    apply: async () => ({ events: [], merges: [], touched: [] }),
    health: {
      reach: () => reachHealth(database),
      profile: (fields) => profileHealth(database, fields),
      identity: () => identityHealth(ground),
      commerce: (fields) => commerceHealth(database, 'EUR', fields),
      uses: async () => (await Promise.all([segmentUses(database), journeyUses(database), wordUses(database)])).flat(),
    },
    team: async () => [
      { id: eva, name: 'Eva' },
      { id: tom, name: 'Tom' },
    ],
    letters: {
      colleagues: async (ids) =>
        ids.map((id) =>
          id === tom ? { id, name: 'Tom', email: 'tom@shop.example' } : { id, name: 'Eva', email: 'eva@shop.example' },
        ),
      send: async (mail) => {
        mails.push(mail)
        return true
      },
    },
  })
  crm = (await database.transaction((tx) => ingest.sources.create(tx, { name: 'CRM', kind: 'crm' }, null))).source.id
  await fill()
})
afterAll(() => world.close())

async function fill(): Promise<void> {
  const { database } = world.ground
  const draws = drawsFrom('report')
  const one = <Value>(...values: Value[]) => values[draws.below(values.length)] as Value
  for (let index = 0; index < 300; index++) {
    people.push({
      person: derivedId('person', String(index)),
      known: draws.below(10) > 0,
      first_name: one('Ada', 'Test', null),
      email: one('ada@example.com', 'info@example.com', 'no address', null, 'bert@example.com'),
      phone: one('+491701234567', '0170', null),
      postal_code: one('50667', '5066', null),
      birthday: one('1980-05-01', '1900-01-01', null),
      street: one('Domplatz 1', null),
      city: one('Köln', null),
    })
  }
  await database.run`
    insert into profile.person (person, known, first_name, email, phone, postal_code, birthday, street, city, country,
      first_seen, last_seen, seen_day)
    select person, known, first_name, email, phone, postal_code, birthday, street, city, 'DE', platform.now(), platform.now(), '2026-03-02'
    from jsonb_to_recordset(${database.json(people)}) as r(person uuid, known boolean, first_name text, email text,
      phone text, postal_code text, birthday date, street text, city text)`
  const states = []
  const shut = []
  const observations = []
  const purchases = []
  for (const { person, email, known, first_name } of people) {
    const way = one('allowed', 'withdrawn', 'never') as 'allowed' | 'withdrawn' | 'never'
    if (way !== 'never') {
      said.set(person, way)
      states.push({ person, allowed: way === 'allowed', because: way === 'allowed' ? null : 'withdrawn' })
    }
    if (draws.below(8) === 0 && email) {
      bounced.add(person)
      shut.push({ person, point: `\\x${person.replaceAll('-', '')}` })
    }
    // A third was two people once: what was heard lies under the other id and counts for the one there is.
    const loser = draws.below(3) === 0 ? derivedId('person', `${person} before`) : null
    if (loser) merged.set(loser, person)
    const ids = loser ? [person, loser] : [person]
    for (const id of ids) {
      if (first_name)
        observations.push({ person: id, name: 'first_name', value: first_name, trust: one('verified', 'claimed') })
      if (known && draws.below(2) === 0) {
        buyers.add(person)
        purchases.push({ person: id, id: derivedId('order', id), total: 1000 + draws.below(5000) })
      }
    }
  }
  purchases.push({ person: null, id: derivedId('order', 'nobody'), total: 7777 })
  await database.run`
    insert into identity.merged (loser, winner) select loser, winner
    from jsonb_to_recordset(${database.json([...merged].map(([loser, winner]) => ({ loser, winner })))}) as r(loser uuid, winner uuid)`
  await database.run`
    insert into consent.state (person, purpose, channel, allowed, because) select person, 'newsletter', 'email', allowed, because
    from jsonb_to_recordset(${database.json(states)}) as r(person uuid, allowed boolean, because text)`
  await database.run`
    insert into consent.suppression (point, reason, channel, scope, person, hit_at)
    select point::bytea, 'hard_bounce', 'email', 'all', person, platform.now()
    from jsonb_to_recordset(${database.json(shut)}) as r(person uuid, point text)`
  await database.run`
    insert into profile.observation (person, name, source, value, value_key, trust, first_at, last_at, known_at, event)
    select person, name, ${crm}, to_jsonb(value), value, trust, platform.now(), platform.now(), platform.now(), person
    from jsonb_to_recordset(${database.json(observations)}) as r(person uuid, name text, value text, trust text)`
  await database.run`
    insert into commerce.purchase (id, person, kind, order_no, channel, place, at, total, currency, source, trusted, event)
    select id, person, 'receipt', id::text, 'store', 'K1', platform.now() - interval '2 days', total, 'EUR', ${crm}, true, id
    from jsonb_to_recordset(${database.json(purchases)}) as r(id uuid, person uuid, total bigint)`
}

const known = () => people.filter((one) => one.known)

test('every number of the report is a brute-force count, and who was merged counts once', async () => {
  expect(await ingest.quality?.compute()).toBe(true)
  const report = await ingest.quality?.read(true)
  if (!report) throw new Error('There is no report.')
  expect(report.people).toBe(known().length)
  const email = report.reachable.find(({ channel }) => channel === 'email')
  const lost = new Map<string, number>()
  for (const { person, email: address } of known()) {
    const cause =
      address === null
        ? 'no_address'
        : !/^\S+@\S+\.\S+$/.test(address)
          ? 'invalid'
          : address.startsWith('info@')
            ? 'role_address'
            : bounced.has(person)
              ? 'bounced'
              : said.get(person) === 'allowed'
                ? 'reachable'
                : said.get(person) === 'withdrawn'
                  ? 'withdrawn'
                  : 'no_consent'
    lost.set(cause, (lost.get(cause) ?? 0) + 1)
  }
  expect(email?.reachable).toBe(lost.get('reachable'))
  lost.delete('reachable')
  expect(new Map(email?.lost.map(({ cause, people: count }) => [cause as string, count]))).toEqual(lost)
  expect(lost.size).toBe(6)
  const field = (name: string) => report.completeness.fields.find((one) => one.field === name)
  const filled = (name: keyof Person) => known().filter((one) => one[name] !== null)
  expect(field('postal_code')).toMatchObject({
    filled: { count: filled('postal_code').length, of: known().length },
    valid: { count: filled('postal_code').filter((one) => one.postal_code === '50667').length },
  })
  expect(field('birthday')?.valid.count).toBe(filled('birthday').filter((one) => one.birthday === '1980-05-01').length)
  expect(field('phone')?.valid.count).toBe(filled('phone').filter((one) => one.phone !== '0170').length)
  expect(field('first_name')?.valid.count).toBe(filled('first_name').filter((one) => one.first_name === 'Ada').length)
  const told = report.completeness.bySource.find(({ source }) => source === crm)
  expect(told).toMatchObject({ sourceName: 'CRM', people: filled('first_name').length })
  const store = report.completeness.byStore.find((one) => one.store === 'K1')
  expect(store?.people).toBe(buyers.size)
  const { rows } = {
    rows: await world.ground.database.rows<{
      total: number
      person: PersonId | null
    }>`select total, person from commerce.purchase`,
  }
  const [till] = report.identity.tied
  expect(till).toMatchObject({ channel: 'store', store: 'K1', receipts: rows.length })
  expect(till?.turnover).toBe(rows.reduce((sum, { total }) => sum + total, 0))
  expect(till?.tied).toBe(rows.filter(({ person }) => person !== null).reduce((sum, { total }) => sum + total, 0))
  expect(report.completeness.fields).toHaveLength(10)
})

test('the score lies between 0 and 100, grows with each part and leaves out what has no data', () => {
  const draws = drawsFrom('score')
  for (let turn = 0; turn < 500; turn++) {
    const inputs = Object.fromEntries(
      api.ingest.scoreParts.map((part) => {
        const of = draws.below(4) === 0 ? 0 : 1 + draws.below(1000)
        return [part, { count: draws.below(of + 1), of }]
      }),
    )
    const { value, parts } = scoreOf(inputs, usualWeights)
    const withData = parts.filter((one) => one.value !== null)
    if (value === null) {
      expect(withData).toEqual([])
      continue
    }
    expect(value).toBeGreaterThanOrEqual(0)
    expect(value).toBeLessThanOrEqual(100)
    expect(withData.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 10)
    for (const { part, count, of } of withData) {
      if (count === of) continue
      const better = scoreOf({ ...inputs, [part]: { count: count + 1, of } }, usualWeights)
      expect(better.value).toBeGreaterThan(value)
    }
  }
  expect(scoreOf({ validity: { count: 9, of: 10 } }, usualWeights).value).toBe(90)
})

test('small cells are hidden from readers without profiles, nobody is named to them', async () => {
  const report = await ingest.quality?.read(true)
  if (!report) throw new Error('There is no report.')
  const few = {
    ...report,
    reachable: [
      {
        channel: 'email' as const,
        reachable: 4,
        people: 50,
        lost: [{ cause: 'bounced' as const, people: 5 }],
        trend: [],
      },
    ],
  }
  const shown = withoutSmallCells({ ...few, identity: { ...few.identity, largest: [{ person: 'p', identifiers: 9 }] } })
  expect(shown.reachable[0]).toMatchObject({ reachable: null, lost: [{ people: 5 }] })
  expect(shown.identity.largest).toEqual([])
})

test('the export carries the same numbers, and no cell runs in a spreadsheet', async () => {
  const report = await ingest.quality?.read(true)
  if (!report) throw new Error('There is no report.')
  const hostile = { ...report, scores: [{ ...report.score, kind: 'source' as const, key: 's', name: '=cmd|"x",1' }] }
  const lines = csvOf(hostile).split('\r\n')
  const email = report.reachable.find(({ channel }) => channel === 'email')
  expect(lines).toContain(`reachable,reachable,email,${email?.reachable},${email?.people},${report.asOf}`)
  expect(lines.some((line) => line.includes(`"'=cmd|""x"",1 (s)"`))).toBe(true)
})

test('other weights change the score of the same inputs at once', async () => {
  const before = await ingest.quality?.read(true)
  const only = { validity: 1, completeness: 0, freshness: 0, conformity: 0, uniqueness: 0 }
  await world.ground.database
    .run`insert into ingest.quality_setting (weights) values (${world.ground.database.json(only)})`
  const after = await ingest.quality?.read(true)
  expect(after?.score.value).toBeCloseTo(
    100 * (before?.score.parts.find(({ part }) => part === 'validity')?.value ?? 0),
    8,
  )
  expect(after?.weights).toEqual(only)
  await world.ground.database.run`delete from ingest.quality_setting`
})

test('the ten fields are those that segments and words use, filled up with the usual ones', () => {
  const fields = fieldsOf([
    { kind: 'segment', id: 's', name: 'S', traits: ['shoe_size', 'city'], events: [] },
    { kind: 'campaign', id: 'c', name: 'C', traits: ['name', 'shoe_size'], events: [] },
  ])
  expect(fields).toHaveLength(10)
  expect(fields[0]).toEqual({ field: 'shoe_size', usedBy: 2 })
  expect(fields.map(({ field }) => field)).toEqual(expect.arrayContaining(['first_name', 'last_name', 'city', 'email']))
  expect(fieldsOf([]).map(({ field }) => field)).toEqual([...usualFields])
})

test('a letter a week to those who asked, in their language, and none when nothing changed', async () => {
  const { database } = world.ground
  await database.run`
    insert into ingest.quality_letter (colleague, language, asked_at) values (${eva}, 'de', platform.now())`
  expect(await ingest.quality?.letters()).toBe(0)
  await world.clock.advance({ days: 7 })
  await ingest.quality?.compute()
  expect(await ingest.quality?.letters()).toBe(0)
  // Half of those who allowed it withdraw.
  await database.run`update consent.state set allowed = false, because = 'withdrawn'
    where allowed and person in (select person from consent.state where allowed order by person limit 50)`
  await world.clock.advance({ days: 7 })
  await ingest.quality?.compute()
  expect(await ingest.quality?.letters()).toBe(1)
  expect(await ingest.quality?.letters()).toBe(0)
  expect(mails).toHaveLength(1)
  expect(mails[0]).toMatchObject({
    to: { address: 'eva@shop.example' },
    subject: 'Datenqualität: was sich geändert hat',
  })
  expect(mails[0]?.text).toContain('E-Mail:')
  const report = await ingest.quality?.read(true)
  expect(report?.reachable.find(({ channel }) => channel === 'email')?.trend).toHaveLength(3)
  expect(report?.scoreTrend).toHaveLength(3)
})

test('what quarantine will soon give up is told a week before', async () => {
  const { database, clock } = world.ground
  const item = (id: string, days: number) => database.run`
    insert into ingest.quarantine (id, source, event, content, received_at, created_at, payload, request, reasons, code, path,
      message, group_key, status, expires_at, turnover, currency)
    values (${derivedId('quarantine', id)}, ${crm}, ${derivedId('event', id)}, 0, platform.now(), platform.now(), '', '{}', '[]',
      'currency_unknown', 'properties.currency', '', 'g', 'open', ${new Date(clock.now().getTime() + days * 86_400_000)}, 4990, 'EUR')`
  mails.length = 0
  await item('later', 30)
  await world.clock.advance({ days: 7 })
  await ingest.quality?.compute()
  expect(await ingest.quality?.letters()).toBe(0)
  await item('soon', 13)
  expect(await ingest.quality?.letters()).toBe(1)
  expect(mails[0]?.text).toMatch(/wird ab [\d.]+ gelöscht: CRM, currency_unknown, 1 Einträge \(49,90\s€\)/)
})

test('an alarm has an owner, who is written to, and the next one of the source begins with the same', async () => {
  const { database, clock } = world.ground
  const opened = (code: 'stream.silence' | 'stream.volume', id: AlarmId) =>
    database.transaction((tx) =>
      openAlarm(tx, {
        id,
        source: crm,
        code,
        level: 'alarm',
        subjectKind: 'source',
        subjectName: '',
        since: clock.now(),
        openedAt: clock.now(),
        seenAt: clock.now(),
        unit: 'minutes',
        observed: 90,
        usual: 10,
        windowMinutes: 90,
        currency: 'EUR',
        cause: { kind: 'unknown', name: '', at: null },
      }),
    )
  const [first, second] = [newId('alarm', clock), newId('alarm', { now: () => new Date(clock.now().getTime() + 1) })]
  await opened('stream.silence', first)
  const { monitor } = ingest
  expect((await monitor.alarms({ limit: 9, owner: tom })).items).toEqual([])
  expect(await monitor.acknowledge(first, 'Eva', eva)).toMatchObject({
    owner: { id: eva, name: 'Eva' },
    acknowledgedBy: 'Eva',
    acknowledgedAt: clock.now().toISOString(),
  })
  // Who came first stays written down, whoever says it again.
  expect(await monitor.acknowledge(first, 'Tom', tom)).toMatchObject({ owner: { name: 'Eva' }, acknowledgedBy: 'Eva' })
  expect((await monitor.assign(first, tom)).owner).toEqual({ id: tom, name: 'Tom' })
  await expect(monitor.assign(first, derivedId('user', 'gone'))).rejects.toThrow('works here')
  await expect(monitor.assign(newId('alarm', clock), tom)).rejects.toThrow('no such alarm')
  await opened('stream.volume', second)
  const mine = await monitor.alarms({ limit: 9, owner: tom })
  expect(
    mine.items
      .map(({ code, acknowledgedAt }) => [code, acknowledgedAt !== null])
      .toSorted(([one], [other]) => String(one).localeCompare(String(other))),
  ).toEqual([
    ['stream.silence', true],
    ['stream.volume', false],
  ])
  mails.length = 0
  await world.clock.advance({ days: 7 })
  await ingest.quality?.compute()
  await ingest.quality?.letters()
  expect(await ingest.quality?.letters()).toBe(0)
  // Eva asked for the letter, Tom has alarms: he reads of these alone, she of everything.
  expect(mails.map(({ to }) => to.name).sort()).toEqual(['Eva', 'Tom'])
  const textTo = (name: string) => mails.find(({ to }) => to.name === name)?.text ?? ''
  expect(textTo('Eva')).not.toMatch(/Yours|Ihrer/)
  const own = textTo('Tom')
  expect(own).toMatch(
    /(?:Yours, not acknowledged yet|Ihrer, noch nicht bestätigt): (?:Unusual volume|Ungewöhnliche Menge): CRM/,
  )
  expect(own).toMatch(/(?:Yours|Ihrer): (?:Silence|Stille): CRM/)
  expect(own).toMatch(/assigned to you|zugewiesen/)
  await monitor.assign(first, null)
  await monitor.assign(second, null)
})

test('a change that is none is not told', async () => {
  const report = await ingest.quality?.read(true)
  if (!report) throw new Error('There is no report.')
  expect(changes(report, report, [])).toEqual([])
})
