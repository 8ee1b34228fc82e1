export type DifferenceLine = { kind: 'same' | 'added' | 'removed'; text: string }

/** Lines of two texts by their longest common subsequence. Beyond a size that people read, everything counts as new. */
export function differenceOf(before: string, after: string): DifferenceLine[] {
  const old = before === '' ? [] : before.split('\n')
  const fresh = after === '' ? [] : after.split('\n')
  if (old.length * fresh.length > 4_000_000) return [...mark('removed', old), ...mark('added', fresh)]
  const width = fresh.length + 1
  const common = new Uint32Array((old.length + 1) * width)
  const at = (row: number, column: number): number => common[row * width + column] ?? 0
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = fresh.length - 1; column >= 0; column--) {
      common[row * width + column] =
        old[row] === fresh[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  const lines: DifferenceLine[] = []
  let row = 0
  let column = 0
  while (row < old.length && column < fresh.length) {
    if (old[row] === fresh[column]) {
      lines.push({ kind: 'same', text: old[row] ?? '' })
      row++
      column++
    } else if (at(row + 1, column) >= at(row, column + 1)) lines.push({ kind: 'removed', text: old[row++] ?? '' })
    else lines.push({ kind: 'added', text: fresh[column++] ?? '' })
  }
  return [...lines, ...mark('removed', old.slice(row)), ...mark('added', fresh.slice(column))]
}

function mark(kind: 'added' | 'removed', lines: string[]): DifferenceLine[] {
  return lines.map((text) => ({ kind, text }))
}
