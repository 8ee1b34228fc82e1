import { Outage, Refusal } from '@einklang/platform'
import { ProblemError } from '@einklang/sdk'
import { describe, expect, test } from 'vitest'
import type { Command } from './command.ts'
import { runProgram } from './program.ts'
import { distance, nearest } from './suggest.ts'
import { table } from './table.ts'

const nothing = { text: '', least: 0, most: 0 }

function command(name: string, run: Command['run'], more: Partial<Command> = {}): Command {
  return { name, summary: `does ${name}`, operands: nothing, flags: {}, run, ...more }
}

const commands = [
  command('serve', async () => undefined, {
    flags: { port: { value: 'PORT', text: 'where' }, data: { value: 'DIR', text: 'data' } },
  }),
  command(
    'source add',
    async (call) => ({ name: call.operands[0], kind: call.flag('kind'), secret: call.switch('secret') }),
    {
      operands: { text: 'NAME', least: 1, most: 1 },
      flags: { kind: { value: 'KIND', text: 'kind' }, secret: { text: 'secret' } },
    },
  ),
  command('source list', async (call) => {
    call.show('for a reader')
    call.tell('beside it')
    return { items: [] }
  }),
]

async function run(typed: string, given: Command[] = commands) {
  let out = ''
  let error = ''
  const terminal = {
    out: (text: string) => {
      out += text
    },
    error: (text: string) => {
      error += text
    },
    environment: {},
  }
  return { code: await runProgram(given, typed.split(' ').filter(Boolean), terminal), out, error }
}

const failing = (error: Error) => [
  command('fail', async () => {
    throw error
  }),
]

describe('wrong usage ends with 2 and the nearest suggestion', () => {
  test.each([
    ['sevre', 'There is no command "sevre".', 'einklang serve'],
    ['source lsit', 'There is no command "source lsit".', 'einklang source list'],
    ['sources', 'There is no command "sources".', 'einklang source'],
    ['serve --prot 80', '"serve" has no flag --prot.', '--port'],
    ['serve --port', '--port needs a value.', '--port PORT'],
    ['serve --port --data x', '--port needs a value.', '--port PORT'],
    ['source add', '"source add" needs NAME.', 'einklang help source add'],
    ['serve now', '"serve" does not know what to do with "now".', 'einklang help serve'],
    ['--port 80 serve', 'The command comes first, before --port.', 'einklang help'],
  ])('%s', async (typed, message, suggestion) => {
    const { code, out, error } = await run(typed)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(error).toBe(`einklang: ${message}\nDid you mean: ${suggestion}\n`)
  })

  test('a group without its second word names what it has', async () => {
    expect(await run('source')).toEqual({ code: 2, out: '', error: 'einklang: "source" needs one of: add, list.\n' })
  })

  test('asked for help, a group shows its commands', async () => {
    for (const typed of ['source --help', 'help source']) {
      const { code, out, error } = await run(typed)
      expect({ code, error }).toEqual({ code: 0, error: '' })
      expect(out).toMatch(/source add .*\n *source list/)
      expect(out).not.toContain('serve')
    }
  })

  test('a switch takes no value', async () => {
    expect((await run('source add x --secret=yes')).error).toContain('--secret takes no value.')
  })
})

describe('--json', () => {
  test('prints exactly one document on stdout', async () => {
    const { code, out, error } = await run('source list --json')
    expect({ code, document: JSON.parse(out), error }).toEqual({
      code: 0,
      document: { items: [] },
      error: 'beside it\n',
    })
  })

  test('help is a document too', async () => {
    expect(JSON.parse((await run('help --json')).out).commands).toContainEqual(
      expect.objectContaining({ name: 'source list' }),
    )
    expect(JSON.parse((await run('serve --help --json')).out)).toMatchObject({ name: 'serve', flags: {} })
  })

  test('may stand before the command', async () => {
    expect(JSON.parse((await run('--json source add Web --kind web')).out)).toEqual({
      name: 'Web',
      kind: 'web',
      secret: false,
    })
  })

  test('a failure is one document too', async () => {
    const { code, out } = await run('sevre --json')
    expect(code).toBe(2)
    expect(JSON.parse(out)).toEqual({
      error: { code: 'usage', message: 'There is no command "sevre".', doInstead: 'einklang serve' },
    })
  })
})

describe('a failure is one sentence and what to do', () => {
  test.each([
    [
      new Refusal(409, 'port_in_use', 'Port 8080 is in use.', { doInstead: 'Choose another.' }),
      1,
      'Port 8080 is in use.\nChoose another.',
    ],
    [new Refusal(400, 'configuration', '--port "x": must be a number.'), 2, '--port "x": must be a number.'],
    [new ProblemError(404, { code: 'not_found', message: 'Nobody has this id.' }), 1, 'Nobody has this id.'],
    [new Outage('PostgreSQL does not answer'), 1, 'PostgreSQL does not answer.'],
    [Object.assign(new Error('write'), { code: 'ENOSPC' }), 1, 'The disk is full; make room and run this again.'],
    [
      new Error('copy failed', { cause: Object.assign(new Error('x'), { code: '53100' }) }),
      1,
      'The disk is full; make room and run this again.',
    ],
  ])('%s', async (error, code, message) => {
    expect(await run('fail', failing(error))).toEqual({ code, out: '', error: `einklang: ${message}\n` })
  })

  test('only a bug shows where it happened', async () => {
    const { code, error } = await run('fail', failing(new TypeError('undefined is not a shop')))
    expect(code).toBe(1)
    expect(error).toMatch(/^einklang: undefined is not a shop\n.*\n\s+at /)
  })
})

test('help shows every command, and every flag of one', async () => {
  const all = await run('help')
  expect(all.code).toBe(0)
  for (const { name, summary } of commands) expect(all.out).toMatch(new RegExp(`^ {2}${name} +${summary}$`, 'm'))
  expect((await run('')).out).toBe(all.out)
  const one = await run('help source add')
  expect(one.out).toContain('Usage: einklang source add NAME [FLAGS]')
  expect(one.out).toMatch(/^ {2}--kind KIND +kind$/m)
  expect((await run('source add --help')).out).toBe(one.out)
})

test('distance counts swapped neighbours as one and is the same both ways', () => {
  expect([distance('serve', 'sevre'), distance('', 'abc'), distance('demo', 'demo')]).toEqual([1, 3, 0])
  expect(distance('import', 'export')).toBe(distance('export', 'import'))
  expect(nearest('zzzzzz', ['serve', 'demo'])).toBeNull()
})

test('a table is as wide as its cells and numbers stand right', () => {
  expect(
    table(
      ['NAME', 'SIZE'],
      [
        ['a', '5'],
        ['bcdef', '1,200'],
      ],
    ),
  ).toBe('NAME    SIZE\na          5\nbcdef  1,200')
})
