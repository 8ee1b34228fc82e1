import type { PersonId } from '@einklang/contract'
import type { Ground } from '@einklang/platform'
import type { Label, Workshop } from './index.ts'
import type { Input, Records } from './records.ts'

/** What runs compare, by the fields of a record. */
export const config = {
  id: 'id',
  compare: {
    first_name: 'first_name',
    last_name: 'surname',
    birthday: 'birth_date',
    email: 'mail',
    phone: 'phone',
    street: 'street',
    postal_code: 'postal_code',
    city: 'city',
  },
} as const
const fields = Object.keys(config.compare)

export type RecordRow = {
  id: string
  person: PersonId
  /** Whom it surely stands for: the person without what runs of matching joined. */
  sure: PersonId
  fields: { [field: string]: string }
  /** Changes with what the record says. */
  print: string
  /** Nothing new since a run compared it. */
  compared: boolean
}
export function recordsOf({ database }: Ground): Promise<RecordRow[]> {
  return database.rows<RecordRow>`
    select record.id, identity.current(record.person) as person, identity.surely(record.person) as sure, record.fields, md5(record.fields::text) as print,
      record.compared is not distinct from md5(record.fields::text) as compared
    from identity.record as record join identity.person as person on person.id = identity.current(record.person)
    where person.state = 'active' order by record.id`
}

export function inputOf(rows: RecordRow[]): Input {
  return {
    name: 'records',
    header: ['id', ...fields],
    each(visit) {
      rows.forEach((row, at) => {
        visit([row.id, ...fields.map((field) => row.fields[field] ?? '')], at + 1)
      })
    },
  }
}

export function workshopOf({ history }: Ground, name: string): Workshop {
  return {
    history,
    prefix: `identity.match_${name}_`,
    async load(table, names, rows) {
      let batch: object[] = []
      let count = 0
      const flush = async () => {
        if (batch.length > 0) await history.insert(table, batch, `${table}:${count++}`)
        batch = []
      }
      for (const row of rows) {
        batch.push(Object.fromEntries(names.map((column, at) => [column, row[at]])))
        if (batch.length >= 20_000) await flush()
      }
      await flush()
    },
  }
}

export type AnsweredPair = { one: string; other: string; score: number }

/** Pairs of records that people have answered about in review. */
export function answersOf({ database }: Ground): Promise<AnsweredPair[]> {
  return database.rows<AnsweredPair>`
    select distinct on (link.one_record, link.other_record) link.one_record as one, link.other_record as other, label.score
    from identity.label join identity.review_item as item on item.id = label.item join identity.link on link.id = item.link
    where link.one_record is not null and link.other_record is not null
    order by link.one_record, link.other_record, label.at desc`
}

export function labelsOf(records: Records, answers: AnsweredPair[]): Label[] {
  if (answers.length === 0) return []
  const place = new Map(records.ids.map((id, record) => [id, record]))
  return answers.flatMap(({ one, other, score }) => {
    const [a, b] = [place.get(one), place.get(other)]
    return a === undefined || b === undefined ? [] : [{ one: Math.min(a, b), other: Math.max(a, b), score }]
  })
}

/** Records of one person follow each other: a chain of certain links. */
export function neighbours(persons: string[]): [number, number][] {
  const last = new Map<string, number>()
  const links: [number, number][] = []
  persons.forEach((person, record) => {
    const earlier = last.get(person)
    if (earlier !== undefined) links.push([earlier, record])
    last.set(person, record)
  })
  return links
}

/** Names a pair of people, whichever is said first. */
export function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}

/** Pairs of people somebody said are different, named by `pairOf`. */
export async function apartPeople({ database }: Ground): Promise<Set<string>> {
  const rows = await database.rows<{ one: string; other: string }>`
    select distinct least(left_.person, right_.person)::text as one, greatest(left_.person, right_.person)::text as other
    from identity.negative as edge
    join identity.identifier as left_ on left_.namespace = edge.one_namespace and left_.value = edge.one_value
    join identity.identifier as right_ on right_.namespace = edge.other_namespace and right_.value = edge.other_value
    where left_.person <> right_.person`
  return new Set(rows.map(({ one, other }) => pairOf(one, other)))
}
