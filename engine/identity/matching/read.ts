import { factsOf, type Profile } from './columns.ts'
import { setSharedAside } from './guard.ts'
import type { Cell, ColumnFacts, Maker } from './kinds.ts'
import { FeatureColumn, type Input, type Records } from './records.ts'

export type Unreadable = { input: number; id: string; line: number }

export type ReadSettings = {
  makers: Maker[]
  /** Column of the id in each input; null = row numbers. */
  ids: (string | null)[]
  /** Their name for our column, by input. */
  renamed: { [ours: string]: string }[]
  /** A column to hand back as it is, such as a known answer. */
  keep?: string
}

/** Facts of columns by our names, over all inputs. */
export function factsBy(profiles: Profile[][], renamed: { [ours: string]: string }[]): (column: string) => ColumnFacts {
  const known = new Map<string, ColumnFacts>()
  return (column) => {
    let facts = known.get(column)
    if (!facts) {
      const values = profiles.flatMap((list, input) => {
        const theirs = renamed[input]?.[column] ?? column
        return list.find((profile) => profile.column === theirs)?.values ?? []
      })
      facts = factsOf({ column, values, rows: 0, filled: 0, distinct: 0, complete: false })
      known.set(column, facts)
    }
    return facts
  }
}

/** Standardises all rows. Records are numbered by input and id, whatever the order of rows. */
export function readRecords(
  inputs: Input[],
  settings: ReadSettings,
): { records: Records; unreadable: Unreadable[]; repeated: string[]; kept: string[] } {
  const unreadable: Unreadable[] = []
  const ids: string[] = []
  const owners: number[] = []
  inputs.forEach((input, index) => {
    const column = settings.ids[index]
    const at = column === null || column === undefined ? -1 : input.header.indexOf(column)
    input.each((cells, line) => {
      const id = cells === null || at < 0 ? `row:${line}` : (cells[at] as string)
      if (cells === null) unreadable.push({ input: index, id, line })
      ids.push(id === '' ? `row:${line}` : id)
      owners.push(index)
    })
  })
  const order = Array.from(ids, (_, at) => at).sort(
    (one, other) =>
      (owners[one] as number) - (owners[other] as number) ||
      compareIds(ids[one] as string, ids[other] as string) ||
      one - other,
  )
  const place = new Uint32Array(order.length)
  order.forEach((at, record) => {
    place[at] = record
  })
  const columns = settings.makers.map(({ features }) => features.map((name) => new FeatureColumn(name, ids.length)))
  let row = 0
  const kept: string[] = []
  inputs.forEach((input, index) => {
    const places = new Map(input.header.map((name, at) => [name, at]))
    const renamed = settings.renamed[index] ?? {}
    let current: string[] = []
    const cell: Cell = (name) => {
      const at = places.get(renamed[name] ?? name)
      return at === undefined ? '' : (current[at] ?? '')
    }
    const keepAt = settings.keep === undefined ? -1 : input.header.indexOf(settings.keep)
    input.each((cells) => {
      const record = place[row++] as number
      if (settings.keep !== undefined) kept[record] = cells?.[keepAt] ?? ''
      current = cells ?? []
      settings.makers.forEach((maker, at) => {
        const values = cells === null ? [] : maker.make(cell)
        columns[at]?.forEach((column, feature) => {
          column.set(record, values[feature] ?? '')
        })
      })
    })
  })
  for (const column of columns.flat()) column.close()
  const records: Records = {
    count: ids.length,
    inputs: inputs.map(({ name }) => name),
    input: Uint8Array.from(order, (at) => owners[at] as number),
    ids: order.map((at) => ids[at] as string),
    features: new Map(columns.flat().map((column) => [column.name, column])),
  }
  setSharedAside(records)
  const repeated: string[] = []
  for (let record = 1; record < records.count && repeated.length < 3; record++) {
    const same = records.ids[record] === records.ids[record - 1] && records.input[record] === records.input[record - 1]
    if (same && repeated.at(-1) !== records.ids[record]) repeated.push(records.ids[record] as string)
  }
  return { records, unreadable, repeated, kept }
}

/** Numbers by size, everything else by letters: `row:2` before `row:10`. */
function compareIds(one: string, other: string): number {
  const [a, b] = [Number(one.replace(/^row:/, '')), Number(other.replace(/^row:/, ''))]
  if (Number.isFinite(a) && Number.isFinite(b) && a !== b) return a - b
  return one < other ? -1 : one > other ? 1 : 0
}
