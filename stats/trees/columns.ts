/** A table of numbers, one array per column; rows are named by their index everywhere. NaN is a missing value. */
export type Columns = { names: string[]; rows: number; values: Float64Array[] }

/** Every row of the table, or those that the test holds for. */
export function rowsWhere(rows: number, holds: (row: number) => boolean = () => true): Uint32Array {
  const found = new Uint32Array(rows)
  let count = 0
  for (let row = 0; row < rows; row++) if (holds(row)) found[count++] = row
  return found.slice(0, count)
}

/** One raw column as text: numbers stay numbers, words become one 0/1 column per word (the rarest words share one). */
export type RawColumn = { name: string; cells: readonly string[] }

/** How a raw column was turned into numbers, so that other rows can be turned the same way. */
export type Encoding =
  | { name: string; kind: 'number' }
  | { name: string; kind: 'words'; usual: string; words: string[]; rest: boolean }

const mostWords = 40

/**
 * Numbers for the learners: a column that is all numbers (or empty) stays one column, anything else gets one 0/1
 * column per word. The most frequent word is the yardstick and gets none, so the columns are never redundant.
 */
export function encodingsOf(raw: readonly RawColumn[]): Encoding[] {
  return raw.map(({ name, cells }) => {
    if (cells.every((cell) => cell.trim() === '' || Number.isFinite(Number(cell)))) return { name, kind: 'number' }
    const counts = new Map<string, number>()
    for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1)
    const byCount = [...counts].sort((left, right) => right[1] - left[1] || (left[0] < right[0] ? -1 : 1))
    const words = byCount.slice(1, mostWords + 1).map(([word]) => word)
    return { name, kind: 'words', usual: byCount[0]?.[0] ?? '', words, rest: byCount.length > mostWords + 1 }
  })
}

export function columnsOf(raw: readonly RawColumn[], encodings: readonly Encoding[] = encodingsOf(raw)): Columns {
  const rows = raw[0]?.cells.length ?? 0
  const names: string[] = []
  const values: Float64Array[] = []
  raw.forEach(({ cells }, index) => {
    const encoding = encodings[index] as Encoding
    if (encoding.kind === 'number') {
      names.push(encoding.name)
      values.push(Float64Array.from(cells, (cell) => (cell.trim() === '' ? Number.NaN : Number(cell))))
      return
    }
    const place = new Map(encoding.words.map((word, at) => [word, at]))
    const width = encoding.words.length + (encoding.rest ? 1 : 0)
    const own = Array.from({ length: width }, () => new Float64Array(rows))
    cells.forEach((cell, row) => {
      const at = place.get(cell) ?? (encoding.rest && cell !== encoding.usual ? width - 1 : -1)
      if (at >= 0) (own[at] as Float64Array)[row] = 1
    })
    names.push(...encoding.words.map((word) => `${encoding.name}=${word}`))
    if (encoding.rest) names.push(`${encoding.name}=(rare)`)
    values.push(...own)
  })
  return { names, rows, values }
}

/** The columns beside further ones (the treatment as a feature, for example). */
export function withColumns(columns: Columns, more: { name: string; values: Float64Array }[]): Columns {
  return {
    rows: columns.rows,
    names: [...columns.names, ...more.map(({ name }) => name)],
    values: [...columns.values, ...more.map(({ values }) => values)],
  }
}
