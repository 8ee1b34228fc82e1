/** How a column of dates is written. `either` = day and month cannot be told apart. */
export type DateOrder = 'day' | 'month' | 'either'

/** A birth date: complete, or of a year only; `text` when it is none. */
export type Birth = { date: string; year: string; text: string }

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const otherMonths: { [name: string]: number } = {
  mai: 5,
  maerz: 3,
  mär: 3,
  okt: 10,
  dez: 12,
  gen: 1,
  mag: 5,
  giu: 6,
  lug: 7,
  ago: 8,
  set: 9,
  ott: 10,
  dic: 12,
}

const iso = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?$/
const packed = /^(\d{4})(\d{2})(\d{2})$/
const ordered = /^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})$/
const named = /^(\d{1,2})[. -]+([a-zäé]{3,9})\.?[., -]+(\d{4}|\d{2})$/i
const american = /^([a-zäé]{3,9})\.? +(\d{1,2}),? +(\d{4}|\d{2})$/i

/** Does the text look like a date at all? */
export function looksLikeDate(text: string): boolean {
  return partsOf(text, 'either') !== null
}

/** A date that no calendar has, or none at all; a year alone is one. */
export function impossibleDate(text: string): boolean {
  if (/^\d{4}$/.test(text)) return false
  const parts = partsOf(text, 'either')
  if (!parts) return true
  const [year, one, two] = parts
  const real = (month: number, day: number) => {
    const date = new Date(Date.UTC(year, month - 1, day))
    return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  }
  return !real(one, two) && !real(two, one)
}

/** Which comes first in a column such as 12/11/1978? A number above 12 tells. */
export function dateOrderOf(values: Iterable<string>): DateOrder {
  let [day, month] = [0, 0]
  for (const value of values) {
    const match = ordered.exec(value)
    if (!match) continue
    if (value.includes('.')) day++
    else if (Number(match[1]) > 12) day++
    else if (Number(match[2]) > 12) month++
  }
  if (day === 0 && month === 0) return 'either'
  return day > month ? 'day' : 'month'
}

function partsOf(given: string, order: DateOrder): [number, number, number] | null {
  const text = given.trim()
  let match = iso.exec(text) ?? packed.exec(text)
  if (match) return [Number(match[1]), Number(match[2]), Number(match[3])]
  match = ordered.exec(text)
  if (match) {
    const [one, two] = [Number(match[1]), Number(match[2])]
    const year = fullYear(match[3] as string)
    const dayFirst = text.includes('.') || (order === 'day' && two <= 12) || one > 12
    return dayFirst ? [year, two, one] : [year, one, two]
  }
  match = named.exec(text)
  if (match) return [fullYear(match[3] as string), monthOf(match[2] as string), Number(match[1])]
  match = american.exec(text)
  if (match) return [fullYear(match[3] as string), monthOf(match[1] as string), Number(match[2])]
  return null
}

function monthOf(name: string): number {
  const short = name.toLowerCase()
  const index = months.indexOf(short.slice(0, 3))
  return index >= 0 ? index + 1 : (otherMonths[short] ?? otherMonths[short.slice(0, 3)] ?? 0)
}

// Two-digit years are of the past hundred years; the century is one more reason not to trust them alone.
function fullYear(text: string): number {
  if (text.length === 4) return Number(text)
  const year = Number(text)
  return year <= 26 ? 2000 + year : 1900 + year
}

/**
 * Birth date in digits. A first of January counts as year only where the column holds far too many of them, and dates
 * that systems fill in by themselves count as missing. Impossible dates stay as text, for comparison by edits.
 */
export function birthOf(text: string, order: DateOrder, hotJanuary: boolean): Birth {
  const none = { date: '', year: '', text: '' }
  if (text === '') return none
  const parts = partsOf(text, order)
  if (!parts) return /^\d{4}$/.test(text) ? { ...none, year: text } : none
  const [year, month, day] = parts
  const written = `${String(year).padStart(4, '0')}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
  const sentinel = written === '19000101' || written === '19700101' || written === '99991231' || year === 1
  if (sentinel && !hotJanuary) return none
  if (month === 1 && day === 1 && hotJanuary) return { date: '', year: String(year), text: '' }
  return { date: written, year: String(year).padStart(4, '0'), text: '' }
}

/** Is the first of January far more frequent than one day in 365 would be? */
export function hasHotJanuary(values: Iterable<string>, order: DateOrder): boolean {
  let [dates, firsts] = [0, 0]
  for (const value of values) {
    const parts = partsOf(value, order)
    if (!parts) continue
    dates++
    if (parts[1] === 1 && parts[2] === 1) firsts++
  }
  return dates >= 50 && firsts / dates > 0.04
}
