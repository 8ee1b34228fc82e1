import { symmetricEigen } from '../numbers/eigen.ts'
import { holidayDays } from './holidays.ts'
import { type BaseWidths, type MixData, type MixSpec, seasonOf } from './spec.ts'

const dayMs = 86_400_000

export type BaseColumn = {
  name: string
  part: 'level' | 'trend' | 'season' | 'holiday' | 'control'
  /** One value per week, the same or another in each region: at region * weeks + week. */
  values: Float64Array
  mean: number
  deviation: number
}

/** What sales would be without advertising, as a sum of columns with unknown weights, in multiples of the region's usual outcome. */
export function baseColumns(data: MixData, spec: MixSpec, widths: BaseWidths): BaseColumn[] {
  const weeks = data.weeks.length
  const cells = weeks * data.regions.length
  const everywhere = (value: (week: number) => number) =>
    Float64Array.from({ length: cells }, (_, cell) => value(cell % weeks))
  const columns: BaseColumn[] = [
    {
      name: 'level',
      part: 'level',
      values: everywhere(() => 1),
      mean: spec.link === 'log' ? 0 : 1,
      deviation: widths.level,
    },
  ]
  const add = (name: string, part: BaseColumn['part'], values: Float64Array, deviation: number) =>
    columns.push({ name, part, values, mean: 0, deviation })
  const place = (week: number) => (weeks === 1 ? 0 : week / (weeks - 1) - 0.5)
  const trend = spec.trend ?? 'linear'
  if (trend !== 'none') add('trend', 'trend', everywhere(place), widths.trend)
  if (typeof trend === 'object') {
    for (let knot = trend.everyWeeks; knot < weeks - trend.everyWeeks / 2; knot += trend.everyWeeks)
      add(
        `trend from ${data.weeks[knot]}`,
        'trend',
        everywhere((week) => Math.max(0, place(week) - place(knot))),
        widths.trend,
      )
  }
  const { pairs, interaction } = seasonOf(spec)
  const phase = data.weeks.map((week) => (2 * Math.PI * (Date.parse(week) / dayMs)) / 365.25)
  for (let pair = 1; pair <= pairs; pair++) {
    for (const [name, wave] of [
      ['sine', Math.sin],
      ['cosine', Math.cos],
    ] as const) {
      add(
        `season ${name} ${pair}`,
        'season',
        everywhere((week) => wave(pair * (phase[week] as number))),
        widths.season,
      )
      if (interaction)
        add(
          `season ${name} ${pair} over time`,
          'season',
          everywhere((week) => place(week) * wave(pair * (phase[week] as number))),
          widths.season,
        )
    }
  }
  for (const { name, days } of holidayDays(spec.holidays, data.weeks)) {
    const starts = data.weeks.map((week) => Date.parse(week))
    const values = everywhere((week) =>
      days.some((day) => day >= (starts[week] as number) && day < (starts[week] as number) + 7 * dayMs) ? 1 : 0,
    )
    if (values.includes(1)) add(name, 'holiday', values, widths.holiday)
  }
  for (const control of data.controls) {
    const values = standardised(control.values)
    if (values !== null) add(control.name, 'control', values, widths.control)
  }
  return columns
}

/** Mean 0 and deviation 1 over the whole table; null for a column that never changes. */
function standardised(values: Float64Array): Float64Array | null {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  return deviation > 1e-12 * Math.max(1, Math.abs(mean)) ? values.map((value) => (value - mean) / deviation) : null
}

/**
 * The base of one region, less its prior mean, along independent directions (unit length over the weeks learnt from),
 * with the prior variance that the weights give each. Sums over weights become sums over directions.
 */
export type BaseSpace = {
  weeks: number
  directions: number
  /** Direction `j` at `j * weeks + week`. */
  basis: Float64Array
  variance: Float64Array
  /** Weight of each column in each direction, so that draws can be told by column: `j * columns + column`. */
  weights: Float64Array
  /** How far each column, in widths of its prior, reaches along each direction: `j * columns + column`. */
  reach: Float64Array
  columns: number
}

/** One space per region; regions whose columns are the same share it. */
export function baseSpaces(
  columns: readonly BaseColumn[],
  regions: number,
  stride: number,
  weeks: number,
): BaseSpace[] {
  const differs = (region: number) =>
    columns.some(({ values }) => {
      for (let week = 0; week < weeks; week++) if (values[region * stride + week] !== values[week]) return true
      return false
    })
  const first = baseSpace(columns, 0, stride, weeks)
  return Array.from({ length: regions }, (_, region) =>
    region === 0 || !differs(region) ? first : baseSpace(columns, region, stride, weeks),
  )
}

function baseSpace(columns: readonly BaseColumn[], region: number, stride: number, weeks: number): BaseSpace {
  const count = columns.length
  const scaled = columns.map(({ values, deviation }) => {
    const own = values.subarray(region * stride, region * stride + weeks)
    return own.map((value) => value * deviation)
  })
  const products = new Float64Array(count * count)
  for (let row = 0; row < count; row++)
    for (let column = 0; column <= row; column++) {
      let sum = 0
      for (let week = 0; week < weeks; week++)
        sum += ((scaled[row] as Float64Array)[week] as number) * ((scaled[column] as Float64Array)[week] as number)
      products[row * count + column] = sum
      products[column * count + row] = sum
    }
  const { values, vectors } = symmetricEigen(products, count)
  const floor = 1e-10 * (values[0] as number)
  const directions = values.findLastIndex((value) => value > floor) + 1
  const basis = new Float64Array(directions * weeks)
  const weights = new Float64Array(directions * count)
  const reach = new Float64Array(directions * count)
  for (let direction = 0; direction < directions; direction++) {
    const length = Math.sqrt(values[direction] as number)
    for (let column = 0; column < count; column++) {
      const share = vectors[column * count + direction] as number
      weights[direction * count + column] = (share * (columns[column] as BaseColumn).deviation) / length
      reach[direction * count + column] = share * length
      const own = scaled[column] as Float64Array
      for (let week = 0; week < weeks; week++)
        basis[direction * weeks + week] =
          (basis[direction * weeks + week] as number) + (share * (own[week] as number)) / length
    }
  }
  return { weeks, directions, basis, variance: values.slice(0, directions), weights, reach, columns: count }
}
