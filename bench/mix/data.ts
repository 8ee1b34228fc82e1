import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawsFrom, type MixData, type MixSpec } from '@einklang/stats'

const shared = process.env['EINKLANG_SHARED_DATA'] ?? join(import.meta.dirname, '../../../shared/data')
if (!existsSync(join(shared, 'mix-roas'))) {
  console.error(`The mix data sets are not at ${shared}; set EINKLANG_SHARED_DATA.`)
  process.exit(1)
}

type Table = { header: string[]; rows: string[][] }

function tableOf(path: string): Table {
  const [head, ...rows] = readFileSync(join(shared, path), 'utf8').trim().split('\n')
  return { header: (head as string).trim().split(','), rows: rows.map((row) => row.trim().split(',')) }
}

/** Month first, or ISO. */
function dayOf(text: string): string {
  const american = /^(\d+)\/(\d+)\/(\d+)$/.exec(text)
  return american === null
    ? text
    : `${american[3]}-${(american[1] as string).padStart(2, '0')}-${(american[2] as string).padStart(2, '0')}`
}

export type Shared = { data: MixData; column(name: string): Float64Array }

/** A shared table as the model reads it, with any further column (the truth) by name. */
export function sharedData(folder: string, spec: MixSpec, file = 'weekly.csv'): Shared {
  const { header, rows } = tableOf(`${folder}/${file}`)
  const at = (name: string) => header.indexOf(name)
  const weeks = [...new Set(rows.map((row) => dayOf(row[at(spec.date)] as string)))].sort()
  const regions =
    spec.geo === undefined ? [''] : [...new Set(rows.map((row) => row[at(spec.geo as string)] as string))].sort()
  const column = (name: string) => {
    const values = new Float64Array(weeks.length * regions.length)
    for (const row of rows) {
      const region = spec.geo === undefined ? 0 : regions.indexOf(row[at(spec.geo)] as string)
      values[region * weeks.length + weeks.indexOf(dayOf(row[at(spec.date)] as string))] = Number(row[at(name)])
    }
    return values
  }
  return {
    data: {
      weeks,
      regions,
      outcome: column(spec.outcome),
      spend: spec.channels.map(({ spend }) => column(spend)),
      exposure: spec.channels.map(() => null),
      controls: (spec.controls ?? []).map((name) => ({ name, values: column(name) })),
    },
    column,
  }
}

export function truthOf(folder: string): { roas: { [region: string]: { [channel: string]: number } } } {
  return JSON.parse(readFileSync(join(shared, folder, 'truth.json'), 'utf8'))
}

/** Contributions that were planted, in the order of the model's cells. */
export function plantedContributions(folder: string, spec: MixSpec): Float64Array[] {
  const { column } = sharedData(
    folder,
    { ...spec, outcome: spec.channels[0]?.spend as string, controls: [] },
    'truth-contributions.csv',
  )
  return spec.channels.map(({ spend }) => column(spend))
}

/** Weekly spend of channels with planted response, one country. */
export function nationalYears(channels = 10, weeks = 156): { data: MixData; spec: MixSpec } {
  const draws = drawsFrom('national years')
  const names = Array.from({ length: channels }, (_, index) => `channel ${index + 1}`)
  const starts = Array.from({ length: weeks }, (_, week) =>
    new Date(Date.UTC(2022, 0, 3) + week * 7 * 86_400_000).toISOString().slice(0, 10),
  )
  const spend = names.map(() => Float64Array.from({ length: weeks }, () => 1000 * Math.exp(0.6 * draws.normal())))
  const outcome = Float64Array.from({ length: weeks }, (_, week) => {
    const season = 0.15 * Math.sin((2 * Math.PI * week) / 52.18)
    return 100_000 * (0.75 + season + 0.05 * draws.normal())
  })
  for (const [index, series] of spend.entries()) {
    const keep = 0.1 + 0.06 * index
    let stock = 0
    for (let week = 0; week < weeks; week++) {
      stock = keep * stock + (1 - keep) * (series[week] as number)
      outcome[week] = (outcome[week] as number) + (100_000 * 0.06 * stock) / (stock + 1200)
    }
  }
  return {
    data: { weeks: starts, regions: [''], outcome, spend, exposure: names.map(() => null), controls: [] },
    spec: { date: 'week', outcome: 'sales', channels: names.map((name) => ({ name, spend: name })), season: 3 },
  }
}
