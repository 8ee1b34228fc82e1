import { ask, type Comparison } from '@einklang/stats'

type Question = ask.Question

/** Number of a feature in the tables of a run: names of columns are ours, never the file's. */
export type Numbered = (feature: string) => number

/** The same question as SQL over two records `l` and `r`. */
export function questionSql(question: Question, number: Numbered): string {
  const left = (feature: string) => `l.f${number(feature)}`
  const right = (feature: string) => `r.f${number(feature)}`
  const both = (one: string, other: string) => `${one} != '' and ${other} != ''`
  switch (question.ask) {
    case 'equal':
      return `(${left(question.left)} != '' and ${left(question.left)} = ${right(question.right)})`
    case 'alike': {
      const [one, other] = [left(question.left), right(question.right)]
      return `(${both(one, other)} and jaroWinklerSimilarity(${one}, ${other}) >= ${question.least - ask.hair})`
    }
    case 'slip': {
      const [one, other] = [left(question.left), right(question.right)]
      // Levenshtein first: it is four times as fast and rules out nearly all.
      return `(${both(one, other)} and editDistance(${one}, ${other}) <= 2 and damerauLevenshteinDistance(${one}, ${other}) <= 1)`
    }
    case 'edits': {
      const [one, other] = [left(question.feature), right(question.feature)]
      return `(${both(one, other)} and editDistance(${one}, ${other}) <= ${question.most})`
    }
    case 'share': {
      const [one, other] = [left(question.left), right(question.right)]
      return `(${both(one, other)} and (${one} = ${other} or hasAny(splitByChar(' ', ${one}), splitByChar(' ', ${other}))))`
    }
    case 'begins': {
      const [one, other] = [left(question.feature), right(question.feature)]
      return `(${both(one, other)} and (startsWith(${one}, ${other}) or startsWith(${other}, ${one})))`
    }
    case 'years': {
      const [one, other] = [left(question.feature), right(question.feature)]
      return `(${both(one, other)} and abs(toInt32OrZero(${one}) - toInt32OrZero(${other})) <= ${question.most})`
    }
    case 'overlap': {
      const [one, other] = [left(question.feature), right(question.feature)]
      const words = (text: string) => `arrayDistinct(splitByChar(' ', ${text}))`
      const common = `length(arrayIntersect(${words(one)}, ${words(other)}))`
      const each = `length(${words(one)}) + length(${words(other)})`
      return `(${both(one, other)} and ${common} >= ${question.least} * (${each} - ${common}))`
    }
    case 'present':
      return `(${both(left(question.feature), right(question.feature))})`
    case 'absent':
      return `(${left(question.feature)} = '' or ${right(question.feature)} = '')`
    case 'all':
      return `(${question.of.map((part) => questionSql(part, number)).join(' and ')})`
    case 'any':
      return `(${question.of.map((part) => questionSql(part, number)).join(' or ')})`
    case 'not':
      return `(not ${questionSql(question.of, number)})`
  }
}

/** The level of a comparison: 0 = missing, 1 = best. */
export function levelSql({ known, levels }: Comparison, number: Numbered): string {
  const rungs = levels.slice(0, -1).map(({ when }, at) => `${questionSql(when, number)}, ${at + 1}`)
  return `toUInt8(multiIf(not ${questionSql(known, number)}, 0, ${rungs.join(', ')}, ${levels.length}))`
}
