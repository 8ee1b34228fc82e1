import { z } from 'zod'

/**
 * Ids are UUIDs of version 8 (RFC 9562) whose two hex digits after the version digit name the kind,
 * so that an order id where a person id belongs is refused at the door while storage stays 16 bytes.
 *
 *   tttttttt-tttt-8KKr-vrrr-rrrrrrrrrrrr      t time in ms, KK kind, v variant, r random or hash
 */
export const idKinds = {
  user: '01',
  session: '02',
  approval: '03',
  audit: '04',
  brand: '05',
  source: '10',
  key: '11',
  event: '12',
  quarantine: '13',
  import: '14',
  feed: '15',
  trackingPlan: '16',
  alarm: '19',
  person: '20',
  link: '21',
  statement: '40',
  product: '50',
  order: '51',
  place: '52',
  cart: '53',
  audience: '60',
  journey: '70',
  run: '71',
  experiment: '72',
  concept: '80',
  variant: '81',
  message: '90',
  conversation: 'a0',
  report: 'b0',
  plan: 'c0',
} as const

export type IdKind = keyof typeof idKinds
export type Id<Kind extends IdKind> = string & { readonly kind: Kind }

export type UserId = Id<'user'>
export type SourceId = Id<'source'>
export type KeyId = Id<'key'>
export type EventId = Id<'event'>
export type QuarantineId = Id<'quarantine'>
export type ImportId = Id<'import'>
export type FeedId = Id<'feed'>
export type TrackingPlanId = Id<'trackingPlan'>
export type AlarmId = Id<'alarm'>
export type PersonId = Id<'person'>
export type StatementId = Id<'statement'>
export type ProductId = Id<'product'>
export type OrderId = Id<'order'>
export type PlaceId = Id<'place'>
export type CartId = Id<'cart'>
export type AudienceId = Id<'audience'>
export type JourneyId = Id<'journey'>
export type RunId = Id<'run'>
export type ExperimentId = Id<'experiment'>
export type ConceptId = Id<'concept'>
export type VariantId = Id<'variant'>
export type MessageId = Id<'message'>
export type ConversationId = Id<'conversation'>

/** Schema of one kind of id; refuses a well-formed id of another kind by name. */
export function idOf<Kind extends IdKind>(kind: Kind): z.ZodType<Id<Kind>, string> {
  const pattern = new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-8${idKinds[kind]}[0-9a-f]-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
  return z.string().regex(pattern, `is not the id of a ${kind}`) as unknown as z.ZodType<Id<Kind>, string>
}

const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * Lays 16 bytes out as an id of the kind: bytes 0–5 are the time (or hash), the rest is chance (or hash).
 * The caller brings the bytes; `platform` has `newId` (time and chance) and `derivedId` (hash of a text).
 */
export function idFromBytes<Kind extends IdKind>(kind: Kind, bytes: Uint8Array): Id<Kind> {
  let hex = ''
  for (let index = 0; index < 16; index++) hex += pairs[bytes[index] ?? 0]
  return idFromHex(kind, hex)
}

/** The same from the bytes as hexadecimal digits in small letters, at least 32 of them. */
export function idFromHex<Kind extends IdKind>(kind: Kind, hex: string): Id<Kind> {
  const variant = variants[Number.parseInt(hex[16] ?? '0', 16) & 3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${idKinds[kind]}${hex[15]}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}` as Id<Kind>
}

const variants = '89ab'
