import { z } from 'zod'
import { channel, purpose } from './channels.ts'

/**
 * A condition on one person: the tree behind segments, promotions and journey branches. Depth ≤ 12, nodes ≤ 200.
 *
 *   { all: [{ trait: 'city', is: 'equal', value: 'Köln' },
 *           { event: 'Product Viewed', times: { least: 3 }, within: { days: 30 } }] }
 */
export type Predicate =
  | { all: Predicate[] }
  | { any: Predicate[] }
  | { not: Predicate }
  | { trait: string; is: Comparison; value?: string | number | boolean | (string | number)[] }
  | { event: string; times?: Range; within?: { days: number } }
  | { orders: Range; within?: { days: number }; channel?: 'web' | 'app' | 'store' }
  | { spent: Range; within?: { days: number } }
  | { cart: 'open' }
  | { permitted: PurposeName; channel: ChannelName }
  | { score: string; is: Comparison; value: number }
  | { member: string }

type PurposeName = z.infer<typeof purpose>
type ChannelName = z.infer<typeof channel>

export const comparisons = [
  'equal',
  'not_equal',
  'contains',
  'starts',
  'more',
  'less',
  'one_of',
  'known',
  'unknown',
] as const
export type Comparison = (typeof comparisons)[number]
/** Inclusive bounds; a missing bound is open. Money ranges are in minor units. */
export type Range = { least?: number | undefined; most?: number | undefined }

const comparison = z.enum(comparisons)
const range = z.strictObject({ least: z.int().optional(), most: z.int().optional() })
const within = z.strictObject({ days: z.int().min(1).max(3650) })
const text = z.string().min(1).max(256)

const leaf = z.union([
  z.strictObject({
    trait: text,
    is: comparison,
    value: z
      .union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()])).max(1000)])
      .optional(),
  }),
  z.strictObject({ event: text, times: range.optional(), within: within.optional() }),
  z.strictObject({ orders: range, within: within.optional(), channel: z.enum(['web', 'app', 'store']).optional() }),
  z.strictObject({ spent: range, within: within.optional() }),
  z.strictObject({ cart: z.literal('open') }),
  z.strictObject({ permitted: purpose, channel }),
  z.strictObject({ score: text, is: comparison, value: z.number() }),
  z.strictObject({ member: text }),
])

const node: z.ZodType<Predicate> = z.lazy(() =>
  z.union([
    leaf,
    z.strictObject({ all: z.array(node).max(50) }),
    z.strictObject({ any: z.array(node).max(50) }),
    z.strictObject({ not: node }),
  ]),
) as unknown as z.ZodType<Predicate>

function sizeOf(tree: Predicate): { nodes: number; depth: number } {
  const children = 'all' in tree ? tree.all : 'any' in tree ? tree.any : 'not' in tree ? [tree.not] : []
  const sizes = children.map(sizeOf)
  return {
    nodes: 1 + sizes.reduce((sum, size) => sum + size.nodes, 0),
    depth: 1 + Math.max(0, ...sizes.map((size) => size.depth)),
  }
}

export const predicate: z.ZodType<Predicate> = node.refine((tree) => {
  const size = sizeOf(tree)
  return size.nodes <= 200 && size.depth <= 12
}, 'has more than 200 conditions or is nested deeper than 12') as unknown as z.ZodType<Predicate>
