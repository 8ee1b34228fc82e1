import type { Comparison, PersonId, Predicate, Range } from '@einklang/contract'
import { type Database, type Part, Refusal } from '@einklang/platform'
import { ruleOf } from '#consent'

/**
 * Whom a compiled condition looks at: everybody, or these current persons. `stored` = the ids under which their facts
 * are kept, former selves included; leaves then read only those rows.
 */
export type Scope = 'all' | { persons: PersonId[]; stored: PersonId[] }

/** The scope of some current persons. */
export async function scopeOf(tx: Database, persons: PersonId[]): Promise<Scope> {
  const losers = await tx.rows<{ loser: PersonId }>`
    select loser from identity.merged where winner = any(${persons}) and not undone`
  return { persons, stored: [...persons, ...losers.map((row) => row.loser)] }
}

/** Traits that have a column of their own. */
const columns: { [trait: string]: string } = {
  first_name: 'first_name',
  last_name: 'last_name',
  email: 'email',
  phone: 'phone',
  street: 'street',
  postal_code: 'postal_code',
  city: 'city',
  country: 'country',
  language: 'language',
  gender: 'gender',
  loyalty_card: 'loyalty_card',
  birthday: 'birthday',
}

/**
 * One boolean SQL expression over `p` (a row of profile.person). Leaves about facts become `p.person in (one set)`,
 * so that the whole tree costs one scan per leaf, however many persons there are; facts of merged persons count for
 * who they are today. Segments hold known persons only; where a condition looks at what people are or do (and not only
 * at permission), nobody who objected to profiling.
 */
export function compile(database: Database, predicate: Predicate, scope: Scope = 'all'): Part {
  const on = { database, scope }
  const fits = database.part`p.known and (${expression(on, predicate)})`
  if (!profiles(predicate)) return fits
  return database.part`${fits} and p.person not in (
    select person from consent.state where purpose = 'profiling' and not allowed and ${inScope(on, 'person')}
    union all
    select person from consent.refused where purpose = 'profiling' and ${storedInScope(on, 'self')})`
}

/** Does the condition use knowledge about people, or only what they permitted? */
function profiles(tree: Predicate): boolean {
  if ('all' in tree) return tree.all.some(profiles)
  if ('any' in tree) return tree.any.some(profiles)
  if ('not' in tree) return profiles(tree.not)
  return !('permitted' in tree || 'member' in tree)
}

type Compiling = { database: Database; scope: Scope }

function expression(on: Compiling, tree: Predicate): Part {
  const { database } = on
  if ('all' in tree)
    return database.join(
      tree.all.map((inner) => expression(on, inner)),
      'and',
    )
  if ('any' in tree)
    return database.join(
      tree.any.map((inner) => expression(on, inner)),
      'or',
    )
  if ('not' in tree) return database.part`not coalesce(${expression(on, tree.not)}, false)`
  if ('trait' in tree) return traitLeaf(database, tree)
  if ('event' in tree) return eventLeaf(on, tree)
  if ('orders' in tree) return ordersLeaf(on, tree)
  if ('spent' in tree) return spentLeaf(on, tree)
  if ('cart' in tree) return database.part`p.person in (${openCarts(on)})`
  if ('permitted' in tree) return permittedLeaf(on, tree)
  if ('score' in tree) return scoreLeaf(on, tree)
  return database.part`p.person in (select person from audience.member where audience = ${tree.member}::uuid
    and ${inScope(on, 'person')})`
}

/** Rows that belong to somebody we look at; `column` holds current persons. */
function inScope({ database, scope }: Compiling, column: string): Part {
  return scope === 'all'
    ? database.part`true`
    : database.part`${database.name(column)} in (select unnest(${scope.persons}::uuid[]))`
}

/** Rows stored under the person or one of its former selves. */
function storedInScope({ database, scope }: Compiling, column: string): Part {
  return scope === 'all'
    ? database.part`true`
    : database.part`${database.name(column)} in (select unnest(${scope.stored}::uuid[]))`
}

type Leaf<Key extends string> = Extract<Predicate, { [key in Key]: unknown }>

function traitLeaf(database: Database, leaf: Leaf<'trait'>): Part {
  const column = Object.hasOwn(columns, leaf.trait) ? columns[leaf.trait] : undefined
  const text =
    column === undefined ? database.part`(p.traits->>${leaf.trait})` : database.part`p.${database.name(column)}::text`
  return compareText(database, text, leaf.is, leaf.value, leaf.trait)
}

function compareText(database: Database, text: Part, is: Comparison, value: Leaf<'trait'>['value'], at: string): Part {
  if (is === 'known') return database.part`${text} is not null`
  if (is === 'unknown') return database.part`${text} is null`
  if (is === 'one_of') {
    if (!Array.isArray(value)) throw unfit(at, 'one_of needs a list of values')
    return database.part`lower(${text}) = any(${value.map((one) => String(one).toLowerCase())}::text[])`
  }
  if (value === undefined || Array.isArray(value)) throw unfit(at, `${is} needs one value`)
  if (is === 'more' || is === 'less') return compareOrder(database, text, is, value)
  const wanted = String(value).toLowerCase()
  if (is === 'equal') return database.part`lower(${text}) = ${wanted}`
  if (is === 'not_equal') return database.part`lower(${text}) is distinct from ${wanted}`
  const pattern = wanted.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)
  return database.part`lower(${text}) like ${is === 'contains' ? `%${pattern}%` : `${pattern}%`}`
}

/** Numbers compare as numbers; days and other texts by their spelling, which for ISO days is their order. */
function compareOrder(database: Database, text: Part, is: 'more' | 'less', value: string | number | boolean): Part {
  const sign = is === 'more' ? database.part`>` : database.part`<`
  if (typeof value === 'number')
    return database.part`(case when ${text} ~ '^-?[0-9]+([.][0-9]+)?$' then ${text}::numeric end) ${sign} ${value}::numeric`
  return database.part`${text} ${sign} ${String(value)}`
}

/** A count within bounds. Where nothing also fits, it is the persons outside the set of those with too many. */
function counted(database: Database, range: Range | undefined, set: (having: (count: Part) => Part) => Part): Part {
  const least = range === undefined ? 1 : (range.least ?? 0)
  const most = range?.most
  if (least <= 0) {
    if (most === undefined) return database.part`true`
    return database.part`p.person not in (${set((count) => database.part`${count} > ${most}`)})`
  }
  return database.part`p.person in (${set((count) =>
    most === undefined ? database.part`${count} >= ${least}` : database.part`${count} between ${least} and ${most}`,
  )})`
}

function eventLeaf(on: Compiling, leaf: Leaf<'event'>): Part {
  const { database } = on
  const since =
    leaf.within === undefined
      ? database.part`true`
      : database.part`day > (platform.now() - ${leaf.within.days} * interval '1 day')::date`
  return counted(
    database,
    leaf.times,
    (having) => database.part`
      select coalesce(merged.winner, counted.person) from profile.event_count as counted
      left join identity.merged on merged.loser = counted.person and not merged.undone
      where counted.name = ${leaf.event} and ${since} and ${storedInScope(on, 'counted.person')}
      group by 1 having ${having(database.part`sum(counted.count)`)}`,
  )
}

function ordersLeaf(on: Compiling, leaf: Leaf<'orders'>): Part {
  const { database } = on
  const way = leaf.channel === undefined ? database.part`true` : database.part`channel = ${leaf.channel}`
  return counted(
    database,
    leaf.orders,
    (having) => database.part`
      select person from ${purchases(on)} as bought where ${since(database, leaf.within)} and ${way}
      group by person having ${having(database.part`count(*)`)}`,
  )
}

function spentLeaf(on: Compiling, leaf: Leaf<'spent'>): Part {
  const { database } = on
  return counted(
    database,
    leaf.spent,
    (having) => database.part`
      select person from ${purchases(on)} as bought where ${since(database, leaf.within)}
      group by person having ${having(database.part`sum(kept)`)}`,
  )
}

function purchases(on: Compiling): Part {
  const { database } = on
  if (on.scope === 'all') return database.part`commerce.customer_purchase`
  return database.part`(select coalesce(merged.winner, person) as person, channel, at, total - refunded as kept
    from commerce.purchase left join identity.merged on merged.loser = person and not merged.undone
    where ${storedInScope(on, 'person')} and cancelled_at is null)`
}

function openCarts({ database, scope }: Compiling): Part {
  if (scope === 'all') return database.part`select person from commerce.open_cart`
  return database.part`select identity.current(cart.person) from commerce.cart
    where cart.person in (select unnest(${scope.stored}::uuid[])) and cart.state = 'open'
      and cart.updated_at > platform.now() - interval '30 days'
      and not exists (select from commerce.purchase
        where purchase.person = any(identity.aliases(cart.person)) and purchase.at >= cart.updated_at)`
}

function since(database: Database, within: { days: number } | undefined): Part {
  if (within === undefined) return database.part`true`
  return database.part`at > platform.now() - ${within.days} * interval '1 day'`
}

/** What the consent stage last answered; purposes that rest on a contract hold until an answer says no. */
function permittedLeaf(on: Compiling, leaf: Leaf<'permitted'>): Part {
  const { database } = on
  const rule = ruleOf(leaf.permitted)
  const cell = database.part`state.person = p.person and state.purpose = ${leaf.permitted} and state.channel = ${leaf.channel}`
  const holds = rule?.bases.some((basis) => basis !== 'consent' && basis !== 'existing_customer') ?? false
  const denied = database.part`exists (select from consent.state where ${cell} and not allowed)`
  if (holds && !rule?.objection) return database.part`not ${denied}`
  if (holds)
    return database.part`not ${denied} and p.person not in (select person from consent.refused
      where purpose = ${leaf.permitted} and ${storedInScope(on, 'self')})`
  return database.part`exists (select from consent.state where ${cell} and allowed
    and (valid_until is null or valid_until > platform.now()))`
}

function scoreLeaf(on: Compiling, leaf: Leaf<'score'>): Part {
  const { database } = on
  const signs: { [is in Comparison]?: Part } = {
    equal: database.part`=`,
    not_equal: database.part`<>`,
    more: database.part`>`,
    less: database.part`<`,
  }
  if (leaf.is === 'unknown')
    return database.part`p.person not in (select person from profile.score where name = ${leaf.score})`
  const sign = signs[leaf.is]
  const fits = leaf.is === 'known' ? database.part`true` : sign && database.part`value ${sign} ${leaf.value}`
  if (fits === undefined) throw unfit(leaf.score, `${leaf.is} does not compare numbers`)
  return database.part`p.person in (select person from profile.score where name = ${leaf.score} and ${fits}
    and ${inScope(on, 'person')})`
}

function unfit(at: string, message: string): Refusal {
  return new Refusal(422, 'bad_condition', `The condition on ${at} cannot be evaluated: ${message}.`, { at })
}

/** What a change must be about to matter to a predicate. */
export type Concern = 'traits' | 'orders' | 'cart' | 'consent' | 'score' | 'member' | `event:${string}`

export function concernsOf(tree: Predicate): Set<Concern> {
  if ('all' in tree) return new Set<Concern>(tree.all.flatMap((inner) => [...concernsOf(inner)]))
  if ('any' in tree) return new Set<Concern>(tree.any.flatMap((inner) => [...concernsOf(inner)]))
  if ('not' in tree) return concernsOf(tree.not)
  if ('trait' in tree) return new Set(['traits'])
  if ('event' in tree) return new Set<Concern>([`event:${tree.event}`])
  if ('orders' in tree || 'spent' in tree) return new Set(['orders'])
  if ('cart' in tree) return new Set(['cart', 'orders'])
  if ('permitted' in tree) return new Set(['consent'])
  if ('score' in tree) return new Set(['score'])
  return new Set(['member'])
}

/** Does passing time alone move people in or out? */
export function followsTime(tree: Predicate): boolean {
  if ('all' in tree) return tree.all.some(followsTime)
  if ('any' in tree) return tree.any.some(followsTime)
  if ('not' in tree) return followsTime(tree.not)
  if ('event' in tree || 'orders' in tree || 'spent' in tree) return tree.within !== undefined
  return 'cart' in tree || 'permitted' in tree || 'score' in tree || 'member' in tree
}

/** Segments that a predicate refers to. */
export function membersIn(tree: Predicate): string[] {
  if ('all' in tree) return tree.all.flatMap(membersIn)
  if ('any' in tree) return tree.any.flatMap(membersIn)
  if ('not' in tree) return membersIn(tree.not)
  return 'member' in tree ? [tree.member] : []
}
