import type { api, ConceptId } from '@einklang/contract'

export type Graph = (typeof api.decision.journeyGraph)['_zod']['output']
export type Step = Graph['nodes'][number]
export type StepKind = Step['kind']
export type Edge = {
  from: string /** Which way out: `next`, `yes`, `no` or the number of an arm. */
  way: string
  to: string
  label: string
}
export type Place = { x: number; y: number }

/** The ways out of a step, in the order in which they are drawn. */
export function waysOf(step: Step): { way: string; to: string; label: string }[] {
  switch (step.kind) {
    case 'exit':
      return []
    case 'check':
      return [
        { way: 'yes', to: step.yes, label: 'yes' },
        { way: 'no', to: step.no, label: 'no' },
      ]
    case 'split':
      return step.arms.map((arm, index) => ({ way: String(index), to: arm.next, label: arm.name }))
    default:
      return [{ way: 'next', to: step.next, label: '' }]
  }
}

export function edgesOf(graph: Graph): Edge[] {
  return graph.nodes.flatMap((step) => waysOf(step).map((way) => ({ from: step.id, ...way })))
}

/** The step with one of its ways leading elsewhere. */
export function lead(step: Step, way: string, to: string): Step {
  switch (step.kind) {
    case 'exit':
      return step
    case 'check':
      return way === 'yes' ? { ...step, yes: to } : { ...step, no: to }
    case 'split':
      return { ...step, arms: step.arms.map((arm, index) => (String(index) === way ? { ...arm, next: to } : arm)) }
    default:
      return { ...step, next: to }
  }
}

export function connect(graph: Graph, from: string, way: string, to: string): Graph {
  if (from === to) return graph
  return { nodes: graph.nodes.map((step) => (step.id === from ? lead(step, way, to) : step)) }
}

export function replaceStep(graph: Graph, changed: Step): Graph {
  return { nodes: graph.nodes.map((step) => (step.id === changed.id ? changed : step)) }
}

export function freshId(graph: Graph, kind: StepKind): string {
  const taken = new Set(graph.nodes.map((step) => step.id))
  for (let number = 1; ; number++) {
    const id = `${kind}-${number}`
    if (!taken.has(id)) return id
  }
}

/** Puts a new step onto a way: what came next now comes after the new step. */
export function insertOn(graph: Graph, edge: { from: string; way: string }, kind: StepKind, concept: string): Graph {
  const from = graph.nodes.find((step) => step.id === edge.from)
  const next = from === undefined ? undefined : waysOf(from).find((way) => way.way === edge.way)?.to
  if (from === undefined || next === undefined) return graph
  const id = freshId(graph, kind)
  const exit = graph.nodes.find((step) => step.kind === 'exit')
  const added = blankStep(kind, id, next, exit?.id ?? next, concept)
  return { nodes: [...graph.nodes.map((step) => (step.id === from.id ? lead(step, edge.way, id) : step)), added] }
}

export function blankStep(kind: StepKind, id: string, next: string, exit: string, concept: string): Step {
  switch (kind) {
    case 'trigger':
      return { id, kind, events: ['Cart Viewed'], next }
    case 'wait':
      return { id, kind, minutes: 60, next }
    case 'check':
      return { id, kind, ask: 'cart open', yes: next, no: exit }
    case 'send':
      return { id, kind, concept: concept as ConceptId, channels: ['email'], another: false, validHours: 48, next }
    case 'split':
      return {
        id,
        kind,
        arms: [
          { name: 'A', share: 0.5, next },
          { name: 'B', share: 0.5, next },
        ],
      }
    case 'exit':
      return { id, kind }
  }
}

/** Takes a step out and closes the gap: what led to it leads to its first follower. The trigger stays. */
export function removeStep(graph: Graph, id: string): Graph {
  const step = graph.nodes.find((candidate) => candidate.id === id)
  if (step === undefined || step.kind === 'trigger') return graph
  const after = waysOf(step)[0]?.to ?? graph.nodes.find((other) => other.kind === 'exit' && other.id !== id)?.id
  const used = edgesOf(graph).some((edge) => edge.to === id)
  if (after === undefined && used) return graph
  return {
    nodes: graph.nodes
      .filter((candidate) => candidate.id !== id)
      .map((candidate) =>
        waysOf(candidate).reduce((now, way) => (way.to === id ? lead(now, way.way, after ?? id) : now), candidate),
      ),
  }
}

const columnWidth = 250
const rowHeight = 150

/**
 * Where the steps stand: their own place if they have one, else one row per distance from the trigger
 * (the longest way, so that an arrow never points up) and branches side by side.
 */
export function placesOf(graph: Graph): Map<string, Place> {
  const depth = new Map<string, number>()
  const steps = new Map(graph.nodes.map((step) => [step.id, step]))
  const visit = (id: string, level: number, way: Set<string>): void => {
    const step = steps.get(id)
    if (step === undefined || way.has(id) || (depth.get(id) ?? -1) >= level) return
    depth.set(id, level)
    const onward = new Set(way).add(id)
    for (const next of waysOf(step)) visit(next.to, level + 1, onward)
  }
  for (const step of graph.nodes) if (step.kind === 'trigger') visit(step.id, 0, new Set())
  let deepest = Math.max(0, ...depth.values())
  for (const step of graph.nodes) if (!depth.has(step.id)) depth.set(step.id, ++deepest)

  const order = [...graph.nodes].sort((a, b) => (depth.get(a.id) ?? 0) - (depth.get(b.id) ?? 0))
  const column = new Map<string, number>()
  const taken = new Map<number, Set<number>>()
  const free = (level: number, wanted: number): number => {
    const row = taken.get(level) ?? new Set()
    taken.set(level, row)
    let place = wanted
    while (row.has(place)) place += 1
    row.add(place)
    return place
  }
  for (const step of order) {
    const level = depth.get(step.id) ?? 0
    if (!column.has(step.id)) column.set(step.id, free(level, 0))
    for (const [index, way] of waysOf(step).entries()) {
      if (column.has(way.to) || depth.get(way.to) !== level + 1) continue
      column.set(way.to, free(level + 1, (column.get(step.id) ?? 0) + index))
    }
  }
  // Drawn by hand in part: a new step goes below the one that leads to it, beside whatever stands there already.
  const places = new Map<string, Place>()
  for (const step of graph.nodes) if (step.at !== undefined) places.set(step.id, step.at)
  const byHand = places.size > 0
  for (const step of order) {
    if (places.has(step.id)) continue
    const before = byHand ? graph.nodes.find((other) => waysOf(other).some((way) => way.to === step.id)) : undefined
    const above = before === undefined ? undefined : places.get(before.id)
    const place =
      above === undefined
        ? { x: (column.get(step.id) ?? 0) * columnWidth, y: (depth.get(step.id) ?? 0) * rowHeight }
        : { x: above.x, y: above.y + rowHeight }
    const stands = (other: Place): boolean =>
      Math.abs(other.x - place.x) < columnWidth - 30 && Math.abs(other.y - place.y) < rowHeight - 50
    while ([...places.values()].some(stands)) place.x += columnWidth
    places.set(step.id, place)
  }
  return places
}

/** A new journey: from its trigger straight to its end, to be filled. */
export function firstGraph(event: string): Graph {
  return {
    nodes: [
      { id: 'start', kind: 'trigger', events: [event], next: 'end' },
      { id: 'end', kind: 'exit' },
    ],
  }
}
