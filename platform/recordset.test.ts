import { expect, test } from 'vitest'
import { type Columns, recordset } from './recordset.ts'
import { testGround } from './testing/index.ts'

const columns: Columns = {
  id: 'uuid',
  said: 'text',
  count: 'integer',
  large: 'bigint',
  yes: 'boolean',
  at: 'timestamptz',
  birthday: 'date',
  data: 'jsonb',
  names: 'text[]',
}

test('every value comes back as it was given, whatever signs it holds', async () => {
  const { ground, close } = await testGround()
  const rows = [
    {
      id: '3c48598f-2e81-8204-9d24-d812be0fb54a',
      said: 'a "quoted" \\ {brace}, NULL',
      count: 3,
      large: 9_007_199_254_740_991,
      yes: true,
      at: new Date('2026-03-02T09:00:00.123Z'),
      birthday: '1980-02-29',
      data: { text: 'a "b" \\ ü', list: [1, null, 'x'] },
      names: ['anna', 'o"hara', 'NULL', '', 'a,b'],
    },
    {
      id: null,
      said: 'NULL',
      count: null,
      large: null,
      yes: false,
      at: null,
      birthday: null,
      data: 'plain',
      names: [],
    },
    { id: null, said: '', count: 0, large: 0, yes: null, at: null, birthday: null, data: null, names: null },
  ]
  try {
    expect(await ground.database.rows`select * from ${recordset(ground.database, rows, columns)} as r`).toEqual(rows)
    expect(await ground.database.rows`select * from ${recordset(ground.database, [], columns)} as r`).toEqual([])
    const [missing] = await ground.database.rows<{ said: string | null }>`
      select said from ${recordset(ground.database, [{ id: null }], columns)} as r`
    expect(missing?.said).toBeNull()
  } finally {
    await close()
  }
})
