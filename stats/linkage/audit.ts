export type AuditKind = 'bridge' | 'sparse' | 'long'

export type Finding = {
  /** Smallest record of the cluster. */
  cluster: number
  records: number[]
  kinds: AuditKind[]
  /** Links that alone hold together two parts of at least two records each. */
  bridges: [number, number][]
  /** Share of the pairs of its records that are linked. */
  density: number
  /** Most links one has to walk between two records of it; null where it was too large to be walked through. */
  diameter: number | null
}

/** From so many records on, less than half of the pairs linked is a finding; a walk of more than three links always is. */
const limits = { sparseFrom: 4, density: 0.5, diameter: 3, walked: 200 } as const

/**
 * What looks wrong about clusters of records: two groups that hang on one link, hardly anything linked, or a long chain.
 * `linked` tells whether two records are; clusters above 200 records are judged by a sample of their pairs.
 * O(pairs within clusters). Bridges by depth-first search (Tarjan 1974).
 */
export function auditClusters(of: Uint32Array, linked: (one: number, other: number) => boolean): Finding[] {
  const members = new Map<number, number[]>()
  for (let record = 0; record < of.length; record++) {
    const cluster = of[record] as number
    const list = members.get(cluster)
    if (list) list.push(record)
    else members.set(cluster, [record])
  }
  const findings: Finding[] = []
  for (const [cluster, records] of members) {
    // Three records have no two parts of two, and no chain of four.
    if (records.length < limits.sparseFrom) continue
    const finding = findingOf(cluster, records, linked)
    if (finding.kinds.length > 0) findings.push(finding)
  }
  return findings.sort((one, other) => one.cluster - other.cluster)
}

function findingOf(cluster: number, records: number[], linked: (one: number, other: number) => boolean): Finding {
  const walked = records.length <= limits.walked
  const looked = walked ? records : sampleOf(records)
  const near = looked.map((): number[] => [])
  let links = 0
  for (let one = 0; one < looked.length; one++)
    for (let other = one + 1; other < looked.length; other++) {
      if (!linked(looked[one] as number, looked[other] as number)) continue
      near[one]?.push(other)
      near[other]?.push(one)
      links++
    }
  const density = links / ((looked.length * (looked.length - 1)) / 2)
  const bridges = walked ? bridgesOf(near).map(([a, b]) => [looked[a], looked[b]] as [number, number]) : []
  const diameter = walked ? diameterOf(near) : null
  const kinds: AuditKind[] = []
  if (bridges.length > 0) kinds.push('bridge')
  if (density < limits.density) kinds.push('sparse')
  if (diameter !== null && diameter > limits.diameter) kinds.push('long')
  return { cluster, records, kinds, bridges, density, diameter }
}

function sampleOf(records: number[]): number[] {
  return Array.from(
    { length: limits.walked },
    (_, at) => records[Math.floor((at * records.length) / limits.walked)] as number,
  )
}

/** Links without which the graph falls apart into parts of two or more. */
function bridgesOf(near: number[][]): [number, number][] {
  const entered = new Int32Array(near.length).fill(-1)
  const low = new Int32Array(near.length)
  const size = new Int32Array(near.length).fill(1)
  const whole = new Int32Array(near.length)
  const found: { from: number; to: number; root: number }[] = []
  let clock = 0
  const walk = (node: number, parent: number, root: number) => {
    entered[node] = low[node] = clock++
    for (const next of near[node] ?? []) {
      if (next === parent) continue
      if ((entered[next] as number) >= 0) {
        low[node] = Math.min(low[node] as number, entered[next] as number)
        continue
      }
      walk(next, node, root)
      size[node] = (size[node] as number) + (size[next] as number)
      low[node] = Math.min(low[node] as number, low[next] as number)
      if ((low[next] as number) > (entered[node] as number)) found.push({ from: node, to: next, root })
    }
  }
  for (let node = 0; node < near.length; node++) {
    if ((entered[node] as number) >= 0) continue
    walk(node, -1, node)
    whole[node] = size[node] as number
  }
  return found.flatMap(({ from, to, root }) => {
    const below = size[to] as number
    return below >= 2 && (whole[root] as number) - below >= 2 ? [[from, to] as [number, number]] : []
  })
}

/** Longest of the shortest ways within each part. */
function diameterOf(near: number[][]): number {
  let longest = 0
  for (let start = 0; start < near.length; start++) {
    const steps = new Int32Array(near.length).fill(-1)
    steps[start] = 0
    const queue = [start]
    for (const node of queue) {
      longest = Math.max(longest, steps[node] as number)
      for (const next of near[node] ?? []) {
        if ((steps[next] as number) >= 0) continue
        steps[next] = (steps[node] as number) + 1
        queue.push(next)
      }
    }
  }
  return longest
}
