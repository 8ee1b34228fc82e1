import type { Json, Trust } from '@einklang/contract'

/** An observation as survivorship looks at it. */
export type Claim = {
  name: string
  value: Json
  key: string
  trust: Trust
  rank: number
  lastAt: string
  event: string
}

/** How the winner of one trait is found. */
export type Rule = 'trusted_then_latest' | 'latest'

/** Traits not named here follow `trusted_then_latest`. */
const rules: { [trait: string]: Rule } = {
  // The newest device is the one in use, whoever reported it.
  push_token: 'latest',
  language: 'latest',
}

/**
 * The value that holds for each trait: verified before claimed, then the more trusted source, then the later
 * statement; the last two comparisons only make ties stable. Depends on the set of claims, never on their order.
 */
export function survivors<C extends Claim>(claims: C[]): Map<string, C> {
  const winners = new Map<string, C>()
  for (const claim of claims) {
    const standing = winners.get(claim.name)
    if (standing === undefined || beats(claim, standing)) winners.set(claim.name, claim)
  }
  return winners
}

function beats(challenger: Claim, standing: Claim): boolean {
  if (rules[challenger.name] !== 'latest') {
    if (challenger.trust !== standing.trust) return challenger.trust === 'verified'
    if (challenger.rank !== standing.rank) return challenger.rank > standing.rank
  }
  if (challenger.lastAt !== standing.lastAt) return challenger.lastAt > standing.lastAt
  if (challenger.event !== standing.event) return challenger.event > standing.event
  return challenger.key > standing.key
}
