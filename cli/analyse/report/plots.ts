import { escaped, shortNumber } from './page.ts'

export type Series = {
  name: string
  values: readonly number[]
  /** A band around the line. */
  low?: readonly number[]
  high?: readonly number[]
  /** Points instead of a line. */
  points?: boolean
}

type Frame = { width: number; height: number; left: number; right: number; top: number; bottom: number }
const usual: Frame = { width: 900, height: 320, left: 70, right: 30, top: 12, bottom: 42 }

export const colourOf = (index: number) => `var(--c${index % 10})`

/** Lines (or points) over numbers or names, each with a band when it has one. */
export function linePlot(given: {
  caption?: string
  x: readonly (number | string)[]
  series: readonly Series[]
  xLabel?: string
  yLabel?: string
  /** Vertical lines with a name: today's spend, the plan. */
  marks?: readonly { at: number; name: string }[]
  /** The vertical axis may leave zero out. */
  free?: boolean
  small?: boolean
}): string {
  const frame = given.small ? { ...usual, width: 420, height: 240, left: 58 } : usual
  const numeric = given.x.every((value) => typeof value === 'number')
  const places = numeric ? (given.x as number[]) : given.x.map((_, index) => index)
  const all = given.series.flatMap(({ values, low, high }) => [...values, ...(low ?? []), ...(high ?? [])])
  const vertical = scaleOf(all.filter(Number.isFinite), frame.height - frame.bottom, frame.top, given.free === true)
  const across = spanOf(places, frame.left, frame.width - frame.right)
  const path = (values: readonly number[]) =>
    values
      .map(
        (value, index) =>
          `${index === 0 ? 'M' : 'L'}${one(across(places[index] as number))} ${one(vertical.at(value))}`,
      )
      .join('')
  const shapes = given.series.map((series, index) => {
    const colour = colourOf(index)
    const band =
      series.low === undefined || series.high === undefined
        ? ''
        : `<path d="${path(series.high)}${series.low
            .map((_, at) => (series.low as number[]).length - 1 - at)
            .map(
              (at) =>
                `L${one(across(places[at] as number))} ${one(vertical.at((series.low as number[])[at] as number))}`,
            )
            .join('')}Z" fill="${colour}" fill-opacity=".18"/>`
    const line = series.points
      ? series.values
          .map(
            (value, at) =>
              `<circle cx="${one(across(places[at] as number))}" cy="${one(vertical.at(value))}" r="2" fill="${colour}"/>`,
          )
          .join('')
      : `<path d="${path(series.values)}" fill="none" stroke="${colour}" stroke-width="1.8"/>`
    return band + line
  })
  const marks = (given.marks ?? []).map(
    ({ at, name }) =>
      `<line x1="${one(across(at))}" x2="${one(across(at))}" y1="${frame.top}" y2="${frame.height - frame.bottom}" stroke="currentColor" stroke-dasharray="3 3"/><text x="${one(across(at) + (across(at) > 0.8 * frame.width ? -4 : 4))}" y="${frame.top + 12}" text-anchor="${across(at) > 0.8 * frame.width ? 'end' : 'start'}">${escaped(name)}</text>`,
  )
  return figureOf(
    given.caption,
    frame,
    axes(frame, vertical, given) + across.ticks(given.x, numeric, frame) + shapes.join('') + marks.join(''),
    given.series.length > 1 ? given.series.map(({ name }) => name) : [],
  )
}

/** Horizontal bars with their intervals, one below the other. */
export function barPlot(given: {
  caption?: string
  bars: readonly { name: string; value: number; low?: number; high?: number }[]
  label?: string
}): string {
  const height = given.bars.length * 30 + 50
  const frame = { ...usual, height, left: 190 }
  const scale = scaleOf(
    given.bars.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]),
    frame.left,
    frame.width - frame.right,
    false,
  )
  const rows = given.bars.map(({ name, value, low, high }, index) => {
    const y = frame.top + index * 30
    const [zero, end] = [scale.at(0), scale.at(value)]
    const interval =
      low === undefined || high === undefined
        ? ''
        : `<line x1="${one(scale.at(low))}" x2="${one(scale.at(high))}" y1="${y + 10}" y2="${y + 10}" stroke="currentColor" stroke-width="1.5"/>`
    return `<text x="${frame.left - 8}" y="${y + 14}" text-anchor="end">${escaped(name)}</text><rect x="${one(Math.min(zero, end))}" y="${y}" width="${one(Math.abs(end - zero))}" height="20" fill="${colourOf(0)}" fill-opacity=".75"/>${interval}`
  })
  const ticks = scale.ticks.map(
    (tick) =>
      `<line class="axis" x1="${one(scale.at(tick))}" x2="${one(scale.at(tick))}" y1="${frame.top}" y2="${height - 38}"/><text x="${one(scale.at(tick))}" y="${height - 22}" text-anchor="middle">${shortNumber(tick)}</text>`,
  )
  const label =
    given.label === undefined
      ? ''
      : `<text x="${frame.width - frame.right}" y="${height - 4}" text-anchor="end">${escaped(given.label)}</text>`
  return figureOf(given.caption, frame, ticks.join('') + rows.join('') + label, [])
}

/** Parts of a whole over time, one on top of the other. */
export function stackPlot(given: {
  caption?: string
  x: readonly string[]
  parts: readonly { name: string; values: readonly number[] }[]
  yLabel?: string
}): string {
  const frame = usual
  const tops = given.x.map((_, at) =>
    given.parts.reduce((sum, { values }) => sum + Math.max(0, values[at] as number), 0),
  )
  const vertical = scaleOf([0, ...tops], frame.height - frame.bottom, frame.top, false)
  const across = spanOf(
    given.x.map((_, index) => index),
    frame.left,
    frame.width - frame.right,
  )
  const below = new Float64Array(given.x.length)
  const shapes = given.parts.map(({ values }, index) => {
    const lower = below.slice()
    for (const [at, value] of values.entries()) below[at] = (below[at] as number) + Math.max(0, value)
    const up = [...below]
      .map((value, at) => `${at === 0 ? 'M' : 'L'}${one(across(at))} ${one(vertical.at(value))}`)
      .join('')
    const down = [...lower.keys()]
      .reverse()
      .map((at) => `L${one(across(at))} ${one(vertical.at(lower[at] as number))}`)
      .join('')
    return `<path d="${up}${down}Z" fill="${colourOf(index)}" fill-opacity=".8"/>`
  })
  return figureOf(
    given.caption,
    frame,
    axes(frame, vertical, given) + across.ticks(given.x, false, frame) + shapes.join(''),
    given.parts.map(({ name }) => name),
  )
}

/** From a start to an end by steps up and down. */
export function waterfallPlot(given: {
  caption?: string
  steps: readonly { name: string; value: number; whole?: boolean }[]
  yLabel?: string
}): string {
  const frame = { ...usual, bottom: 90 }
  let level = 0
  const bars = given.steps.map(({ name, value, whole }) => {
    const from = whole === true ? 0 : level
    level = from + value
    return { name, from, to: level, whole: whole === true }
  })
  const vertical = scaleOf(
    [0, ...bars.flatMap(({ from, to }) => [from, to])],
    frame.height - frame.bottom,
    frame.top,
    false,
  )
  const width = (frame.width - frame.left - frame.right) / bars.length
  const shapes = bars.map(({ name, from, to, whole }, index) => {
    const x = frame.left + index * width
    const [top, bottom] = [Math.min(vertical.at(from), vertical.at(to)), Math.max(vertical.at(from), vertical.at(to))]
    const middle = one(x + width / 2)
    return `<rect x="${one(x + width * 0.12)}" y="${one(top)}" width="${one(width * 0.76)}" height="${one(Math.max(1, bottom - top))}" fill="${whole ? colourOf(9) : colourOf(to >= from ? 2 : 6)}"/><text x="${middle}" y="${frame.height - frame.bottom + 14}" text-anchor="end" transform="rotate(-35 ${middle} ${frame.height - frame.bottom + 14})">${escaped(name)}</text>`
  })
  return figureOf(given.caption, frame, axes(frame, vertical, given) + shapes.join(''), [])
}

/** Smoothed shapes of samples: belief before against knowledge now. */
export function densityPlot(given: {
  caption?: string
  samples: readonly { name: string; values: readonly number[] }[]
  xLabel?: string
  small?: boolean
}): string {
  const all = given.samples.flatMap(({ values }) => [...values]).sort((left, right) => left - right)
  const low = all[Math.floor(0.01 * all.length)] as number
  const high = all[Math.floor(0.985 * (all.length - 1))] as number
  const x = Array.from({ length: 80 }, (_, index) => low + ((high - low) * index) / 79)
  const series = given.samples.map(({ name, values }) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    const width = Math.max(1.06 * deviation * values.length ** -0.2, (high - low) / 200, 1e-300)
    return {
      name,
      values: x.map(
        (at) =>
          values.reduce((sum, value) => sum + Math.exp(-0.5 * ((at - value) / width) ** 2), 0) /
          (values.length * width * Math.sqrt(2 * Math.PI)),
      ),
    }
  })
  return linePlot({ ...given, x, series })
}

function figureOf(caption: string | undefined, frame: Frame, content: string, names: readonly string[]): string {
  const key =
    names.length === 0
      ? ''
      : `<div class="key">${names.map((name, index) => `<span><i style="background:${colourOf(index)}"></i>${escaped(name)}</span>`).join('')}</div>`
  const title = caption === undefined ? '' : `<figcaption>${escaped(caption)}</figcaption>`
  return `<figure>${title}<svg viewBox="0 0 ${frame.width} ${frame.height}" role="img"${caption === undefined ? '' : ` aria-label="${escaped(caption)}"`}>${content}</svg>${key}</figure>`
}

type Scale = { at(value: number): number; ticks: number[] }

function axes(frame: Frame, vertical: Scale, labels: { xLabel?: string; yLabel?: string }): string {
  const lines = vertical.ticks.map(
    (tick) =>
      `<line class="axis" x1="${frame.left}" x2="${frame.width - frame.right}" y1="${one(vertical.at(tick))}" y2="${one(vertical.at(tick))}"/><text x="${frame.left - 6}" y="${one(vertical.at(tick) + 4)}" text-anchor="end">${shortNumber(tick)}</text>`,
  )
  const x =
    labels.xLabel === undefined
      ? ''
      : `<text x="${frame.width - frame.right}" y="${frame.height - 6}" text-anchor="end">${escaped(labels.xLabel)}</text>`
  const y =
    labels.yLabel === undefined
      ? ''
      : `<text x="${frame.left}" y="${frame.top - 1}" text-anchor="start">${escaped(labels.yLabel)}</text>`
  return lines.join('') + x + y
}

/** A scale with round ticks over all values, zero included unless `free`. */
function scaleOf(values: readonly number[], from: number, to: number, free: boolean): Scale {
  let low = values.reduce((least, value) => Math.min(least, value), free ? Infinity : 0)
  let high = values.reduce((most, value) => Math.max(most, value), free ? -Infinity : 0)
  if (!(high > low)) [low, high] = [low - 1, low + 1]
  const raw = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) as number) * power
  const first = Math.floor(low / step)
  const last = Math.ceil(high / step)
  const [bottom, top] = [first * step, last * step]
  return {
    at: (value) => from + ((value - bottom) / (top - bottom)) * (to - from),
    ticks: Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12))),
  }
}

function spanOf(places: readonly number[], from: number, to: number) {
  const low = places.reduce((least, value) => Math.min(least, value), Infinity)
  const high = places.reduce((most, value) => Math.max(most, value), -Infinity)
  const at = (value: number) => (high > low ? from + ((value - low) / (high - low)) * (to - from) : (from + to) / 2)
  const ticks = (names: readonly (number | string)[], numeric: boolean, frame: Frame) => {
    const y = frame.height - frame.bottom + 16
    if (numeric) {
      const scale = scaleOf(places, 0, 1, true)
      return scale.ticks
        .filter((tick) => tick >= low && tick <= high)
        .map((tick) => `<text x="${one(at(tick))}" y="${y}" text-anchor="middle">${shortNumber(tick)}</text>`)
        .join('')
    }
    const step = Math.max(1, Math.ceil(names.length / 8))
    return names
      .map((name, index) => ({ name, index }))
      .filter(({ index }) => index % step === 0)
      .map(
        ({ name, index }) =>
          `<text x="${one(at(index))}" y="${y}" text-anchor="middle">${escaped(String(name))}</text>`,
      )
      .join('')
  }
  return Object.assign(at, { ticks })
}

function one(value: number): string {
  return value.toFixed(1)
}
