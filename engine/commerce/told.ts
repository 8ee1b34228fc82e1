import type { Purchase } from './order.ts'

/**
 * From which record a part of an order comes. The shop's or till's own word beats a browser's, then the later one, then
 * the greater id, so that there is always exactly one answer.
 */
export type Version = readonly [trust: number, at: string, event: string]

/** The instant of an order: of its completion rather than of a correction, trusted, then the earliest. */
export type AtVersion = readonly [completed: number, trust: number, at: string, event: string]

export type Versions = {
  head: Version
  at: AtVersion
  person: Version | null
  place: Version | null
  coupon: Version | null
  lines: Version | null
}

/** An order as far as records have told it; joining is commutative, associative and idempotent. */
export type ToldOrder = Purchase & { versions: Versions }

/** What one record tells. A record without amount and lines says nothing about money. */
export function told(purchase: Purchase, facts: { completed: boolean; priced: boolean }): ToldOrder {
  const trust = purchase.trusted ? 1 : 0
  const version: Version = [trust, purchase.at, purchase.event]
  return {
    ...purchase,
    versions: {
      head: facts.priced ? version : [trust - 10, purchase.at, purchase.event],
      at: [facts.completed ? 1 : 0, trust, purchase.at, purchase.event],
      person: purchase.person === null ? null : version,
      place: purchase.place === null ? null : version,
      coupon: purchase.coupon === null ? null : version,
      lines: purchase.lines.length === 0 ? null : version,
    },
  }
}

export function joined(one: ToldOrder, other: ToldOrder): ToldOrder {
  const head = compare(one.versions.head, other.versions.head) >= 0 ? one : other
  const at = compareAt(one.versions.at, other.versions.at) >= 0 ? one : other
  const part = (name: 'person' | 'place' | 'coupon' | 'lines') =>
    compare(one.versions[name], other.versions[name]) >= 0 ? one : other
  const [person, place, coupon, lines] = [part('person'), part('place'), part('coupon'), part('lines')]
  return {
    ...head,
    at: at.at,
    person: person.person,
    place: place.place,
    coupon: coupon.coupon,
    lines: lines.lines,
    versions: {
      head: head.versions.head,
      at: at.versions.at,
      person: person.versions.person,
      place: place.versions.place,
      coupon: coupon.versions.coupon,
      lines: lines.versions.lines,
    },
  }
}

export function compare(one: Version | null, other: Version | null): number {
  if (one === null || other === null) return one === other ? 0 : one === null ? -1 : 1
  return one[0] - other[0] || order(one[1], other[1]) || order(one[2], other[2])
}

function compareAt(one: AtVersion, other: AtVersion): number {
  return one[0] - other[0] || one[1] - other[1] || order(other[2], one[2]) || order(other[3], one[3])
}

function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

export function sameVersions(one: Versions, other: Versions): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
