import { falseDiscoveries } from '../lift/arms.ts'
import { type Draws, drawsFrom } from '../numbers/chance.ts'
import { normalBelow, normalQuantile } from '../numbers/distributions.ts'
import { minimise } from '../numbers/minimise.ts'
import { digamma, incompleteBeta, logBeta } from '../numbers/special.ts'

/** What one text brought: shown so often, clicked, bought, with what margin in sum. */
export type TextCounts = { text: string; impressions: number; clicks: number; conversions: number; value: number }

/** Beta distribution from which all rates of a group seem to be drawn: mean and how many tries it is worth. */
export type RatePrior = { mean: number; tries: number }

const leastTries = 1
const mostTries = 1e7

/**
 * The group's own prior by maximum likelihood of the beta-binomial (empirical Bayes): texts that differ little are
 * pulled strongly towards their common rate, texts that differ much hardly at all.
 */
export function priorOf(counts: readonly { successes: number; tries: number }[]): RatePrior {
  const rows = counts.filter(({ tries }) => tries > 0)
  const tries = rows.reduce((sum, row) => sum + row.tries, 0)
  const successes = rows.reduce((sum, row) => sum + row.successes, 0)
  const mean = (successes + 0.5) / (tries + 1)
  if (rows.length < 3) return { mean, tries: leastTries }
  // A weak pull on the strength keeps two or three equal texts from calling their prior certain.
  const found = minimise(
    (at, gradient) => {
      const share = 1 / (1 + Math.exp(-(at[0] as number)))
      const strength = Math.exp(at[1] as number)
      const [alpha, beta] = [share * strength, (1 - share) * strength]
      let value = 0
      let [byAlpha, byBeta] = [0, 0]
      for (const row of rows) {
        const missed = row.tries - row.successes
        value -= logBeta(alpha + row.successes, beta + missed) - logBeta(alpha, beta)
        const all = digamma(alpha + beta) - digamma(alpha + beta + row.tries)
        byAlpha -= digamma(alpha + row.successes) - digamma(alpha) + all
        byBeta -= digamma(beta + missed) - digamma(beta) + all
      }
      const pull = 1e-3
      value += pull * strength ** 0.5
      gradient[0] = (byAlpha - byBeta) * strength * share * (1 - share)
      gradient[1] = byAlpha * alpha + byBeta * beta + (pull / 2) * strength ** 0.5
      return value
    },
    [Math.log(mean / (1 - mean)), Math.log(100)],
    { low: [-20, Math.log(leastTries)], high: [20, Math.log(mostTries)] },
  )
  return { mean: 1 / (1 + Math.exp(-(found.at[0] as number))), tries: Math.exp(found.at[1] as number) }
}

/** A rate pulled towards the group, with the interval of its posterior. */
export type Shrunk = { value: number; low: number; high: number; raw: number }

export function shrink(successes: number, tries: number, prior: RatePrior, level = 0.9): Shrunk {
  const alpha = prior.mean * prior.tries + successes
  const beta = (1 - prior.mean) * prior.tries + tries - successes
  return {
    value: alpha / (alpha + beta),
    low: betaQuantile((1 - level) / 2, alpha, beta),
    high: betaQuantile((1 + level) / 2, alpha, beta),
    raw: tries > 0 ? successes / tries : 0,
  }
}

/** Quantile of the beta distribution by bisection; 60 steps give 18 digits. */
export function betaQuantile(probability: number, first: number, second: number): number {
  let [low, high] = [0, 1]
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (incompleteBeta(middle, first, second) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

export type TextResult = TextCounts & {
  clickRate: Shrunk
  /** Null when nobody clicked anywhere or conversions are unknown. */
  conversionRate: Shrunk | null
  /** Expected worth of a thousand impressions: click rate × conversion rate × value where known. */
  worth: { value: number; low: number; high: number }
  best: number
  /** What is lost per thousand impressions if this text is printed and another was better. */
  expectedLoss: number
}

export type KeywordResult = {
  /** How worth is counted: clicks, conversions or value. */
  by: 'clicks' | 'conversions' | 'value'
  texts: TextResult[]
  pairs: { better: string; worse: string; difference: number; pValue: number; qValue: number }[]
  winner: string | null
  /** Further impressions per text before the leader could win, when it is not yet one; null when it is hopeless. */
  needed: number | null
  /** Texts whose many clicks do not turn into sales. */
  curious: string[]
  warnings: string[]
}

/**
 * Which text earns most? Every rate is pulled towards the group; a winner must beat every other text; pairs are listed
 * with at most `falseRate` false discoveries among all of them. Expected worth decides the order, not clicks alone.
 */
export function compareTexts(
  counts: readonly TextCounts[],
  options: { falseRate?: number; level?: number; samples?: number; seed?: string; by?: KeywordResult['by'] } = {},
): KeywordResult {
  const { falseRate = 0.1, level = 0.9, samples = 4000 } = options
  const by = options.by ?? kindOf(counts)
  const draws = drawsFrom('keywords', options.seed ?? '1')
  const clickPrior = priorOf(counts.map(({ clicks, impressions }) => ({ successes: clicks, tries: impressions })))
  const buyPrior = priorOf(counts.map(({ conversions, clicks }) => ({ successes: conversions, tries: clicks })))
  const sales = counts.reduce((sum, { conversions }) => sum + conversions, 0)
  const common = sales > 0 ? counts.reduce((sum, { value }) => sum + value, 0) / sales : 0
  const worths = counts.map((text) => worthDraws(text, { by, clickPrior, buyPrior, common, samples, draws }))
  const best = counts.map(() => 0)
  const loss = counts.map(() => 0)
  for (let sample = 0; sample < samples; sample++) {
    let top = 0
    for (let text = 1; text < counts.length; text++) {
      if ((worths[text]?.[sample] as number) > (worths[top]?.[sample] as number)) top = text
    }
    best[top] = (best[top] as number) + 1 / samples
    for (let text = 0; text < counts.length; text++) {
      loss[text] =
        (loss[text] as number) + ((worths[top]?.[sample] as number) - (worths[text]?.[sample] as number)) / samples
    }
  }
  const texts = counts.map((text, index): TextResult => {
    const own = (worths[index] as Float64Array).slice().sort()
    const mean = own.reduce((sum, value) => sum + value, 0) / samples
    return {
      ...text,
      clickRate: shrink(text.clicks, text.impressions, clickPrior, level),
      conversionRate: sales > 0 ? shrink(text.conversions, text.clicks, buyPrior, level) : null,
      worth: {
        value: mean * 1000,
        low: (own[Math.floor(((1 - level) / 2) * (samples - 1))] as number) * 1000,
        high: (own[Math.ceil(((1 + level) / 2) * (samples - 1))] as number) * 1000,
      },
      best: best[index] as number,
      expectedLoss: (loss[index] as number) * 1000,
    }
  })
  const order = texts
    .map((_, index) => index)
    .sort((left, right) => (texts[right] as TextResult).worth.value - (texts[left] as TextResult).worth.value)
  const pairs = pairsOf(counts, by, common)
  const leader = order[0]
  // Whoever must beat every single other needs no correction: the hardest comparison decides (Gutmann & Maymin 1987).
  const beaten = pairs.filter(
    ({ better, pValue }) => better === counts[leader ?? -1]?.text && pValue <= falseRate,
  ).length
  const winner =
    leader !== undefined && counts.length > 1 && beaten === counts.length - 1
      ? (counts[leader] as TextCounts).text
      : null
  return {
    by,
    texts: order.map((index) => texts[index] as TextResult),
    pairs,
    winner,
    needed:
      winner === null && leader !== undefined && counts.length > 1
        ? furtherImpressions(counts, leader, by, common, falseRate)
        : null,
    curious: curiousOf(texts),
    warnings: warningsOf(counts),
  }
}

function kindOf(counts: readonly TextCounts[]): KeywordResult['by'] {
  const conversions = counts.reduce((sum, text) => sum + text.conversions, 0)
  const value = counts.reduce((sum, text) => sum + text.value, 0)
  if (conversions === 0) return 'clicks'
  return value > 0 ? 'value' : 'conversions'
}

function worthDraws(
  text: TextCounts,
  given: {
    by: KeywordResult['by']
    clickPrior: RatePrior
    buyPrior: RatePrior
    common: number
    samples: number
    draws: Draws
  },
): Float64Array {
  const { by, clickPrior, buyPrior, common, samples, draws } = given
  const beta = (successes: number, tries: number, prior: RatePrior) =>
    draws.beta(prior.mean * prior.tries + successes, (1 - prior.mean) * prior.tries + tries - successes)
  // A text's own value per sale counts as much as its sales; ten sales of the group stand beside it.
  const each = by === 'value' ? (text.value + 10 * common) / (text.conversions + 10) : 1
  return Float64Array.from({ length: samples }, () => {
    const clicks = beta(text.clicks, text.impressions, clickPrior)
    return by === 'clicks' ? clicks : clicks * beta(text.conversions, text.clicks, buyPrior) * each
  })
}

/** Worth per impression as a mean with its variance, unshrunken: tests must not borrow from the group they compare. */
function meanWorth(text: TextCounts, by: KeywordResult['by'], common: number): { mean: number; variance: number } {
  const { impressions, clicks, conversions } = text
  const successes = by === 'clicks' ? clicks : conversions
  const each = by === 'value' ? (text.value + 10 * common) / (conversions + 10) : 1
  const rate = successes / Math.max(1, impressions)
  return { mean: rate * each, variance: (each * each * rate * (1 - rate)) / Math.max(1, impressions) }
}

function pairsOf(counts: readonly TextCounts[], by: KeywordResult['by'], common: number): KeywordResult['pairs'] {
  const pairs: KeywordResult['pairs'] = []
  for (let left = 0; left < counts.length; left++) {
    for (let right = left + 1; right < counts.length; right++) {
      const [one, two] = [counts[left], counts[right]] as [TextCounts, TextCounts]
      const [first, second] = [meanWorth(one, by, common), meanWorth(two, by, common)]
      const difference = first.mean - second.mean
      const error = Math.sqrt(first.variance + second.variance)
      const [better, worse] = difference >= 0 ? [one, two] : [two, one]
      pairs.push({
        better: better.text,
        worse: worse.text,
        difference: Math.abs(difference),
        pValue: error > 0 ? 2 * normalBelow(-Math.abs(difference) / error) : 1,
        qValue: 1,
      })
    }
  }
  const qValues = falseDiscoveries(pairs.map(({ pValue }) => pValue))
  return pairs.map((pair, index) => ({ ...pair, qValue: qValues[index] as number }))
}

/** Impressions per text until the leader's lead over the second would be clear, if the rates stay as they are. */
function furtherImpressions(
  counts: readonly TextCounts[],
  leader: number,
  by: KeywordResult['by'],
  common: number,
  falseRate: number,
): number | null {
  const own = meanWorth(counts[leader] as TextCounts, by, common)
  let most = 0
  for (const [index, text] of counts.entries()) {
    if (index === leader) continue
    const other = meanWorth(text, by, common)
    const lead = own.mean - other.mean
    if (!(lead > 0)) return null
    // All comparisons with the leader must hold, found with chance .8.
    const z = normalQuantile(1 - falseRate / 2) + normalQuantile(0.8)
    const perImpression = own.variance * (counts[leader] as TextCounts).impressions + other.variance * text.impressions
    most = Math.max(
      most,
      (z * z * perImpression) / (lead * lead) - Math.min(text.impressions, (counts[leader] as TextCounts).impressions),
    )
  }
  return most > 1e9 ? null : Math.max(0, Math.ceil(most))
}

function curiousOf(texts: readonly TextResult[]): string[] {
  if (texts.some(({ conversionRate }) => conversionRate === null) || texts.length < 2) return []
  const byClicks = texts.toSorted((left, right) => right.clickRate.value - left.clickRate.value)
  const half = byClicks.slice(0, Math.ceil(texts.length / 2))
  const middle = texts.map(({ conversionRate }) => conversionRate?.value as number).sort((left, right) => left - right)[
    Math.floor(texts.length / 2)
  ] as number
  return half.filter(({ conversionRate }) => (conversionRate?.high as number) < middle).map(({ text }) => text)
}

function warningsOf(counts: readonly TextCounts[]): string[] {
  const warnings: string[] = []
  if (counts.length < 2) warnings.push('There is only one text, so nothing can be compared.')
  const few = counts.filter(({ clicks }) => clicks < 10)
  if (few.length > 0)
    warnings.push(
      `Fewer than ten clicks, so their rates are mostly the group's: ${few
        .slice(0, 10)
        .map(({ text }) => `"${text}"`)
        .join(', ')}${few.length > 10 ? ' …' : ''}.`,
    )
  return warnings
}

/**
 * Observation instead of experiment (search console): click rate beyond what the position explains. Position counts by
 * the curve of all queries; a hint, never a test.
 */
export function beyondPosition(
  rows: readonly { text: string; impressions: number; clicks: number; position: number }[],
): { text: string; clickRate: number; usual: number; ratio: number; impressions: number }[] {
  // log click rate over log position, weighted by clicks: a straight line describes result lists well.
  let [weights, sumX, sumY, xx, xy] = [0, 0, 0, 0, 0]
  for (const { impressions, clicks, position } of rows) {
    if (impressions < 1 || position < 1) continue
    const weight = clicks + 0.5
    const x = Math.log(position)
    const y = Math.log((clicks + 0.5) / (impressions + 1))
    weights += weight
    sumX += weight * x
    sumY += weight * y
    xx += weight * x * x
    xy += weight * x * y
  }
  const spread = xx - (sumX * sumX) / (weights || 1)
  const slope = spread > 0 ? (xy - (sumX * sumY) / weights) / spread : 0
  const base = weights > 0 ? (sumY - slope * sumX) / weights : 0
  const strength = priorOf(rows.map(({ clicks, impressions }) => ({ successes: clicks, tries: impressions }))).tries
  return rows
    .filter(({ impressions, position }) => impressions >= 1 && position >= 1)
    .map(({ text, impressions, clicks, position }) => {
      const usual = Math.min(1, Math.exp(base + slope * Math.log(position)))
      const clickRate = (clicks + strength * usual) / (impressions + strength)
      return { text, clickRate, usual, ratio: clickRate / usual, impressions }
    })
    .sort((left, right) => right.ratio - left.ratio)
}
