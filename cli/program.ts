import { parseArgs } from 'node:util'
import { Outage, Refusal, readConfig } from '@einklang/platform'
import { ProblemError } from '@einklang/sdk'
import { type Call, type Command, type FlagTable, Misuse } from './command.ts'
import { nearest } from './suggest.ts'

/** Where a run of the program speaks; tests hand in their own. */
export type Terminal = {
  out(text: string): void
  error(text: string): void
  environment: { [name: string]: string | undefined }
}

const everywhere: FlagTable = {
  json: { text: 'print one JSON document on stdout and nothing else there' },
  help: { text: 'show this help' },
}

/** Runs one command line and returns its exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runProgram(commands: Command[], typed: string[], terminal: Terminal): Promise<number> {
  const json = typed.includes('--json')
  const words = typed.filter((word) => word !== '--json')
  try {
    const group = groupIn(commands, words)
    const command = group === null ? commandOf(commands, words) : null
    if (command === null) {
      const shown = (group ?? commands).map(({ name, summary }) => ({ name, summary }))
      terminal.out(json ? `${JSON.stringify({ commands: shown }, null, 2)}\n` : overview(group ?? commands))
      return 0
    }
    const { values, positionals } = parsed(command, words.slice(command.name.split(' ').length))
    if (values['help'] === true) {
      const { name, summary, flags } = command
      terminal.out(json ? `${JSON.stringify({ name, summary, flags }, null, 2)}\n` : helpOf(command))
      return 0
    }
    checkOperands(command, positionals)
    let code = 0
    const fail = (wanted = 1) => {
      code = wanted
    }
    const document = await command.run(callOf({ command, values, operands: positionals, terminal, json, fail }))
    if (json) terminal.out(`${JSON.stringify(document ?? {}, null, 2)}\n`)
    return code
  } catch (error) {
    return failed(error, terminal, json)
  }
}

/** Commands that share their first word, when that is all that is asked about: `source --help`, `help source`. */
function groupIn(commands: Command[], words: string[]): Command[] | null {
  const asked = words.filter((word) => !['help', '--help', '-h'].includes(word))
  if (asked.length !== 1 || asked.length === words.length || commands.some(({ name }) => name === asked[0])) return null
  const group = commands.filter(({ name }) => name.startsWith(`${asked[0]} `))
  return group.length > 0 ? group : null
}

/** The command with the longest name that the words begin with; null = show the overview. */
function commandOf(commands: Command[], words: string[]): Command | null {
  const [first, second] = words
  if (first === undefined || first === '--help' || first === '-h') return null
  if (first === 'help') {
    const asked = words.slice(1).filter((word) => !word.startsWith('-'))
    if (asked.length === 0) return null
    words.splice(0, words.length, ...asked, '--help')
    return commandOf(commands, words)
  }
  if (words[0]?.startsWith('-')) throw new Misuse(`The command comes first, before ${words[0]}.`, 'einklang help')
  const exact =
    commands.find(({ name }) => name === `${first} ${second}`) ?? commands.find(({ name }) => name === first)
  if (exact) return exact
  const group = commands.filter(({ name }) => name.startsWith(`${first} `))
  const names = commands.map(({ name }) => name)
  if (group.length > 0) {
    if (second === undefined || second.startsWith('-')) {
      throw new Misuse(`"${first}" needs one of: ${group.map(({ name }) => name.slice(first.length + 1)).join(', ')}.`)
    }
    const meant = nearest(
      second,
      group.map(({ name }) => name.slice(first.length + 1)),
    )
    throw new Misuse(
      `There is no command "${first} ${second}".`,
      meant ? `einklang ${first} ${meant}` : 'einklang help',
    )
  }
  const meant = nearest(first, [...names, ...names.map((name) => name.split(' ')[0] ?? '')])
  throw new Misuse(`There is no command "${first}".`, meant ? `einklang ${meant}` : 'einklang help')
}

type Values = { [flag: string]: string | boolean | string[] | undefined }

function parsed(command: Command, words: string[]): { values: Values; positionals: string[] } {
  const flags = { ...everywhere, ...command.flags }
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      { type: flag.value === undefined ? ('boolean' as const) : ('string' as const), multiple: flag.many === true },
    ]),
  )
  const { values, positionals, tokens } = parseArgs({
    args: words,
    options: { ...options, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const flag = flags[token.name]
    if (!flag) {
      const meant = nearest(token.name, Object.keys(flags))
      throw new Misuse(
        `"${command.name}" has no flag ${token.rawName}.`,
        meant ? `--${meant}` : `einklang help ${command.name}`,
      )
    }
    if (
      flag.value !== undefined &&
      (token.value === undefined || (!token.inlineValue && token.value.startsWith('--')))
    ) {
      throw new Misuse(`${token.rawName} needs a value.`, `${token.rawName} ${flag.value}`)
    }
    if (flag.value === undefined && token.value !== undefined) throw new Misuse(`${token.rawName} takes no value.`)
  }
  return { values: values as Values, positionals }
}

function checkOperands({ name, operands }: Command, given: string[]): void {
  if (given.length < operands.least) throw new Misuse(`"${name}" needs ${operands.text}.`, `einklang help ${name}`)
  if (given.length > operands.most) {
    throw new Misuse(`"${name}" does not know what to do with "${given[operands.most]}".`, `einklang help ${name}`)
  }
}

function callOf(given: {
  command: Command
  values: Values
  operands: string[]
  terminal: Terminal
  json: boolean
  fail: (code?: number) => void
}): Call {
  const { values, terminal, json } = given
  const text = (name: string) => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    operands: given.operands,
    flag: text,
    flags: (name) => {
      const value = values[name]
      return Array.isArray(value) ? value : []
    },
    switch: (name) => values[name] === true,
    config: (overrides = {}) => {
      const flags = Object.fromEntries(Object.keys(given.command.flags).map((name) => [name, text(name)]))
      return readConfig(terminal.environment, { ...flags, ...overrides })
    },
    environment: terminal.environment,
    json,
    show: (line) => {
      if (!json) terminal.out(`${line}\n`)
    },
    tell: (line) => terminal.error(`${line}\n`),
    fail: given.fail,
  }
}

const control = /(?!\n)\p{Cc}/gu

function failed(error: unknown, terminal: Terminal, json: boolean): number {
  const { message, doInstead, code, exit } = explained(error)
  if (json)
    terminal.out(`${JSON.stringify({ error: { code, message, ...(doInstead ? { doInstead } : {}) } }, null, 2)}\n`)
  // Names of columns come from files: whatever they hold must not steer the terminal.
  const plainly = (line: string) => terminal.error(`${line.replaceAll(control, '·')}\n`)
  plainly(`einklang: ${message}`)
  // What can be typed is a guess at what was meant; a sentence is an advice.
  if (doInstead) plainly(/^[A-Z]/.test(doInstead) ? doInstead : `Did you mean: ${doInstead}`)
  if (exit === 1 && code === 'unexpected' && error instanceof Error) terminal.error(`${error.stack}\n`)
  return exit
}

function explained(error: unknown): { message: string; doInstead?: string | undefined; code: string; exit: 1 | 2 } {
  if (error instanceof Misuse) return { message: error.message, doInstead: error.doInstead, code: 'usage', exit: 2 }
  if (error instanceof Refusal) {
    const exit = error.code === 'configuration' ? 2 : 1
    return { message: error.message, doInstead: error.doInstead, code: error.code, exit }
  }
  if (error instanceof ProblemError) {
    const at = error.at ? ` (${error.at})` : ''
    return { message: `${error.message}${at}`, doInstead: error.doInstead, code: error.code, exit: 1 }
  }
  if (error instanceof Outage) return { message: `${error.message}.`.replace(/\.\.$/, '.'), code: 'outage', exit: 1 }
  const cause = causeOf(error)
  if (cause === 'ENOSPC')
    return { message: 'The disk is full; make room and run this again.', code: 'disk_full', exit: 1 }
  if (cause === 'EACCES' || cause === 'EPERM') {
    return { message: `No permission: ${(error as Error).message}.`, code: 'permission', exit: 1 }
  }
  if (cause === 'ENOENT')
    return {
      message: `There is no such file: ${(error as NodeJS.ErrnoException).path ?? (error as Error).message}.`,
      code: 'no_file',
      exit: 1,
    }
  if (cause === 'EISDIR')
    return { message: `A file is needed, and this is a folder: ${(error as Error).message}.`, code: 'no_file', exit: 1 }
  if (cause === 'ECONNREFUSED' || cause === 'ENOTFOUND' || cause === 'EAI_AGAIN')
    return {
      message: `The server does not answer (${cause}). Does it run, and is its address right?`,
      code: 'unreachable',
      exit: 1,
    }
  return { message: error instanceof Error ? error.message : String(error), code: 'unexpected', exit: 1 }
}

const known = new Set(['ENOSPC', 'EACCES', 'EPERM', 'ENOENT', 'EISDIR', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])

/** The system's code of an error or of what caused it. */
function causeOf(error: unknown): string | undefined {
  for (let seen: unknown = error; seen instanceof Error; seen = seen.cause) {
    const code = (seen as NodeJS.ErrnoException).code
    if (code !== undefined && known.has(code)) return code
    // All addresses of a name were tried.
    if (seen instanceof AggregateError && seen.errors.length > 0) return causeOf(seen.errors[0])
    // PostgreSQL says it in its own way.
    if (code === '53100') return 'ENOSPC'
  }
  return undefined
}

function overview(commands: Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `Einklang runs all channels of a retailer in unison.

Usage: einklang COMMAND [FLAGS]

${lines.join('\n')}

"einklang help COMMAND" shows its flags. Every command takes --json. Exit codes: 0 done, 1 failed, 2 wrong usage.
`
}

function helpOf({ name, summary, operands, flags, help }: Command): string {
  const all = Object.entries({ ...flags, ...everywhere }).map(([flag, { value, text }]) => ({
    head: `--${flag}${value ? ` ${value}` : ''}`,
    text,
  }))
  const width = Math.max(...all.map(({ head }) => head.length))
  const usage = `Usage: einklang ${name}${operands.text ? ` ${operands.text}` : ''} [FLAGS]`
  const lines = all.map(({ head, text }) => `  ${head.padEnd(width)}  ${text}`)
  return `${summary}\n\n${usage}\n\n${lines.join('\n')}\n${help ? `\n${help}\n` : ''}`
}
