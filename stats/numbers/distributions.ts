import { incompleteBeta, upperGamma } from './special.ts'

/** Chance that a standard normal is below x. */
export function normalBelow(x: number): number {
  const tail = 0.5 * upperGamma(0.5, (x * x) / 2)
  return x < 0 ? tail : 1 - tail
}

/** Value below which a standard normal lies with the probability (Acklam 2003, then one Halley step: 1e-15). */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1))
    throw new RangeError(`A probability lies between 0 and 1, not ${probability}`)
  if (probability > 0.5) return -normalQuantile(1 - probability)
  let x: number
  if (probability < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(probability))
    x =
      (((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1)
  } else {
    const q = probability - 0.5
    const r = q * q
    x =
      ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
        30.66479806614716) *
        r +
        2.506628277459239) *
        q) /
      (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
        13.28068155288572) *
        r +
        1)
  }
  const error = normalBelow(x) - probability
  const step = error * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2)
  return x - step / (1 + (x * step) / 2)
}

/** Chance that Student's t with these degrees of freedom is below x. */
export function studentBelow(x: number, degrees: number): number {
  if (!Number.isFinite(degrees)) return normalBelow(x)
  const tail = 0.5 * incompleteBeta(degrees / (degrees + x * x), degrees / 2, 0.5)
  return x < 0 ? tail : 1 - tail
}

/** Quantile of Student's t, by bisection to 1e-12. */
export function studentQuantile(probability: number, degrees: number): number {
  if (!Number.isFinite(degrees) || degrees > 1e7) return normalQuantile(probability)
  if (probability < 0.5) return -studentQuantile(1 - probability, degrees)
  let low = 0
  let high = 1
  while (studentBelow(high, degrees) < probability && high < 1e12) high *= 2
  for (let step = 0; step < 200 && high - low > 1e-13 * high; step++) {
    const middle = (low + high) / 2
    if (studentBelow(middle, degrees) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Chance that a chi-square variable with these degrees of freedom exceeds x. */
export function chiSquareAbove(x: number, degrees: number): number {
  return upperGamma(degrees / 2, x / 2)
}
