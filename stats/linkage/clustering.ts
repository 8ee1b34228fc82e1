/** Links between records given by number, strongest first is not required. */
export type Links = { left: Uint32Array; right: Uint32Array; weight: Float64Array }

export type Refused = { link: number; reason: string }

export type Clustering = {
  /** Smallest record of the cluster of each record. */
  of: Uint32Array
  refused: Refused[]
  /** The same as it stood before the first link below each of `marks`. */
  marked: Uint32Array[]
}

/** Says why two clusters must stay apart, or null. Members come as lists of records; `homeOf` = those of any record's cluster. */
export type MayJoin = (
  link: number,
  one: number[],
  other: number[],
  homeOf: (record: number) => number[],
) => string | null

/**
 * Joins clusters along links, strongest first (ties by record numbers); `mayJoin` is asked for each join. The same
 * links in any order give the same clusters, and clusters of a higher threshold lie inside those of a lower one,
 * because the joins of the higher one are the first joins of the lower one. `certain` pairs are joined before all others, unasked. `marks` fall.
 */
export function clusterLinks(
  records: number,
  links: Links,
  least: number,
  mayJoin: MayJoin,
  certain: [number, number][] = [],
  marks: number[] = [],
): Clustering {
  const order = strongestFirst(links, least)
  const parent = new Uint32Array(records)
  for (let record = 0; record < records; record++) parent[record] = record
  const members = new Map<number, number[]>()
  const rootOf = (record: number) => {
    let root = record
    while (parent[root] !== root) root = parent[root] as number
    for (let at = record; parent[at] !== root; ) {
      const next = parent[at] as number
      parent[at] = root
      at = next
    }
    return root
  }
  const join = (one: number, other: number, ours: number[], theirs: number[]) => {
    const [root, loser] = one < other ? [one, other] : [other, one]
    const [longer, shorter] = ours.length >= theirs.length ? [ours, theirs] : [theirs, ours]
    for (const record of shorter) longer.push(record)
    members.delete(loser)
    members.set(root, longer)
    parent[loser] = root
  }
  for (const [left, right] of certain) {
    const [one, other] = [rootOf(left), rootOf(right)]
    if (one !== other) join(one, other, members.get(one) ?? [one], members.get(other) ?? [other])
  }
  const refused: Refused[] = []
  const homeOf = (record: number) => {
    const root = rootOf(record)
    return members.get(root) ?? [root]
  }
  const rootsNow = () => Uint32Array.from({ length: records }, (_, record) => rootOf(record))
  const marked: Uint32Array[] = []
  for (const link of order) {
    while (marked.length < marks.length && (links.weight[link] as number) < (marks[marked.length] as number))
      marked.push(rootsNow())
    const [one, other] = [rootOf(links.left[link] as number), rootOf(links.right[link] as number)]
    if (one === other) continue
    const [ours, theirs] = [members.get(one) ?? [one], members.get(other) ?? [other]]
    const reason = mayJoin(link, ours, theirs, homeOf)
    if (reason !== null) {
      refused.push({ link, reason })
      continue
    }
    join(one, other, ours, theirs)
  }
  while (marked.length < marks.length) marked.push(rootsNow())
  return { of: rootsNow(), refused, marked }
}

/** Links at or above `least` by weight, then record numbers. */
export function strongestFirst({ left, right, weight }: Links, least: number): number[] {
  const order: number[] = []
  for (let link = 0; link < weight.length; link++) if ((weight[link] as number) >= least) order.push(link)
  return order.sort(
    (one, other) =>
      (weight[other] as number) - (weight[one] as number) ||
      (left[one] as number) - (left[other] as number) ||
      (right[one] as number) - (right[other] as number),
  )
}
