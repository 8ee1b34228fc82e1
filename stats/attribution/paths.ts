/**
 * Paths to purchase in typed arrays: one row per (aggregated) path. The touches of all rows stand end to end in
 * `touches`; row `i` owns `touches[offsets[i] … offsets[i + 1])`, oldest first.
 */
export type Paths = {
  channels: string[]
  touches: Uint32Array
  /** Length rows + 1. */
  offsets: Uint32Array
  /** How often the path ended in a conversion. */
  conversions: Float64Array
  /** Value of these conversions together. */
  values: Float64Array
  /** How often the path ended without. */
  nulls: Float64Array
  /** Days between a touch and the end of its path, parallel to `touches`; null when times are unknown. */
  ages: Float64Array | null
}

export type PathTotals = { conversions: number; value: number; nulls: number; touches: number; rows: number }

export type PathRow = {
  channels: string[]
  conversions: number
  value: number
  nulls: number
  /** Days before the end, per touch. */
  ages?: number[]
}

/** Collects rows one by one; memory is four bytes per touch and 28 per row. */
export type PathCollector = {
  /** Index of a channel by name, made known on first sight. */
  channel(name: string): number
  /** Adds a touch to the row being collected. */
  touch(channel: number, age?: number): void
  /** Ends the row. */
  row(conversions: number, value: number, nulls: number): void
  paths(): Paths
}

export function collectPaths(options: { withAges?: boolean } = {}): PathCollector {
  const channels: string[] = []
  const known = new Map<string, number>()
  let touches = new Uint32Array(1024)
  let ages = options.withAges ? new Float64Array(1024) : null
  let touchCount = 0
  let offsets = new Uint32Array(256)
  let figures = new Float64Array(256 * 3)
  let rowCount = 0
  return {
    channel(name) {
      let index = known.get(name)
      if (index === undefined) {
        index = channels.length
        known.set(name, index)
        channels.push(name)
      }
      return index
    },
    touch(channel, age = 0) {
      if (touchCount === touches.length) {
        touches = grown(touches, new Uint32Array(touchCount * 2))
        if (ages !== null) ages = grown(ages, new Float64Array(touchCount * 2))
      }
      if (ages !== null) ages[touchCount] = age
      touches[touchCount++] = channel
    },
    row(conversions, value, nulls) {
      if (rowCount + 2 > offsets.length) {
        offsets = grown(offsets, new Uint32Array(offsets.length * 2))
        figures = grown(figures, new Float64Array(figures.length * 2))
      }
      figures[rowCount * 3] = conversions
      figures[rowCount * 3 + 1] = value
      figures[rowCount * 3 + 2] = nulls
      offsets[++rowCount] = touchCount
    },
    paths() {
      const column = (which: number) =>
        Float64Array.from({ length: rowCount }, (_, row) => figures[row * 3 + which] as number)
      return {
        channels: [...channels],
        touches: touches.slice(0, touchCount),
        offsets: offsets.slice(0, rowCount + 1),
        conversions: column(0),
        values: column(1),
        nulls: column(2),
        ages: ages === null ? null : ages.slice(0, touchCount),
      }
    },
  }
}

function grown<Numbers extends { set(from: Numbers): void }>(from: Numbers, into: Numbers): Numbers {
  into.set(from)
  return into
}

/** Paths from plain rows, for small inputs and tests. */
export function pathsFrom(rows: PathRow[]): Paths {
  const collector = collectPaths({ withAges: rows.some((row) => row.ages !== undefined) })
  for (const row of rows) {
    row.channels.forEach((name, index) => {
      collector.touch(collector.channel(name), row.ages?.[index] ?? 0)
    })
    collector.row(row.conversions, row.value, row.nulls)
  }
  return collector.paths()
}

export function totalsOf(paths: Paths): PathTotals {
  const totals = { conversions: 0, value: 0, nulls: 0, touches: paths.touches.length, rows: paths.conversions.length }
  for (let row = 0; row < totals.rows; row++) {
    totals.conversions += paths.conversions[row] as number
    totals.value += paths.values[row] as number
    totals.nulls += paths.nulls[row] as number
  }
  return totals
}

/** Touches per channel (rows weighted by how often they happened) and rows that contain the channel. */
export function reachOf(paths: Paths): { touches: Float64Array; paths: Float64Array } {
  const touches = new Float64Array(paths.channels.length)
  const containing = new Float64Array(paths.channels.length)
  const lastSeen = new Int32Array(paths.channels.length).fill(-1)
  for (let row = 0; row < paths.conversions.length; row++) {
    const times = (paths.conversions[row] as number) + (paths.nulls[row] as number)
    for (let at = paths.offsets[row] as number; at < (paths.offsets[row + 1] as number); at++) {
      const channel = paths.touches[at] as number
      touches[channel] = (touches[channel] as number) + times
      if (lastSeen[channel] !== row) {
        lastSeen[channel] = row
        containing[channel] = (containing[channel] as number) + times
      }
    }
  }
  return { touches, paths: containing }
}

/** Credit per channel, parallel to `paths.channels`; together they equal the totals of all paths with a touch. */
export type Credit = { conversions: Float64Array; values: Float64Array }
