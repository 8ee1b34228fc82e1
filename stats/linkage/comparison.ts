import { type Asked, type Feature, holds, type Question } from './question.ts'

/** One rung of a comparison, best first. `match` = how often true pairs stand here, as known beforehand. */
export type Level = {
  name: string
  when: Question
  match: number
  /** Rare values weigh more: the feature whose frequency counts. */
  rarity?: string
  /** How often strangers stand here, as known beforehand; counts where the data holds few values. */
  chance?: number
  /** How often members of one household stand here, where that differs from one person. */
  family?: number
}

/**
 * One field compared. Level 0 = missing (neutral), 1… = `levels`, the last is everything else.
 * `shared` = members of a household agree here as well as one person with herself.
 */
export type Comparison = {
  name: string
  /** Something to compare on both sides? */
  known: Question
  levels: Level[]
  shared: boolean
  /** Asked only of pairs that agree elsewhere: random pairs cannot show how strangers stand, training learns it. */
  conditional?: boolean
  /** Share of family pairs that agree here as one person does: father and son of one name, twins. */
  kin?: number
}

/** The level of a comparison for two records. */
export function levelOf(comparison: Comparison, feature: Feature): (left: number, right: number) => number {
  const known = holds(comparison.known, feature)
  const levels = comparison.levels.slice(0, -1).map(({ when }) => holds(when, feature))
  return (left, right) => {
    if (!known(left, right)) return 0
    for (let at = 0; at < levels.length; at++) if ((levels[at] as Asked)(left, right)) return at + 1
    return levels.length + 1
  }
}
