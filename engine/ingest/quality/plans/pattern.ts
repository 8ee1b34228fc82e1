import type { api } from '@einklang/contract'
import { RE2JS } from 're2js'

const longestPattern = 300
/** Instructions of the compiled pattern at most: together with `longestText` the bound of the time one look can take. */
const largestPattern = 400
/** Texts longer than this are not compared; they break the condition. Characters. */
export const longestText = 4096

/** The formats of plans as patterns: the same text is used here and in ClickHouse. */
export const formatPatterns: { [format in api.ingest.PlanFormat]: string } = {
  date: '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$',
  'date-time':
    '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$',
  email: '^[^@ \\t\\r\\n]+@[^@ \\t\\r\\n]+[.][^@. \\t\\r\\n]+$',
  uri: '^[A-Za-z][A-Za-z0-9+.-]*:[^ \\t\\r\\n]+$',
  uuid: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$',
}

export type Matcher = (text: string) => boolean

/** RE2's language, which ClickHouse speaks too: the time grows with the text, never with the tries. */
export function matcherOf(pattern: string): Matcher {
  const compiled = RE2JS.compile(pattern)
  return (text) => !tooLong(text) && compiled.test(text)
}

function tooLong(text: string): boolean {
  if (text.length <= longestText) return false
  let characters = 0
  for (const _ of text) if (++characters > longestText) return true
  return false
}

/** Why a pattern is refused; null = it can be used. */
export function unfitPattern(pattern: string): string | null {
  if (pattern.length > longestPattern) return `The pattern has more than ${longestPattern} characters.`
  const shape = shapeOf(pattern)
  if (shape.nested)
    return 'A repetition inside a repetition can take exponential time where others check this pattern; write it without.'
  if (shape.size > largestPattern) return `The pattern repeats too much (more than ${largestPattern} steps).`
  try {
    RE2JS.compile(pattern)
    return null
  } catch (error) {
    return `The pattern cannot be used: ${String((error as Error).message).replace('error parsing regexp: ', '')}. Look-around and back references are not possible.`
  }
}

type Group = { size: number; repeats: boolean; last: { size: number; repeats: boolean } }

/** Size with all counted repetitions written out, and whether something that repeats without end is itself repeated. */
function shapeOf(pattern: string): { size: number; nested: boolean } {
  const begin = (): Group => ({ size: 0, repeats: false, last: { size: 0, repeats: false } })
  const open: Group[] = [begin()]
  let nested = false
  const atom = (size: number, repeats: boolean) => {
    const group = open.at(-1) as Group
    group.size += size
    group.repeats ||= repeats
    group.last = { size, repeats }
  }
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at] as string
    const group = open.at(-1) as Group
    if (sign === '\\') {
      at++
      atom(1, false)
    } else if (sign === '[') {
      at = endOfClass(pattern, at)
      atom(1, false)
    } else if (sign === '(') open.push(begin())
    else if (sign === ')' && open.length > 1) {
      open.pop()
      atom(group.size, group.repeats)
    } else if (sign === '*' || sign === '+' || sign === '{') {
      const count = sign === '{' ? /^\{(\d+)(,(\d*))?\}/.exec(pattern.slice(at)) : null
      if (sign === '{' && !count) {
        atom(1, false)
        continue
      }
      if (count) at += count[0].length - 1
      const endless = count === null || (count[2] !== undefined && count[3] === '')
      const times = Math.max(1, Number(count?.[3] || count?.[1] || 1))
      if (group.last.repeats && (endless || times > 1)) nested = true
      group.size += group.last.size * (times - 1)
      if (endless) group.repeats = true
      group.last = { size: group.last.size * times, repeats: group.last.repeats || endless }
    } else if (sign !== '?' && sign !== '|' && sign !== '^' && sign !== '$') atom(1, false)
  }
  return { size: open.reduce((sum, group) => sum + group.size, 0), nested }
}

function endOfClass(pattern: string, from: number): number {
  let at = from + 1
  if (pattern[at] === '^') at++
  if (pattern[at] === ']') at++
  for (; at < pattern.length && pattern[at] !== ']'; at++) if (pattern[at] === '\\') at++
  return at
}
