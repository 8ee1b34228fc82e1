import type { History, HistoryPart } from '@einklang/platform'
import { formatPatterns } from './pattern.ts'
import { code, payloadOf, readable } from './rows.ts'

/** What was seen at one place of a call: names down from the call, `[]` for the items of a list. */
export type Seen = {
  /** Event name; empty for calls that have none. */
  name: string
  path: string[]
  count: number
  types: {
    string: number
    number: number
    integer: number
    boolean: number
    null: number
    object: number
    array: number
  }
  /** Different values, estimated. */
  different: number
  /** Up to 21 different texts of at most 100 characters. */
  texts: string[]
  /** Texts longer than that. */
  long: number
  formats: { [format: string]: number }
  phones: number
  ibans: number
}

/** Levels below a call that are looked at; a plan goes as deep. */
const levels = 6
/** Places told at most, the most frequent first. */
export const mostPlaces = 20_000

const phone = '^([+]|00)[0-9][0-9 ()/-]{6,18}$'
const iban = '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'

/** Every place of the events that `events` chooses (columns id, name, properties, context), level by level. */
export async function observe(history: History, kind: string, events: HistoryPart): Promise<Seen[]> {
  const found: Seen[] = []
  let rows = pairs(
    history,
    history.part`(select if(${kind} = 'track', name, '') as name, emptyArrayString() as above,
    ${code(history, payloadOf(kind))} as payload from (${events}))`,
  )
  for (let level = 1; level <= levels; level++) {
    const seen = await placesOf(history, rows)
    if (seen.length === 0) return found
    found.push(...seen)
    if (!seen.some(({ types }) => types.object + types.array > 0)) return found
    rows = pairs(
      history,
      history.part`(select name, path as above, raw as payload from ${rows}
      where substring(raw, 1, 1) in ('{', '['))`,
    )
  }
  return found
}

/** One row per value inside `payload`: what it is called and its JSON. */
function pairs(history: History, from: HistoryPart): HistoryPart {
  const payload = code(history, readable('payload'))
  return history.part`(
    select name, arrayPushBack(above, tupleElement(pair, 1)) as path, tupleElement(pair, 2) as raw from ${from}
    array join if(substring(payload, 1, 1) = '{', JSONExtractKeysAndValuesRaw(${payload}),
      arrayMap(item -> ('[]', item), JSONExtractArrayRaw(${payload}))) as pair)`
}

async function placesOf(history: History, rows: HistoryPart): Promise<Seen[]> {
  const formats = Object.entries(formatPatterns)
  const counts = formats.map(([, pattern]) => history.part`countIf(first = '"' and match(text, ${`(?-s)${pattern}`}))`)
  const read = await history.rows<Omit<Seen, 'types' | 'formats'> & { kinds: number[]; matching: number[] }>`
    select name, path, count() as count,
      [countIf(first = '"'), countIf(is_number), countIf(is_number and toFloat64OrZero(raw) = trunc(toFloat64OrZero(raw))),
        countIf(first in ('t', 'f')), countIf(first = 'n'), countIf(first = '{'), countIf(first = '[')] as kinds,
      uniq(raw) as different,
      groupUniqArrayIf(21)(text, first = '"' and lengthUTF8(text) <= 100) as texts,
      countIf(first = '"' and lengthUTF8(text) > 100) as long,
      [${history.join(counts, ',')}] as matching,
      countIf(first = '"' and match(text, ${phone})) as phones, countIf(first = '"' and match(text, ${iban})) as ibans
    from (
      select name, path, raw, substring(raw, 1, 1) as first, first in ('-','0','1','2','3','4','5','6','7','8','9') as is_number,
        if(first = '"', JSONExtractString(raw), '') as text
      from ${rows}
    )
    group by name, path order by count desc, name, path limit ${mostPlaces}`
  return read.map(({ kinds, matching, ...place }) => {
    const [string = 0, number = 0, integer = 0, boolean = 0, nulls = 0, object = 0, array = 0] = kinds
    return {
      ...place,
      types: { string, number, integer, boolean, null: nulls, object, array },
      formats: Object.fromEntries(formats.map(([format], at) => [format, matching[at] ?? 0])),
    }
  })
}
