import { baseColumns } from './base.ts'
import { adstockOf, baseWidths, type MixData, type MixSpec, saturationOf } from './spec.ts'

/** A sentence as its code and what goes into it, for who speaks another language. */
export type MixSaid = { code: string; values: { [name: string]: string | number } }

/** What a table of weeks can and cannot tell, found before any fit. */
export type Readiness = {
  /** Sentences that forbid a fit, with what is missing. */
  refusals: { because: string; doInstead: string; said: MixSaid }[]
  /** Columns that look as if they were made from the outcome: to be asked about before they are used. */
  suspects: { column: string; correlation: number }[]
  /** Channels whose own effect the data cannot tell. */
  unidentified: { channels: string[]; because: string; doInstead: string; said: MixSaid }[]
  /** How channels move together once season, trend and controls are taken out: row and column as the channels. */
  collinearity: number[][]
}

export const fewestWeeks = 52

/** Reads the table for reasons not to trust a fit. */
export function readinessOf(data: MixData, spec: MixSpec): Readiness {
  const weeks = data.weeks.length
  const refusals: Readiness['refusals'] = []
  if (weeks < fewestWeeks)
    refusals.push({
      because: `${weeks} weeks are too few to tell season from advertising; at least ${fewestWeeks} are needed, two years are better.`,
      doInstead: `Add ${fewestWeeks - weeks} more weeks, or run an experiment (einklang lift).`,
      said: { code: 'few_weeks', values: { weeks, least: fewestWeeks, missing: fewestWeeks - weeks } },
    })
  for (const [region, name] of data.regions.entries()) {
    const own = data.outcome.subarray(region * weeks, (region + 1) * weeks)
    const where = name === '' ? '' : ` in ${name}`
    if (own.every((value) => value === own[0]))
      refusals.push({
        because: `The outcome ${spec.outcome}${where} is the same every week: there is nothing to explain.`,
        doInstead: 'Check the column, or leave the region out.',
        said: { code: 'constant', values: { region: name } },
      })
    else if (!(own.reduce((sum, value) => sum + value, 0) > 0))
      refusals.push({
        because: `The outcome ${spec.outcome}${where} adds up to nothing.`,
        doInstead: 'Check the column, or leave the region out.',
        said: { code: 'nothing', values: { region: name } },
      })
    else if (spec.link === 'log' && own.some((value) => !(value > 0)))
      refusals.push({
        because: `With a log link every week of ${spec.outcome}${where} must be above zero.`,
        doInstead: 'Use the link "identity".',
        said: { code: 'log_of_nothing', values: { region: name } },
      })
  }
  if (data.online !== undefined) refusals.push(...onlineRefusals(data, spec))
  if (spec.channels.length === 0)
    refusals.push({
      because: 'The specification names no channel.',
      doInstead: 'Name columns with spend.',
      said: { code: 'no_channels', values: {} },
    })
  if (refusals.length > 0) return { refusals, suspects: [], unidentified: [], collinearity: [] }

  const parameters = parametersOf(data, spec)
  const rows = weeks * rowsOf(data)
  if (parameters > rows)
    refusals.push({
      because: `The model has ${parameters} unknowns and the table ${rows} rows.`,
      doInstead: `Merge channels, drop controls or season pairs, or add ${Math.ceil((parameters - rows) / rowsOf(data))} more weeks.`,
      said: { code: 'many_unknowns', values: { unknowns: parameters, rows } },
    })
  const inputs = spec.channels.map((_, index) => (data.exposure[index] ?? data.spend[index]) as Float64Array)
  const clean = inputs.map((input) => withoutBase(input, data, spec))
  const collinearity = clean.map((left, row) =>
    clean.map((right, column) => (row === column ? 1 : cosine(left, right))),
  )
  return {
    refusals,
    suspects: suspectsOf(data, spec, inputs),
    unidentified: unidentifiedOf(data, spec, inputs),
    collinearity,
  }
}

/** What forbids telling online sales from those in stores. */
function onlineRefusals(data: MixData, spec: MixSpec): Readiness['refusals'] {
  const weeks = data.weeks.length
  const column = spec.online ?? ''
  const leaveOut = 'Leave the column of online sales out.'
  if (spec.link === 'log')
    return [
      {
        because: `With a log link the outcome cannot be told apart by ${column}.`,
        doInstead: 'Use the link "identity".',
        said: { code: 'online_log', values: {} },
      },
    ]
  return data.regions.flatMap((name, region): Readiness['refusals'] => {
    const where = name === '' ? '' : ` in ${name}`
    const cells = Array.from({ length: weeks }, (_, week) => region * weeks + week)
    const parts = cells.map((cell) => [data.online?.[cell] as number, data.outcome[cell] as number] as const)
    if (parts.some(([online, whole]) => online < 0 || online > whole + 1e-6 * Math.abs(whole)))
      return [
        {
          because: `${column}${where} is below zero or above ${spec.outcome} in some weeks: it is no part of it.`,
          doInstead: leaveOut,
          said: { code: 'online_no_part', values: { region: name } },
        },
      ]
    if (
      constant(Float64Array.from(parts, ([online]) => online)) ||
      constant(Float64Array.from(parts, ([online, whole]) => whole - online))
    )
      return [
        {
          because: `What is sold online or in stores${where} is the same every week: there is nothing to tell apart.`,
          doInstead: leaveOut,
          said: { code: 'online_constant', values: { region: name } },
        },
      ]
    return []
  })
}

function parametersOf(data: MixData, spec: MixSpec): number {
  const regions = data.regions.length
  const base = baseColumns(data, spec, { ...baseWidths, ...spec.base }).length
  const ofChannels = spec.channels.reduce((sum, channel) => {
    const carry = { geometric: 1, delayed: 2, none: 0 }[adstockOf(spec, channel).kind]
    const curve = { hill: 2, logistic: 1, none: 0 }[saturationOf(spec, channel)]
    return sum + 1 + carry + curve + (regions > 1 ? 1 + regions : 0) + (data.online === undefined ? 0 : 1)
  }, 0)
  return ofChannels + rowsOf(data) * (base + 1)
}

const rowsOf = ({ regions, online }: MixData) => regions.length * (online === undefined ? 1 : 2)

function suspectsOf(data: MixData, spec: MixSpec, inputs: Float64Array[]): Readiness['suspects'] {
  const columns = [
    ...spec.channels.map((channel, index) => ({
      column: channel.exposure ?? channel.spend,
      values: inputs[index] as Float64Array,
    })),
    ...data.controls.map(({ name, values }) => ({ column: name, values })),
  ]
  return columns
    .map(({ column, values }) => ({ column, correlation: correlation(values, data.outcome) }))
    .filter((one) => Math.abs(one.correlation) > 0.98)
}

function unidentifiedOf(data: MixData, spec: MixSpec, inputs: Float64Array[]): Readiness['unidentified'] {
  const found: Readiness['unidentified'] = []
  const weeks = data.weeks.length
  const moving: number[] = []
  for (const [index, input] of inputs.entries()) {
    const { name } = spec.channels[index] as { name: string }
    if (input.every((value) => value === 0))
      found.push({
        channels: [name],
        because: `${name} was never active.`,
        doInstead: 'Leave it out; there is nothing to learn from.',
        said: { code: 'never_active', values: { channel: name } },
      })
    else if (data.regions.every((_, region) => constant(input.subarray(region * weeks, (region + 1) * weeks))))
      found.push({
        channels: [name],
        because: `${name} is the same every week, so its effect cannot be told from the base.`,
        doInstead: 'Pause it in some weeks or regions, or add a lift test.',
        said: { code: 'never_varies', values: { channel: name } },
      })
    else moving.push(index)
  }
  const group = new Map(moving.map((index) => [index, index]))
  for (const left of moving)
    for (const right of moving)
      if (left < right && Math.abs(correlation(inputs[left] as Float64Array, inputs[right] as Float64Array)) > 0.999) {
        const [from, to] = [group.get(right) as number, group.get(left) as number]
        for (const [index, root] of group) if (root === from) group.set(index, to)
      }
  for (const members of Map.groupBy(moving, (index) => group.get(index)).values()) {
    if (members.length < 2) continue
    const names = members.map((index) => (spec.channels[index] as { name: string }).name)
    found.push({
      channels: names,
      because: `${names.join(' and ')} always move together: only their joint effect can be told.`,
      doInstead: 'Merge them, or spend on them in different weeks or regions.',
      said: { code: 'joint', values: { channels: names.join(', ') } },
    })
  }
  return found
}

function constant(values: Float64Array): boolean {
  const first = values[0] as number
  return values.every((value) => Math.abs(value - first) <= 1e-9 * Math.abs(first))
}

/** The series less what season, trend, holidays and controls explain of it, in each region. */
function withoutBase(values: Float64Array, data: MixData, spec: MixSpec): Float64Array {
  const weeks = data.weeks.length
  const columns = baseColumns(data, spec, { ...baseWidths, ...spec.base })
  const rest = values.slice()
  for (let region = 0; region < data.regions.length; region++) {
    const own = rest.subarray(region * weeks, (region + 1) * weeks)
    own.set(
      withoutThese(
        own,
        columns.map((column) => column.values.subarray(region * weeks, (region + 1) * weeks)),
      ),
    )
  }
  return rest
}

/** The series less what a weighted sum of the others can tell of it (least squares by orthogonal directions). */
export function withoutThese(values: Float64Array, others: readonly Float64Array[]): Float64Array {
  const rest = values.slice()
  const basis: Float64Array[] = []
  for (const other of others) {
    const direction = other.slice()
    const before = Math.sqrt(dot(direction, direction))
    for (const one of basis) remove(direction, one)
    for (const one of basis) remove(direction, one)
    const length = Math.sqrt(dot(direction, direction))
    if (length <= 1e-8 * before) continue
    basis.push(direction.map((value) => value / length))
  }
  for (const one of basis) remove(rest, one)
  return rest
}

function remove(from: Float64Array, direction: Float64Array): void {
  const amount = dot(from, direction)
  for (let at = 0; at < from.length; at++) from[at] = (from[at] as number) - amount * (direction[at] as number)
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0
  for (let at = 0; at < left.length; at++) sum += (left[at] as number) * (right[at] as number)
  return sum
}

function cosine(left: Float64Array, right: Float64Array): number {
  const scale = Math.sqrt(dot(left, left) * dot(right, right))
  return scale > 0 ? dot(left, right) / scale : 0
}

/** Pearson's correlation; 0 when one of the series never changes. */
export function correlation(left: Float64Array, right: Float64Array): number {
  const centred = [left, right].map((values) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return values.map((value) => value - mean)
  }) as [Float64Array, Float64Array]
  return cosine(...centred)
}
