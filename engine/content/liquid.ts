import { Context, Liquid, type Template } from 'liquidjs'

/** Everything a template may use; the rest of the language does not exist for it (spec security §5.1). */
const allowedTags = ['assign', 'capture', 'case', 'comment', 'for', 'if', 'unless', '#', 'break', 'continue']
const allowedFilters = [
  'abs',
  'append',
  'at_least',
  'at_most',
  'capitalize',
  'ceil',
  'compact',
  'concat',
  'date',
  'default',
  'divided_by',
  'downcase',
  'escape',
  'escape_once',
  'first',
  'floor',
  'join',
  'last',
  'lstrip',
  'map',
  'minus',
  'modulo',
  'newline_to_br',
  'plus',
  'prepend',
  'raw',
  'remove',
  'remove_first',
  'replace',
  'replace_first',
  'reverse',
  'round',
  'rstrip',
  'size',
  'slice',
  'sort',
  'split',
  'strip',
  'strip_html',
  'strip_newlines',
  'sum',
  'times',
  'truncate',
  'truncatewords',
  'uniq',
  'upcase',
  'url_encode',
  'where',
]

export const limits = { sourceCharacters: 262_144, outputCharacters: 1_048_576, workMs: 100, memoryUnits: 8_000_000 }

/** One engine per kind of place: in HTML every value is escaped, in plain text none is. */
export function liquidEngine(place: 'html' | 'plain'): Liquid {
  const engine = new Liquid({
    strictFilters: true,
    strictVariables: false,
    ownPropertyOnly: true,
    templates: {},
    parseLimit: limits.sourceCharacters,
    memoryLimit: limits.memoryUnits,
    timezoneOffset: 0,
    ...(place === 'html' ? { outputEscape: 'escape' as const } : {}),
  })
  for (const tag of Object.keys(engine.tags)) if (!allowedTags.includes(tag)) delete engine.tags[tag]
  for (const filter of Object.keys(engine.filters)) if (!allowedFilters.includes(filter)) delete engine.filters[filter]
  return engine
}

/**
 * Runs a template. The library's own limit reads the clock on the wall, and on a busy machine that is the time of
 * others; this one counts what the thread has really worked. What never comes back is killed from outside.
 */
export function render(engine: Liquid, source: string, data: object): string {
  const context = new Context(data, engine.options, { sync: true }, { liquid: engine })
  const [begunAt, begun] = [performance.now(), process.threadCpuUsage()]
  context.renderLimit.check = () => {
    if (performance.now() - begunAt <= limits.workMs) return
    const { user, system } = process.threadCpuUsage(begun)
    if ((user + system) / 1000 > limits.workMs) throw new Error('template render limit exceeded')
  }
  return engine.parseAndRenderSync(source, context)
}

export type LiquidProblem = { line: number | null; message: string }

/** Parses and looks at the shape of a template without running it. */
export function inspect(engine: Liquid, source: string): { problems: LiquidProblem[]; roots: string[] } {
  const shape = shapeProblems(source)
  if (shape.length > 0) return { problems: shape, roots: [] }
  let templates: Template[]
  try {
    templates = engine.parse(source)
  } catch (error) {
    return { problems: [problemOf(error)], roots: [] }
  }
  return { problems: [], roots: engine.globalVariablesSync(templates).map(String) }
}

function problemOf(error: unknown): LiquidProblem {
  const message = error instanceof Error ? error.message : String(error)
  const line = /, line:(\d+)/.exec(message)?.[1]
  return { line: line ? Number(line) : null, message: message.replace(/, line:\d+.*$/s, '') }
}

/** Limits that the library does not have: ranges with literal bounds, loops over given lists, little nesting. */
function shapeProblems(source: string): LiquidProblem[] {
  if (source.length > limits.sourceCharacters)
    return [{ line: null, message: `The text is longer than ${limits.sourceCharacters} characters` }]
  const found: LiquidProblem[] = []
  let depth = 0
  for (const tag of source.matchAll(/\{[{%][^]*?[%}]\}/g)) {
    const line = source.slice(0, tag.index).split('\n').length
    for (const range of tag[0].matchAll(/\(([^()]*)\.\.([^()]*)\)/g)) {
      const size = Number(range[2]) - Number(range[1])
      if (!(size <= 1000)) found.push({ line, message: 'A range needs literal bounds and at most 1000 steps' })
    }
    const word = /^\{%-?\s*(\w+)/.exec(tag[0])?.[1] ?? ''
    if (/^(if|for|unless|case|capture)$/.test(word) && ++depth > 8)
      found.push({ line, message: 'Conditions and loops are nested deeper than 8' })
    if (/^end(if|for|unless|case|capture)$/.test(word)) depth--
    if (word === 'for' && /\bin\s*\(/.test(tag[0]) === false && /\bin\s+["'\d]/.test(tag[0]))
      found.push({ line, message: 'A loop runs over a list that is given' })
  }
  return found
}
