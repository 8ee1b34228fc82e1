import { chiSquareAbove } from '../numbers/distributions.ts'

/**
 * What was sold of one article in one place: units, the sum of the squared units of its sales, and the share of the
 * place's demand that found the article in stock (0–1).
 */
export type SoldWhileAvailable = { units: number; squares: number; share: number }

/** `corrected` = units had it always been there; null when it was in stock too rarely to say. */
export type DemandIfAvailable = { corrected: number; low: number; high: number } | null

/** An article in stock for less than this share of demand says too little about the rest. */
const leastAvailability = 0.1

/**
 * Units that would have been sold without stock-outs: each place's sales divided by the share of its demand that met
 * the article in stock (a ratio estimator of a Poisson rate with known exposure). The interval is Garwood's for the
 * number of sales that the units are worth, Σx² ÷ Σx each, so that few large sales count as few. O(places).
 *
 *   demandIfAvailable([{ units: 30, squares: 30, share: 0.5 }]) // 60, between 43 and 82
 */
export function demandIfAvailable(places: SoldWhileAvailable[], level = 0.9): DemandIfAvailable {
  if (places.every(({ share }) => share < leastAvailability)) return null
  let corrected = 0
  let variance = 0
  for (const { units, squares, share } of places) {
    // Sold where the books know of no stock: it counts as it is, for nothing tells what else was missed.
    const met = share < leastAvailability ? 1 : share
    corrected += units / met
    variance += squares / met ** 2
  }
  if (variance === 0) {
    // Nothing sold: so much would still have escaped us, by the place that was best supplied.
    const best = Math.max(...places.map(({ share }) => share))
    return { corrected: 0, low: 0, high: halfChiSquare(level, 2) / best }
  }
  const worth = corrected ** 2 / variance
  const tail = (1 - level) / 2
  return {
    corrected,
    low: (corrected * halfChiSquare(tail, 2 * worth)) / worth,
    high: (corrected * halfChiSquare(1 - tail, 2 * worth + 2)) / worth,
  }
}

/** Half the quantile of a chi-square law, by bisection on its tail. */
function halfChiSquare(probability: number, degrees: number): number {
  let low = 0
  let high = degrees + 20 * Math.sqrt(2 * degrees) + 40
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2
    if (1 - chiSquareAbove(middle, degrees) < probability) low = middle
    else high = middle
  }
  return (low + high) / 4
}
