import type { Channel } from '@einklang/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { drawHoldout } from './arms.ts'
import { judge, startPolicy } from './policy.ts'
import { said } from './sayings.ts'

const noon = new Date('2026-03-02T12:00:00Z')
const ago = (days: number, channel: Channel = 'email') => ({
  channel,
  at: new Date(noon.getTime() - days * 86_400_000),
})
const candidate = { channel: 'sms' as Channel, purpose: 'newsletter' as const, at: noon }
const free = { hold: null, zone: null, contacts: [] }

test('a message leaves when nothing speaks against it, and every check says what it saw', () => {
  const verdict = judge(startPolicy, candidate, { ...free, contacts: [ago(1)] })
  expect(verdict.go).toBe(true)
  const facts = verdict.checks.map((check) => check.fact)
  expect(facts.map((fact) => said(fact, 'en'))).toContain('1 of 5 messages in 7 days on all channels.')
  expect(facts.map((fact) => said(fact, 'de'))).toContain('1 von 5 Nachrichten in 7 Tagen über alle Kanäle.')
})

test('a cap over all channels counts them together and names the instant at which a slot is free again', () => {
  const contacts = [ago(6), ago(5), ago(4, 'letter'), ago(3), ago(2, 'push')]
  expect(judge(startPolicy, candidate, { ...free, contacts })).toMatchObject({
    go: false,
    because: 'capped',
    until: new Date('2026-03-03T12:00:00Z'),
  })
})

test('a cap never lets more than its limit through, whenever messages are asked for', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 * 24 }), { maxLength: 60 }), (hours) => {
      const sent: { channel: Channel; at: Date }[] = []
      for (const hour of hours.toSorted((left, right) => left - right)) {
        const at = new Date(noon.getTime() + hour * 3_600_000)
        const verdict = judge(startPolicy, { ...candidate, channel: 'email', at }, { ...free, contacts: sent })
        if (verdict.go) sent.push({ channel: 'email', at })
      }
      for (const { at } of sent) {
        const window = sent.filter((other) => other.at <= at && other.at.getTime() > at.getTime() - 7 * 86_400_000)
        expect(window.length).toBeLessThanOrEqual(5)
      }
    }),
  )
})

test('when the cap says from when on there is a free slot, there is one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 5, maxLength: 12 }), (hours) => {
      const contacts = hours.map((hour) => ({
        channel: 'email' as const,
        at: new Date(noon.getTime() - hour * 3_600_000),
      }))
      const verdict = judge(startPolicy, { ...candidate, channel: 'email' }, { ...free, contacts })
      if (verdict.go || !verdict.until) return
      const later = { ...candidate, channel: 'email' as const, at: verdict.until }
      expect(judge(startPolicy, later, { ...free, contacts }).go).toBe(true)
    }),
  )
})

test('quiet hours are those of the person, not of the house', () => {
  const evening = { ...candidate, at: new Date('2026-03-02T18:30:00Z') }
  expect(judge(startPolicy, evening, free).go).toBe(true)
  expect(judge(startPolicy, evening, { ...free, zone: 'Asia/Ho_Chi_Minh' })).toMatchObject({
    because: 'quiet',
    until: new Date('2026-03-03T01:00:00Z'),
  })
})

test('a hold stops campaigns and lets service messages pass', () => {
  const held = { ...free, hold: { reason: 'open complaint', until: null } }
  expect(judge(startPolicy, candidate, held)).toMatchObject({ go: false, because: 'held' })
  expect(judge(startPolicy, { ...candidate, purpose: 'service' }, held).go).toBe(true)
})

test('all failing checks are told, not only the first', () => {
  const verdict = judge(
    startPolicy,
    { ...candidate, at: new Date('2026-03-02T02:00:00Z') },
    { hold: { reason: 'complaint', until: null }, zone: null, contacts: Array.from({ length: 5 }, () => ago(1)) },
  )
  expect(verdict.checks.filter((check) => !check.ok).length).toBeGreaterThanOrEqual(3)
})

test('a limit of 0 means never', () => {
  const policy = { ...startPolicy, caps: [{ scope: 'all' as const, limit: 0, days: 1 }] }
  expect(judge(policy, candidate, free)).toMatchObject({ go: false, because: 'capped', until: null })
})

test('a holdout of 10 % holds out about 10 %, the same persons each time, others in another experiment', () => {
  const people = Array.from({ length: 5000 }, (_, index) => `person-${index}`)
  const out = people.filter((person) => drawHoldout('holdout/a', person, 0.1) === 'held out')
  expect(out.length).toBeGreaterThan(430)
  expect(out.length).toBeLessThan(570)
  expect(people.filter((person) => drawHoldout('holdout/a', person, 0.1) === 'held out')).toEqual(out)
  const other = new Set(people.filter((person) => drawHoldout('holdout/b', person, 0.1) === 'held out'))
  expect(out.filter((person) => other.has(person)).length).toBeLessThan(100)
})
