import type { Channel, JsonObject, NormalEvent, PersonId, SourceId } from '@einklang/contract'
import { api } from '@einklang/contract'
import { derivedId } from '@einklang/platform'
import { type TestGround, testGround } from '@einklang/platform/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Consent, consentParts, createConsent, type Statement } from '#consent'
import { createIdentity, type Identity } from '#identity'
import type { OwnEvent } from '#ingest'
import { createProfile, type Profile } from '#profile'
import type { ConsentInside } from './index.ts'
import { verifyChain } from './store.ts'

let house: TestGround
let identity: Identity
let profile: Profile
let consent: Consent & ConsentInside
let emitted: OwnEvent[] = []
let settled: { persons: PersonId[]; channels: readonly Channel[] }[] = []
let count = 0

type Told = {
  ids: { [namespace: string]: string }
  kind?: NormalEvent['kind']
  name?: string
  at?: string
  traits?: JsonObject
  properties?: JsonObject
  consent?: { [purpose: string]: boolean }
  mayJoin?: boolean
}

function event(told: Told): NormalEvent {
  const mayJoin = told.mayJoin ?? true
  const at = told.at ?? '2026-03-02T08:00:00.000Z'
  const messageId = `m${++count}`
  return {
    id: derivedId('event', messageId),
    source: derivedId('source', 'web') as SourceId,
    messageId,
    dialect: 'segment',
    library: null,
    kind: told.kind ?? (told.traits ? 'identify' : 'track'),
    name: told.name ?? null,
    channel: 'web',
    at,
    originalAt: at,
    sentAt: at,
    receivedAt: house.clock.now().toISOString(),
    identifiers: Object.entries(told.ids).map(([namespace, value]) => ({
      namespace,
      value,
      trust: mayJoin ? ('verified' as const) : ('claimed' as const),
    })),
    mayJoin,
    traits: told.traits ?? {},
    properties: told.properties ?? {},
    context: {},
    consent: told.consent ?? null,
    flags: [],
    raw: { inbox: 1, index: count },
  }
}

async function happen(...events: NormalEvent[]): Promise<PersonId> {
  return house.ground.database.transaction(async (tx) => {
    const batch = await identity.resolve(tx, events)
    await profile.apply(tx, batch)
    await consent.apply(tx, batch)
    const last = batch.events.at(-1)
    if (last === undefined) throw new Error('no event has a person')
    return (await identity.current(tx, [last.person])).get(last.person) ?? last.person
  })
}

const may = async (
  person: PersonId,
  channel: Channel = 'email',
  purpose: 'newsletter' | 'service' | 'ads_share' = 'newsletter',
) => {
  const permission = await consent.may(house.ground.database, { person, purpose, channel })
  return permission.allowed ? `yes, ${permission.basis}` : `no, ${permission.because}`
}

/** Somebody with an e-mail address, subscribed with time and proof. */
const subscriber = (name: string, more: JsonObject = {}) =>
  happen(
    event({
      ids: { user_id: name, email: `${name}@example.com` },
      traits: {
        email: `${name}@example.com`,
        consent_email: 'ja',
        consent_at: '2025-05-01T10:00:00Z',
        consent_proof: 'DOI-1',
        ...more,
      },
    }),
  )

beforeAll(async () => {
  house = await testGround()
  identity = createIdentity({ ground: house.ground })
  profile = createProfile({ ground: house.ground, identity })
  consent = createConsent({
    ground: house.ground,
    brand: async () => ({ name: 'Schuhhaus & Söhne', language: 'de' }),
    emit: async (_, events) => {
      emitted.push(...events)
    },
    settled: async (persons, channels) => {
      settled.push({ persons, channels })
    },
  })
})
afterAll(() => house?.close())

describe('consent out of events', () => {
  test('an imported grant with time and proof permits; without proof it is only claimed', async () => {
    expect(await may(await subscriber('ada'))).toBe('yes, consent')
    const bare = await happen(
      event({ ids: { email: 'bare@example.com' }, traits: { email: 'bare@example.com', consent_email: 'subscribed' } }),
    )
    expect(await may(bare)).toBe('no, claimed_only')
  })

  test('an unsubscribe in the newsletter tool holds at once, for marketing on that channel only', async () => {
    const person = await subscriber('ben')
    await happen(
      event({
        ids: { email: 'ben@example.com' },
        name: 'message.unsubscribed',
        properties: { channel: 'email', message_id: 'm-7' },
      }),
    )
    expect(await may(person)).toBe('no, withdrawn')
    expect(await may(person, 'email', 'service')).toBe('yes, contract')
  })

  test('an older unsubscribe that arrives late does not undo a newer consent', async () => {
    const person = await subscriber('cleo')
    await happen(
      event({
        ids: { email: 'cleo@example.com' },
        name: 'message.unsubscribed',
        properties: { channel: 'email' },
        at: '2025-04-01T10:00:00.000Z',
      }),
    )
    expect(await may(person)).toBe('yes, consent')
  })

  test('a hard bounce suppresses the address for everything until a click from it', async () => {
    const person = await subscriber('dora')
    const about = { ids: { email: 'dora@example.com' }, properties: { channel: 'email', message_id: 'm-8' } }
    await happen(event({ ...about, name: 'message.bounced', at: '2026-03-01T10:00:00.000Z' }))
    expect(await may(person)).toBe('no, suppressed')
    expect(await may(person, 'email', 'service')).toBe('no, suppressed')
    await happen(
      event({ ...about, name: 'message.bounced', properties: { ...about.properties, permanent: false } }),
      event({ ...about, name: 'message.clicked', at: '2026-03-01T12:00:00.000Z' }),
    )
    expect(await may(person)).toBe('yes, consent')
  })

  test('a spam complaint is a withdrawal', async () => {
    const person = await subscriber('emil')
    await happen(
      event({ ids: { email: 'emil@example.com' }, name: 'message.complained', properties: { channel: 'email' } }),
    )
    expect(await may(person)).toBe('no, withdrawn')
  })

  test('a banner statement grants; a consent object on another event only narrows', async () => {
    const person = await happen(event({ ids: { user_id: 'finn' }, traits: { email: 'finn@example.com' } }))
    const browse = (allowed: boolean, at: string) =>
      event({ ids: { user_id: 'finn' }, name: 'Product Viewed', consent: { ads_share: allowed }, at })
    await happen(browse(true, '2026-03-02T08:01:00.000Z'))
    expect(await may(person, 'email', 'ads_share')).toBe('no, never_asked')
    await happen(
      event({
        ids: { user_id: 'finn' },
        kind: 'consent',
        name: 'Segment Consent Preference Updated',
        consent: { ads_share: true },
        at: '2026-03-02T08:02:00.000Z',
      }),
    )
    expect(await may(person, 'email', 'ads_share')).toBe('yes, consent')
    await happen(browse(false, '2026-03-02T08:03:00.000Z'))
    expect(await may(person, 'email', 'ads_share')).toBe('no, withdrawn')
  })

  test('a public key cannot subscribe anybody to marketing', async () => {
    const person = await happen(
      event({ ids: { user_id: 'gus' }, traits: { email: 'gus@example.com' } }),
      event({
        ids: { user_id: 'gus' },
        kind: 'consent',
        name: 'Segment Consent Preference Updated',
        consent: { newsletter: true },
        mayJoin: false,
      }),
    )
    expect(await may(person)).toBe('no, unconfirmed')
  })

  test('the same event twice makes one line', async () => {
    const told = event({
      ids: { email: 'twice@example.com' },
      name: 'message.unsubscribed',
      properties: { channel: 'email' },
    })
    const person = await happen(told)
    await happen({ ...told })
    const rows = await house.ground.database.rows`select statement from consent.statement where person = ${person}`
    expect(rows).toHaveLength(1)
  })
})

describe('merges', () => {
  test('a denial of either side holds for the merged person; a grant opens no foreign address', async () => {
    const browser = await happen(
      event({
        ids: { anonymous_id: 'dev-h' },
        kind: 'consent',
        name: 'Segment Consent Preference Updated',
        consent: { ads_share: true, newsletter: false },
        at: '2026-03-02T07:00:00.000Z',
      }),
    )
    expect(await may(browser, 'email', 'ads_share')).toBe('yes, consent')
    const hana = await subscriber('hana')
    expect(await may(hana)).toBe('yes, consent')
    await happen(event({ ids: { user_id: 'hana', anonymous_id: 'dev-h' }, name: 'Signed In' }))
    expect(await may(hana, 'email', 'ads_share')).toBe('no, never_asked')
    expect(await may(hana)).toBe('no, withdrawn')
  })

  test('a denial that named no address, said while two were one, holds for both when they part', async () => {
    const xenia = await subscriber('xenia')
    const email = 'yuri@example.com'
    const said = { consent_email: 'ja', consent_at: '2025-05-01T10:00:00Z', consent_proof: 'DOI-2' }
    const yuri = await happen(event({ ids: { loyalty_card: '2900000000017', email }, traits: { email, ...said } }))
    await happen(event({ ids: { user_id: 'xenia', loyalty_card: '2900000000017' }, name: 'Signed In' }))
    expect(await identity.find('email', email)).toBe(xenia)
    await consent.state([
      { person: xenia, stance: 'deny', purpose: 'newsletter', channel: 'email', source: 'telephone' },
    ])
    const merge = (await identity.log(xenia)).find((row) => row.mayUndo)
    const following = createIdentity({
      ground: house.ground,
      reapply: async (tx, batch) => {
        await profile.apply(tx, batch)
        await consent.apply(tx, batch)
      },
    })
    await following.unmerge(merge?.id ?? '', 'user:eva')
    expect(await identity.find('email', email)).toBe(yuri)
    expect([await may(xenia), await may(yuri)]).toEqual(['no, withdrawn', 'no, withdrawn'])
    expect(await verifyChain(house.ground.database)).toMatchObject({ intact: true })
  })
})

describe('sets', () => {
  test('many persons get the same answers as one by one, and the derived table agrees', async () => {
    const rows = await house.ground.database.rows<{ person: PersonId }>`select person from profile.person`
    const persons = rows.map((row) => row.person)
    for (const channel of ['email', 'sms'] as const) {
      const many = await consent.mayMany(house.ground.database, persons, 'newsletter', channel)
      const derived = await house.ground.database.rows<{ person: PersonId }>`
        select person from consent.state where purpose = 'newsletter' and channel = ${channel} and allowed`
      const allowed = new Set(derived.map((row) => row.person))
      expect(persons.length).toBeGreaterThan(5)
      for (const person of persons) {
        const permission = many.get(person)
        expect(permission).toEqual(await consent.may(house.ground.database, { person, purpose: 'newsletter', channel }))
        expect(allowed.has(person)).toBe(permission?.allowed)
      }
    }
  })
})

describe('the fence', () => {
  test('a denial waits for a hand-over that holds the row, and moves the epoch before it answers', async () => {
    const person = await subscriber('ivo')
    const { database } = house.ground
    const order: string[] = []
    let denial: Promise<unknown> = Promise.resolve()
    settled = []
    await database.transaction(async (tx) => {
      const before = await consent.lock(tx, person, 'email')
      expect((await consent.may(tx, { person, purpose: 'newsletter', channel: 'email' })).allowed).toBe(true)
      denial = consent
        .state([{ person, stance: 'deny', purpose: null, channel: 'email', source: 'test' }])
        .then(() => order.push('denied'))
      await new Promise((done) => setTimeout(done, 150))
      order.push(`handed over at ${before.epoch}`)
    })
    await denial
    expect(order).toEqual(['handed over at 0', 'denied'])
    expect((await consent.lock(database, person, 'email')).epoch).toBe(1)
    expect(settled).toEqual([{ persons: [person], channels: ['email'] }])
    expect(await may(person)).toBe('no, withdrawn')
  })

  test('a denial of a shared address also stops others who use it', async () => {
    const [one, other] = [await subscriber('shared-a'), await subscriber('shared-b')]
    const { database } = house.ground
    const before = await consent.lock(database, other, 'email')
    await database.run`
      insert into profile.observation (person, name, source, value, value_key, trust, first_at, last_at, known_at, event)
      select ${other}, name, source, value, value_key, trust, first_at, last_at, known_at, event
      from profile.observation where person = ${one} and name = 'email' on conflict do nothing`
    await consent.state([
      { person: one, stance: 'deny', purpose: null, channel: 'email', address: 'shared-a@example.com', source: 'test' },
    ])
    expect((await consent.lock(database, other, 'email')).epoch).toBeGreaterThan(before.epoch)
  })
})

describe('public pages', () => {
  const raw = () => consentParts(consent, house.ground).raw ?? []
  const visit = (
    method: 'GET' | 'POST',
    url: string,
    body?: URLSearchParams | FormData,
    headers: { [name: string]: string } = {},
  ) => {
    const path = new URL(url).pathname
    const mount = raw().find((one) => one.method === method && path.startsWith(one.path.replace(/:token$/, '')))
    if (mount === undefined) throw new Error(`nothing is mounted at ${method} ${path}`)
    const token = path.split('/').at(-1) ?? ''
    return mount.handle(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
      params: { token },
      address: '192.0.2.0',
      requestId: 'r',
      remoteAddress: '192.0.2.7',
    })
  }
  const oneClick = () => new URLSearchParams({ 'List-Unsubscribe': 'One-Click' })
  const link = (person: PersonId, name: string) =>
    consent.unsubscribeUrl({ person, channel: 'email', address: `${name}@example.com`, message: 'm-1' })
  const statements = async (person: PersonId) =>
    (await house.ground.database.rows`select statement from consent.statement where person = ${person}`).length

  test('looking at the link changes nothing; the POST of a mail program unsubscribes without redirect, any number of times', async () => {
    const person = await subscriber('kim')
    const before = await statements(person)
    const page = await visit('GET', link(person, 'kim'), undefined, { 'accept-language': 'de-DE' })
    const html = await page.text()
    expect(page.status).toBe(200)
    expect(html).toContain('Schuhhaus &amp; Söhne')
    expect(html).toContain('k…m@example.com')
    expect(html).not.toContain('kim@example.com')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await statements(person)).toBe(before)
    expect(await may(person)).toBe('yes, consent')
    emitted = []
    for (let time = 0; time < 2; time++) {
      const answer = await visit('POST', link(person, 'kim'), oneClick())
      expect(answer.status).toBe(200)
      expect(answer.redirected).toBe(false)
      expect(answer.headers.get('location')).toBeNull()
    }
    expect(await may(person)).toBe('no, withdrawn')
    expect(emitted[0]).toMatchObject({ name: 'consent.withdrawn', person })
    const form = new FormData()
    form.set('List-Unsubscribe', 'One-Click')
    expect((await visit('POST', link(person, 'kim'), form)).status).toBe(200)
  })

  test('a changed token is nothing, and says nothing', async () => {
    const person = await subscriber('leo')
    const url = link(person, 'leo')
    const broken = `${url.slice(0, -2)}${url.endsWith('AA') ? 'BB' : 'AA'}`
    expect((await visit('GET', broken)).status).toBe(404)
    expect((await visit('POST', broken, oneClick())).status).toBe(404)
    expect(await may(person)).toBe('yes, consent')
  })

  test('everything in one more step, and back by a tick on the preference page with the wording as proof', async () => {
    const person = await subscriber('mia', { consent_sms: 'ja', phone: '+491701111111' })
    await visit('POST', link(person, 'mia'), new URLSearchParams({ choice: 'everything' }))
    expect(await may(person)).toBe('no, objected')
    expect(await may(person, 'sms')).toBe('no, objected')
    const url = consent.preferenceUrl(person, 'mia@example.com')
    const page = await (await visit('GET', url)).text()
    expect(page).not.toContain('checked')
    await house.clock.advance({ minutes: 1 })
    const form = new URLSearchParams({ choice: 'save' })
    form.append('purpose', 'newsletter')
    const saved = await (await visit('POST', url, form)).text()
    expect(saved.match(/checked/g)).toHaveLength(1)
    expect(await may(person)).toBe('yes, consent')
    expect(await may(person, 'sms')).toBe('no, objected')
    const state = consentParts(consent, house.ground).routes.find((one) => one.route === api.consent.state)
    const answer = (await state?.handle({ params: { person }, query: {}, body: undefined } as never, {} as never)) as {
      ledger: { stance: string; text: { hash: string } | null; evidence: { ipClass?: string } }[]
    }
    expect(api.consent.state.answer.safeParse(answer).error).toBeUndefined()
    expect(answer.ledger[0]).toMatchObject({ stance: 'grant', evidence: { ipClass: '192.0.2.0' } })
    expect(answer.ledger[0]?.text?.hash).toMatch(/^[0-9a-f]{64}$/)
    await house.clock.advance({ minutes: 1 })
    await visit('POST', url, new URLSearchParams({ choice: 'save' }))
    expect(await may(person)).toBe('no, withdrawn')
  })

  test('the link still works after the person was erased, and holds against a later import', async () => {
    const person = await subscriber('nora')
    const url = link(person, 'nora')
    await house.ground.database.transaction(async (tx) => {
      await consent.erase(tx, [person])
      await profile.erase(tx, [person])
    })
    expect(await may(person, 'email', 'service')).toBe('no, erased')
    expect((await visit('POST', url, oneClick())).status).toBe(200)
    const back = await happen(
      event({
        ids: { user_id: 'nora-again' },
        traits: { email: 'nora@example.com', consent_email: 'ja', consent_at: '2025-05-01', consent_proof: 'list' },
      }),
    )
    expect(await may(back)).toBe('no, objected')
    const traces = await house.ground.database.rows`
      select 1 from consent.statement where person = ${person} or address = 'nora@example.com' and person <> ${back}`
    expect(traces).toEqual([])
  })
})

describe('the ledger', () => {
  test('the chain is whole, also after an erasure, and a changed line is found', async () => {
    const { database } = house.ground
    const verify = consentParts(consent, house.ground).routes.find((one) => one.route === api.consent.verify)
    const run = () => verify?.handle({ params: {}, query: {}, body: undefined } as never, {} as never)
    expect(await run()).toMatchObject({ intact: true, brokenAt: null, erased: 1 })
    const turn = () => database.run`
      update consent.statement set stance = case stance when 'grant' then 'deny' else 'grant' end where sequence = 3`
    await turn()
    expect(await run()).toMatchObject({ intact: false, brokenAt: 3 })
    await turn()
    expect(await run()).toMatchObject({ intact: true })
    await expect(
      database.transaction(async (tx) => {
        await tx.run`delete from consent.statement where sequence = 2`
        expect(await verifyChain(tx)).toMatchObject({ intact: false })
        throw new Error('taken back')
      }),
    ).rejects.toThrow('taken back')
  })

  test('any order of the same statements ends in the same answers', async () => {
    const lines: Omit<Statement, 'person'>[] = [
      {
        stance: 'grant',
        purpose: 'newsletter',
        channel: 'email',
        happenedAt: '2026-02-01T10:00:00Z',
        source: 't',
        evidence: { proof: 'a' },
      },
      { stance: 'deny', purpose: null, channel: null, happenedAt: '2026-02-02T10:00:00Z', source: 't' },
      {
        stance: 'grant',
        purpose: 'newsletter',
        channel: 'email',
        happenedAt: '2026-02-03T10:00:00Z',
        source: 't',
        evidence: { proof: 'b' },
      },
    ]
    const [one, other] = [
      await subscriber('order-1', { consent_email: null }),
      await subscriber('order-2', { consent_email: null }),
    ]
    await consent.state(lines.map((line) => ({ ...line, person: one })))
    for (const line of lines.toReversed()) await consent.state([{ ...line, person: other }])
    const [first, second] = [await consent.stateOf(one), await consent.stateOf(other)]
    const answers = (state: typeof first) =>
      state.cells.map(({ purpose, channel, permission }) => [purpose, channel, permission.allowed])
    expect(answers(first)).toEqual(answers(second))
    expect(await may(one)).toBe('yes, consent')
    expect(api.consent.consentState.safeParse(first).error).toBeUndefined()
  })

  test('a colleague writes down what was said; what makes no sense is refused by name', async () => {
    const person = await subscriber('otto')
    const record = consentParts(consent, house.ground).routes.find((one) => one.route === api.consent.record)
    const write = (body: object) =>
      record?.handle(
        { params: { person }, query: {}, body } as never,
        { caller: { kind: 'user', name: 'Eva' } } as never,
      )
    await write({ stance: 'deny', purpose: null, channel: null, reason: 'Letter of 1 March' })
    expect(await may(person)).toBe('no, objected')
    await expect(write({ stance: 'deny', purpose: 'service', channel: null, reason: 'no mail' })).rejects.toMatchObject(
      {
        code: 'no_objection',
      },
    )
    await expect(write({ stance: 'grant', purpose: null, channel: 'email', reason: 'said so' })).rejects.toMatchObject({
      code: 'grant_without_purpose',
    })
    await house.clock.advance({ minutes: 1 })
    await write({ stance: 'grant', purpose: 'newsletter', channel: 'email', reason: 'Asked on the phone' })
    expect(await may(person)).toBe('no, objected')
    await write({ stance: 'grant', purpose: 'newsletter', channel: 'email', reason: 'Signed form', proof: 'Scan 12' })
    expect(await may(person)).toBe('yes, consent')
  })

  test('the overview counts what the derived table holds', async () => {
    const overview = consentParts(consent, house.ground).routes.find((one) => one.route === api.consent.overview)
    const answer = await overview?.handle({ params: {}, query: { weeks: 4 }, body: undefined } as never, {} as never)
    const parsed = api.consent.overview.answer.parse(answer)
    expect(
      parsed.cells.find((cell) => cell.purpose === 'newsletter' && cell.channel === 'email')?.permitted,
    ).toBeGreaterThan(0)
    expect(parsed.latest.length).toBeGreaterThan(5)
  })
})
