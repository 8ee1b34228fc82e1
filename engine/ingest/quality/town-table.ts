import { type Columns, type Database, recordset } from '@einklang/platform'
import type { TownPeople } from './towns.ts'

const columns: Columns = { country: 'text', postalCode: 'text', town: 'text', people: 'integer' }

export function readTowns(database: Database): Promise<TownPeople[]> {
  return database.rows<TownPeople>`select country, postal_code as "postalCode", town, people from ingest.town`
}

/** What people say now takes the place of what they said the day before. */
export async function writeTowns(database: Database, rows: TownPeople[]): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.run`delete from ingest.town`
    await tx.run`
      insert into ingest.town (country, postal_code, town, people)
      select country, "postalCode", town, people from ${recordset(tx, rows, columns)} as row`
  })
}
