import type { api, Channel, PersonId, Purpose, StatementId } from '@einklang/contract'
import type { z } from 'zod'
import { ruleOf } from './registry.ts'

export type Stance = z.infer<typeof api.consent.stance>
export type Basis = z.infer<typeof api.consent.basis>
export type Permission = z.infer<typeof api.consent.permission>
type Refusal = Extract<Permission, { allowed: false }>['because']
type Obligation = Extract<Permission, { allowed: true }>['obligations'][number]

/** A ledger line as the decision looks at it; instants in milliseconds. `point` = the contact point, null = the person. */
export type Stated = {
  /** Null for a "no" that an ordinary event carried. */
  statement: StatementId | null
  person: PersonId | null
  point: string | null
  stance: Stance
  purpose: Purpose | null
  channel: Channel | null
  topic: string | null
  basis: Basis
  happenedAt: number
  knownAt: number
  confirmedAt: number | null
  needsConfirmation: boolean
  expiresAt: number | null
  trust: 'verified' | 'claimed'
  /** Evidence is attached: text shown, confirmation, scan, call reference. */
  proven: boolean
  /** Purposes or topics that the text named: a restriction leaves them free, a broad grant reaches them. */
  named: string[]
}

/** Everything that bears on one person and one of its contact points. */
export type Facts = {
  known: boolean
  erased: boolean
  statements: Stated[]
  suppressions: { since: number; scope: 'all' | 'marketing' }[]
  /** When the last two of the person's former selves became one; null = it never was two. */
  mergedAt: number | null
  /** The former selves under which the contact point was seen; without a contact point those that were identified. */
  holders: PersonId[]
  minorUntil: number | null
  /** On a list such as Robinson or do-not-mail for the channel asked about. */
  listed: boolean
}

export type Question = {
  purpose: Purpose
  channel: Channel
  /** The contact point it is about, null = none is known. */
  point: string | null
  at: number
  topic?: string | null
  goods?: 'own' | 'third_party'
  /** Purposes for which the data behind the choice of this person may be used. */
  dataPurposes?: readonly Purpose[]
}

/**
 * May we? Pure and total: the same set of facts gives the same answer in any order and with any repetition;
 * what nobody said is a no. The checks follow spec policy A4, first match decides.
 */
export function decide(facts: Facts, question: Question): Permission {
  const rule = ruleOf(question.purpose)
  if (facts.erased) return no('erased')
  if (!facts.known || rule === undefined) return no('never_asked')
  const stated = facts.statements.filter((line) => line.knownAt <= question.at)
  const restriction = standingRestriction(stated, facts, question)
  if (restriction !== undefined) return no('restricted', restriction.statement)

  const grants = stated.filter(
    (line) => line.stance === 'grant' && line.basis === 'consent' && reaches(line, facts, question),
  )
  const holding = grants.filter((grant) => weakness(grant, question) === null)
  const denials = rule.objection ? stated.filter((line) => line.stance === 'deny' && covers(line, question)) : []
  const winner = latest(holding.filter((grant) => denials.every((denial) => lifts(grant, denial, facts, question))))
  if (winner === undefined && denials.length > 0) return denied(denials, holding, facts, question)
  const suppressed = facts.suppressions.filter((hit) => hit.since <= question.at)
  if (rule.marketing && suppressed.some((hit) => hit.scope === 'marketing')) return no('objected')
  if (rule.sends && suppressed.some((hit) => hit.scope === 'all')) return no('suppressed')

  if (rule.marketing && facts.minorUntil !== null && question.at < facts.minorUntil) return no('minor')
  if (rule.marketing && facts.listed) return no('listed')
  if (!rule.channels.includes(question.channel)) return no('forbidden_here')
  if (question.dataPurposes !== undefined && !question.dataPurposes.includes(question.purpose))
    return no('purpose_not_in_data')

  if (winner !== undefined) return yes('consent', winner.statement, obligationsOf(rule.marketing, false))
  for (const basis of ['contract', 'legal_duty', 'legitimate_interest'] as const)
    if (rule.bases.includes(basis)) return yes(basis, null, obligationsOf(rule.marketing, false))
  return withoutConsent(stated, grants, facts, question)
}

/** Names the denial that stands; an objection is named before a withdrawal. */
function denied(denials: Stated[], holding: Stated[], facts: Facts, question: Question): Permission {
  const lifted = (denial: Stated) => holding.some((grant) => lifts(grant, denial, facts, question))
  const unlifted = denials.filter((denial) => !lifted(denial))
  const standing = unlifted.length > 0 ? unlifted : denials
  const objection = latest(standing.filter((denial) => denial.basis !== 'consent'))
  return objection === undefined
    ? no('withdrawn', latest(standing)?.statement ?? null)
    : no('objected', objection.statement)
}

/** No consent holds: the existing-customer rule of UWG § 7(3), or the best reason why not. */
function withoutConsent(stated: Stated[], grants: Stated[], facts: Facts, question: Question): Permission {
  const customer = latest(
    stated.filter(
      (line) =>
        line.stance === 'grant' &&
        line.basis === 'existing_customer' &&
        line.trust === 'verified' &&
        (line.purpose === null || line.purpose === question.purpose) &&
        (ruleOf(question.purpose)?.bases.includes('existing_customer') ?? false),
    ),
  )
  if (customer !== undefined) {
    const fits =
      question.channel === 'email' && (question.goods ?? 'own') === 'own' && reaches(customer, facts, question)
    if (fits && !isOver(customer, question.at))
      return yes('existing_customer', customer.statement, obligationsOf(true, true))
    if (grants.length === 0 && !fits) return no('forbidden_here', customer.statement)
  }
  const last = latest(grants)
  if (last === undefined) return no('never_asked')
  return no(weakness(last, question) ?? 'never_asked', last.statement)
}

/** Why a grant does not carry yet or any more; null = it holds. */
function weakness(grant: Stated, question: Question): Refusal | null {
  if (isOver(grant, question.at)) return 'expired'
  if (grant.trust === 'claimed') return 'claimed_only'
  if (grant.needsConfirmation && (grant.confirmedAt === null || grant.confirmedAt > question.at)) return 'unconfirmed'
  if (!grant.proven) return 'no_proof'
  return null
}

function isOver(line: Stated, at: number): boolean {
  return line.expiresAt !== null && at >= line.expiresAt
}

/** A time said to lie after we heard of it cannot be true: the moment of hearing counts. */
function happened(line: Stated): number {
  return Math.min(line.happenedAt, line.knownAt)
}

function covers(line: Stated, question: Question): boolean {
  if (line.point !== null && line.point !== question.point) return false
  if (line.channel !== null && line.channel !== question.channel) return false
  if (line.topic !== null && line.topic !== (question.topic ?? null)) return false
  if (line.purpose !== null) return line.purpose === question.purpose
  return ruleOf(question.purpose)?.marketing ?? false
}

/** False = the line cannot change the answer to this question: it speaks of another purpose or channel. */
export function mayBear(line: Stated, question: Question): boolean {
  if (line.basis === 'existing_customer' || line.stance === 'restrict' || line.stance === 'lift_restriction')
    return true
  if (line.channel !== null && line.channel !== question.channel) return false
  return line.purpose === null || line.purpose === question.purpose
}

/**
 * A grant about a contact point reaches that point; a grant of a person reaches only points that belonged to that
 * former self, so that a merge opens no address that was closed before.
 */
function reaches(grant: Stated, facts: Facts, question: Question): boolean {
  if (!covers(grant, question)) return false
  if (grant.point !== null || facts.mergedAt === null) return true
  if (happened(grant) > facts.mergedAt) return true
  return grant.person !== null && facts.holders.includes(grant.person)
}

/** Does this grant take that denial back? Later, at least as specific, and said by the same self or point. */
function lifts(grant: Stated, denial: Stated, facts: Facts, question: Question): boolean {
  if (happened(grant) <= happened(denial)) return false
  const names = (scope: string | null) => scope !== null && grant.named.includes(scope)
  if (denial.purpose !== null && grant.purpose === null && !names(denial.purpose)) return false
  if (denial.channel !== null && grant.channel === null && !names(denial.channel)) return false
  if (denial.topic !== null && grant.topic === null && !names(denial.topic)) return false
  return sameVoice(grant, denial, facts, question)
}

/** After a merge the stricter side of a shared contact point holds, until the person says something new. */
function sameVoice(later: Stated, earlier: Stated, facts: Facts, question: Question): boolean {
  if (facts.mergedAt !== null && happened(later) > facts.mergedAt) return true
  if (later.point !== null && later.point === earlier.point && later.point === question.point) return true
  if (later.person === null || later.person !== earlier.person) return false
  const overShared = facts.mergedAt !== null && later.point === null && earlier.point !== null
  return !overShared || facts.holders.every((holder) => holder === later.person)
}

function standingRestriction(stated: Stated[], facts: Facts, question: Question): Stated | undefined {
  const lifted = (line: Stated) =>
    stated.some(
      (other) =>
        other.stance === 'lift_restriction' &&
        happened(other) > happened(line) &&
        sameVoice(other, line, facts, question),
    )
  return latest(
    stated.filter((line) => line.stance === 'restrict' && !line.named.includes(question.purpose) && !lifted(line)),
  )
}

/** The line that happened last; the id settles ties, so that the answer names the same line every time. */
function latest(lines: Stated[]): Stated | undefined {
  return lines.reduce<Stated | undefined>((last, line) => {
    if (last === undefined || happened(line) > happened(last)) return line
    return happened(line) === happened(last) && (line.statement ?? '') > (last.statement ?? '') ? line : last
  }, undefined)
}

function obligationsOf(marketing: boolean, existingCustomer: boolean): Obligation[] {
  if (!marketing) return ['imprint']
  return existingCustomer ? ['unsubscribe', 'existing_customer_notice', 'imprint'] : ['unsubscribe', 'imprint']
}

function yes(basis: Basis, statement: StatementId | null, obligations: Obligation[]): Permission {
  return { allowed: true, basis, statement, obligations }
}

function no(because: Refusal, statement: StatementId | null = null): Permission {
  return { allowed: false, because, statement }
}

/** Until when the answer may be kept: the next instant at which time alone changes it. */
export function holdsUntil(facts: Facts, at: number): number | null {
  const turns = facts.statements.flatMap((line) => [line.expiresAt, line.confirmedAt, line.knownAt])
  const later = [...turns, facts.minorUntil].filter((turn): turn is number => turn !== null && turn > at)
  return later.length === 0 ? null : Math.min(...later)
}
