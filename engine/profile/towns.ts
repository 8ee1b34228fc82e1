import type { Database } from '@einklang/platform'

/** Fewer people with one spelling of a town would say something about single people. */
const fewest = 5

/** Which towns our customers name at which postcodes, and how many of them do. `country` '' = they name none. */
export function townsOfPeople(
  database: Database,
): Promise<{ country: string; postalCode: string; town: string; people: number }[]> {
  return database.rows<{ country: string; postalCode: string; town: string; people: number }>`
    select coalesce(country, '') as country, postal_code as "postalCode", city as town, count(*)::int as people
    from profile.person
    where known and postal_code <> '' and city <> '' and length(postal_code) <= 12 and length(city) <= 80
    group by 1, 2, 3 having count(*) >= ${fewest}`
}
