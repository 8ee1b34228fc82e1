import { editDistance, jaroWinkler, oneSlip } from './similarity.ts'

/**
 * A question about two records, asked of their standardised features by name. One definition serves two readers:
 * `holds` answers it here, ClickHouse answers the SQL made of it.
 */
export type Question =
  | { ask: 'equal'; left: string; right: string }
  | { ask: 'alike'; left: string; right: string; least: number }
  | { ask: 'slip'; left: string; right: string }
  | { ask: 'edits'; feature: string; most: number }
  /** Both hold blank-separated words, at least one of them in common. */
  | { ask: 'share'; left: string; right: string }
  /** One begins with the other. */
  | { ask: 'begins'; feature: string }
  | { ask: 'years'; feature: string; most: number }
  /** Words in common ÷ words of both. */
  | { ask: 'overlap'; feature: string; least: number }
  | { ask: 'present'; feature: string }
  | { ask: 'absent'; feature: string }
  | { ask: 'all' | 'any'; of: Question[] }
  | { ask: 'not'; of: Question }

export const equal = (left: string, right = left): Question => ({ ask: 'equal', left, right })
export const alike = (least: number, left: string, right = left): Question => ({ ask: 'alike', left, right, least })
export const slip = (left: string, right = left): Question => ({ ask: 'slip', left, right })
export const edits = (most: number, feature: string): Question => ({ ask: 'edits', feature, most })
export const share = (left: string, right = left): Question => ({ ask: 'share', left, right })
export const begins = (feature: string): Question => ({ ask: 'begins', feature })
export const years = (most: number, feature: string): Question => ({ ask: 'years', feature, most })
export const overlap = (least: number, feature: string): Question => ({ ask: 'overlap', feature, least })
export const present = (feature: string): Question => ({ ask: 'present', feature })
export const absent = (feature: string): Question => ({ ask: 'absent', feature })
export const all = (...of: Question[]): Question => ({ ask: 'all', of })
export const any = (...of: Question[]): Question => ({ ask: 'any', of })
export const not = (of: Question): Question => ({ ask: 'not', of })

/** Values of one feature, by record number. */
export type Feature = (name: string) => (record: number) => string

export type Asked = (left: number, right: number) => boolean

/** Likeness on a threshold counts as reached, however two machines round it. */
export const hair = 1e-9

/** Answers a question for records given by number; `feature` hands out the values of one feature. */
export function holds(question: Question, feature: Feature): Asked {
  switch (question.ask) {
    case 'equal': {
      const [one, other] = [feature(question.left), feature(question.right)]
      return (left, right) => {
        const value = one(left)
        return value !== '' && value === other(right)
      }
    }
    case 'alike': {
      const [one, other] = [feature(question.left), feature(question.right)]
      const least = question.least - hair
      return (left, right) => {
        const [a, b] = [one(left), other(right)]
        return a !== '' && b !== '' && jaroWinkler(a, b) >= least
      }
    }
    case 'slip': {
      const [one, other] = [feature(question.left), feature(question.right)]
      return (left, right) => {
        const [a, b] = [one(left), other(right)]
        return a !== '' && b !== '' && oneSlip(a, b)
      }
    }
    case 'edits': {
      const [value, most] = [feature(question.feature), question.most]
      return (left, right) => {
        const [a, b] = [value(left), value(right)]
        return a !== '' && b !== '' && Math.abs(a.length - b.length) <= most && editDistance(a, b) <= most
      }
    }
    case 'share': {
      const [one, other] = [feature(question.left), feature(question.right)]
      return (left, right) => {
        const [a, b] = [one(left), other(right)]
        if (a === '' || b === '') return false
        if (a === b) return true
        const words = b.split(' ')
        return a.split(' ').some((word) => words.includes(word))
      }
    }
    case 'begins': {
      const value = feature(question.feature)
      return (left, right) => {
        const [a, b] = [value(left), value(right)]
        return a !== '' && b !== '' && (a.startsWith(b) || b.startsWith(a))
      }
    }
    case 'years': {
      const [value, most] = [feature(question.feature), question.most]
      return (left, right) => {
        const [a, b] = [value(left), value(right)]
        return a !== '' && b !== '' && Math.abs(Number(a) - Number(b)) <= most
      }
    }
    case 'overlap': {
      const [value, least] = [feature(question.feature), question.least]
      return (left, right) => {
        const [a, b] = [value(left), value(right)]
        if (a === '' || b === '') return false
        const [first, second] = [new Set(a.split(' ')), new Set(b.split(' '))]
        let common = 0
        for (const word of first) if (second.has(word)) common++
        return common >= least * (first.size + second.size - common)
      }
    }
    case 'present': {
      const value = feature(question.feature)
      return (left, right) => value(left) !== '' && value(right) !== ''
    }
    case 'absent': {
      const value = feature(question.feature)
      return (left, right) => value(left) === '' || value(right) === ''
    }
    case 'all': {
      const parts = question.of.map((part) => holds(part, feature))
      return (left, right) => parts.every((part) => part(left, right))
    }
    case 'any': {
      const parts = question.of.map((part) => holds(part, feature))
      return (left, right) => parts.some((part) => part(left, right))
    }
    case 'not': {
      const part = holds(question.of, feature)
      return (left, right) => !part(left, right)
    }
  }
}
