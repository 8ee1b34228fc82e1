import { type Records, readerOf } from './records.ts'

/** Larger groups are offices, not households. */
const most = 30

/**
 * Records of one household: people of one surname at one address or phone, and all records of one person. Numbered by
 * the smallest record; a household never joins people.
 */
export function householdsOf(records: Records, clusters: Uint32Array): Uint32Array {
  const parent = Uint32Array.from(clusters)
  const rootOf = (record: number) => {
    let root = record
    while (parent[root] !== root) root = parent[root] as number
    parent[record] = root
    return root
  }
  const join = (one: number, other: number) => {
    const [a, b] = [rootOf(one), rootOf(other)]
    if (a !== b) parent[Math.max(a, b)] = Math.min(a, b)
  }
  const feature = readerOf(records)
  const read = (name: string) => (records.features.has(name) ? feature(name) : () => '')
  const [family, postcode, street, house, phone] = [
    read('family'),
    read('postcode'),
    read('street'),
    read('house'),
    read('phone'),
  ]
  const keys: ((record: number) => string)[] = [
    (record) => {
      if (family(record) === '' || postcode(record) === '') return ''
      return [family(record), postcode(record), street(record), house(record)].join('|')
    },
    (record) => (phone(record) === '' || family(record) === '' ? '' : `${family(record)}|${phone(record)}`),
  ]
  for (const key of keys) {
    const groups = new Map<string, number[]>()
    for (let record = 0; record < records.count; record++) {
      const value = key(record)
      if (value === '') continue
      const group = groups.get(value)
      if (group) group.push(record)
      else groups.set(value, [record])
    }
    for (const group of groups.values()) {
      if (group.length <= most) for (const record of group.slice(1)) join(group[0] as number, record)
    }
  }
  return Uint32Array.from(parent, (_, record) => rootOf(record))
}
