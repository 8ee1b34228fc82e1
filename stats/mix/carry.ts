/**
 * Advertising carry-over (adstock): what was spent acts on later weeks too. Normalised: weights add up to 1, so a
 * steady spend stays what it is. `retention` is the share that stays from week to week; weeks beyond `weeks` are cut.
 * Geometric: O(n), by recursion. Weeks before the first count as without spend.
 */
export function geometricAdstock(spend: Float64Array, retention: number, weeks: number, into: Float64Array): void {
  const length = into.length
  const edge = retention ** weeks
  const scale = retention === 1 ? 1 / weeks : (1 - retention) / (1 - edge)
  const whole = Math.min(weeks, length)
  let level = 0
  for (let week = 0; week < whole; week++) {
    level = retention * level + scale * (spend[week] as number)
    into[week] = level
  }
  const cut = scale * edge
  for (let week = whole; week < length; week++) {
    level = retention * level + (scale * (spend[week] as number) - cut * (spend[week - weeks] as number))
    into[week] = level
  }
}

/** Slope of Σ pull · adstock by the retention, given the adstock. O(n). */
export function geometricSlope(
  spend: Float64Array,
  stock: Float64Array,
  pull: Float64Array,
  retention: number,
  weeks: number,
): number {
  const edge = retention ** weeks
  const scale = (1 - retention) / (1 - edge)
  const edgeSlope = retention === 0 ? (weeks === 1 ? 1 : 0) : (weeks * edge) / retention
  const scaleSlope = -1 / (1 - edge) + ((1 - retention) * edgeSlope) / (1 - edge) ** 2
  // Σ over weeks of what later weeks pull through this one, times what it held; the scale is taken out at the end.
  let behind = 0
  let [held, cut, own] = [0, 0, 0]
  for (let week = pull.length - 1; week > 0; week--) {
    const force = pull[week] as number
    behind = force + retention * behind
    held += behind * (stock[week - 1] as number)
    own += force * (stock[week] as number)
    if (week >= weeks) cut += behind * (spend[week - weeks] as number)
  }
  own += (pull[0] as number) * (stock[0] as number)
  return held - cut * scale * edgeSlope + (own * scaleSlope) / scale
}

/** Weights of a carry-over that is largest `peak` weeks later: retention^((lag − peak)²), normalised, with their slopes. */
export function delayedWeights(
  retention: number,
  peak: number,
  weeks: number,
): { weight: Float64Array; byRetention: Float64Array; byPeak: Float64Array } {
  const weight = new Float64Array(weeks)
  const byRetention = new Float64Array(weeks)
  const byPeak = new Float64Array(weeks)
  const log = Math.log(Math.max(retention, 1e-12))
  let [sum, sumRetention, sumPeak] = [0, 0, 0]
  for (let lag = 0; lag < weeks; lag++) {
    const gap = lag - peak
    const value = Math.exp(log * gap * gap)
    weight[lag] = value
    byRetention[lag] = (value * gap * gap) / Math.max(retention, 1e-12)
    byPeak[lag] = -2 * gap * log * value
    sum += value
    sumRetention += byRetention[lag] as number
    sumPeak += byPeak[lag] as number
  }
  for (let lag = 0; lag < weeks; lag++) {
    const value = (weight[lag] as number) / sum
    weight[lag] = value
    byRetention[lag] = ((byRetention[lag] as number) - value * sumRetention) / sum
    byPeak[lag] = ((byPeak[lag] as number) - value * sumPeak) / sum
  }
  return { weight, byRetention, byPeak }
}

/** Sum of past spend with weights by lag. O(n · lags). */
export function weightedAdstock(spend: Float64Array, weight: Float64Array, into: Float64Array): void {
  for (let week = 0; week < into.length; week++) {
    const reach = Math.min(weight.length - 1, week)
    let sum = 0
    for (let lag = 0; lag <= reach; lag++) sum += (weight[lag] as number) * (spend[week - lag] as number)
    into[week] = sum
  }
}

/** Slope of Σ pull · adstock by each lag's weight. */
export function weightSlopes(spend: Float64Array, pull: Float64Array, into: Float64Array): void {
  for (let lag = 0; lag < into.length; lag++) {
    let sum = 0
    for (let week = lag; week < pull.length; week++) sum += (pull[week] as number) * (spend[week - lag] as number)
    into[lag] = sum
  }
}
