const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** Logarithm of the gamma function for positive arguments (Lanczos g = 7; Stirling series above 15). */
export function logGamma(x: number): number {
  if (x > 15) {
    const inverse = 1 / x
    const square = inverse * inverse
    return (
      (x - 0.5) * Math.log(x) -
      x +
      0.9189385332046728 +
      inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
    )
  }
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const shifted = x - 1
  let sum = lanczos[0] as number
  for (let index = 1; index < 9; index++) sum += (lanczos[index] as number) / (shifted + index)
  const base = shifted + 7.5
  return 0.9189385332046728 + (shifted + 0.5) * Math.log(base) - base + Math.log(sum)
}

/** Derivative of `logGamma` for positive arguments. */
export function digamma(x: number): number {
  let shift = 0
  let at = x
  while (at < 10) {
    shift -= 1 / at
    at += 1
  }
  const square = 1 / (at * at)
  const series =
    square *
    (1 / 12 -
      square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square * (1 / 132 - (square * 691) / 32760)))))
  return shift + Math.log(at) - 0.5 / at - series
}

/** Logarithm of the beta function. */
export function logBeta(first: number, second: number): number {
  return logGamma(first) + logGamma(second) - logGamma(first + second)
}

/** log(exp(a) + exp(b)) without overflow. */
export function logSum(a: number, b: number): number {
  if (a === -Infinity) return b
  if (b === -Infinity) return a
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b))
}

/** log(exp(a) − exp(b)) for a ≥ b. */
export function logDifference(a: number, b: number): number {
  if (b === -Infinity) return a
  const gap = b - a
  return a + (gap > -0.6931471805599453 ? Math.log(-Math.expm1(gap)) : Math.log1p(-Math.exp(gap)))
}

/** Regularised upper incomplete gamma Q(shape, x): chance that a gamma variable exceeds x. */
export function upperGamma(shape: number, x: number): number {
  if (x <= 0) return 1
  const scale = Math.exp(shape * Math.log(x) - x - logGamma(shape))
  if (x < shape + 1) {
    let term = 1 / shape
    let sum = term
    for (let step = 1; step < 10_000 && Math.abs(term) > Math.abs(sum) * 1e-16; step++) {
      term *= x / (shape + step)
      sum += term
    }
    return 1 - scale * sum
  }
  let b = x + 1 - shape
  let c = 1e300
  let d = 1 / b
  let fraction = d
  for (let step = 1; step < 10_000; step++) {
    const factor = -step * (step - shape)
    b += 2
    d = 1 / (factor * d + b || 1e-300)
    c = b + factor / c || 1e-300
    const change = d * c
    fraction *= change
    if (Math.abs(change - 1) < 1e-15) break
  }
  return scale * fraction
}

/** Regularised incomplete beta I(x; first, second), by Lentz's continued fraction. */
export function incompleteBeta(x: number, first: number, second: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (first + 1) / (first + second + 2)) return 1 - incompleteBeta(1 - x, second, first)
  const scale = Math.exp(first * Math.log(x) + second * Math.log1p(-x) - logBeta(first, second)) / first
  let c = 1
  let d = 1 / (1 - ((first + second) * x) / (first + 1) || 1e-300)
  let fraction = d
  for (let step = 1; step < 10_000; step++) {
    const double = 2 * step
    const even = (step * (second - step) * x) / ((first + double - 1) * (first + double))
    d = 1 / (1 + even * d || 1e-300)
    c = 1 + even / c || 1e-300
    fraction *= d * c
    const odd = (-(first + step) * (first + second + step) * x) / ((first + double) * (first + double + 1))
    d = 1 / (1 + odd * d || 1e-300)
    c = 1 + odd / c || 1e-300
    const change = d * c
    fraction *= change
    if (Math.abs(change - 1) < 1e-15) break
  }
  return scale * fraction
}
