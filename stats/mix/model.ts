import type { Draws } from '../numbers/chance.ts'
import { digamma, logGamma } from '../numbers/special.ts'
import type { LogDensity } from '../sampling/density.ts'
import { cholesky } from '../sampling/metric.ts'
import { type BaseColumn, type BaseSpace, baseColumns, baseSpaces } from './base.ts'
import { delayedWeights, geometricAdstock, geometricSlope, weightedAdstock, weightSlopes } from './carry.ts'
import { type Coordinate, coordinateOf, retentionOf, shareOf, standardCoordinate } from './coordinate.ts'
import { logThree } from './saturation.ts'
import {
  type AdstockKind,
  adstockOf,
  type Belief,
  baseWidths,
  type ChannelSpec,
  type LiftResult,
  type MixData,
  type MixSpec,
  type Range,
  type SaturationKind,
  saturationOf,
  usualBeliefs,
  usualOnline,
  usualReturn,
  usualShare,
} from './spec.ts'

/** One channel as the model sees it. */
export type ModelChannel = {
  name: string
  /** Position in the data and the specification. */
  index: number
  adstock: AdstockKind
  lags: number
  saturation: SaturationKind
  /** What acts, in multiples of the usual week of a region of this size. */
  input: Float64Array
  /** One unit of input in a region of usual size, in exposure (or money). */
  unit: number
  spend: Float64Array
  totalSpend: number
  /** What is believed of the share of the outcome that it brings. */
  share: Belief
}

type Slots = {
  effect: Slot
  retention: Slot
  peak: Slot | null
  half: Slot | null
  slope: Slot | null
  spread: Slot | null
  /** Share of the effect that is bought online; null where the outcome is not told apart. */
  online: Slot | null
  /** First of the region's standard coordinates; −1 without regions. */
  regions: number
  effectMeans: 'share' | 'coefficient'
  halfMeans: 'half' | 'rate'
}

/** A quantity and its place in the vector; −1 when it is known. */
type Slot = { coordinate: Coordinate; at: number }

/** The model at one point: everything the answers need, overwritten by the next point. */
export type Unfolded = {
  retention: Float64Array
  peak: Float64Array
  half: Float64Array
  slope: Float64Array
  /** Largest possible effect of channel in region, in multiples of the region's usual outcome: channel * regions + region. */
  effect: Float64Array
  /** Spread of regions per channel. */
  spread: Float64Array
  /** Share of a channel's effect that is bought online; 1 where the outcome is not told apart. */
  online: Float64Array
  /** Effective input after carry-over, and the share of the possible effect: (channel * regions + region) * weeks + week. */
  stock: Float64Array
  reached: Float64Array
  /** Advertising in all per row and week, in multiples of the row's usual outcome (of its logarithm with a log link). */
  media: Float64Array
  /** Residual without base, per row and week: what base and noise must explain. */
  rest: Float64Array
  /** Per row. */
  noise: Float64Array
  freedom: number
}

/** A series that the model explains: what a region sells, or the part of it that it sells online or in stores. */
export type ModelRow = {
  name: string
  region: number
  /** Usual outcome. */
  size: number
  outcome: Float64Array
}

export type MixModel = {
  data: MixData
  spec: MixSpec
  channels: ModelChannel[]
  /** One per region, or first online and then in stores one per region each. Row and week at `row * weeks + week`. */
  rows: readonly ModelRow[]
  /** Usual outcome of each region. */
  size: Float64Array
  columns: BaseColumn[]
  spaces: BaseSpace[]
  density: LogDensity
  names: string[]
  coordinates: Coordinate[]
  start: Float64Array
  /** Recomputes and returns the model at a point. */
  unfold(point: Float64Array): Unfolded
  /** One draw of the base at the unfolded point: values per row and week, and weights per row and column. */
  drawBase(point: Float64Array, draws: Draws): { base: Float64Array; weights: Float64Array }
  /** A point drawn from the prior. */
  drawPrior(draws: Draws): Float64Array
  /** Weights of the base drawn from the prior: row * columns + column. */
  drawBaseWeights(draws: Draws): Float64Array
  /** Log prior of one coordinate at a point, up to a constant. */
  logPrior(index: number, point: Float64Array): number
  /** Increment of each experiment at the unfolded point, in the unit of the outcome. */
  liftAt(): Float64Array
  lifts: readonly { result: LiftResult; channel: number }[]
  /** Pauses whose cells of the table show them: their result is no second piece of evidence. */
  shownByTable: readonly LiftResult[]
}

type LiftTerm = {
  result: LiftResult
  channel: number
  /** Error and increment in the outcome's unit. */
  increment: number
  error: number
  windows: { region: number; from: number; until: number; input: Float64Array; sign: number }[]
  /** The table itself shows the two sides that the experiment compared. */
  shown: boolean
  point: { now: number; more: number } | null
}

/**
 * The mix model: outcome of a region and week = base + Σ channels effect × saturation(adstock(spend)) + noise, all
 * relative to the region's usual outcome. Normal noise: the weights of the base are integrated out exactly, so the
 * sampler moves only what is not linear; they are drawn afterwards. Student noise: they are sampled in the independent
 * directions of the base. `learn`: only so many first weeks are learnt from, the rest stays for a test. Regions share carry-over and saturation; their effects vary around the common one (non-centred).
 * Where the table tells what is sold online, online and stores are rows of their own, each with its base and noise, and a
 * share of each channel's effect says how much of it is bought online: a channel that acts on a small part of the sales
 * is seen against the noise of that part alone.
 */
export function mixModel(data: MixData, spec: MixSpec, learn = data.weeks.length): MixModel {
  const weeks = data.weeks.length
  const regions = data.regions.length
  const cells = weeks * regions
  const widths = { ...baseWidths, ...spec.base }
  const size = spec.usualOutcome === undefined ? regionSizes(data, learn) : Float64Array.from(spec.usualOutcome)
  const meanSize = size.reduce((sum, value) => sum + value, 0) / regions
  const relative = size.map((value) => value / meanSize)
  const total = size.reduce((sum, value) => sum + value, 0) * weeks
  const channels = modelChannels(data, spec, relative, total)
  const columns = baseColumns(data, spec, widths)
  const rows = rowsOf(data, size, learn)
  const ways = rows.length / regions
  const ofRegions = baseSpaces(columns, regions, weeks, learn)
  const spaces = rows.map(({ region }) => ofRegions[region] as BaseSpace)
  const log = spec.link === 'log'
  const student = spec.likelihood === 'student-t'
  // Student noise has no closed form for the common part: there each region's base stands for itself.
  const apart = regions === 1 || student ? 1 : widths.apart
  const commons =
    apart < 1 ? Array.from({ length: ways }, () => commonBase(ofRegions, regions, columns.length, apart)) : []
  const commonOf = (row: number) => commons[Math.floor(row / regions)] ?? null
  // Outcome in multiples of the usual one, less the prior mean of the base.
  const target = new Float64Array(rows.length * weeks)
  for (const [row, { outcome, size: usual }] of rows.entries())
    for (let week = 0; week < weeks; week++) {
      const ratio = (outcome[week] as number) / usual
      target[row * weeks + week] = log ? Math.log(ratio) : ratio - 1
    }

  // Coordinates
  const coordinates: Coordinate[] = []
  const slot = (coordinate: Coordinate): Slot => {
    if (coordinate.fixed !== null) return { coordinate, at: -1 }
    coordinates.push(coordinate)
    return { coordinate, at: coordinates.length - 1 }
  }
  const onlineShare = ways === 1 ? null : shareOnline(data)
  const slots = channels.map((channel) => slotsOf(channel, spec, { regions, onlineShare, slot, widths }))
  for (const [index, one] of slots.entries()) {
    if (regions === 1) continue
    one.regions = coordinates.length
    for (const region of data.regions)
      coordinates.push(standardCoordinate(`${(channels[index] as ModelChannel).name}.region ${region}`))
  }
  const noiseAt = coordinates.length
  for (const { name } of rows)
    coordinates.push(coordinateOf(name === '' ? 'noise' : `noise ${name}`, { law: 'half-normal', scale: widths.noise }))
  const freedomAt = student ? coordinates.length : -1
  if (student) coordinates.push(coordinateOf('degrees of freedom less two', { law: 'gamma', shape: 2, rate: 0.1 }))
  const baseAt = coordinates.length
  /** Student noise: direction j of a row is told in about its own posterior width. */
  const baseWidth = spaces.map((space) => space.variance.map((variance) => 1 / Math.sqrt(1 / variance + 1 / 0.01)))
  if (student)
    for (const [row, space] of spaces.entries())
      for (let direction = 0; direction < space.directions; direction++)
        coordinates.push(standardCoordinate(`base ${rows[row]?.name} ${direction}`))
  const length = coordinates.length

  // Work space
  const lanes = channels.length * regions
  const now: Unfolded = {
    retention: new Float64Array(channels.length),
    peak: new Float64Array(channels.length),
    half: new Float64Array(channels.length),
    slope: new Float64Array(channels.length),
    effect: new Float64Array(lanes),
    spread: new Float64Array(channels.length),
    online: new Float64Array(channels.length).fill(1),
    stock: new Float64Array(lanes * weeks),
    reached: new Float64Array(lanes * weeks),
    media: new Float64Array(rows.length * weeks),
    rest: new Float64Array(rows.length * weeks),
    noise: new Float64Array(rows.length),
    freedom: Infinity,
  }
  // The arrays under plain names: inner loops need not look them up.
  const { stock: allStock, reached: allReached, media, rest: allRest, effect: effects } = now
  const logRatio = new Float64Array(lanes * weeks)
  // Each lane's part of them, taken once.
  const lanesOf = (whole: Float64Array) =>
    Array.from({ length: lanes }, (_, lane) => whole.subarray(lane * weeks, (lane + 1) * weeks))
  const [stocks, shares, logs] = [lanesOf(allStock), lanesOf(allReached), lanesOf(logRatio)]
  const inputs = channels.flatMap(({ input }) =>
    Array.from({ length: regions }, (_, region) => input.subarray(region * weeks, (region + 1) * weeks)),
  )
  const values = new Float64Array(length)
  const pull = new Float64Array(rows.length * weeks)
  /** The same by what a channel brings to a region. */
  const drawn = ways === 1 ? pull : new Float64Array(cells)
  const lanePull = new Float64Array(weeks)
  const reachedSum = new Float64Array(lanes)
  const regionWeight = new Float64Array(lanes)
  const shareBase = new Float64Array(channels.length)
  const delayed = channels.map(() => null as ReturnType<typeof delayedWeights> | null)
  const lagPull = new Float64Array(Math.max(1, ...channels.map(({ lags }) => lags)))
  const along = spaces.map(({ directions }) => new Float64Array(directions))
  const told = liftTerms(data, spec, channels)
  const lifts = told.filter(({ shown }) => !shown)
  const liftReached = lifts.map(({ windows }) => windows.map(({ until }) => new Float64Array(until + 1)))
  const liftStock = lifts.map(({ windows }) => windows.map(({ until }) => new Float64Array(until + 1)))
  const liftLog = lifts.map(({ windows }) => windows.map(({ until }) => new Float64Array(until + 1)))
  const increments = new Float64Array(lifts.length)

  const valueOf = ({ coordinate, at }: Slot) => (at < 0 ? (coordinate.fixed as number) : (values[at] as number))

  const stockOf = (index: number, input: Float64Array, into: Float64Array) => {
    const { adstock, lags } = channels[index] as ModelChannel
    if (adstock === 'none') for (let week = 0; week < into.length; week++) into[week] = input[week] as number
    else if (adstock === 'geometric') geometricAdstock(input, now.retention[index] as number, lags, into)
    else weightedAdstock(input, (delayed[index] as NonNullable<(typeof delayed)[number]>).weight, into)
  }

  /** Saturation of a lane, with the logarithms that its slopes need. */
  const reachOf = (index: number, stock: Float64Array, from: number, into: Float64Array, logs: Float64Array) => {
    const { saturation } = channels[index] as ModelChannel
    const half = now.half[index] as number
    const slope = now.slope[index] as number
    const end = stock.length
    if (saturation === 'hill') {
      const fixedSlope = (slots[index] as Slots).slope === null || (slots[index] as Slots).slope?.at === -1
      if (fixedSlope && slope === 1) {
        for (let week = from; week < end; week++) {
          const x = stock[week] as number
          into[week] = x <= 0 ? 0 : x / (x + half)
        }
        return
      }
      const logHalf = Math.log(half)
      for (let week = from; week < end; week++) {
        const x = stock[week] as number
        const gap = x <= 1e-12 ? 0 : Math.log(x) - logHalf
        logs[week] = gap
        into[week] = x <= 1e-12 ? 0 : 1 / (1 + Math.exp(-slope * gap))
      }
    } else if (saturation === 'logistic') {
      const rate = logThree / half
      for (let week = from; week < end; week++) {
        const fade = Math.exp(-rate * (stock[week] as number))
        into[week] = (1 - fade) / (1 + fade)
      }
    } else for (let week = from; week < end; week++) into[week] = stock[week] as number
  }

  /** Usual outcome of the region in multiples of that of the row. */
  const widen = rows.map(({ region, size: usual }) => (size[region] as number) / usual)
  /** How much of an effect in multiples of the region's usual outcome arrives in a row, in multiples of the row's. */
  const partOf = (index: number, row: number) => {
    if (ways === 1) return 1
    const online = now.online[index] as number
    return (row < regions ? online : 1 - online) * (widen[row] as number)
  }

  const unfold = (point: Float64Array): Unfolded => {
    for (let index = 0; index < length; index++)
      values[index] = (coordinates[index] as Coordinate).value(point[index] as number)
    media.fill(0)
    for (let index = 0; index < channels.length; index++) {
      const channel = channels[index] as ModelChannel
      const own = slots[index] as Slots
      now.retention[index] = valueOf(own.retention)
      now.peak[index] = own.peak === null ? 0 : valueOf(own.peak)
      const half = own.half === null ? 1 : valueOf(own.half)
      now.half[index] = own.halfMeans === 'rate' ? logThree / half : half
      now.slope[index] = own.slope === null ? 1 : valueOf(own.slope)
      now.spread[index] = own.spread === null ? 0 : valueOf(own.spread)
      now.online[index] = own.online === null ? 1 : valueOf(own.online)
      if (channel.adstock === 'delayed')
        delayed[index] = delayedWeights(now.retention[index] as number, now.peak[index] as number, channel.lags)
      let weighted = 0
      for (let region = 0; region < regions; region++) {
        const lane = index * regions + region
        const stock = stocks[lane] as Float64Array
        const reached = shares[lane] as Float64Array
        stockOf(index, inputs[lane] as Float64Array, stock)
        reachOf(index, stock, 0, reached, logs[lane] as Float64Array)
        let sum = 0
        for (let week = 0; week < weeks; week++) sum += reached[week] as number
        reachedSum[lane] = sum
        const weight =
          own.regions < 0 ? 1 : Math.exp((now.spread[index] as number) * (values[own.regions + region] as number))
        regionWeight[lane] = weight
        weighted += (relative[region] as number) * weight * sum
      }
      shareBase[index] = weighted
      const effect = valueOf(own.effect)
      // A share of all sales: the regions' effects are such that the channel brings it exactly.
      const scale = own.effectMeans === 'share' ? (effect * regions * weeks) / Math.max(weighted, 1e-300) : effect
      for (let region = 0; region < regions; region++) {
        const lane = index * regions + region
        const possible = scale * (regionWeight[lane] as number)
        effects[lane] = possible
        const reached = shares[lane] as Float64Array
        for (let row = region; row < rows.length; row += regions) {
          const part = possible * partOf(index, row)
          for (let week = 0, cell = row * weeks; week < weeks; week++, cell++)
            media[cell] = (media[cell] as number) + part * (reached[week] as number)
        }
      }
    }
    for (let cell = 0; cell < target.length; cell++) allRest[cell] = (target[cell] as number) - (media[cell] as number)
    for (let row = 0; row < rows.length; row++) now.noise[row] = values[noiseAt + row] as number
    now.freedom = student ? 2 + (values[freedomAt] as number) : Infinity
    for (let index = 0; index < lifts.length; index++) increments[index] = incrementOf(index)
    return now
  }

  /** Increment of an experiment in the outcome's unit, and what its slopes need. */
  const incrementOf = (which: number): number => {
    const { channel, windows, point } = lifts[which] as LiftTerm
    if (point !== null) {
      const effect = meanEffect(channel)
      return effect * meanSize * regions * (reachAt(channel, point.more) - reachAt(channel, point.now))
    }
    let sum = 0
    for (let place = 0; place < windows.length; place++) {
      const window = windows[place] as LiftTerm['windows'][number]
      const lane = channel * regions + window.region
      const stock = (liftStock[which] as Float64Array[])[place] as Float64Array
      const reached = (liftReached[which] as Float64Array[])[place] as Float64Array
      stockOf(channel, window.input, stock)
      reachOf(channel, stock, window.from, reached, (liftLog[which] as Float64Array[])[place] as Float64Array)
      const effect = effects[lane] as number
      for (let week = window.from; week <= window.until; week++) {
        const gap = effect * ((allReached[lane * weeks + week] as number) - (reached[week] as number))
        const cell = window.region * weeks + week
        // With a log link the channel multiplies what was sold.
        sum +=
          window.sign *
          (log ? (data.outcome[cell] as number) * -Math.expm1(-gap) : (size[window.region] as number) * gap)
      }
    }
    return sum
  }

  const meanEffect = (channel: number) => {
    let sum = 0
    for (let region = 0; region < regions; region++)
      sum += ((effects[channel * regions + region] as number) * (relative[region] as number)) / regions
    return sum
  }
  const scratch = { stock: new Float64Array(1), reached: new Float64Array(1), log: new Float64Array(1) }
  const reachAt = (channel: number, x: number) => {
    scratch.stock[0] = x
    reachOf(channel, scratch.stock, 0, scratch.reached, scratch.log)
    return scratch.reached[0] as number
  }

  const density = (point: Float64Array, gradient: Float64Array): number => {
    unfold(point)
    let value = 0
    for (let index = 0; index < length; index++) {
      const coordinate = coordinates[index] as Coordinate
      const u = point[index] as number
      value += coordinate.logPrior(u, values[index] as number)
      gradient[index] = coordinate.priorSlope(u, values[index] as number)
    }
    const add = ({ coordinate, at }: Slot, slopeByValue: number) => {
      if (at < 0) return
      gradient[at] =
        (gradient[at] as number) + slopeByValue * coordinate.slope(point[at] as number, values[at] as number)
    }
    value += settleCommon(false)
    for (let row = 0; row < rows.length; row++)
      value += student ? studentPart(row, point, gradient) : normalPart(row, gradient)
    for (let index = 0; index < channels.length; index++) value += channelPart(index, gradient, add)
    return Number.isFinite(value) ? value : -Infinity
  }

  const settleCommon = (together: boolean) => {
    let value = 0
    for (const [way, common] of commons.entries()) {
      for (let region = 0, row = way * regions; region < regions; region++, row++)
        common.add(region, alongOf(row), now.noise[row] as number)
      value += together ? common.settleTogether() : common.settle()
    }
    return value
  }

  /** The row's rest along the directions of its base. */
  const alongOf = (row: number): Float64Array => {
    const { basis, directions } = spaces[row] as BaseSpace
    const own = along[row] as Float64Array
    const first = row * weeks
    for (let direction = 0; direction < directions; direction++) {
      const start = direction * learn
      let sum = 0
      for (let week = 0; week < learn; week++)
        sum += (basis[start + week] as number) * (allRest[first + week] as number)
      own[direction] = sum
    }
    return own
  }

  /**
   * Log-likelihood of a row with its base integrated out; leaves the slope by each cell's media in `pull`. What the
   * regions have in common is settled before: the quadratic form is that of the rest less the common base, whose own
   * part of the density is added there.
   */
  const normalPart = (row: number, gradient: Float64Array): number => {
    const { basis, variance: widest, directions } = spaces[row] as BaseSpace
    const common = commonOf(row)
    const noise = now.noise[row] as number
    const square = noise * noise
    const sums = common === null ? alongOf(row) : (along[row] as Float64Array)
    const expected = common?.expected(row % regions)
    const spreads = common?.spreads(row % regions)
    const first = row * weeks
    let all = 0
    for (let week = 0; week < learn; week++) {
      const value = allRest[first + week] as number
      all += value * value
      pull[first + week] = value / square
    }
    let outside = all
    let inside = 0
    let logDeterminant = 2 * (learn - directions) * Math.log(noise)
    let bySquare = (learn - directions) / square
    for (let direction = 0; direction < directions; direction++) {
      const start = direction * learn
      const sum = sums[direction] as number
      const variance = apart * apart * (widest[direction] as number)
      const wide = square + variance
      const known = expected === undefined ? 0 : (expected[direction] as number)
      const left = sum - known
      outside -= sum * sum
      inside += (sum * sum) / wide
      logDeterminant += Math.log(wide)
      bySquare +=
        1 / wide - (left * left + (spreads === undefined ? 0 : (spreads[direction] as number))) / (wide * wide)
      const back = (-sum * variance) / (square * wide) - known / wide
      for (let week = 0; week < learn; week++)
        pull[first + week] = (pull[first + week] as number) + back * (basis[start + week] as number)
    }
    outside = Math.max(0, outside)
    bySquare -= outside / (square * square)
    // pull = −∂/∂rest = ∂/∂media. Noise: d/d log σ through σ².
    gradient[noiseAt + row] = (gradient[noiseAt + row] as number) - bySquare * square
    return -0.5 * (logDeterminant + outside / square + inside)
  }

  const studentPart = (row: number, point: Float64Array, gradient: Float64Array): number => {
    const space = spaces[row] as BaseSpace
    const { basis, variance, directions } = space
    const own = pull.subarray(row * weeks, row * weeks + learn)
    const rest = allRest.subarray(row * weeks, row * weeks + learn)
    const width = baseWidth[row] as Float64Array
    const first = baseAt + spaces.slice(0, row).reduce((sum, { directions: count }) => sum + count, 0)
    let value = 0
    for (let week = 0; week < learn; week++) own[week] = rest[week] as number
    for (let direction = 0; direction < directions; direction++) {
      const u = point[first + direction] as number
      const amount = u * (width[direction] as number)
      // The coordinate's own standard normal prior is replaced by that of the direction.
      value += 0.5 * u * u - (0.5 * amount * amount) / (variance[direction] as number)
      gradient[first + direction] = -(amount * (width[direction] as number)) / (variance[direction] as number)
      for (let week = 0; week < learn; week++)
        own[week] = (own[week] as number) - amount * (basis[direction * learn + week] as number)
    }
    const noise = now.noise[row] as number
    const freedom = now.freedom
    let bySquares = 0
    let byFreedom = 0
    for (let week = 0; week < learn; week++) {
      const gap = own[week] as number
      const ratio = (gap * gap) / (freedom * noise * noise)
      const curve = Math.log1p(ratio)
      value -= 0.5 * (freedom + 1) * curve
      bySquares += ((freedom + 1) * ratio) / (1 + ratio)
      byFreedom += -0.5 * curve + (0.5 * (freedom + 1) * ratio) / ((1 + ratio) * freedom)
      own[week] = ((freedom + 1) * gap) / (freedom * noise * noise * (1 + ratio))
    }
    value += weeks * (logGamma((freedom + 1) / 2) - logGamma(freedom / 2) - 0.5 * Math.log(freedom) - Math.log(noise))
    byFreedom += learn * 0.5 * (digamma((freedom + 1) / 2) - digamma(freedom / 2) - 1 / freedom)
    gradient[noiseAt + row] = (gradient[noiseAt + row] as number) - learn + bySquares
    gradient[freedomAt] = (gradient[freedomAt] as number) + byFreedom * (freedom - 2)
    for (let direction = 0; direction < directions; direction++) {
      let sum = 0
      for (let week = 0; week < learn; week++)
        sum += (basis[direction * learn + week] as number) * (own[week] as number)
      gradient[first + direction] = (gradient[first + direction] as number) + sum * (width[direction] as number)
    }
    return value
  }

  const effectPull = new Float64Array(regions)

  /** Slopes of a channel's quantities, and the experiments' part of the density. */
  const channelPart = (index: number, gradient: Float64Array, add: (slot: Slot, slope: number) => void): number => {
    const own = slots[index] as Slots
    const { saturation, adstock, lags } = channels[index] as ModelChannel
    const slope = now.slope[index] as number
    const half = now.half[index] as number
    let value = 0
    let byRetention = 0
    let byPeak = 0
    let byLogHalf = 0
    let bySlope = 0
    let byOnline = 0
    if (adstock === 'delayed') lagPull.fill(0)
    if (ways > 1)
      for (let region = 0; region < regions; region++) {
        const [online, stores] = [region, regions + region]
        const [toOnline, toStores] = [partOf(index, online), partOf(index, stores)]
        const [wideOnline, wideStores] = [widen[online] as number, widen[stores] as number]
        const reached = shares[index * regions + region] as Float64Array
        let sum = 0
        for (let week = 0; week < weeks; week++) {
          const [left, right] = [pull[online * weeks + week] as number, pull[stores * weeks + week] as number]
          drawn[region * weeks + week] = toOnline * left + toStores * right
          sum += (reached[week] as number) * (wideOnline * left - wideStores * right)
        }
        byOnline += sum * (effects[index * regions + region] as number)
      }
    for (let region = 0; region < regions; region++) {
      const lane = index * regions + region
      const reached = shares[lane] as Float64Array
      let sum = 0
      for (let week = 0, cell = region * weeks; week < weeks; week++, cell++)
        sum += (drawn[cell] as number) * (reached[week] as number)
      effectPull[region] = sum * (effects[lane] as number)
    }

    /** Slopes through the saturation of one lane, `lanePull` being the slope by what is reached; leaves it by stock. */
    const through = (
      reached: Float64Array,
      stock: Float64Array,
      logRatios: Float64Array,
      from: number,
      end: number,
    ) => {
      // Sums of their own: a variable that a closure shares costs a piece of memory each time it is written.
      let [towardsHalf, towardsSlope] = [0, 0]
      if (saturation === 'hill') {
        const plain = slope === 1 && (own.slope === null || own.slope.at < 0)
        for (let week = from; week < end; week++) {
          const share = reached[week] as number
          const steep = (lanePull[week] as number) * share * (1 - share)
          const amount = stock[week] as number
          towardsHalf += steep
          if (!plain) towardsSlope += steep * (logRatios[week] as number)
          lanePull[week] = amount > 1e-12 ? (slope * steep) / amount : plain ? (lanePull[week] as number) / half : 0
        }
        towardsHalf *= slope
      } else if (saturation === 'logistic') {
        const rate = logThree / half
        for (let week = from; week < end; week++) {
          const share = reached[week] as number
          const steep = (lanePull[week] as number) * 0.5 * (1 - share * share) * rate
          towardsHalf += steep * (stock[week] as number)
          lanePull[week] = steep
        }
      }
      byLogHalf -= towardsHalf
      bySlope += towardsSlope
    }
    const carry = (series: Float64Array, stock: Float64Array, from: number, end: number) => {
      if (adstock === 'none' || (own.retention.at < 0 && own.peak === null)) return
      const part = end === weeks ? lanePull : lanePull.subarray(0, end)
      if (from > 0) part.fill(0, 0, from)
      if (adstock === 'geometric')
        byRetention += geometricSlope(series, stock, part, now.retention[index] as number, lags)
      else {
        const { byRetention: left, byPeak: right } = delayed[index] as NonNullable<(typeof delayed)[number]>
        const slopes = lagPull.subarray(0, lags)
        weightSlopes(series, part, slopes)
        for (let lag = 0; lag < lags; lag++) {
          byRetention += (slopes[lag] as number) * (left[lag] as number)
          byPeak += (slopes[lag] as number) * (right[lag] as number)
        }
      }
    }

    // Experiments: normal around the model's increment. Their slopes by what is reached join those of the sales.
    const extra: { region: number; week: number; slope: number }[] = []
    for (let which = 0; which < lifts.length; which++) {
      const term = lifts[which] as LiftTerm
      if (term.channel !== index) continue
      const gap = (term.increment - (increments[which] as number)) / term.error
      value -= 0.5 * gap * gap
      const drive = gap / term.error
      if (term.point !== null) {
        const effect = meanEffect(index) * meanSize * regions
        for (const [x, sign] of [
          [term.point.more, 1],
          [term.point.now, -1],
        ] as const) {
          const reached = reachAt(index, x)
          scratch.reached[0] = reached
          lanePull[0] = drive * effect * sign
          through(scratch.reached, scratch.stock, scratch.log, 0, 1)
          for (let region = 0; region < regions; region++)
            effectPull[region] =
              (effectPull[region] as number) +
              drive * sign * reached * (effects[index * regions + region] as number) * (size[region] as number)
        }
        continue
      }
      for (let place = 0; place < term.windows.length; place++) {
        const window = term.windows[place] as LiftTerm['windows'][number]
        const lane = index * regions + window.region
        const effect = effects[lane] as number
        const reached = (liftReached[which] as Float64Array[])[place] as Float64Array
        for (let week = window.from; week <= window.until; week++) {
          const cell = window.region * weeks + week
          const difference = (allReached[lane * weeks + week] as number) - (reached[week] as number)
          const unit =
            drive *
            window.sign *
            (log ? (data.outcome[cell] as number) * Math.exp(-effect * difference) : (size[window.region] as number))
          effectPull[window.region] = (effectPull[window.region] as number) + unit * effect * difference
          extra.push({ region: window.region, week, slope: unit * effect })
          lanePull[week] = -unit * effect
        }
        const stock = (liftStock[which] as Float64Array[])[place] as Float64Array
        through(
          reached,
          stock,
          (liftLog[which] as Float64Array[])[place] as Float64Array,
          window.from,
          window.until + 1,
        )
        carry(window.input, stock, window.from, window.until + 1)
      }
    }

    let all = 0
    for (let region = 0; region < regions; region++) all += effectPull[region] as number
    const base = shareBase[index] as number
    for (let region = 0; region < regions; region++) {
      const lane = index * regions + region
      const effect = effects[lane] as number
      // A share stays what it is when more is reached: the possible effect gives way.
      const give =
        own.effectMeans === 'share' ? (all * (relative[region] as number) * (regionWeight[lane] as number)) / base : 0
      for (let week = 0, cell = region * weeks; week < weeks; week++, cell++)
        lanePull[week] = (drawn[cell] as number) * effect - give
      for (const one of extra)
        if (one.region === region) lanePull[one.week] = (lanePull[one.week] as number) + one.slope
      const stock = stocks[lane] as Float64Array
      through(shares[lane] as Float64Array, stock, logs[lane] as Float64Array, 0, weeks)
      carry(inputs[lane] as Float64Array, stock, 0, weeks)
      if (own.regions >= 0) {
        const byWeight = (effectPull[region] as number) - give * (reachedSum[lane] as number)
        const at = own.regions + region
        gradient[at] = (gradient[at] as number) + byWeight * (now.spread[index] as number)
        if (own.spread !== null) add(own.spread, byWeight * (values[at] as number))
      }
    }
    const effect = valueOf(own.effect)
    if (effect !== 0) add(own.effect, all / effect)
    add(own.retention, byRetention)
    if (own.peak !== null) add(own.peak, byPeak)
    if (own.half !== null) {
      const quantity = valueOf(own.half)
      add(own.half, ((own.halfMeans === 'rate' ? -1 : 1) * byLogHalf) / quantity)
    }
    if (own.slope !== null) add(own.slope, bySlope)
    if (own.online !== null) add(own.online, byOnline)
    return value
  }

  return {
    data,
    spec,
    channels,
    size,
    columns,
    rows,
    spaces,
    density: { size: length, at: density },
    names: coordinates.map(({ name }) => name),
    coordinates,
    start: Float64Array.from(coordinates, ({ start }) => start),
    unfold,
    drawBase(point, draws) {
      const base = new Float64Array(rows.length * weeks)
      const weights = new Float64Array(rows.length * columns.length)
      let first = baseAt
      settleCommon(true)
      const alike = commons.map((common) => common.draw(draws))
      for (let row = 0; row < rows.length; row++) {
        const shared = alike[Math.floor(row / regions)]
        const space = spaces[row] as BaseSpace
        const noise = now.noise[row] as number
        const own = weights.subarray(row * columns.length, (row + 1) * columns.length)
        for (let column = 0; column < columns.length; column++)
          own[column] =
            (columns[column] as BaseColumn).mean +
            (shared === undefined ? 0 : (shared[column] as number) * (columns[column] as BaseColumn).deviation)
        for (let direction = 0; direction < space.directions; direction++) {
          const variance = apart * apart * (space.variance[direction] as number)
          let amount: number
          if (student)
            amount = (point[first + direction] as number) * ((baseWidth[row] as Float64Array)[direction] as number)
          else {
            let sum = 0
            for (let week = 0; week < learn; week++)
              sum += (space.basis[direction * learn + week] as number) * (now.rest[row * weeks + week] as number)
            if (shared !== undefined)
              for (let column = 0; column < columns.length; column++)
                sum -= (space.reach[direction * columns.length + column] as number) * (shared[column] as number)
            const shrink = variance / (noise * noise + variance)
            amount = shrink * sum + Math.sqrt(shrink) * noise * draws.normal()
          }
          for (let column = 0; column < columns.length; column++)
            own[column] =
              (own[column] as number) + amount * (space.weights[direction * columns.length + column] as number)
        }
        for (let column = 0; column < columns.length; column++) {
          const weight = own[column] as number
          const { values: series } = columns[column] as BaseColumn
          const start = (rows[row] as ModelRow).region * weeks
          for (let week = 0; week < weeks; week++)
            base[row * weeks + week] = (base[row * weeks + week] as number) + weight * (series[start + week] as number)
        }
        first += space.directions
      }
      return { base, weights }
    },
    drawPrior: (draws) => Float64Array.from(coordinates, (coordinate) => coordinate.draw(draws)),
    drawBaseWeights(draws) {
      const alike = Math.sqrt(1 - apart * apart)
      const shared = Float64Array.from({ length: ways * columns.length }, () =>
        apart < 1 ? alike * draws.normal() : 0,
      )
      return Float64Array.from({ length: rows.length * columns.length }, (_, place) => {
        const column = place % columns.length
        const way = Math.floor(place / columns.length / regions)
        const { mean, deviation } = columns[column] as BaseColumn
        return mean + deviation * ((shared[way * columns.length + column] as number) + apart * draws.normal())
      })
    },
    logPrior: (index, point) => {
      const coordinate = coordinates[index] as Coordinate
      const u = point[index] as number
      return coordinate.logPrior(u, coordinate.value(u))
    },
    liftAt: () => increments,
    lifts: lifts.map(({ result, channel }) => ({ result, channel })),
    shownByTable: told.filter(({ shown }) => shown).map(({ result }) => result),
  }
}

/**
 * What the bases of all regions have in common: one weight per column, standard normal in widths of the prior, integrated
 * out. Regions with the same columns throughout have the same independent directions, and each settles for itself:
 * O(directions). Otherwise O(columns² · directions) for each group of them, and O(columns³) to settle.
 */
function commonBase(spaces: readonly BaseSpace[], regions: number, columns: number, apart: number) {
  const alike = Math.sqrt(1 - apart * apart)
  const groups = [...new Set(spaces)]
  const groupOf = spaces.map((space) => groups.indexOf(space))
  const precise = groups.map(({ directions }) => new Float64Array(directions))
  const pulled = groups.map(({ directions }) => new Float64Array(directions))
  const reach = groups.map((space) => space.reach.map((value) => alike * value))
  const expected = groups.map(({ directions }) => new Float64Array(directions))
  const spreads = groups.map(({ directions }) => new Float64Array(directions))
  const precision = new Float64Array(columns * columns)
  const mean = new Float64Array(columns)
  const solved = new Float64Array(columns)
  let lower: Float64Array = precision
  let added = 0
  return {
    add(region: number, along: Float64Array, noise: number): void {
      if (added === 0)
        for (const [group, values] of precise.entries()) {
          values.fill(0)
          ;(pulled[group] as Float64Array).fill(0)
        }
      added = (added + 1) % regions
      const group = groupOf[region] as number
      const { variance } = spaces[region] as BaseSpace
      const [weight, sums] = [precise[group] as Float64Array, pulled[group] as Float64Array]
      for (let direction = 0; direction < variance.length; direction++) {
        const wide = noise * noise + apart * apart * (variance[direction] as number)
        weight[direction] = (weight[direction] as number) + 1 / wide
        sums[direction] = (sums[direction] as number) + (along[direction] as number) / wide
      }
    },
    /** Part of the log-likelihood that the common weights bring; afterwards the expectations stand. */
    settle(): number {
      if (groups.length > 1) return this.settleTogether()
      const [{ variance }] = groups as [BaseSpace]
      const [weight, sums] = [precise[0] as Float64Array, pulled[0] as Float64Array]
      let value = 0
      for (let direction = 0; direction < variance.length; direction++) {
        const wide = alike * alike * (variance[direction] as number)
        const sum = sums[direction] as number
        const apiece = 1 + wide * (weight[direction] as number)
        const spread = wide / apiece
        ;(expected[0] as Float64Array)[direction] = spread * sum
        ;(spreads[0] as Float64Array)[direction] = spread
        value += spread * sum * sum - Math.log(apiece)
      }
      return 0.5 * value
    },
    /** The same over columns, so that common weights can be drawn afterwards. */
    settleTogether(): number {
      precision.fill(0)
      mean.fill(0)
      for (let column = 0; column < columns; column++) precision[column * columns + column] = 1
      for (const [group, { directions }] of groups.entries()) {
        const far = reach[group] as Float64Array
        for (let direction = 0; direction < directions; direction++) {
          const first = direction * columns
          const weight = (precise[group] as Float64Array)[direction] as number
          const sum = (pulled[group] as Float64Array)[direction] as number
          for (let row = 0; row < columns; row++) {
            const scaled = weight * (far[first + row] as number)
            mean[row] = (mean[row] as number) + sum * (far[first + row] as number)
            for (let column = 0; column <= row; column++)
              precision[row * columns + column] =
                (precision[row * columns + column] as number) + scaled * (far[first + column] as number)
          }
        }
      }
      lower = cholesky(precision, columns) ?? lower
      let logDeterminant = 0
      let fitted = 0
      for (let row = 0; row < columns; row++) {
        let sum = mean[row] as number
        for (let column = 0; column < row; column++)
          sum -= (lower[row * columns + column] as number) * (mean[column] as number)
        const own = lower[row * columns + row] as number
        logDeterminant += 2 * Math.log(own)
        mean[row] = sum / own
        fitted += (mean[row] as number) ** 2
      }
      backward(lower, columns, mean)
      for (const [group, { directions }] of groups.entries()) {
        const far = reach[group] as Float64Array
        for (let direction = 0; direction < directions; direction++) {
          let value = 0
          let spread = 0
          for (let row = 0; row < columns; row++) {
            let sum = far[direction * columns + row] as number
            value += sum * (mean[row] as number)
            for (let column = 0; column < row; column++)
              sum -= (lower[row * columns + column] as number) * (solved[column] as number)
            sum /= lower[row * columns + row] as number
            solved[row] = sum
            spread += sum * sum
          }
          ;(expected[group] as Float64Array)[direction] = value
          ;(spreads[group] as Float64Array)[direction] = spread
        }
      }
      return 0.5 * (fitted - logDeterminant)
    },
    /** The common base of a region along its directions. */
    expected: (region: number) => expected[groupOf[region] as number] as Float64Array,
    /** How uncertain the common base is along each direction: a variance. */
    spreads: (region: number) => spreads[groupOf[region] as number] as Float64Array,
    /** A draw of the common weights once they are settled together, in widths of the columns' priors. */
    draw(draws: Draws): Float64Array {
      const normals = Float64Array.from({ length: columns }, () => draws.normal())
      backward(lower, columns, normals)
      return normals.map((value, column) => alike * (value + (mean[column] as number)))
    },
  }
}

/** Solves Lᵀ x = b in place. */
function backward(lower: Float64Array, size: number, into: Float64Array): void {
  for (let row = size - 1; row >= 0; row--) {
    let sum = into[row] as number
    for (let below = row + 1; below < size; below++)
      sum -= (lower[below * size + row] as number) * (into[below] as number)
    into[row] = sum / (lower[row * size + row] as number)
  }
}

/** What the model explains, in the order of its rows. */
function rowsOf(data: MixData, size: Float64Array, learn: number): ModelRow[] {
  const weeks = data.weeks.length
  const { online } = data
  const rowsWith = (
    way: string,
    valueAt: (cell: number) => number,
    usualOf: (outcome: Float64Array, region: number) => number,
  ) =>
    data.regions.map((region, index): ModelRow => {
      const outcome = Float64Array.from({ length: weeks }, (_, week) => valueAt(index * weeks + week))
      return {
        name: [region, way].filter((word) => word !== '').join(' '),
        region: index,
        size: usualOf(outcome, index),
        outcome,
      }
    })
  const all = (cell: number) => data.outcome[cell] as number
  if (online === undefined) return rowsWith('', all, (_, region) => size[region] as number)
  // Parts of the usual outcome, so that together they are the region's.
  const usual = (outcome: Float64Array, region: number) => {
    const own = outcome.subarray(0, learn).reduce((sum, value) => sum + value, 0)
    const whole = data.outcome.subarray(region * weeks, region * weeks + learn).reduce((sum, value) => sum + value, 0)
    return ((size[region] as number) * own) / whole
  }
  return [
    ...rowsWith('online', (cell) => online[cell] as number, usual),
    ...rowsWith('stores', (cell) => all(cell) - (online[cell] as number), usual),
  ]
}

/** Share of the outcome that is sold online. */
function shareOnline({ online, outcome }: MixData): number {
  const sum = (values: Float64Array) => values.reduce((left, right) => left + right, 0)
  return sum(online ?? outcome) / sum(outcome)
}

function regionSizes(data: MixData, learn: number): Float64Array {
  const weeks = data.weeks.length
  return Float64Array.from({ length: data.regions.length }, (_, region) => {
    const own = data.outcome.subarray(region * weeks, region * weeks + learn)
    return own.reduce((sum, value) => sum + value, 0) / learn
  })
}

function modelChannels(data: MixData, spec: MixSpec, relative: Float64Array, total: number): ModelChannel[] {
  const weeks = data.weeks.length
  const found = spec.channels.flatMap((channel, index) => {
    const spend = data.spend[index] as Float64Array
    const acts = data.exposure[index] ?? spend
    // What never acted has nothing to be estimated.
    if (!acts.some((value) => value > 0)) return []
    const input = acts.map((value, cell) => value / (relative[Math.floor(cell / weeks)] as number))
    const active = input.filter((value) => value > 0)
    const unit =
      spec.scale === 'largest'
        ? active.reduce((most, value) => Math.max(most, value), 0)
        : active.reduce((sum, value) => sum + value, 0) / active.length
    const { kind, weeks: lags } = adstockOf(spec, channel)
    return [
      {
        name: channel.name,
        index,
        adstock: kind,
        lags: Math.min(lags, weeks),
        saturation: saturationOf(spec, channel),
        input: input.map((value) => value / unit),
        unit,
        spend,
        totalSpend: spend.reduce((sum, value) => sum + value, 0),
      },
    ]
  })
  const beliefs = shareBeliefs(found, spec, total)
  return found.map((channel, place) => ({ ...channel, share: beliefs[place] as Belief }))
}

/**
 * What is believed of each channel's share of the outcome. Money on both sides: its spend at a usual return, less where
 * all together would bring more than a quarter. Otherwise a quarter in proportion to the spend, within a factor of five.
 */
function shareBeliefs(found: readonly Omit<ModelChannel, 'share'>[], spec: MixSpec, total: number): Belief[] {
  const spent = found.reduce((sum, { totalSpend }) => sum + totalSpend, 0)
  const usual = found.map(({ index }) => (spec.channels[index] as ChannelSpec).usualReturn ?? usualReturn)
  const expected = found.reduce(
    (sum, { totalSpend }, place) => sum + (middleOf(usual[place] as Range) * totalSpend) / total,
    0,
  )
  const room = expected > usualShare ? usualShare / expected : 1
  return found.map(({ index, totalSpend }, place): Belief => {
    const { share, roas } = (spec.channels[index] as ChannelSpec).prior ?? {}
    if (share !== undefined) return share
    if (roas !== undefined && totalSpend > 0) return scaled(roas, totalSpend / total)
    if (spec.money === true && totalSpend > 0) return scaled(usual[place] as Range, (room * totalSpend) / total)
    const part = usualShare * (totalSpend > 0 ? totalSpend / spent : 1 / found.length)
    return [part / 5, part * 5]
  })
}

const middleOf = ([low, high]: Range) => Math.sqrt(low * high)

/** Experiments as windows of the table, with what would have been spent otherwise. */
function liftTerms(data: MixData, spec: MixSpec, channels: readonly ModelChannel[]): LiftTerm[] {
  const weeks = data.weeks.length
  const starts = data.weeks.map((week) => Date.parse(week))
  return (spec.lift ?? []).flatMap((result): LiftTerm[] => {
    const channel = channels.findIndex(({ name }) => name === result.channel)
    if (channel < 0) return []
    const own = channels[channel] as ModelChannel
    const common = { result, channel, increment: result.increment, error: result.error }
    if ('extra' in result) {
      const now = result.spend / own.unit
      return [{ ...common, windows: [], shown: false, point: { now, more: (result.spend + result.extra) / own.unit } }]
    }
    const [first, last] = [Date.parse(result.from), Date.parse(result.until)]
    const from = starts.findIndex((start) => start + 6.5 * dayMs > first)
    const until = starts.findLastIndex((start) => start <= last)
    if (from < 0 || until < from) return []
    const off = result.test === 'off'
    const usualOf = (input: Float64Array) => {
      const before = input.subarray(Math.max(0, from - 8), from).filter((value) => value > 0)
      const active = before.length > 0 ? before : input.filter((value) => value > 0)
      return active.reduce((sum, value) => sum + value, 0) / active.length
    }
    const tested = (name: string) =>
      data.regions.length === 1 || result.regions === undefined || result.regions.includes(name)
    // Hardly any spend in the window, against its usual one.
    const silent = (region: number) => {
      const input = own.input.subarray(region * weeks, (region + 1) * weeks)
      const spent = input.subarray(from, until + 1).reduce((sum, value) => sum + value, 0) / (until + 1 - from)
      return spent === 0 || spent < 0.1 * usualOf(input)
    }
    const [inside, outside] = [true, false].map((side) =>
      data.regions.flatMap((name, region) => (tested(name) === side ? [region] : [])),
    ) as [number[], number[]]
    const windows = inside.map((region) => {
      const input = own.input.slice(region * weeks, region * weeks + until + 1)
      const usual = usualOf(own.input.subarray(region * weeks, (region + 1) * weeks))
      for (let week = from; week <= until; week++) input[week] = off ? usual : 0
      return { region, from, until, input, sign: off ? -1 : 1 }
    })
    // A pause, or spend in these regions alone: what both sides sold is in the likelihood already. A result read from
    // them is no second piece of evidence.
    const shown = inside.length > 0 && (off ? inside.every(silent) : outside.length > 0 && outside.every(silent))
    return [{ ...common, windows, shown, point: null }]
  })
}

const dayMs = 86_400_000

function slotsOf(
  channel: ModelChannel,
  spec: MixSpec,
  needs: {
    regions: number
    onlineShare: number | null
    slot: (coordinate: Coordinate) => Slot
    widths: { regions: number }
  },
): Slots {
  const { name } = channel
  const prior = (spec.channels[channel.index] as ChannelSpec).prior ?? {}
  const delayed = channel.adstock === 'delayed'
  const known = (value: number): Slot => ({ coordinate: coordinateOf('', { law: 'fixed', value }), at: -1 })
  const effect =
    prior.coefficient !== undefined
      ? coordinateOf(`${name}.coefficient`, prior.coefficient)
      : coordinateOf(`${name}.share`, channel.share)
  const carries = channel.adstock !== 'none'
  const retention = !carries
    ? known(0)
    : needs.slot(
        prior.retention !== undefined
          ? coordinateOf(`${name}.retention`, prior.retention)
          : retentionOf(`${name}.retention`, prior.halfLife ?? usualBeliefs.halfLife, delayed),
      )
  const saturates = channel.saturation !== 'none'
  return {
    effect: needs.slot(effect),
    retention,
    peak: delayed ? needs.slot(coordinateOf(`${name}.peak`, prior.peak ?? usualBeliefs.peak)) : null,
    half: !saturates
      ? null
      : needs.slot(
          prior.rate !== undefined
            ? coordinateOf(`${name}.rate`, prior.rate)
            : coordinateOf(`${name}.halfSaturation`, prior.halfSaturation ?? usualBeliefs.halfSaturation),
        ),
    slope:
      channel.saturation === 'hill'
        ? needs.slot(coordinateOf(`${name}.slope`, prior.slope ?? usualBeliefs.slope))
        : null,
    spread:
      needs.regions === 1
        ? null
        : needs.slot(coordinateOf(`${name}.spread`, { law: 'half-normal', scale: needs.widths.regions })),
    online:
      needs.onlineShare === null
        ? null
        : needs.slot(
            shareOf(`${name}.online`, onlineBelief(spec.channels[channel.index] as ChannelSpec, needs.onlineShare)),
          ),
    regions: -1,
    effectMeans: prior.coefficient !== undefined ? 'coefficient' : 'share',
    halfMeans: prior.rate !== undefined ? 'rate' : 'half',
  }
}

/** What is believed of the share of a channel's effect that is bought online, in a house that sells so much of all online. */
function onlineBelief({ prior, usualOnline: odds = usualOnline }: ChannelSpec, usual: number): Range {
  if (prior?.online !== undefined) return prior.online
  const shareAt = (times: number) => (times * usual) / (times * usual + 1 - usual)
  return [shareAt(odds[0]), shareAt(odds[1])]
}

/** A belief about x, turned into one about factor · x. */
function scaled(belief: Belief, factor: number): Belief {
  if (!('law' in belief)) return [belief[0] * factor, belief[1] * factor]
  switch (belief.law) {
    case 'log-normal':
      return { ...belief, median: belief.median * factor }
    case 'half-normal':
      return { ...belief, scale: belief.scale * factor }
    case 'gamma':
      return { ...belief, rate: belief.rate / factor }
    case 'normal':
      return { ...belief, mean: belief.mean * factor, deviation: belief.deviation * factor }
    case 'fixed':
      return { ...belief, value: belief.value * factor }
    case 'beta':
      return belief
  }
}
