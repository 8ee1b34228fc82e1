import type { api, Channel, ConceptId } from '@einklang/contract'

export type Graph = api.decision.JourneyGraph
export type Node = api.decision.JourneyNode
export type Problem = api.decision.JourneyProblem
export type NodeOf<Kind extends Node['kind']> = Extract<Node, { kind: Kind }>

export type Edge = { from: string; to: string; label: string }

/** Where a node may lead, with the word that stands on the edge. */
export function followers(node: Node): { to: string; label: string }[] {
  switch (node.kind) {
    case 'check':
      return [
        { to: node.yes, label: 'yes' },
        { to: node.no, label: 'no' },
      ]
    case 'split':
      return node.arms.map((arm) => ({ to: arm.next, label: arm.name }))
    case 'exit':
      return []
    default:
      return [{ to: node.next, label: '' }]
  }
}

export function edgesOf(graph: Graph): Edge[] {
  return graph.nodes.flatMap((node) => followers(node).map((follower) => ({ from: node.id, ...follower })))
}

export function nodeOf(graph: Graph, id: string): Node | undefined {
  return graph.nodes.find((node) => node.id === id)
}

export function triggersOf(graph: Graph): NodeOf<'trigger'>[] {
  return graph.nodes.filter((node) => node.kind === 'trigger')
}

export function labelOf(node: Node): string {
  return node.label ?? node.id
}

/** What keeps a graph from being activated. `variants` = channels for which the concept has words; null = no such concept. */
export async function problemsOf(
  graph: Graph,
  variants: (concept: ConceptId) => Promise<Channel[] | null>,
): Promise<Problem[]> {
  const shape = [...identityProblems(graph), ...danglingEdges(graph)]
  if (shape.length > 0) return shape
  return [
    ...unreachableNodes(graph),
    ...loopsWithoutWait(graph),
    ...splitProblems(graph),
    ...(await conceptProblems(graph, variants)),
  ]
}

function identityProblems(graph: Graph): Problem[] {
  const found: Problem[] = []
  const ids = graph.nodes.map((node) => node.id)
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index)))
    found.push({ node: id, message: `Two steps are called “${id}”.`, doInstead: 'Give one of them another id.' })
  if (triggersOf(graph).length === 0)
    found.push({ node: null, message: 'Nobody can enter: there is no trigger.', doInstead: 'Add a trigger.' })
  return found
}

function danglingEdges(graph: Graph): Problem[] {
  return edgesOf(graph)
    .filter((edge) => !nodeOf(graph, edge.to) || nodeOf(graph, edge.to)?.kind === 'trigger')
    .map((edge) => ({
      node: edge.from,
      message: `“${edge.from}” leads to “${edge.to}”, which ${nodeOf(graph, edge.to) ? 'is a trigger' : 'does not exist'}.`,
      doInstead: 'Connect it to a later step.',
    }))
}

function unreachableNodes(graph: Graph): Problem[] {
  const reached = new Set<string>()
  const open = triggersOf(graph).map((node) => node.id)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (reached.has(id)) continue
    reached.add(id)
    const node = nodeOf(graph, id)
    if (node) open.push(...followers(node).map((follower) => follower.to))
  }
  return graph.nodes
    .filter((node) => !reached.has(node.id))
    .map((node) => ({
      node: node.id,
      message: `No way leads to “${labelOf(node)}”.`,
      doInstead: 'Connect it or delete it.',
    }))
}

/** A circle is allowed only when it waits somewhere: otherwise one person would be sent messages without end. */
function loopsWithoutWait(graph: Graph): Problem[] {
  const colour = new Map<string, 'open' | 'done'>()
  const found: Problem[] = []
  const visit = (node: Node) => {
    colour.set(node.id, 'open')
    for (const { to } of followers(node)) {
      const next = nodeOf(graph, to)
      if (!next || next.kind === 'wait') continue
      if (colour.get(to) === 'open')
        found.push({
          node: to,
          message: `“${labelOf(next)}” comes back to itself without waiting.`,
          doInstead: 'Put a wait into the circle.',
        })
      else if (!colour.has(to)) visit(next)
    }
    colour.set(node.id, 'done')
  }
  // A wait cuts every circle through it, so walking restarts behind each wait.
  for (const node of graph.nodes) if (!colour.has(node.id)) visit(node)
  return found
}

function splitProblems(graph: Graph): Problem[] {
  return graph.nodes
    .filter((node) => node.kind === 'split')
    .filter((node) => Math.abs(node.arms.reduce((sum, arm) => sum + arm.share, 0) - 1) > 1e-6)
    .map((node) => ({
      node: node.id,
      message: `The shares of “${labelOf(node)}” do not add up to 100 %.`,
      doInstead: 'Change the shares.',
    }))
}

async function conceptProblems(
  graph: Graph,
  variants: (concept: ConceptId) => Promise<Channel[] | null>,
): Promise<Problem[]> {
  const found: Problem[] = []
  for (const node of graph.nodes) {
    if (node.kind !== 'send') continue
    const available = await variants(node.concept)
    if (available === null)
      found.push({ node: node.id, message: 'The concept to send does not exist.', doInstead: 'Choose a concept.' })
    else if (!node.channels.some((channel) => available.includes(channel)))
      found.push({
        node: node.id,
        message: `The concept has no words for ${node.channels.join(' or ')}.`,
        doInstead: 'Write a variant or choose another channel.',
      })
  }
  return found
}
