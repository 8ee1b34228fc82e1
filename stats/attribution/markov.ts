import { decompose, inverse, solveDecomposed } from '../numbers/linear.ts'
import { type Credit, type Paths, totalsOf } from './paths.ts'

/**
 * Paths as a Markov chain of order k. A state is the tuple of the last k touches (shorter at the beginning); from
 * each state people move on, convert or leave. A step that does not change the state is left out, which changes no
 * chance of ever converting.
 */
export type Chain = {
  order: number
  channels: string[]
  /** The last touches that make each state, oldest first; empty for the start (state 0). */
  tuples: number[][]
  /** Distinct transitions in rows by state: targets `to[starts[s] … starts[s + 1])` with their probability. */
  starts: Uint32Array
  to: Uint32Array
  probability: Float64Array
  /** Chance to convert, and expected value, in the step out of each state. */
  converts: Float64Array
  value: Float64Array
  outflow: Float64Array
}

export type MarkovCredit = Credit & {
  /** Share of conversions (of value) that would be lost without the channel. */
  removalConversions: Float64Array
  removalValues: Float64Array
  /** Chance of conversion from the start. */
  conversionRate: number
  chain: Chain
}

/** Counts the chain from the paths. `nulls: false` looks at converting paths only. O(touches). */
export function chainOf(paths: Paths, options: { order: number; nulls?: boolean }): Chain {
  const { order } = options
  if (!Number.isInteger(order) || order < 1)
    throw new RangeError(`Markov order must be a whole number from 1, not ${order}`)
  const withNulls = options.nulls ?? true
  return order === 1 ? firstOrderChain(paths, withNulls) : higherOrderChain(paths, order, withNulls)
}

function firstOrderChain(paths: Paths, withNulls: boolean): Chain {
  const size = paths.channels.length + 1
  // Up to 1,500 channels a dense count table (18 MB) is the fastest; beyond that pairs are kept in a map.
  if (size > 1500) return higherOrderChain(paths, 1, withNulls)
  const counts = new Float64Array(size * size)
  const converted = new Float64Array(size)
  const value = new Float64Array(size)
  const left = new Float64Array(size)
  const { offsets, touches, conversions, values, nulls } = paths
  for (let row = 0; row < conversions.length; row++) {
    const lost = withNulls ? (nulls[row] as number) : 0
    const times = (conversions[row] as number) + lost
    if (times === 0) continue
    let state = 0
    const end = offsets[row + 1] as number
    for (let at = offsets[row] as number; at < end; at++) {
      const next = (touches[at] as number) + 1
      if (next === state) continue
      const cell = state * size + next
      counts[cell] = (counts[cell] as number) + times
      state = next
    }
    if (state === 0) continue
    converted[state] = (converted[state] as number) + (conversions[row] as number)
    value[state] = (value[state] as number) + (values[row] as number)
    left[state] = (left[state] as number) + lost
  }
  const starts = new Uint32Array(size + 1)
  const to: number[] = []
  const weight: number[] = []
  for (let state = 0; state < size; state++) {
    for (let next = 1; next < size; next++) {
      const count = counts[state * size + next] as number
      if (count === 0) continue
      to.push(next)
      weight.push(count)
    }
    starts[state + 1] = to.length
  }
  return normalised({
    order: 1,
    channels: paths.channels,
    tuples: Array.from({ length: size }, (_, state) => (state === 0 ? [] : [state - 1])),
    starts,
    to: Uint32Array.from(to),
    probability: Float64Array.from(weight),
    converts: converted,
    value,
    outflow: left,
  })
}

/**
 * States are numbered as they appear: `follow` maps (state, channel) to the next state, so one look-up per touch
 * suffices for any order and no tuple is ever spelled out.
 */
function higherOrderChain(paths: Paths, order: number, withNulls: boolean): Chain {
  const width = paths.channels.length
  const follow = new Map<number, number>()
  const byTuple = new Map<string, number>()
  const tuples: number[][] = [[]]
  const edgeOf = new Map<number, number>()
  const edgeFrom: number[] = []
  const edgeTo: number[] = []
  const edgeWeight: number[] = []
  const converted: number[] = [0]
  const value: number[] = [0]
  const left: number[] = [0]

  const stateAfter = (state: number, channel: number): number => {
    const tuple = [...(tuples[state] as number[]), channel].slice(-order)
    const key = tuple.join(' ')
    let next = byTuple.get(key)
    if (next === undefined) {
      next = tuples.length
      byTuple.set(key, next)
      tuples.push(tuple)
      converted.push(0)
      value.push(0)
      left.push(0)
    }
    return next
  }

  for (let row = 0; row < paths.conversions.length; row++) {
    const lost = withNulls ? (paths.nulls[row] as number) : 0
    const times = (paths.conversions[row] as number) + lost
    if (times === 0) continue
    let state = 0
    const end = paths.offsets[row + 1] as number
    for (let at = paths.offsets[row] as number; at < end; at++) {
      const key = state * width + (paths.touches[at] as number)
      let next = follow.get(key)
      if (next === undefined) {
        next = stateAfter(state, paths.touches[at] as number)
        follow.set(key, next)
        if (next !== state) {
          edgeOf.set(key, edgeFrom.length)
          edgeFrom.push(state)
          edgeTo.push(next)
          edgeWeight.push(0)
        }
      }
      if (next === state) continue
      const edge = edgeOf.get(key) as number
      edgeWeight[edge] = (edgeWeight[edge] as number) + times
      state = next
    }
    if (state === 0) continue
    converted[state] = (converted[state] as number) + (paths.conversions[row] as number)
    value[state] = (value[state] as number) + (paths.values[row] as number)
    left[state] = (left[state] as number) + lost
  }
  const size = tuples.length
  const starts = new Uint32Array(size + 1)
  for (const from of edgeFrom) starts[from + 1] = (starts[from + 1] as number) + 1
  for (let state = 0; state < size; state++)
    starts[state + 1] = (starts[state + 1] as number) + (starts[state] as number)
  const fill = starts.slice()
  const to = new Uint32Array(edgeFrom.length)
  const probability = new Float64Array(edgeFrom.length)
  edgeFrom.forEach((from, edge) => {
    const slot = fill[from] as number
    fill[from] = slot + 1
    to[slot] = edgeTo[edge] as number
    probability[slot] = edgeWeight[edge] as number
  })
  return normalised({
    order,
    channels: paths.channels,
    tuples,
    starts,
    to,
    probability,
    converts: Float64Array.from(converted),
    value: Float64Array.from(value),
    outflow: Float64Array.from(left),
  })
}

/** Turns counts into chances: everything that leaves a state is divided by its outflow. */
function normalised(chain: Chain): Chain {
  for (let state = 0; state < chain.tuples.length; state++) {
    let outflow = (chain.converts[state] as number) + (chain.outflow[state] as number)
    for (let edge = chain.starts[state] as number; edge < (chain.starts[state + 1] as number); edge++) {
      outflow += chain.probability[edge] as number
    }
    chain.outflow[state] = outflow
    if (outflow === 0) continue
    for (let edge = chain.starts[state] as number; edge < (chain.starts[state + 1] as number); edge++) {
      chain.probability[edge] = (chain.probability[edge] as number) / outflow
    }
    chain.converts[state] = (chain.converts[state] as number) / outflow
    chain.value[state] = (chain.value[state] as number) / outflow
  }
  return chain
}

/**
 * Credit by removal effect: how much of the chance to convert is lost when everybody who meets the channel leaves,
 * scaled so that all channels together get the total. The chain is solved exactly, nothing is simulated.
 * Order 1 and small chains: one LU decomposition, O(states³); larger ones: Gauss-Seidel with an error bound.
 */
export function creditByMarkov(paths: Paths, options: { order: number; nulls?: boolean }): MarkovCredit {
  const chain = chainOf(paths, options)
  const size = chain.tuples.length
  const effects = size <= denseLimit ? denseRemoval(chain) : sparseRemoval(chain)
  const totals = totalsOf(paths)
  const removalConversions = effects.conversions.map((kept) => 1 - kept / (effects.rate || 1))
  const removalValues = effects.values.map((kept) => 1 - kept / (effects.worth || 1))
  return {
    conversions: scaledTo(removalConversions, totals.conversions - untouched(paths, paths.conversions)),
    values: scaledTo(removalValues, totals.value - untouched(paths, paths.values)),
    removalConversions,
    removalValues,
    conversionRate: effects.rate,
    chain,
  }
}

const denseLimit = 300

type Removal = {
  rate: number
  worth: number
  /** Per channel: chance and value that remain without it. */
  conversions: Float64Array
  values: Float64Array
}

/** Conversions of rows without any touch: nobody's credit. */
function untouched(paths: Paths, figures: Float64Array): number {
  let sum = 0
  for (let row = 0; row < figures.length; row++) {
    if (paths.offsets[row] === paths.offsets[row + 1]) sum += figures[row] as number
  }
  return sum
}

function scaledTo(effects: Float64Array, total: number): Float64Array {
  let sum = 0
  for (const effect of effects) sum += effect
  return effects.map((effect) => (sum === 0 ? 0 : (effect / sum) * total))
}

/** Which states contain each channel. */
function statesWith(chain: Chain): number[][] {
  const containing: number[][] = chain.channels.map(() => [])
  chain.tuples.forEach((tuple, state) => {
    for (const channel of new Set(tuple)) (containing[channel] as number[]).push(state)
  })
  return containing
}

/**
 * With N = (I − T)⁻¹ the visits, a person from the start first meets the removed states R at `first`, where
 * first · N[R,R] = N[start,R]; what they would have earned from there on is lost.
 */
function denseRemoval(chain: Chain): Removal {
  const size = chain.tuples.length
  const system = new Float64Array(size * size)
  for (let state = 0; state < size; state++) {
    system[state * size + state] = 1
    for (let edge = chain.starts[state] as number; edge < (chain.starts[state + 1] as number); edge++) {
      const cell = state * size + (chain.to[edge] as number)
      system[cell] = (system[cell] as number) - (chain.probability[edge] as number)
    }
  }
  const visits = inverse(system, size)
  if (visits === null) throw new Error('The paths contain a loop that nobody ever leaves')
  const ever = new Float64Array(size)
  const worth = new Float64Array(size)
  for (let state = 0; state < size; state++) {
    let rate = 0
    let value = 0
    for (let inner = 0; inner < size; inner++) {
      const times = visits[state * size + inner] as number
      rate += times * (chain.converts[inner] as number)
      value += times * (chain.value[inner] as number)
    }
    ever[state] = rate
    worth[state] = value
  }
  const containing = statesWith(chain)
  const removal: Removal = {
    rate: ever[0] as number,
    worth: worth[0] as number,
    conversions: new Float64Array(chain.channels.length),
    values: new Float64Array(chain.channels.length),
  }
  containing.forEach((removed, channel) => {
    const first = firstMeetings(visits, size, removed)
    let kept = removal.rate
    let keptWorth = removal.worth
    removed.forEach((state, index) => {
      kept -= (first[index] as number) * (ever[state] as number)
      keptWorth -= (first[index] as number) * (worth[state] as number)
    })
    removal.conversions[channel] = kept
    removal.values[channel] = keptWorth
  })
  return removal
}

function firstMeetings(visits: Float64Array, size: number, removed: number[]): Float64Array {
  const count = removed.length
  // Transposed block, because the unknown row vector multiplies from the left.
  const block = new Float64Array(count * count)
  const right = new Float64Array(count)
  for (let row = 0; row < count; row++) {
    right[row] = visits[removed[row] as number] as number
    for (let column = 0; column < count; column++) {
      block[row * count + column] = visits[(removed[column] as number) * size + (removed[row] as number)] as number
    }
  }
  const order = decompose(block, count)
  if (order === null) throw new Error('The paths contain a loop that nobody ever leaves')
  return solveDecomposed(block, order, count, right)
}

/**
 * Gauss-Seidel, warm-started from the full chain. The error is at most the residual times the longest expected way
 * to the end, so the stop at 1e-13 is a proof, not a hope.
 */
function sparseRemoval(chain: Chain): Removal {
  const size = chain.tuples.length
  const gone = new Uint8Array(size)
  const steps = solveChain(chain, new Float64Array(size).fill(1), gone, new Float64Array(size), 1e-3, 1)
  let longest = 1
  for (const step of steps) longest = Math.max(longest, step)
  const largestValue = chain.value.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const tolerance = 1e-13
  const ever = solveChain(chain, chain.converts, gone, new Float64Array(size), tolerance, 2 * longest)
  const worth = solveChain(
    chain,
    chain.value,
    gone,
    new Float64Array(size),
    tolerance * (largestValue || 1),
    2 * longest,
  )
  const removal: Removal = {
    rate: ever[0] as number,
    worth: worth[0] as number,
    conversions: new Float64Array(chain.channels.length),
    values: new Float64Array(chain.channels.length),
  }
  statesWith(chain).forEach((removed, channel) => {
    for (const state of removed) gone[state] = 1
    removal.conversions[channel] = solveChain(chain, chain.converts, gone, ever, tolerance, 2 * longest)[0] as number
    removal.values[channel] = solveChain(
      chain,
      chain.value,
      gone,
      worth,
      tolerance * (largestValue || 1),
      2 * longest,
    )[0] as number
    for (const state of removed) gone[state] = 0
  })
  return removal
}

function solveChain(
  chain: Chain,
  reward: Float64Array,
  gone: Uint8Array,
  start: Float64Array,
  tolerance: number,
  longest: number,
): Float64Array {
  const { starts, to, probability } = chain
  const x = start.slice()
  const size = x.length
  for (let state = 0; state < size; state++) if (gone[state] === 1) x[state] = 0
  for (let sweep = 0; sweep < 1_000_000; sweep++) {
    let change = 0
    for (let state = size - 1; state >= 0; state--) {
      if (gone[state] === 1) continue
      let sum = reward[state] as number
      const end = starts[state + 1] as number
      for (let edge = starts[state] as number; edge < end; edge++) {
        sum += (probability[edge] as number) * (x[to[edge] as number] as number)
      }
      const moved = Math.abs(sum - (x[state] as number))
      if (moved > change) change = moved
      x[state] = sum
    }
    // After a sweep the residual is at most the largest change of the sweep.
    if (change * longest <= tolerance) return x
  }
  throw new Error('The paths contain a loop that nobody ever leaves')
}

/** First-order picture of how people move: rows `from → to` with the share of all who were at `from`. */
export function transitionsOf(paths: Paths): { from: string; to: string; share: number }[] {
  const chain = chainOf(paths, { order: 1 })
  const name = (state: number) => chain.channels[chain.tuples[state]?.[0] ?? -1] ?? '(start)'
  const rows: { from: string; to: string; share: number }[] = []
  for (let state = 0; state < chain.tuples.length; state++) {
    if (chain.outflow[state] === 0) continue
    let rest = 1
    for (let edge = chain.starts[state] as number; edge < (chain.starts[state + 1] as number); edge++) {
      const share = chain.probability[edge] as number
      rows.push({ from: name(state), to: name(chain.to[edge] as number), share })
      rest -= share
    }
    if (state === 0) continue
    const converts = chain.converts[state] as number
    if (converts > 0) rows.push({ from: name(state), to: '(conversion)', share: converts })
    if (rest - converts > 1e-12) rows.push({ from: name(state), to: '(null)', share: rest - converts })
  }
  return rows
}
