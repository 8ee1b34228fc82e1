import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { type PersonId, stages } from '@einklang/contract'
import { type Database, newId, typed, writtenSql } from '@einklang/platform'
import { testGround } from '@einklang/platform/testing'
import { describe, expect, test } from 'vitest'
import { compose } from './server/compose.ts'

const root = import.meta.dirname
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const sources = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.tsx'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path.includes('/'))
const isTest = (path: string) => /\.test\.tsx?$/.test(path)
const product = sources.filter((path) => !isTest(path))

/** Who may import whom (DESIGN §2, ARCHITECTURE.md). `bench` may import anything. */
const packages: { [name: string]: string[] } = {
  contract: [],
  stats: [],
  platform: ['contract'],
  engine: ['contract', 'stats', 'platform'],
  connectors: ['contract'],
  server: ['engine', 'connectors', 'platform', 'contract'],
  sdk: ['contract'],
  console: ['sdk', 'contract'],
  world: ['contract', 'stats'],
  cli: ['sdk', 'server', 'world', 'stats', 'platform', 'contract'],
}

type Import = { from: string; path: string }

/** Static and dynamic imports with a fixed text; the word inside a comment line starts with `*` or `//` and is none. */
function importsOf(path: string, text: string): Import[] {
  const patterns = [
    /^[ \t]*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^[ \t]*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g,
  ]
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, found]) => ({ from: path, path: found as string })),
  )
}

const folderOf = (path: string) => path.split('/')[0] as string
const stageOf = (path: string) => (path.startsWith('engine/') ? (path.split('/')[1] as string) : null)

/** Breaks of the import rules, each as one sentence. */
function brokenImports(path: string, text: string): string[] {
  const broken: string[] = []
  const home = folderOf(path)
  const stage = stageOf(path)
  for (const { path: wanted } of importsOf(path, text)) {
    const say = (why: string) => broken.push(`${path} imports ${wanted}: ${why}`)
    if (wanted.startsWith('.')) {
      const target = relative(root, resolve(root, dirname(path), wanted))
      if (home === 'bench') continue
      if (folderOf(target) !== home) say('relative imports stay inside a package')
      else if (stage !== null && stageOf(target) !== stage) say('other stages are imported by #name')
      continue
    }
    if (wanted.startsWith('#')) {
      const other = stages.findIndex((name) => wanted === `#${name}`)
      if (other < 0) say('there is no such stage; a stage is imported by its face')
      else if (stage === null) say('only stages import stages')
      else if (!isTest(path) && other >= stages.indexOf(stage as (typeof stages)[number]))
        say('a stage imports only from stages before it')
      continue
    }
    const own = /^@einklang\/([^/]+)(\/.*)?$/.exec(wanted)
    if (!own) continue
    const [, name = '', inner = ''] = own
    if (name === home && !isTest(path)) say('inside a package imports are relative')
    if (home !== 'bench' && !isTest(path) && !packages[home]?.includes(name))
      say(`${home} may import only ${packages[home]?.join(', ') || 'nothing of ours'}`)
    if (!(`.${inner}` in exportsOf(name))) say('it is not exported')
    if (inner === '/testing' && !isTest(path)) say('only tests')
  }
  return broken
}

function exportsOf(name: string): { [path: string]: unknown } {
  const { exports } = JSON.parse(read(`${name}/package.json`)) as { exports?: { [path: string]: unknown } }
  return exports ?? {}
}

describe('imports', () => {
  test('follow the flow of the stages and the table of the packages', () => {
    expect(sources.flatMap((path) => brokenImports(path, read(path)))).toEqual([])
  })
  test.each([
    ['engine/ingest/index.ts', "import { x } from '#profile'", 'a stage imports only from stages before it'],
    ['engine/ingest/index.ts', "export type { x } from '../profile/store.ts'", 'other stages are imported by #name'],
    ['engine/profile/index.ts', "import '#ingest/inbox.ts'", 'a stage is imported by its face'],
    ['engine/profile/index.ts', "import {\n  x,\n} from '@einklang/server'", 'engine may import only'],
    ['stats/mix.ts', "const x = await import('@einklang/contract')", 'stats may import only nothing of ours'],
    ['console/main.tsx', "import { x } from '@einklang/contract/route.ts'", 'it is not exported'],
    ['server/main.ts', "import { x } from '@einklang/platform/testing'", 'only tests'],
    ['cli/index.ts', "import { x } from '../server/compose.ts'", 'relative imports stay inside a package'],
  ])('the rule itself finds a break: %s %s', (path, text, sentence) => {
    expect(brokenImports(path, text).join()).toContain(sentence)
  })
  test('packages that are words or mathematics depend on nothing else', () => {
    const dependencies = (name: string) =>
      Object.keys((JSON.parse(read(`${name}/package.json`)) as { dependencies?: object }).dependencies ?? {})
    expect(dependencies('contract')).toEqual(['zod'])
    expect(dependencies('stats')).toEqual([])
    for (const path of product.filter((path) => ['contract', 'stats'].includes(folderOf(path)))) {
      const foreign = importsOf(path, read(path)).filter(
        ({ path: wanted }) => !wanted.startsWith('.') && wanted !== 'zod',
      )
      expect(foreign, path).toEqual([])
    }
  })
})

/** Code without comments; texts become empty, so that a word in a sentence is no call. */
function bare(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, (found) =>
    /^['"]/.test(found) ? "''" : '',
  )
}

describe('the machine is handed in', () => {
  const reads: [RegExp, string][] = [
    [/\bDate\.now\(/, 'the clock (Date.now)'],
    [/\bnew Date\(\s*\)/, 'the clock (new Date())'],
    [/\bMath\.random\(/, 'chance (Math.random)'],
    [/\bprocess\.env\b/, 'the environment (process.env)'],
    [/(?<![.\w])fetch\(/, 'the network (fetch)'],
    [/(?<![.\w])set(?:Timeout|Interval)\(/, 'time (setTimeout; `alarm` of platform limits running work)'],
  ]
  const found = (path: string, text: string) => {
    const code = bare(text)
    return reads.filter(([pattern]) => pattern.test(code)).map(([, what]) => `${path} reads ${what} by itself`)
  }
  // sdk and console run on the machine of somebody else; platform, server and cli are the edges; bench measures.
  const pure = product.filter(
    (path) => ['contract', 'stats', 'engine', 'world'].includes(folderOf(path)) && path !== 'world/cli.ts',
  )

  test('outside of the edges nothing reads clock, chance, environment or network', () => {
    expect(pure.flatMap((path) => found(path, read(path)))).toEqual([])
  })
  test('connectors reach the network, but neither clock, chance nor environment', () => {
    const connectors = product.filter((path) => folderOf(path) === 'connectors')
    const broken = connectors.flatMap((path) => found(path, read(path)))
    expect(broken.filter((sentence) => !/fetch|setTimeout/.test(sentence))).toEqual([])
  })
  test('the rule itself finds each read and no mention', () => {
    const code =
      'const a = Date.now(); const b = new Date(); Math.random(); process.env.X; await fetch(url); setTimeout(f, 1)'
    expect(found('x.ts', code)).toHaveLength(reads.length)
    expect(
      found(
        'x.ts',
        "// Date.now()\nconst text = 'new Date()'; /* Math.random() */ const at = new Date(text); clock.fetch(1)",
      ),
    ).toEqual([])
  })
  test('contract and stats see no machine: types are empty and no page is in sight', () => {
    for (const name of ['contract', 'stats']) {
      const { compilerOptions } = JSON.parse(read(`${name}/tsconfig.json`)) as {
        compilerOptions: { types: string[]; lib: string[] }
      }
      expect(compilerOptions.types, name).toEqual([])
      expect(
        compilerOptions.lib.filter((library) => /dom|webworker/i.test(library)),
        name,
      ).toEqual([])
    }
  })
})

describe('stages keep to themselves', () => {
  const stageFiles = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', 'engine/*.ts', 'engine/*.sql'],
    { cwd: root, encoding: 'utf8' },
  )
    .split('\n')
    .filter((path) => path !== '' && !isTest(path))

  const foreignWrites = (path: string, text: string) => {
    const stage = stageOf(path)
    const writes = text.matchAll(
      /\b(?:insert\s+into|update|delete\s+from|truncate(?:\s+table)?|(?:create|alter|drop)\s+(?:table|view|index))\s+(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?([a-z_]+)\.[a-z_]+/gi,
    )
    return [...writes]
      .filter(([, schema]) => schema !== stage && (stages as readonly string[]).includes(schema as string))
      .map(([sql]) => `${path} writes elsewhere: ${sql}`)
  }
  test('a stage writes only its own schema', () => {
    expect(stageFiles.flatMap((path) => foreignWrites(path, read(path)))).toEqual([])
  })
  test('the rule itself finds a foreign write', () => {
    expect(foreignWrites('engine/consent/store.ts', 'tx.run`insert into profile.person values (1)`')).toHaveLength(1)
    expect(
      foreignWrites('engine/consent/store.ts', 'tx.run`insert into consent.statement select * from profile.person`'),
    ).toEqual([])
  })
})

test('what the world knows to be true is out of reach of the product', () => {
  const folders = ['contract', 'engine', 'server', 'console', 'sdk', 'connectors', 'platform']
  const naming = product
    .filter((path) => folders.includes(folderOf(path)))
    .filter((path) => /(['"`])(?:[^'"`\n]*\/)?truth(?:\/[^'"`\n]*)?\1/i.test(read(path)))
  expect(naming).toEqual([])
})

test('the order of the stages in ARCHITECTURE.md is the order of the code', () => {
  const line = read('ARCHITECTURE.md')
    .split('\n')
    .find((text) => text.includes('governance · ingest'))
  expect(line?.replaceAll('*', '').trim().split(' · ')).toEqual([...stages])
})

test('the table of packages in ARCHITECTURE.md is the table above', () => {
  const rows = read('ARCHITECTURE.md').matchAll(/^\| `(\w+)` \|[^|]*\| ([^|]*) \|$/gm)
  const written = Object.fromEntries(
    [...rows].map(([, name, may]) => [
      name,
      (may as string).split(', ').filter((word) => !['nothing', 'zod', 'anything'].includes(word)),
    ]),
  )
  expect(written).toEqual({ ...packages, bench: [] })
})

/** A column that says whose a row is, by the names in use; `one` and `other` are pairs of people in identity. */
const personColumns = ['person', 'persons', 'stored', 'winner', 'loser', 'one', 'other']

/** Tables that may name an erased person, each with its reason. */
const kept: { [table: string]: string } = {
  'identity.merged': 'an old id still resolves to its survivor; ids alone say nothing',
  'consent.erased': 'the journal of erasures, replayed after a restore',
  'consent.epoch': 'the fence: a hand-over begun before the erasure must find it moved',
}

type Column = { table: string; column: string; type: string; needed: boolean; label: string | null }

/** Every column of every table in a stage's schema that names a person, or must be filled to add a row there. */
function columnsOf(database: Database): Promise<Column[]> {
  return database.rows<Column>`
    select format('%I.%I', space.nspname, class.relname) as table, attribute.attname as column,
      format_type(attribute.atttypid, attribute.atttypmod) as type,
      attribute.attnotnull and not attribute.atthasdef and attribute.attidentity = '' as needed,
      (select enumlabel from pg_enum where enumtypid = attribute.atttypid order by enumsortorder limit 1) as label
    from pg_class as class join pg_namespace as space on space.oid = class.relnamespace
      join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
    where class.relkind in ('r', 'p') and not class.relispartition and attribute.attgenerated = ''
      and space.nspname = any(${[...stages]})
    order by 1, attribute.attnum`
}

function fillerFor({ type, label }: Column): string {
  if (label !== null) return `'${label}'`
  if (type.endsWith('[]')) return `'{}'`
  if (type.startsWith('json')) return `'{}'`
  if (type === 'uuid') return 'gen_random_uuid()'
  if (/^(text|character|varchar|citext|name)/.test(type)) return `'x'`
  if (type.startsWith('bool')) return 'true'
  if (/^(timestamp|date|time)/.test(type)) return 'now()'
  if (/range/.test(type)) return `'empty'`
  if (type === 'bytea') return `'\\x00'`
  if (type === 'interval') return `'1 day'`
  if (type === 'inet' || type === 'cidr') return `'10.0.0.0'`
  return '1'
}

const isPersonColumn = ({ column, type }: { column: string; type: string }) =>
  personColumns.includes(column) && /^uuid(\[\])?$/i.test(type)

test('whoever is erased is in no table of any stage any more, in PostgreSQL and in ClickHouse', async () => {
  const world = await testGround()
  try {
    const { database, history } = world.ground
    const house = await compose(world.ground)
    const person: PersonId = newId('person', world.clock)

    const columns = await columnsOf(database)
    const tables = [...new Set(columns.filter(isPersonColumn).map(({ table }) => table))]
    expect(tables.length).toBeGreaterThan(10)
    const checks = await database.rows<{ drop: string }>`
      select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop from pg_constraint
      join pg_namespace as space on space.oid = connamespace
      where contype = 'c' and coninhcount = 0 and space.nspname = any(${[...stages]})`
    await database.transaction(async (tx) => {
      // A planted row need not make sense, only be there: rules between columns and tables stay aside.
      await tx.run`set local session_replication_role = replica`
      for (const { drop } of checks) await tx.run(writtenSql(drop))
      await tx.run`insert into identity.person (id, first_seen_at) values (${person}, now()) on conflict do nothing`
      for (const table of tables) {
        const filled = columns.filter((column) => column.table === table && (column.needed || isPersonColumn(column)))
        const values = filled.map((column) =>
          isPersonColumn(column)
            ? column.type === 'uuid'
              ? `'${person}'`
              : `array['${person}']::uuid[]`
            : fillerFor(column),
        )
        await tx.run(
          writtenSql(
            `insert into ${table} (${filled.map(({ column }) => `"${column}"`).join(', ')}) values (${values.join(', ')})`,
          ),
        )
      }
    })
    const past = await history.rows<{ table: string; column: string; type: string }>`
      select concat(database, '.', table) as table, name as column, type from system.columns
      where database in ${[...stages]} and (database, table) in (select database, name from system.tables where engine like '%MergeTree')`
    const pastTables = past.filter(isPersonColumn)
    for (const { table, column } of pastTables)
      await history.insert(table, [{ [column]: person }], `planted-${table}-${column}`)

    await database.transaction(async (tx) => {
      for (const { erase } of house.parts.toReversed()) await erase?.(tx, [person])
    })
    await world.runJobs(house.parts.flatMap(({ jobs }) => jobs ?? []))

    const left: string[] = []
    for (const column of columns.filter(isPersonColumn)) {
      const named = database.name(column.table)
      const row =
        await database.row`select 1 from ${named} where ${person}::uuid = any(array[]::uuid[] || ${database.name(column.column)}) limit 1`
      if (row) left.push(`${column.table} (${column.column})`)
    }
    for (const { table, column } of pastTables) {
      const rows = await history.rows(
        writtenSql(`select 1 from ${table} where ${column} = `, ' limit 1'),
        typed('UUID', person),
      )
      if (rows.length > 0) left.push(`${table} (${column}) in ClickHouse`)
    }
    expect(left.filter((place) => !((place.split(' ')[0] as string) in kept))).toEqual([])
    await house.close()
  } finally {
    await world.close()
  }
}, 60_000)
