import { createHash } from 'node:crypto'
import type { api } from '@einklang/contract'

/** Everything of an entry that its hash covers. */
export type AuditFacts = Omit<api.governance.AuditEntry, 'hash'>
export type ChainEntry = AuditFacts & { previous: string | null; hash: string }
export type Verdict = {
  entries: number
  valid: boolean
  firstBad: { sequence: number; reason: string } | null
  head: string | null
}

/** JSON with one spelling for one value (RFC 8785): keys sorted by UTF-16 units, no white space. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([, held]) => held !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${members.map(([key, held]) => `${JSON.stringify(key)}:${canonicalJson(held)}`).join(',')}}`
}

/** SHA-256 over the hash before and the canonical entry, hexadecimal. */
export function entryHash(previous: string | null, facts: AuditFacts): string {
  return createHash('sha256')
    .update(previous ?? '')
    .update('\n')
    .update(canonicalJson(facts))
    .digest('hex')
}

/** Checks a chain piece by piece; `verdict` names the first entry that does not fit. */
export function chainVerifier() {
  let entries = 0
  let head: string | null = null
  let firstBad: Verdict['firstBad'] = null
  const wrong = ({ previous, hash, ...facts }: ChainEntry): string | null => {
    if (facts.sequence !== entries + 1) return `Entry ${entries + 1} is missing.`
    if (previous !== head) return 'It does not continue the entry before it.'
    if (hash !== entryHash(previous, facts)) return 'Its content does not match its hash.'
    return null
  }
  return {
    /** False when the chain is already broken and nothing more needs to be read. */
    add(entry: ChainEntry): boolean {
      const reason = wrong(entry)
      if (reason) firstBad = { sequence: entry.sequence, reason }
      else {
        entries++
        head = entry.hash
      }
      return reason === null
    },
    /** `expected` is what the end should be according to somebody else (the head row, a printed hash). */
    verdict(expected?: { sequence: number; hash: string | null }): Verdict {
      if (!firstBad && expected && (expected.sequence !== entries || expected.hash !== head)) {
        firstBad = { sequence: entries + 1, reason: `The end is cut off: ${expected.sequence} entries were written.` }
      }
      return { entries, valid: firstBad === null, firstBad, head }
    },
  }
}
