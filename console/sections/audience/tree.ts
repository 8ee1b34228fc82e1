import { type Predicate, predicate } from '@einklang/contract'

/** Where a condition stands: the index at every level below the root. */
export type Path = readonly number[]
export type Group = { all: Predicate[] } | { any: Predicate[] }

export const leafKinds = ['trait', 'event', 'orders', 'spent', 'cart', 'permitted', 'score', 'member'] as const
export type LeafKind = (typeof leafKinds)[number]
export type Leaf<Kind extends LeafKind> = Extract<Predicate, { [key in Kind]: unknown }>

export function isGroup(tree: Predicate): tree is Group {
  return 'all' in tree || 'any' in tree
}

export function isNegated(tree: Predicate): tree is { not: Predicate } {
  return 'not' in tree
}

export function kindOf(leaf: Predicate): LeafKind {
  const kind = leafKinds.find((candidate) => candidate in leaf)
  if (kind === undefined) throw new Error('a group has no kind')
  return kind
}

export function childrenOf(tree: Predicate): Predicate[] {
  if ('all' in tree) return tree.all
  if ('any' in tree) return tree.any
  if ('not' in tree) return [tree.not]
  return []
}

function withChildren(tree: Predicate, children: Predicate[]): Predicate {
  if ('all' in tree) return { all: children }
  if ('any' in tree) return { any: children }
  const [only] = children
  return only === undefined ? { all: [] } : { not: only }
}

/** The tree with what stands at the path replaced; null takes it away. Nothing is changed in place. */
export function changeAt(tree: Predicate, path: Path, change: (now: Predicate) => Predicate | null): Predicate | null {
  const [head, ...rest] = path
  if (head === undefined) return change(tree)
  const children = childrenOf(tree).flatMap((child, index) => {
    if (index !== head) return [child]
    const changed = changeAt(child, rest, change)
    return changed === null ? [] : [changed]
  })
  // "Not nothing" means nothing, so an emptied negation goes with its content.
  if ('not' in tree && children.length === 0) return null
  return withChildren(tree, children)
}

/** Adds to a group; below a negation to the group inside it. */
export function addAt(tree: Predicate, path: Path, added: Predicate): Predicate {
  return (
    changeAt(tree, path, (now) => {
      if (isNegated(now)) return { not: addAt(now.not, [], added) }
      return isGroup(now) ? withChildren(now, [...childrenOf(now), added]) : { all: [now, added] }
    }) ?? { all: [added] }
  )
}

export function negateAt(tree: Predicate, path: Path): Predicate {
  return changeAt(tree, path, (now) => (isNegated(now) ? now.not : { not: now })) ?? tree
}

export function joinBy(group: Group, word: 'all' | 'any'): Group {
  const children = childrenOf(group)
  return word === 'all' ? { all: children } : { any: children }
}

/** The screen edits a list of conditions, so a single one becomes a list of one. */
export function asGroup(tree: Predicate): Group {
  return isGroup(tree) ? tree : { all: [tree] }
}

export function blank(kind: LeafKind): Predicate {
  switch (kind) {
    case 'trait':
      return { trait: 'city', is: 'equal', value: '' }
    case 'event':
      return { event: 'Product Viewed', times: { least: 1 }, within: { days: 30 } }
    case 'orders':
      return { orders: { least: 1 }, within: { days: 365 } }
    case 'spent':
      return { spent: { least: 10_000 }, within: { days: 365 } }
    case 'cart':
      return { cart: 'open' }
    case 'permitted':
      return { permitted: 'newsletter', channel: 'email' }
    case 'score':
      return { score: '', is: 'more', value: 0.5 }
    case 'member':
      return { member: '' }
  }
}

const withoutValue = new Set(['known', 'unknown'])

/** What is still missing before the condition can be asked: the path of the first unfinished leaf, or null. */
export function unfinished(tree: Predicate, path: number[] = []): number[] | null {
  if (isGroup(tree) || isNegated(tree)) {
    const children = childrenOf(tree)
    if (children.length === 0) return path
    for (const [index, child] of children.entries()) {
      const found = unfinished(child, [...path, index])
      if (found !== null) return found
    }
    return null
  }
  if ('trait' in tree) {
    const empty =
      tree.value === undefined || tree.value === '' || (Array.isArray(tree.value) && tree.value.length === 0)
    return tree.trait === '' || (empty && !withoutValue.has(tree.is)) ? path : null
  }
  return predicate.safeParse(tree).success ? null : path
}

/** A typed text as the value a comparison needs: numbers for more and less, lists for one of. */
export function valueFor(comparison: string, text: string | string[]): string | number | string[] | undefined {
  if (withoutValue.has(comparison)) return undefined
  if (comparison === 'one_of') return Array.isArray(text) ? text : text === '' ? [] : [text]
  const single = Array.isArray(text) ? (text[0] ?? '') : text
  if ((comparison === 'more' || comparison === 'less') && single.trim() !== '') {
    const number = Number(single.replace(',', '.'))
    return Number.isFinite(number) ? number : single
  }
  return single
}
