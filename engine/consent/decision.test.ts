import type { PersonId, StatementId } from '@einklang/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide, type Facts, type Question, type Stated } from './decision.ts'
import { factsAbout, type Subject } from './ledger.ts'

const ada = 'ada' as PersonId
const bea = 'bea' as PersonId
const at = (clock: string) => Date.parse(`2026-03-02T${clock}:00Z`)
const ask = (question: Partial<Question> = {}): Question => ({
  purpose: 'newsletter',
  channel: 'email',
  point: 'ada@',
  at: at('12:00'),
  ...question,
})
const line = (given: Partial<Stated>): Stated => ({
  statement: 's' as StatementId,
  person: ada,
  point: null,
  stance: 'grant',
  purpose: 'newsletter',
  channel: 'email',
  topic: null,
  basis: 'consent',
  happenedAt: at('10:00'),
  knownAt: given.happenedAt ?? at('10:00'),
  confirmedAt: null,
  needsConfirmation: false,
  expiresAt: null,
  trust: 'verified',
  proven: true,
  named: [],
  ...given,
})
const facts = (statements: Stated[], more: Partial<Facts> = {}): Facts => ({
  known: true,
  erased: false,
  statements,
  suppressions: [],
  mergedAt: null,
  holders: [ada],
  minorUntil: null,
  listed: false,
  ...more,
})
const answer = (given: Facts, question: Question) => {
  const permission = decide(given, question)
  return permission.allowed ? `yes, ${permission.basis}` : `no, ${permission.because}`
}

describe('the table of spec policy A4', () => {
  const confirmed = line({ needsConfirmation: true, confirmedAt: at('10:01') })
  const customer = line({ basis: 'existing_customer', channel: null })
  const objection = line({ stance: 'deny', purpose: null, channel: null, basis: 'legitimate_interest' })

  test.each<[string, Facts, Question, string]>([
    ['nothing recorded', facts([]), ask(), 'no, never_asked'],
    ['grant asked, mail not confirmed', facts([line({ needsConfirmation: true })]), ask(), 'no, unconfirmed'],
    ['grant confirmed, e-mail', facts([confirmed]), ask(), 'yes, consent'],
    ['grant confirmed, SMS', facts([confirmed]), ask({ channel: 'sms' }), 'no, never_asked'],
    [
      'grant 10:00, deny 09:00 arriving 10:05',
      facts([line({}), line({ stance: 'deny', happenedAt: at('09:00'), knownAt: at('10:05') })]),
      ask({ at: at('10:06') }),
      'yes, consent',
    ],
    [
      'grant happened 08:00 arriving after deny 09:00',
      facts([
        line({ happenedAt: at('08:00'), knownAt: at('10:00') }),
        line({ stance: 'deny', happenedAt: at('09:00') }),
      ]),
      ask(),
      'no, withdrawn',
    ],
    ['grant and deny at the same instant', facts([line({}), line({ stance: 'deny' })]), ask(), 'no, withdrawn'],
    [
      'objection, later topic grant with double opt-in: that topic',
      facts([
        objection,
        line({ topic: 'running', happenedAt: at('11:00'), needsConfirmation: true, confirmedAt: at('11:01') }),
      ]),
      ask({ topic: 'running' }),
      'yes, consent',
    ],
    [
      'objection, later topic grant with double opt-in: another topic',
      facts([
        objection,
        line({ topic: 'running', happenedAt: at('11:00'), needsConfirmation: true, confirmedAt: at('11:01') }),
      ]),
      ask({ topic: 'sandals' }),
      'no, objected',
    ],
    [
      'existing customer, objection yesterday',
      facts([customer, { ...objection, happenedAt: at('10:00') - 86_400_000, knownAt: at('10:00') - 86_400_000 }]),
      ask({ goods: 'own' }),
      'no, objected',
    ],
    ['existing customer, own goods by e-mail', facts([customer]), ask({ goods: 'own' }), 'yes, existing_customer'],
    ['existing customer, SMS', facts([customer]), ask({ channel: 'sms' }), 'no, forbidden_here'],
    ['existing customer, third-party goods', facts([customer]), ask({ goods: 'third_party' }), 'no, forbidden_here'],
    [
      'imported “subscribed” without evidence',
      facts([line({ trust: 'claimed', proven: false })]),
      ask(),
      'no, claimed_only',
    ],
    [
      'withdrawn from marketing, order receipt',
      facts([line({}), line({ stance: 'deny', purpose: null, happenedAt: at('11:00') })]),
      ask({ purpose: 'service' }),
      'yes, contract',
    ],
    [
      'phone consent without proof id',
      facts([line({ channel: 'phone', proven: false })]),
      ask({ channel: 'phone' }),
      'no, no_proof',
    ],
    [
      'consent expired: one millisecond before',
      facts([line({ expiresAt: at('11:00') })]),
      ask({ at: at('11:00') - 1 }),
      'yes, consent',
    ],
    [
      'consent expired: at the instant',
      facts([line({ expiresAt: at('11:00') })]),
      ask({ at: at('11:00') }),
      'no, expired',
    ],
    [
      'restricted, legal duty named: legal duty',
      facts([line({}), line({ stance: 'restrict', purpose: null, channel: null, named: ['legal_duty'] })]),
      ask({ purpose: 'legal_duty' }),
      'yes, legal_duty',
    ],
    [
      'restricted, legal duty named: newsletter',
      facts([line({}), line({ stance: 'restrict', purpose: null, channel: null, named: ['legal_duty'] })]),
      ask(),
      'no, restricted',
    ],
    [
      'segment built with analytics-only data, used for the newsletter',
      facts([line({})]),
      ask({ dataPurposes: ['analytics'] }),
      'no, purpose_not_in_data',
    ],
  ])('%s', (_, given, question, expected) => {
    expect(answer(given, question)).toBe(expected)
  })
})

describe('precedence and scope', () => {
  const deny = line({ stance: 'deny', happenedAt: at('11:00') })

  test.each<[string, Facts, Question, string]>([
    [
      'erased goes before everything',
      facts([line({}), deny], { erased: true }),
      ask({ purpose: 'service' }),
      'no, erased',
    ],
    [
      'a bounced address is out for service messages too',
      facts([line({})], { suppressions: [{ since: at('09:00'), scope: 'all' }] }),
      ask({ purpose: 'service' }),
      'no, suppressed',
    ],
    [
      'where nothing is sent, a bounced address says nothing about the person',
      facts([line({})], { suppressions: [{ since: at('09:00'), scope: 'all' }] }),
      ask({ purpose: 'profiling' }),
      'yes, legitimate_interest',
    ],
    [
      'an objection kept over an erasure stops marketing only',
      facts([line({})], { suppressions: [{ since: at('09:00'), scope: 'marketing' }] }),
      ask(),
      'no, objected',
    ],
    ['a minor', facts([line({})], { minorUntil: at('23:00') }), ask(), 'no, minor'],
    ['a listed person', facts([line({})], { listed: true }), ask(), 'no, listed'],
    ['an unknown person', facts([line({})], { known: false }), ask({ purpose: 'service' }), 'no, never_asked'],
    [
      'a specific denial survives a later broad grant',
      facts([deny, line({ channel: null, happenedAt: at('11:30') })]),
      ask(),
      'no, withdrawn',
    ],
    [
      'unless the text named the channel',
      facts([deny, line({ channel: null, named: ['email'], happenedAt: at('11:30') })]),
      ask(),
      'yes, consent',
    ],
    [
      'an unconfirmed grant lifts no denial, not even to wake an older consent',
      facts([line({}), deny, line({ needsConfirmation: true, happenedAt: at('11:30') })]),
      ask(),
      'no, withdrawn',
    ],
    [
      'what is not known yet does not count',
      facts([line({}), line({ stance: 'deny', happenedAt: at('09:00'), knownAt: at('12:30') })]),
      ask(),
      'yes, consent',
    ],
    [
      'a time after its own arrival is cut to the arrival',
      facts([line({ happenedAt: at('23:00'), knownAt: at('10:00') }), deny]),
      ask(),
      'no, withdrawn',
    ],
    [
      'a denial about another address says nothing about this one',
      facts([line({}), line({ stance: 'deny', point: 'old@', happenedAt: at('11:00') })]),
      ask(),
      'yes, consent',
    ],
  ])('%s', (_, given, question, expected) => {
    expect(answer(given, question)).toBe(expected)
  })

  test('a yes names what the message must contain', () => {
    expect(decide(facts([line({})]), ask())).toMatchObject({ obligations: ['unsubscribe', 'imprint'] })
    expect(decide(facts([line({ basis: 'existing_customer' })]), ask())).toMatchObject({
      obligations: ['unsubscribe', 'existing_customer_notice', 'imprint'],
    })
  })
})

const minute = fc.integer({ min: 0, max: 30 }).map((minutes) => at('10:00') + minutes * 60_000)
const maybe = <Value>(...values: Value[]) => fc.constantFrom(null, ...values)
const stated = (person: PersonId, own: string): fc.Arbitrary<Stated> =>
  fc
    .record({
      id: fc.uuid(),
      stance: fc.constantFrom('grant' as const, 'grant' as const, 'deny' as const),
      point: maybe(own, 'shared@'),
      purpose: maybe('newsletter' as const, 'offers_profiled' as const),
      channel: maybe('email' as const),
      topic: maybe('running'),
      basis: fc.constantFrom('consent' as const, 'consent' as const, 'existing_customer' as const),
      happenedAt: minute,
      knownAt: minute,
      needsConfirmation: fc.boolean(),
      confirmedAt: fc.option(minute, { nil: null }),
      expiresAt: fc.option(minute, { nil: null }),
      trust: fc.constantFrom('verified' as const, 'verified' as const, 'claimed' as const),
      named: fc.subarray(['newsletter', 'email', 'running']),
    })
    .map(({ id, ...given }) => line({ ...given, person, statement: id as StatementId }))

const question = (point: string): fc.Arbitrary<Question> =>
  fc.record({
    purpose: fc.constantFrom('newsletter' as const, 'offers_profiled' as const),
    channel: fc.constant('email' as const),
    point: fc.constant(point),
    at: fc.constant(at('12:00')),
    topic: maybe('running'),
  })

describe('properties', () => {
  test('any order and any repetition of the same statements give the same answer', () => {
    fc.assert(
      fc.property(
        fc
          .array(stated(ada, 'ada@'), { maxLength: 8 })
          .chain((lines) =>
            fc.tuple(
              fc.constant(lines),
              fc.shuffledSubarray([...lines, ...lines], { minLength: lines.length * 2, maxLength: lines.length * 2 }),
            ),
          ),
        question('ada@'),
        ([lines, shuffled], asked) => {
          expect(decide(facts(shuffled), asked)).toEqual(decide(facts(lines), asked))
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('unknown means no: without a holding grant nothing is allowed for marketing', () => {
    fc.assert(
      fc.property(fc.array(stated(ada, 'ada@'), { maxLength: 6 }), question('ada@'), (lines, asked) => {
        const silent = lines.filter((one) => one.stance !== 'grant' || one.trust === 'claimed')
        expect(decide(facts(silent), asked).allowed).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  test('one more denial never turns a no into a yes', () => {
    fc.assert(
      fc.property(
        fc.array(stated(ada, 'ada@'), { maxLength: 6 }),
        stated(ada, 'ada@'),
        question('ada@'),
        (lines, extra, asked) => {
          if (decide(facts(lines), asked).allowed) return
          expect(decide(facts([...lines, { ...extra, stance: 'deny' }]), asked).allowed).toBe(false)
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('a merge opens no address that was closed, and a denial of either side holds for the shared one', () => {
    const self = (person: PersonId): Subject => ({
      person,
      aliases: [person],
      known: true,
      erased: false,
      mergedAt: null,
      minorUntil: null,
    })
    const merged: Subject = { ...self(ada), aliases: [ada, bea], mergedAt: at('11:30') }
    const holders: { [point: string]: PersonId[] } = { 'ada@': [ada], 'bea@': [bea], 'shared@': [ada, bea] }
    fc.assert(
      fc.property(
        fc.array(stated(ada, 'ada@'), { maxLength: 5 }),
        fc.array(stated(bea, 'bea@'), { maxLength: 5 }),
        fc.constantFrom('ada@', 'bea@', 'shared@').chain(question),
        (ofAda, ofBea, asked) => {
          const all = { statements: [...ofAda, ...ofBea], suppressions: [] }
          const point = asked.point ?? ''
          const owners = holders[point] ?? []
          const before = owners.map((owner) => decide(factsAbout(self(owner), point, owners, all), asked))
          const after = decide(factsAbout(merged, point, owners, all), asked)
          if (after.allowed) {
            expect(before.some((permission) => permission.allowed)).toBe(true)
            const taken = before.some(
              (permission) =>
                !permission.allowed && (permission.because === 'withdrawn' || permission.because === 'objected'),
            )
            expect(taken).toBe(false)
          }
        },
      ),
      { numRuns: 10_000 },
    )
  })
})
