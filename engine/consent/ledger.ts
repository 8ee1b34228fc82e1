import { hash, randomBytes } from 'node:crypto'
import type { Channel, JsonObject, PersonId, Purpose, StatementId } from '@einklang/contract'
import type { Basis, Facts, Stance, Stated } from './decision.ts'

/** The text that was shown when the person decided. */
export type Wording = { id: string; version: string; language: string | null; hash: string }

/** What somebody said about the use of their data, as it goes into the ledger. */
export type Statement = {
  person: PersonId | null
  stance: Stance
  /** Null = all marketing. */
  purpose: Purpose | null
  /** Null = every channel. */
  channel: Channel | null
  /** Given: the statement belongs to this contact point; missing: to the person. Needs a channel. */
  address?: string | null
  topic?: string | null
  basis?: Basis
  /** Missing = the moment of writing. */
  happenedAt?: Date | string
  confirmedAt?: Date | string | null
  needsConfirmation?: boolean
  expiresAt?: Date | string | null
  trust?: 'verified' | 'claimed'
  named?: string[]
  source: string
  wording?: Wording | null
  evidence?: JsonObject
  reason?: string | null
  actor?: string | null
  /** Two statements with the same key are one: how a repeated event is noticed. */
  key?: string
}

/** The content that `content_hash` covers, in a fixed order of fields. */
export type Content = {
  statement: StatementId
  person: PersonId | null
  address: string | null
  stance: Stance
  purpose: Purpose | null
  channel: Channel | null
  topic: string | null
  basis: Basis
  happenedAt: string
  knownAt: string
  confirmedAt: string | null
  needsConfirmation: boolean
  expiresAt: string | null
  trust: 'verified' | 'claimed'
  named: string[]
  source: string
  wording: Wording | null
  evidence: JsonObject
  reason: string | null
  actor: string | null
}

/** Salted, so that an erased line cannot be found again by guessing its content. */
export function contentHash(content: Content, salt: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([salt, Buffer.from(canonical(content))]), 'buffer')
}

export function freshSalt(): Buffer {
  return randomBytes(16)
}

/** Each line seals the one before it: taking out or changing a line breaks every later seal. */
export function sealOf(before: Uint8Array, content: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([before, content]), 'buffer')
}

/** JSON with sorted keys: the same content is the same text wherever it was read from. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
    const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`
  }
  return JSON.stringify(value ?? null)
}

/** One person with all former selves, as far as permission looks at it. */
export type Subject = {
  person: PersonId
  aliases: PersonId[]
  known: boolean
  erased: boolean
  mergedAt: number | null
  minorUntil: number | null
}

export type Suppression = { point: string; channel: Channel; scope: 'all' | 'marketing'; since: number }

/**
 * The facts about a person and one contact point out of all statements: those of the person and its former selves,
 * and those that anybody made about the contact point.
 */
export function factsAbout(
  subject: Subject,
  point: string | null,
  holders: PersonId[],
  all: { statements: Stated[]; suppressions: Suppression[] },
): Facts {
  return {
    known: subject.known,
    erased: subject.erased,
    mergedAt: subject.mergedAt,
    minorUntil: subject.minorUntil,
    holders,
    listed: false,
    statements: all.statements.filter((line) =>
      line.point === null ? line.person !== null && subject.aliases.includes(line.person) : line.point === point,
    ),
    suppressions: all.suppressions.filter((hit) => hit.point === point),
  }
}
