import type { api, SourceId } from '@einklang/contract'
import type { History } from '@einklang/platform'
import type { PlanDocument, PlanType } from './document.ts'
import { mostEvents } from './document.ts'
import { mostPlaces, observe, type Seen } from './observe.ts'
import { kindOf } from './rows.ts'
import { addedByUs } from './violations.ts'

type PlanProperty = api.ingest.PlanProperty
type PlannedCall = api.ingest.PlannedCall

/** Present in at least this part of the events: required. */
const requiredShare = 0.995
const mostValues = 20
/** So many events per value before a list of values is believed to be one. */
const eventsPerValue = 5
/** An object with more names than this is a map from ids to values. */
const mostNames = 100
const deepest = 5
const mostProperties = 19_000

type Learned = { document: PlanDocument; events: number; names: number }

/** Proposes a plan from what a source sent: types, what is always there, closed lists, personal data by content. */
export async function learn(
  history: History,
  given: { source: SourceId; since: Date; only?: string },
): Promise<Learned> {
  const { source, since, only } = given
  const names = await history.rows<{ kind: string; name: string; n: number }>`
    select kind, if(kind = 'track', name, '') as name, count() as n from ingest.event
    where source = toUUID(${source}) and received_at >= ${since}
      and ${only === undefined ? history.part`kind in ('track', 'identify', 'group')` : history.part`kind = 'track' and name = ${only}`}
    group by 1, 2 order by n desc, name limit ${mostEvents}`
  const budget = { properties: 0 }
  const calls = async (part: 'events' | 'traits' | 'groups') => {
    const kind = kindOf[part]
    const wanted = names.filter((one) => one.kind === kind)
    if (wanted.length === 0) return []
    const events = history.part`select name, properties, context from ingest.event
      where source = toUUID(${source}) and received_at >= ${since} and kind = ${kind}
        and ${only === undefined ? history.part`1` : history.part`name = ${only}`}`
    const seen = await observe(history, kind, events)
    const byName = Map.groupBy(seen, ({ name }) => name)
    const cut = seen.length >= mostPlaces
    return wanted.map(({ name, n }) => [name, callOf(part, byName.get(name) ?? [], n, cut, budget)] as const)
  }
  const events = await calls('events')
  const [traits] = await calls('traits')
  const [groups] = await calls('groups')
  const document: PlanDocument = {
    events: Object.fromEntries(events),
    ...(traits ? { traits: traits[1] } : {}),
    ...(groups ? { groups: groups[1] } : {}),
  }
  return { document, events: names.reduce((sum, { n }) => sum + n, 0), names: names.length }
}

type Tree = { seen: Seen | null; children: Map<string, Tree> }

function treeOf(seen: Seen[]): Tree {
  const root: Tree = { seen: null, children: new Map() }
  for (const one of seen) {
    let at = root
    for (const step of one.path) {
      let next = at.children.get(step)
      if (!next) {
        next = { seen: null, children: new Map() }
        at.children.set(step, next)
      }
      at = next
    }
    at.seen = one
  }
  return root
}

type Budget = { properties: number }

/** What was cut off by the limit of places is left open rather than forbidden. */
function callOf(
  part: 'events' | 'traits' | 'groups',
  seen: Seen[],
  count: number,
  cut: boolean,
  budget: Budget,
): PlannedCall {
  const tree = treeOf(seen)
  if (part === 'events') tree.children.delete(addedByUs)
  return objectOf(tree, count, 1, cut, budget)
}

function objectOf(
  tree: Tree,
  count: number,
  depth: number,
  cut: boolean,
  budget: Budget,
): { properties?: PlannedCall['properties'] & object; required?: string[]; additionalProperties?: boolean } {
  const children = [...tree.children].filter(([name]) => name !== '[]')
  // `[]` is a name too, but here it always means the items of a list.
  const named = children.filter(([name]) => name !== '' && name.length <= 256)
  if (children.length > mostNames || budget.properties + children.length > mostProperties) return {}
  budget.properties += named.length
  const required = named.filter(([, { seen }]) => (seen?.count ?? 0) >= count * requiredShare).map(([name]) => name)
  const properties = Object.fromEntries(
    named.map(([name, child]) => [name, propertyOf(name, child, depth, cut, budget)]),
  )
  return {
    ...(named.length > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required: required.toSorted() } : {}),
    ...(cut || named.length < children.length ? {} : { additionalProperties: false }),
  }
}

function propertyOf(name: string, tree: Tree, depth: number, cut: boolean, budget: Budget): PlanProperty {
  const { seen } = tree
  if (!seen) return {}
  const types = typesOf(seen)
  const dataClass = classOf(name, seen)
  if (types.length === 0 || (depth > deepest && (types.includes('object') || types.includes('array')))) return {}
  const items = tree.children.get('[]')
  return {
    type: types.length === 1 ? types[0] : types,
    ...textRules(seen, types, dataClass),
    ...(types.includes('object') ? objectOf(tree, seen.types.object, depth + 1, cut, budget) : {}),
    ...(types.includes('array') && items && ++budget.properties
      ? { items: propertyOf(name, items, depth + 1, cut, budget) }
      : {}),
    'x-class': dataClass,
  } as PlanProperty
}

function typesOf({ types }: Seen): PlanType[] {
  const number: PlanType[] = types.number === 0 ? [] : types.integer === types.number ? ['integer'] : ['number']
  const others = (['string', 'boolean', 'object', 'array', 'null'] as const).filter((type) => types[type] > 0)
  return [...others.slice(0, 1), ...number, ...others.slice(1)]
}

/** A format that all texts have, or a short list that covers everything; names and addresses never become a list. */
function textRules(seen: Seen, types: PlanType[], dataClass: api.ingest.DataClass): PlanProperty {
  const texts = seen.types.string
  if (texts === 0) return {}
  const format = Object.entries(seen.formats).find(([, matching]) => matching === texts)?.[0]
  const rules: PlanProperty = format ? { format: format as api.ingest.PlanFormat } : {}
  const closed =
    dataClass === 'none' &&
    format === undefined &&
    types.length === 1 &&
    seen.long === 0 &&
    seen.texts.length >= 2 &&
    seen.texts.length <= mostValues &&
    // Numbers and dates inside a text go on tomorrow: `BRIEF-2026-KW44` is no list.
    !seen.texts.some((text) => /\d{4}/.test(text)) &&
    texts >= seen.texts.length * eventsPerValue
  return closed ? { ...rules, enum: seen.texts.toSorted() } : rules
}

const contactNames = /^(e?mail(address)?|phone(number)?|mobile|telefon|telephone|fax)$/
const personNames =
  /^(name|(first|last|given|family|full|sur|user|customer)name|vorname|nachname|birthday|birthdate|dateofbirth|geburtsdatum|street|address\d?|strasse|zip(code)?|postalcode|plz|gender|salutation|ip(address)?|userid|customerno|loyaltycard|latitude|longitude)$/
const sensitiveNames = /^(iban|bic|taxid|vatid|passport|ssn|health|religion|diagnosis|creditcard|cardnumber)$/

/** Personal data by content first, then by name: half of the texts that look like it are enough. */
export function classOf(
  name: string,
  seen: Pick<Seen, 'types' | 'formats' | 'phones' | 'ibans'>,
): api.ingest.DataClass {
  const texts = seen.types.string
  const spelling = name.toLowerCase().replaceAll(/[\s_-]/g, '')
  if (sensitiveNames.test(spelling) || (texts > 0 && seen.ibans * 2 > texts)) return 'sensitive'
  const contacts = (seen.formats['email'] ?? 0) + seen.phones
  if (contactNames.test(spelling) || (texts > 0 && contacts * 2 > texts)) return 'contact'
  return personNames.test(spelling) ? 'person' : 'none'
}
