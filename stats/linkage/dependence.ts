/** Two columns beside each other, row by row, as numbers of their values. */
export type Beside = { one: ArrayLike<number>; other: ArrayLike<number> }

/** Mutual information of two columns, what chance alone would give, and the most it could be; in nats. */
export type Dependence = { shared: number; chance: number; most: number }

/**
 * How much two columns tell about each other. Near-unique columns "explain" each other always, because hardly any value
 * comes twice: what chance gives is the expectation over all orders of the rows (Vinh, Epps and Bailey 2010, JMLR 11,
 * theorem 10), exact. `most` is the smaller entropy: city follows from postcode, though not the other way round.
 * O(rows + pairs of different value counts).
 */
export function dependenceOf({ one, other }: Beside): Dependence {
  const rows = one.length
  const left = countsOf(one)
  const right = countsOf(other)
  const both = new Map<number, number>()
  const width = Math.max(0, ...right.keys()) + 1
  for (let row = 0; row < rows; row++) {
    const cell = (one[row] as number) * width + (other[row] as number)
    both.set(cell, (both.get(cell) ?? 0) + 1)
  }
  let shared = 0
  for (const [cell, count] of both) {
    const [a, b] = [left.get(Math.floor(cell / width)) as number, right.get(cell % width) as number]
    shared += (count / rows) * Math.log((count * rows) / (a * b))
  }
  return {
    shared,
    chance: chanceInformation([...left.values()], [...right.values()], rows),
    most: Math.min(entropyOf(left.values(), rows), entropyOf(right.values(), rows)),
  }
}

/** 0 = no more than chance, 1 = one column follows from the other; null where nine tenths of all possible are chance. */
export function adjusted({ shared, chance, most }: Dependence): number | null {
  return chance >= 0.9 * most ? null : (shared - chance) / (most - chance)
}

function countsOf(values: ArrayLike<number>): Map<number, number> {
  const counts = new Map<number, number>()
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return counts
}

function entropyOf(counts: Iterable<number>, rows: number): number {
  let entropy = 0
  for (const count of counts) entropy -= (count / rows) * Math.log(count / rows)
  return entropy
}

/** Values that come equally often behave alike: each pair of counts is worked out once. */
function chanceInformation(left: number[], right: number[], rows: number): number {
  const logFactorial = new Float64Array(rows + 1)
  for (let at = 2; at <= rows; at++) logFactorial[at] = (logFactorial[at - 1] as number) + Math.log(at)
  const of = (value: number) => logFactorial[value] as number
  const [lefts, rights] = [countsOf(left), countsOf(right)]
  let information = 0
  for (const [a, aTimes] of lefts)
    for (const [b, bTimes] of rights) {
      const always = of(a) + of(b) + of(rows - a) + of(rows - b) - of(rows)
      let sum = 0
      for (let together = Math.max(1, a + b - rows); together <= Math.min(a, b); together++) {
        const odds = always - of(together) - of(a - together) - of(b - together) - of(rows - a - b + together)
        sum += (together / rows) * Math.log((rows * together) / (a * b)) * Math.exp(odds)
      }
      information += aTimes * bTimes * sum
    }
  return information
}
