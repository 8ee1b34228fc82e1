/**
 * Jaro–Winkler similarity (Winkler 1990): shared letters near their places, with a bonus for an equal beginning of up
 * to four letters where the rest is alike (Jaro above .7, as ClickHouse and RapidFuzz count). 1 = equal, 0 = nothing shared.
 */
export function jaroWinkler(one: string, other: string): number {
  if (one === other) return 1
  const jaro = jaroOf(one, other)
  // A hair above, so that rounding decides as it does there.
  if (jaro <= 0.7 + 1e-12) return jaro
  let prefix = 0
  while (prefix < 4 && prefix < one.length && one.charCodeAt(prefix) === other.charCodeAt(prefix)) prefix++
  return jaro + prefix * 0.1 * (1 - jaro)
}

const taken = new Uint8Array(1024)
const shared = new Uint16Array(1024)

/** Letter by letter as RapidFuzz does it: the common beginning first, then each letter of `other` takes the first free one. */
function jaroOf(one: string, other: string): number {
  const [left, right] = [Math.min(one.length, 1024), Math.min(other.length, 1024)]
  if (left === 0 || right === 0) return 0
  const window = Math.max(0, (Math.max(left, right) >> 1) - 1)
  let start = 0
  while (start < left && start < right && one.charCodeAt(start) === other.charCodeAt(start)) start++
  taken.fill(0, start, left)
  let common = start
  for (let at = start; at < right; at++) {
    const letter = other.charCodeAt(at)
    const end = Math.min(left, at + window + 1)
    for (let place = Math.max(start, at - window); place < end; place++) {
      if (taken[place] !== 0 || one.charCodeAt(place) !== letter) continue
      taken[place] = 1
      shared[common++] = letter
      break
    }
  }
  if (common === 0) return 0
  let moved = 0
  for (let place = start, next = start; place < left; place++) {
    if (taken[place] !== 0 && shared[next++] !== one.charCodeAt(place)) moved++
  }
  return (common / left + common / right + (common - moved / 2) / common) / 3
}

let row = new Uint16Array(256)

/** Levenshtein distance: least number of letters to insert, delete or replace. O(length × length). */
export function editDistance(one: string, other: string): number {
  if (one === other) return 0
  let [first, second] = one.length > other.length ? [other, one] : [one, other]
  let start = 0
  while (start < first.length && first.charCodeAt(start) === second.charCodeAt(start)) start++
  if (start > 0) [first, second] = [first.slice(start), second.slice(start)]
  if (first.length === 0) return second.length
  if (row.length <= first.length) row = new Uint16Array(first.length + 256)
  for (let at = 0; at <= first.length; at++) row[at] = at
  for (let line = 1; line <= second.length; line++) {
    const letter = second.charCodeAt(line - 1)
    let corner = row[0] as number
    row[0] = line
    for (let at = 1; at <= first.length; at++) {
      const above = row[at] as number
      const change = corner + (first.charCodeAt(at - 1) === letter ? 0 : 1)
      row[at] = Math.min(change, above + 1, (row[at - 1] as number) + 1)
      corner = above
    }
  }
  return row[first.length] as number
}

/** One letter inserted, deleted or replaced, or two neighbours swapped: what a slip of the finger does. */
export function oneSlip(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false
  if (one.length !== other.length) return editDistance(one, other) <= 1
  let at = 0
  while (at < one.length && one.charCodeAt(at) === other.charCodeAt(at)) at++
  if (at === one.length || one.slice(at + 1) === other.slice(at + 1)) return true
  return (
    one[at] === other[at + 1] &&
    one[at + 1] === other[at] &&
    one.slice(at + 2) === other.slice(at + 2) &&
    at + 1 < one.length
  )
}
