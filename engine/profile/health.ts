import type { Database, Part } from '@einklang/platform'
import type { FieldHealth, ProfileHealth } from '#ingest'

const columns = new Set(
  'first_name last_name email phone street postal_code city country language birthday gender loyalty_card'.split(' '),
)

/** What a value of the field looks like; fields without a form are fit when they say more than a stand-in. */
function isFit(database: Database, field: string, value: Part, country: Part): Part {
  switch (field) {
    case 'email':
      return database.part`${value} ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:].]{2,}$'`
    case 'phone':
      return database.part`${value} ~ '^[+][1-9][0-9]{6,14}$'`
    case 'postal_code':
      return database.part`case ${country} when 'DE' then ${value} ~ '^[0-9]{5}$'
        when 'AT' then ${value} ~ '^[0-9]{4}$' when 'CH' then ${value} ~ '^[0-9]{4}$' else length(${value}) between 3 and 10 end`
    case 'country':
      return database.part`${value} ~ '^[A-Za-z]{2}$'`
    case 'language':
      return database.part`${value} ~ '^[A-Za-z]{2}'`
    case 'birthday':
      return database.part`${value} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' and ${value} not in ('1900-01-01', '1970-01-01')
        and ${value} between (extract(year from platform.now()) - 115)::text and platform.now()::date::text`
    case 'loyalty_card':
      return database.part`${value} ~ '^[0-9A-Za-z-]{4,32}$'`
    default:
      return database.part`lower(${value}) !~ '^(test|asdf|x+|n/?a|gast|kunde|unbekannt|unknown|null|none|-)$'
        and ${value} !~ '[@<>]|https?:'`
  }
}

export function fieldSums(database: Database, fields: readonly string[]): Part {
  const country = database.part`coalesce(who.country, 'DE')`
  return database.join(
    fields.flatMap((field, index) => {
      const value = columns.has(field)
        ? database.part`${database.name(`who.${field}`)}::text`
        : database.part`(who.traits ->> ${field}::text)`
      return [
        database.part`count(*) filter (where nullif(${value}, '') is not null) as ${database.name(`filled${index}`)}`,
        database.part`count(*) filter (where nullif(${value}, '') is not null and (${isFit(database, field, value, country)})) as ${database.name(`valid${index}`)}`,
      ]
    }),
    ',',
  )
}

type Sums = { [name: string]: number }
export function fieldsFrom(row: Sums | undefined, fields: readonly string[]): FieldHealth[] {
  return fields.map((field, index) => ({
    field,
    filled: row?.[`filled${index}`] ?? 0,
    valid: row?.[`valid${index}`] ?? 0,
  }))
}

/** How much of the fields is known, fit and vouched for: over people we know, and per source that said something. */
export async function profileHealth(database: Database, fields: readonly string[]): Promise<ProfileHealth> {
  const [row] = await database.rows<Sums>`
    select count(*) as people, ${fieldSums(database, fields)} from profile.person as who where known`
  const told = await database.rows<{
    source: string
    people: number
    fields: { [field: string]: [number, number, number] }
  }>`
    with said as (
        select observation.source, coalesce(merged.winner, observation.person) as person, name,
          bool_or(trust = 'verified') as verified,
          bool_or(${database.join(
            fields.map(
              (field) =>
                database.part`name = ${field} and (${isFit(database, field, database.part`(value #>> '{}')`, database.part`'DE'`)})`,
            ),
            'or',
          )}) as fit
        from profile.observation left join identity.merged on merged.loser = observation.person and not merged.undone
        where name = any(${fields}::text[])
        group by 1, 2, 3),
      known as (select said.* from said join profile.person as who on who.person = said.person and who.known),
      people as (select source, count(distinct person) as people from known group by 1),
      counts as (
        select source, name, count(*) as filled, count(*) filter (where fit) as valid from known group by 1, 2),
      sure as (select name, count(distinct person) as confirmed from known where verified group by 1)
    select source::text as source, people, (select jsonb_object_agg(name, jsonb_build_array(filled, valid, 0))
      from counts where counts.source = people.source) as fields from people
    union all
    select '', 0, coalesce((select jsonb_object_agg(name, jsonb_build_array(0, 0, confirmed)) from sure), '{}')`
  const sure = told.find((one) => one.source === '')?.fields ?? {}
  return {
    people: row?.people ?? 0,
    fields: fieldsFrom(row, fields).map((one) => ({
      ...one,
      confirmed: Math.min(one.filled, sure[one.field]?.[2] ?? 0),
    })),
    bySource: told
      .filter((one) => one.source !== '')
      .map(({ source, people, fields: by }) => ({
        source,
        people,
        fields: fields.map((field) => ({ field, filled: by[field]?.[0] ?? 0, valid: by[field]?.[1] ?? 0 })),
      })),
  }
}
