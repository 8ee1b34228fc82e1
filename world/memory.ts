import type { PartYield } from './parts.ts'

/** Rows of all parts by file, in the order of instant and tie-breaker, without touching the disk. */
export function mergeRows(yields: readonly PartYield[]): Map<number, Buffer[]> {
  const byFile = new Map<number, { at: number; tie: number; row: Buffer }[]>()
  for (const made of yields) {
    const { segments, content, keys } = made.rows.sorted()
    for (const segment of segments) {
      let from = segment.from
      const list = byFile.get(segment.file) ?? []
      byFile.set(segment.file, list)
      for (let row = segment.firstRow; row < segment.firstRow + segment.rows; row++) {
        const length = keys[row * 3 + 2] as number
        list.push({
          at: keys[row * 3] as number,
          tie: keys[row * 3 + 1] as number,
          row: content.subarray(from, from + length - 1),
        })
        from += length
      }
    }
  }
  const result = new Map<number, Buffer[]>()
  for (const [file, rows] of byFile) {
    rows.sort((a, b) => a.at - b.at || a.tie - b.tie || Buffer.compare(a.row, b.row))
    result.set(
      file,
      rows.map((one) => one.row),
    )
  }
  return result
}
