/**
 * What a comparison looks like among pairs of one person (`match`), of members of one household (`family`) and of
 * strangers (`chance`): probability of each level; index 0 is "missing" and stays neutral.
 */
export type FieldModel = { match: number[]; family: number[]; chance: number[] }

/** Shares of matches and families among all pairs, and the fields. */
export type LinkageModel = {
  matchShare: number
  familyShare: number
  fields: FieldModel[]
}

/** Pairs that look alike: one level per field, how many there are, and in which fields they may teach. */
export type Patterns = {
  fields: number
  /** `fields` levels for each pattern, one after the other. */
  levels: Uint8Array
  counts: Float64Array
  /** How many of `counts` enter the shares of matches and families; the others only teach. Without it all. */
  counted?: Float64Array
  /**
   * Bit f: the pairs were found without looking at field f. Only those may teach the field: where the search demanded
   * agreement, agreement is no evidence.
   */
  teaches: Uint32Array
}

export type Prior = {
  /** Probability of each level among matches as known beforehand, index 0 unused. */
  match: number[]
  /** Worth of the prior, in pairs. */
  strength: number
  /** Households agree in this field as one person with herself does. */
  shared: boolean
  /** Probability of each level among families; without it as among matches. */
  family?: number[]
  /** Given where random pairs are too few to show strangers: their levels are learned too, from this on. */
  chance?: number[]
  /** Share of family pairs that agree in this personal field as one person does: namesakes, twins. */
  kin?: number
}

export type Fit = { model: LinkageModel; rounds: number; settled: boolean; logLikelihood: number[]; matches: number }

const least = 1e-9

/**
 * Fellegi–Sunter with three kinds of pairs, fitted by EM on counts per pattern (Fellegi & Sunter 1969, Winkler 1988).
 * The third kind, families, agrees in surname, address and phone but not in what is personal; without it each family
 * would look like one person with errors. `chance` stays as given unless its prior says otherwise. Stops at `tolerance` or after `most` rounds.
 *
 * `universe` = number of all possible pairs, when only candidates were compared: the others count as strangers, so
 * that the shares stay those among all pairs and agreement demanded by the search is not taken for likeness.
 */
export function fitLinkage(
  patterns: Patterns,
  start: LinkageModel,
  priors: Prior[],
  settings: { tolerance?: number; most?: number; families?: boolean; universe?: number } = {},
): Fit {
  const { tolerance = 1e-4, most = 25, families = true } = settings
  let model = families ? start : { ...start, familyShare: 0 }
  const compared = (patterns.counted ?? patterns.counts).reduce((sum, count) => sum + count, 0)
  const total = Math.max(compared, settings.universe ?? 0)
  const logLikelihood: number[] = []
  let rounds = 0
  let settled = total === 0
  let matches = 0
  while (!settled && rounds < most) {
    rounds++
    const expected = expect(patterns, model)
    logLikelihood.push(expected.logLikelihood)
    matches = expected.matches
    const fields = model.fields.map((field, at) => {
      const prior = priors[at] as Prior
      const match = updated(expected.match[at] as Float64Array, prior.match, prior.strength, field.match)
      const chance = prior.chance
        ? updated(expected.chance[at] as Float64Array, prior.chance, prior.strength, field.chance)
        : field.chance
      const family =
        prior.shared && families
          ? updated(expected.family[at] as Float64Array, prior.family ?? prior.match, prior.strength, field.family)
          : kinOf(match, chance, prior.kin)
      return { match, family, chance }
    })
    // Half a pair on each side keeps the shares away from 0 and 1.
    const next = {
      matchShare: (expected.matches + 0.5) / (total + 2),
      familyShare: families ? (expected.families + 0.5) / (total + 2) : 0,
      fields,
    }
    settled = movedBy(model, next) < tolerance
    model = next
  }
  return { model, rounds, settled, logLikelihood, matches }
}

/** A personal field in a family: as among strangers, but for the share `kin` that agrees as one person does. */
export function kinOf(match: number[], chance: number[], kin = 0): number[] {
  return chance.map((value, level) => (1 - kin) * value + kin * (match[level] as number))
}

function updated(counts: Float64Array, prior: number[], strength: number, previous: number[]): number[] {
  let total = strength
  for (let level = 1; level < counts.length; level++) total += counts[level] as number
  return previous.map((_, level) =>
    level === 0 ? 1 : Math.max(least, ((counts[level] as number) + strength * (prior[level] ?? 0)) / total),
  )
}

function movedBy(one: LinkageModel, other: LinkageModel): number {
  let most = Math.abs(one.matchShare - other.matchShare) / Math.max(other.matchShare, 1e-12) / 100
  one.fields.forEach((field, at) => {
    const next = other.fields[at] as FieldModel
    field.match.forEach((value, level) => {
      most = Math.max(most, Math.abs(value - (next.match[level] as number)))
    })
  })
  return most
}

type Expected = {
  match: Float64Array[]
  family: Float64Array[]
  chance: Float64Array[]
  matches: number
  families: number
  logLikelihood: number
}

function expect(patterns: Patterns, model: LinkageModel): Expected {
  const { fields, levels, counts, counted = counts, teaches } = patterns
  const empty = () => model.fields.map(({ match }) => new Float64Array(match.length))
  const expected: Expected = {
    match: empty(),
    family: empty(),
    chance: empty(),
    matches: 0,
    families: 0,
    logLikelihood: 0,
  }
  const stranger = Math.max(0.01, 1 - model.matchShare - model.familyShare)
  for (let pattern = 0; pattern < counts.length; pattern++) {
    const count = counts[pattern] as number
    let match = model.matchShare
    let family = model.familyShare
    let chance = stranger
    for (let field = 0; field < fields; field++) {
      const level = levels[pattern * fields + field] as number
      if (level === 0) continue
      const values = model.fields[field] as FieldModel
      match *= values.match[level] as number
      family *= values.family[level] as number
      chance *= values.chance[level] as number
    }
    const all = match + family + chance
    if (!(all > 0)) continue
    expected.logLikelihood += count * Math.log(all)
    const matches = (count * match) / all
    const families = (count * family) / all
    expected.matches += ((counted[pattern] as number) * match) / all
    expected.families += ((counted[pattern] as number) * family) / all
    const may = teaches[pattern] as number
    for (let field = 0; field < fields; field++) {
      if ((may & (1 << field)) === 0) continue
      const level = levels[pattern * fields + field] as number
      if (level === 0) continue
      const [ofMatch, ofFamily] = [expected.match[field] as Float64Array, expected.family[field] as Float64Array]
      const ofChance = expected.chance[field] as Float64Array
      ofChance[level] = (ofChance[level] as number) + count - matches - families
      ofMatch[level] = (ofMatch[level] as number) + matches
      ofFamily[level] = (ofFamily[level] as number) + families
    }
  }
  return expected
}

/** A field's evidence at each level in bits: match against chance, and family against chance. */
export function evidenceOf(model: LinkageModel): { match: number[][]; family: number[][] } {
  const bits = (one: number[], other: number[]) =>
    one.map((value, level) => (level === 0 ? 0 : clipped(Math.log2(value / Math.max(least, other[level] as number)))))
  return {
    match: model.fields.map(({ match, chance }) => bits(match, chance)),
    family: model.fields.map(({ family, chance }) => bits(family, chance)),
  }
}

/** A level that was hardly ever seen is strong evidence, never infinite. */
function clipped(bits: number): number {
  return Math.max(-12, Math.min(24, bits))
}

/**
 * Posterior odds in bits that a pair is one person rather than a family or strangers, from the evidence of its fields.
 * Weight and probability order alike: probability = 1 / (1 + 2^-weight).
 */
export function posteriorBits(model: LinkageModel, matchBits: number, familyBits: number): number {
  const strangers = Math.max(0.01, 1 - model.matchShare - model.familyShare)
  const against = model.familyShare > 0 ? strangers + model.familyShare * 2 ** Math.min(200, familyBits) : strangers
  return Math.log2(model.matchShare) + matchBits - Math.log2(against)
}

export function probabilityOf(bits: number): number {
  return 1 / (1 + 2 ** -bits)
}

/** What is known beforehand about strangers counts as so many pairs. */
const worth = 2000

/**
 * How often strangers stand at each level, from pairs drawn at random: what is seen less the true pairs among them,
 * with a little of the prior so that nothing is impossible.
 */
export function chanceOf(
  seen: number[],
  match: number[],
  matchShare: number,
  prior: (number | undefined)[] = [],
): number[] {
  let pairs = 0
  for (let level = 1; level < seen.length; level++) pairs += seen[level] as number
  const levels = seen.length - 1
  const values = seen.map((count, level) => {
    if (level === 0) return 1
    const share = pairs === 0 ? 1 / levels : count / pairs
    const without = (share - matchShare * (match[level] ?? 0)) / Math.max(1e-9, 1 - matchShare)
    const known = prior[level]
    const weighed = known === undefined ? without : (Math.max(0, without) * pairs + known * worth) / (pairs + worth)
    return Math.max(weighed, level === levels ? 0.01 : (known === undefined ? 0.2 : 0.02) / (pairs + 20), least)
  })
  const total = values.slice(1).reduce((sum, value) => sum + value, 0)
  return values.map((value, level) => (level === 0 ? 1 : value / total))
}
