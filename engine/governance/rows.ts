import { createHash } from 'node:crypto'
import { assert, type Clock, type Database, newId, type Part } from '@einklang/platform'
import { type CleanedWhere, createAdapterFactory } from 'better-auth/adapters'

type Row = { [column: string]: unknown }

/** What a session cookie's token is stored as: a stolen backup opens no session. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Tables the sign-in library may touch, and the kind of id a new row gets. */
const tables = { colleague: 'user', credential: 'user', session: 'session' } as const

/**
 * The sign-in library's storage over our own database face: one pool, parameters only, and session tokens hashed
 * on the way in. Verification rows (links by mail) are not used and refused.
 */
export function libraryRows(database: Database, clock: Clock) {
  return createAdapterFactory({
    config: {
      adapterId: 'einklang',
      supportsUUIDs: true,
      supportsArrays: true,
      supportsJSON: true,
      customIdGenerator: ({ model }) => newId(model === 'session' ? 'session' : 'user', clock),
    },
    adapter: () => ({
      async create({ model, data }) {
        const stored = hashed(model, data)
        const columns = database.join(Object.keys(stored).map(database.name), ',')
        const values = database.join(
          Object.values(stored).map((value) => database.part`${value}`),
          ',',
        )
        const row = await database.row<Row>`insert into ${table(model)} (${columns}) values (${values}) returning *`
        return withToken(row, data['token']) as typeof data
      },
      async findOne({ model, where }) {
        const row = await database.row<Row>`select * from ${table(model)} where ${condition(model, where)} limit 1`
        return withToken(row, askedToken(where)) as never
      },
      async findMany({ model, where = [], limit, offset = 0, sortBy }) {
        const order = database.name(sortBy?.field ?? 'id')
        const direction = sortBy?.direction === 'desc' ? database.part`desc` : database.part`asc`
        return (await database.rows<Row>`
          select * from ${table(model)} where ${condition(model, where)}
          order by ${order} ${direction} limit ${limit} offset ${offset}`) as never
      },
      async update({ model, where, update }) {
        const row = await database.row<Row>`
          update ${table(model)} set ${assignments(model, update as Row)} where ${condition(model, where)} returning *`
        return withToken(row, askedToken(where)) as never
      },
      updateMany: ({ model, where, update }) =>
        database.run`update ${table(model)} set ${assignments(model, update)} where ${condition(model, where)}`,
      async delete({ model, where }) {
        await database.run`delete from ${table(model)} where ${condition(model, where)}`
      },
      deleteMany: ({ model, where }) => database.run`delete from ${table(model)} where ${condition(model, where)}`,
      async count({ model, where = [] }) {
        const row = await database.row<{ count: number }>`
          select count(*)::int as count from ${table(model)} where ${condition(model, where)}`
        return row?.count ?? 0
      },
    }),
  })

  function table(model: string): Part {
    assert(model in tables, `the sign-in library wants the table ${model}, which is switched off`)
    return database.name(`governance.${model}`)
  }

  function assignments(model: string, row: Row): Part {
    const pieces = Object.entries(hashed(model, row))
    return database.join(
      pieces.map(([column, value]) => database.part`${database.name(column)} = ${value}`),
      ',',
    )
  }

  function condition(model: string, where: CleanedWhere[]): Part {
    assert(
      where.every((clause) => clause.connector === 'AND'),
      'the sign-in library asks with "or", which is not foreseen',
    )
    return database.join(
      where.map((clause) => comparison(model, clause)),
      'and',
    )
  }

  function comparison(model: string, { field, operator, value: plain }: CleanedWhere): Part {
    const column = database.name(field)
    const value = hashed(model, { [field]: plain })[field]
    if (value === null)
      return operator === 'ne' ? database.part`${column} is not null` : database.part`${column} is null`
    switch (operator) {
      case 'eq':
        return database.part`${column} = ${value}`
      case 'ne':
        return database.part`${column} <> ${value}`
      case 'lt':
        return database.part`${column} < ${value}`
      case 'lte':
        return database.part`${column} <= ${value}`
      case 'gt':
        return database.part`${column} > ${value}`
      case 'gte':
        return database.part`${column} >= ${value}`
      case 'in':
        return database.part`${column}::text = any(${value}::text[])`
      default:
        throw new Error(`The sign-in library compares by "${operator}", which is not foreseen`)
    }
  }
}

function hashed(model: string, row: Row): Row {
  const token = row['token']
  if (model !== 'session' || token === undefined || token === null) return row
  return { ...row, token: Array.isArray(token) ? token.map((one) => tokenHash(String(one))) : tokenHash(String(token)) }
}

/** The library compares and re-sets the token it asked by; it never sees the stored hash of another. */
function withToken(row: Row | undefined, token: unknown): Row | null {
  if (!row) return null
  return typeof token === 'string' ? { ...row, token } : row
}

function askedToken(where: CleanedWhere[]): unknown {
  return where.find((clause) => clause.field === 'token' && clause.operator === 'eq')?.value
}
