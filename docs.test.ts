import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { stages } from '@einklang/contract'
import { expect, test } from 'vitest'

const root = import.meta.dirname
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** Every document a reader may open. */
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
]

test('every stage has a chapter at its place in the flow, and the table of contents names it', () => {
  const contents = read('docs/guide/README.md')
  const chapters = stages.map((stage, index) => `${String(index + 1).padStart(2, '0')}-${stage}.md`)
  expect(readdirSync(join(root, 'docs/guide')).filter((file) => /^\d\d-/.test(file))).toEqual(chapters)
  expect(chapters.filter((chapter) => !contents.includes(`(${chapter})`))).toEqual([])
})

test('links between documents lead to files that exist', () => {
  const broken = documents.flatMap((document) =>
    linksOf(read(document))
      .map((link) => ({ link, file: relative(root, join(root, dirname(document), link)) }))
      .filter(({ file }) => !existsSync(join(root, file)))
      .map(({ link }) => `${document}: ${link}`),
  )
  expect(broken).toEqual([])
})

test('links into a document lead to a heading of it', () => {
  const broken = documents.flatMap((document) =>
    anchorsOf(read(document))
      .map(({ file, anchor }) => ({ file: file === '' ? document : join(dirname(document), file), anchor }))
      .filter(({ file, anchor }) => existsSync(join(root, file)) && !headingsOf(read(file)).includes(anchor))
      .map(({ file, anchor }) => `${document}: ${file}#${anchor}`),
  )
  expect(broken).toEqual([])
})

test('every command that a document names exists', () => {
  const names = commandNames()
  const unknown = documents.flatMap((document) =>
    commandsIn(read(document))
      .filter((words) => !names.some((name) => words === name || words.startsWith(`${name} `)))
      .map((words) => `${document}: einklang ${words}`),
  )
  expect(unknown).toEqual([])
})

test('every setting is in the settings reference with its default, and no other is', () => {
  const guide = read('docs/guide/README.md')
  const source = read('platform/config.ts')
  // One piece of source per setting, from its variable to the next one.
  const declared = source
    .split("variable: '")
    .slice(1)
    .map((piece) => ({
      variable: piece.slice(0, piece.indexOf("'")),
      flag: /^[^}]*?flag: '([\w-]+)'/.exec(piece)?.[1],
      otherwise: /otherwise: '([^']*)'/.exec(piece.slice(0, piece.indexOf('otherwise:') + 80))?.[1],
    }))
  expect(declared.length).toBeGreaterThan(10)
  const missing = declared.filter(({ variable, flag, otherwise }) => {
    const row = guide.split('\n').find((line) => line.startsWith(`| \`${variable}\` |`)) ?? ''
    const told = !otherwise || row.includes(`\`${otherwise}\``)
    return row === '' || !told || (flag !== undefined && !row.includes(`\`--${flag}\``))
  })
  expect(missing).toEqual([])
  const known = new Set([...declared.map(({ variable }) => variable), ...(source.match(/EINKLANG_[A-Z_]+/g) ?? [])])
  const named = documents.flatMap((document) => read(document).match(/\bEINKLANG_[A-Z_]*[A-Z]\b/g) ?? [])
  expect(named.filter((variable) => !known.has(variable))).toEqual([])
})

test('every package that runs in production is listed with its version', () => {
  const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] }
  const listed = read('docs/dependencies.md')
  const missing = workspaces.flatMap((workspace) => {
    const { dependencies = {} } = JSON.parse(read(join(workspace, 'package.json'))) as {
      dependencies?: { [name: string]: string }
    }
    return Object.entries(dependencies)
      .filter(([name]) => !name.startsWith('@einklang/'))
      .filter(([name, version]) => !listed.includes(`| \`${name}\` | ${version} |`))
      .map(([name, version]) => `${workspace}: ${name} ${version}`)
  })
  expect(missing).toEqual([])
})

test('every API address in the guide is declared', async () => {
  const { api } = await import('@einklang/contract')
  const declared = Object.values(api).flatMap((stage) =>
    Object.values(stage as { [name: string]: unknown }).flatMap((one) =>
      isRoute(one) ? [new RegExp(`^/api/${one.stage}${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)] : [],
    ),
  )
  expect(declared.length).toBeGreaterThan(50)
  // Streams, raw uploads and what clients of other vendors call stand beside the declared routes.
  const beside = [
    /^\/api\/live$/,
    /^\/api\/ingest\/imports\/[^/]+\/(parts|rejects\.csv)$/,
    /^\/api\/ingest\/plans\/[^/]+\/types\.ts$/,
    /^\/api\/(v|ingest\/cloudevents|ingest\/webhooks\/[^/]+)$/,
  ]
  const unknown = documents.flatMap((document) =>
    [...read(document).matchAll(/\/api\/[a-z]+(?:\/[\w.${}-]+)*/g)]
      .map(([path]) => path.replace(/[.-]+$/, ''))
      .filter((path) => !stages.some((stage) => path === `/api/${stage}`))
      .filter((path) => ![...declared, ...beside].some((pattern) => pattern.test(path)))
      .map((path) => `${document}: ${path}`),
  )
  expect(unknown).toEqual([])
})

type Declared = { stage: string; path: string; method: string }

function isRoute(one: unknown): one is Declared {
  return typeof one === 'object' && one !== null && 'path' in one && 'stage' in one && 'method' in one
}

function targetsOf(text: string): string[] {
  const prose = text.replaceAll(/```[^]*?```/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^\w+:/.test(target))
}

function linksOf(text: string): string[] {
  return targetsOf(text).flatMap((target) => (target.startsWith('#') ? [] : [target.replace(/#.*/, '')]))
}

function anchorsOf(text: string): { file: string; anchor: string }[] {
  return targetsOf(text).flatMap((target) => {
    const [file = '', anchor] = target.split('#')
    return anchor === undefined ? [] : [{ file, anchor }]
  })
}

/** Headings as the usual viewers turn them into anchors. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The table of commands, as the program itself shows it. */
function commandNames(): string[] {
  const shown = execFileSync(
    process.execPath,
    ['--conditions=source', '--disable-warning=ExperimentalWarning', join(root, 'cli/index.ts'), 'help'],
    { encoding: 'utf8' },
  )
  const names = [...shown.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}\S/gm)].map(([, name = '']) => name)
  expect(names).toContain('serve')
  return [...names, 'help', 'COMMAND']
}

/** `einklang …` at the beginning of a line of code or of a piece of inline code. */
function commandsIn(text: string): string[] {
  const inline = [...text.matchAll(/`(?:\.\/)?einklang ([^`\n]+)`/g)]
  const blocks = [...text.matchAll(/```(?:sh|console)?\n([^]*?)```/g)].flatMap(([, code = '']) => [
    ...code.matchAll(/(?:^|[;|&] ?)(?:\.\/)?einklang (.+)/gm),
  ])
  return [...inline, ...blocks]
    .map(([, words = '']) => words.replaceAll(/\s+/g, ' ').trim())
    .filter((words) => /^[a-z]/.test(words))
}
