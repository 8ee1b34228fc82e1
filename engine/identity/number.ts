import type { Database, Part } from '@einklang/platform'

/** Numbers that people read out and type; what follows the dot in a namespace is the issuer. */
const numbers: ReadonlySet<string> = new Set(['loyalty_card', 'customer_no', 'user_id', 'order_no', 'receipt_no'])

export function isNumber(namespace: string): boolean {
  return numbers.has(namespace)
}

/** The condition under which the index `identifier_number` holds an identifier, spelled as there. */
export function amongNumbers(database: Database): Part {
  return database.part`split_part(namespace, '.', 1) in ('loyalty_card', 'customer_no', 'user_id', 'order_no', 'receipt_no')`
}

/**
 * Who has a number that begins like this, whatever its issuer: SQL with the columns `person` and `kind`, the namespace
 * without its issuer. Large and small letters are the same, and cards are written without blanks and hyphens.
 */
export function numbersBeginning(database: Database, typed: string, most: number): Part {
  const begins = (text: string) => `${text.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`
  const joined = typed.replaceAll(/[\s-]/g, '')
  const one = (condition: Part) => database.part`
    select coalesce(merged.winner, identifier.person) as person, split_part(namespace, '.', 1) as kind
    from identity.identifier left join identity.merged on merged.loser = identifier.person and not merged.undone
    where ${condition} and ${amongNumbers(database)} and identifier.person is not null limit ${most}`
  const whole = one(database.part`lower(value) like ${begins(typed)}`)
  if (joined === typed || joined === '') return whole
  const card = one(
    database.part`lower(value) like ${begins(joined)} and split_part(namespace, '.', 1) = 'loyalty_card'`,
  )
  return database.part`(${whole}) union all (${card})`
}
