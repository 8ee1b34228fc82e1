import type { Block, Column } from '@einklang/platform'
import type { Facts } from './facts.ts'
import { compareIds, copyId, filled, joined } from './ids.ts'
import type { RowKeys } from './row-keys.ts'
import { lookBackDays, proofNumber, proofs, type Sources, wordsOf } from './sources.ts'

/** Another event within this time belongs to the same visit. */
const visitGap = 30 * 60_000
const silence = lookBackDays * 86_400_000
const visit = proofNumber('visit')
const storeVisit = proofNumber('store visit')
const conversation = proofNumber('conversation')
/** A message counts once, by the best evidence (the lowest); one that came back does not. */
const ranks: { [proof: string]: number } = { bounced: -1, open: 1, delivered: 2, call: 2, sent: 3 }
const rank = Int8Array.from(proofs, (proof) => ranks[proof] ?? 0)

/** By what comes after an order: nothing, a talk, another order, goods that came back, or just another way. */
const nextNames = ['', 'nothing', 'return', 'visit', 'service', 'repeat']
const [never, nothing, returned, visited, served, repeated] = [0, 1, 2, 3, 4, 5]
const noOrder = -1

/** Paths of a slice, with what they are made of. */
export type Paths = {
  facts: Facts
  size: number
  person: Int32Array
  /** The order that it led to, −1 for none. */
  order: Int32Array
  first: Uint8Array
  next: Uint8Array
  nextAt: Float64Array
  /** Where its touches end; a touch is the number of a fact. */
  ends: Uint32Array
  touches: Int32Array
}

/**
 * Contacts become touches, and touches with the orders that they led to become paths, one person after the other. Hands
 * over now and then, so that others get their turn.
 */
export function* walk(facts: Facts, sources: Sources): Generator<void, Paths> {
  const { at, event, source, proof, message } = facts
  const { orders } = facts
  const byPerson = groupedBy(facts.person, facts.size, facts.persons.size)
  const ordersByPerson = groupedBy(orders.person, orders.size, facts.persons.size)
  const most = facts.size + orders.size
  const paths: Paths = {
    facts,
    size: 0,
    person: new Int32Array(most),
    order: new Int32Array(most),
    first: new Uint8Array(most),
    next: new Uint8Array(most),
    nextAt: new Float64Array(most),
    ends: new Uint32Array(most),
    touches: new Int32Array(facts.size),
  }
  const best = new Map<string, number>()
  // By source the last fact of it, counted from 1; those of others before do not count.
  const alike = new Int32Array(sources.most + 1)
  const touched = new Int32Array(facts.size)
  const idle = new Int32Array(facts.size)
  let written = 0

  // In the order of the table, which then need not be sorted.
  const persons = Int32Array.from({ length: facts.persons.size }, (_, person) => person)
  sortWhereNeeded(persons, (one, other) => compareIds(facts.persons.words, one, facts.persons.words, other))
  for (const [index, person] of persons.entries()) {
    if (index % 4096 === 4095) yield
    const mine = byPerson.of(person)
    sortWhereNeeded(
      mine,
      (one, other) => (at[one] as number) - (at[other] as number) || compareIds(event, one, event, other),
    )
    const bought = ordersByPerson.of(person)
    sortWhereNeeded(
      bought,
      (one, other) =>
        (orders.at[one] as number) - (orders.at[other] as number) || compareIds(orders.event, one, orders.event, other),
    )
    pathsOf(person, touchesOf(person, mine), bought)
  }
  return paths

  /** Writes the touches of the person to `touched` and tells how many they are. */
  function touchesOf(person: number, mine: Int32Array): number {
    if (best.size > 0) best.clear()
    for (const fact of mine) {
      if (message[fact] === 0) continue
      const known = best.get(messageOf(fact))
      if (known === undefined || rankOf(fact) < rankOf(known)) best.set(messageOf(fact), fact)
    }
    let [count, seen, before] = [0, -1, -1]
    for (const fact of mine) {
      const kind = source[fact] as number
      if (proof[fact] === visit) {
        // Silence or another source begins a visit.
        const begins = seen === -1 || later(fact, seen) || leadsFromElsewhere(kind, source[seen] as number)
        seen = fact
        if (!begins) continue
      } else if (rankOf(fact) < 0 || (message[fact] !== 0 && best.get(messageOf(fact)) !== fact)) continue
      // The landing page after a click is the same contact, as is a second click a minute later, whatever came between.
      const whole = sources.whole[kind] as number
      const last = (alike[whole] as number) - 1
      const again = last >= 0 && facts.person[last] === person && !later(fact, last)
      const follows = before !== -1 && !later(fact, before) && belongsTo(kind, source[before] as number)
      alike[whole] = fact + 1
      before = fact
      if (proof[fact] === storeVisit || !(again || follows)) touched[count++] = fact
    }
    return count
  }

  /** Each touch belongs to the next order. What lies too far before it leads nowhere, as do touches after the last one. */
  function pathsOf(person: number, count: number, bought: Int32Array): void {
    const begin = paths.size
    let touch = 0
    for (let number = 0; number <= bought.length; number++) {
      const order = bought[number] ?? noOrder
      const until = order === noOrder ? Number.POSITIVE_INFINITY : (orders.at[order] as number)
      const from = touch
      while (touch < count && (at[touched[touch] as number] as number) <= until) touch++
      let waiting = 0
      for (let place = from; place < touch; place++)
        if (!leads(touched[place] as number, until, order)) idle[waiting++] = touched[place] as number
      for (let place = 0; place < waiting; place++) {
        const fact = idle[place] as number
        // Silence parts ways that led nowhere.
        if (place > 0 && (at[fact] as number) > (at[idle[place - 1] as number] as number) + silence)
          end(person, noOrder)
        paths.touches[written++] = fact
      }
      if (waiting > 0) end(person, noOrder)
      if (order === noOrder) break
      for (let place = from; place < touch; place++)
        if (leads(touched[place] as number, until, order)) paths.touches[written++] = touched[place] as number
      paths.first[paths.size] = number === 0 ? 1 : 0
      end(person, order)
    }
    for (let path = begin; path < paths.size; path++) follow(path, path + 1 < paths.size ? path + 1 : null)
  }

  function end(person: number, order: number): void {
    paths.person[paths.size] = person
    paths.order[paths.size] = order
    paths.ends[paths.size++] = written
  }

  function follow(path: number, following: number | null): void {
    const order = paths.order[path] as number
    if (following !== null) paths.nextAt[path] = endOf(paths, following)
    if (order === noOrder) paths.next[path] = never
    else if (following !== null && paths.order[following] !== noOrder) paths.next[path] = repeated
    else if (following !== null && hasTalk(following)) paths.next[path] = served
    else if ((orders.returned[order] as number) > 0) paths.next[path] = returned
    else paths.next[path] = following === null ? nothing : visited
  }

  function hasTalk(path: number): boolean {
    for (let place = beginOf(paths, path); place < (paths.ends[path] as number); place++)
      if (proof[paths.touches[place] as number] === conversation) return true
    return false
  }

  function messageOf(fact: number): string {
    return facts.messages[message[fact] as number] as string
  }
  function rankOf(fact: number): number {
    return rank[proof[fact] as number] as number
  }
  function later(fact: number, than: number): boolean {
    return (at[fact] as number) > (at[than] as number) + visitGap
  }
  function leadsFromElsewhere(kind: number, before: number): boolean {
    return sources.origin[kind] !== 0 && sources.origin[kind] !== sources.origin[before]
  }
  function belongsTo(kind: number, before: number): boolean {
    return (
      sources.direct[kind] === true ||
      sources.whole[kind] === sources.whole[before] ||
      (sources.channel[kind] === sources.channel[before] && !sources.named[kind])
    )
  }
  function leads(fact: number, until: number, order: number): boolean {
    return order !== noOrder && (at[fact] as number) > until - (sources.lookBack[source[fact] as number] as number)
  }
}

const beginOf = (paths: Paths, path: number) => (path === 0 ? 0 : (paths.ends[path - 1] as number))

/** The instant of the order, or of the last touch. */
function endOf({ facts, order, ends, touches }: Paths, path: number): number {
  const bought = order[path] as number
  return (
    bought === noOrder ? facts.at[touches[(ends[path] as number) - 1] as number] : facts.orders.at[bought]
  ) as number
}

/** Numbers of the rows of each person, those of one person beside each other. */
function groupedBy(person: Int32Array, size: number, persons: number): { of(person: number): Int32Array } {
  const starts = new Int32Array(persons + 2)
  for (let row = 0; row < size; row++) increase(starts, (person[row] as number) + 2, 1)
  for (let next = 2; next < starts.length; next++) increase(starts, next, starts[next - 1] as number)
  const rows = new Int32Array(size)
  for (let row = 0; row < size; row++) rows[increase(starts, (person[row] as number) + 1, 1) - 1] = row
  return { of: (one) => rows.subarray(starts[one], starts[one + 1]) }
}

function increase(numbers: Int32Array, place: number, by: number): number {
  const sum = (numbers[place] as number) + by
  numbers[place] = sum
  return sum
}

/** Tables are in order already where they were written at once. */
function sortWhereNeeded(rows: Int32Array, compare: (one: number, other: number) => number): void {
  for (let place = 1; place < rows.length; place++) {
    if (compare(rows[place - 1] as number, rows[place] as number) > 0) {
      rows.sort(compare)
      return
    }
  }
}

/** What the rows of the paths are kept under. */
export function keysOf(paths: Paths): RowKeys {
  const { facts, size, person, order, ends, touches } = paths
  const keys: RowKeys = {
    size,
    person: new Uint32Array(size * 4),
    at: new Float64Array(size),
    event: new Uint32Array(size * 4),
  }
  for (let path = 0; path < size; path++) {
    copyId(facts.persons.words, person[path] as number, keys.person, path)
    const bought = order[path] as number
    keys.at[path] = endOf(paths, path)
    if (bought === noOrder) copyId(facts.event, touches[(ends[path] as number) - 1] as number, keys.event, path)
    else copyId(facts.orders.event, bought, keys.event, path)
  }
  return keys
}

/** Rows of `measurement.path`: the paths, and after them the keys of those that are gone. */
export function pathRows(
  paths: Paths,
  keys: RowKeys,
  more: { sources: Sources; known: (person: number) => boolean; gone: RowKeys; build: number },
): Block {
  const { facts, size } = paths
  const { orders } = facts
  const { gone, sources } = more
  const rows = size + gone.size
  // Numbers of orders, counted from 1.
  const bought = new Int32Array(rows)
  const converted = new Uint8Array(rows)
  const known = new Uint8Array(rows)
  const [value, returnedOf] = [new Float64Array(rows), new Float64Array(rows)]
  for (let row = 0; row < size; row++) {
    known[row] = more.known(paths.person[row] as number) ? 1 : 0
    const order = paths.order[row] as number
    if (order === noOrder) continue
    bought[row] = order + 1
    converted[row] = 1
    value[row] = orders.value[order] as number
    returnedOf[row] = orders.returned[order] as number
  }
  const count = size === 0 ? 0 : (paths.ends[size - 1] as number)
  const [source, proof] = [new Int32Array(count), new Uint8Array(count)]
  const [touchAt, touchEvent] = [new Float64Array(count), new Uint32Array(count * 4)]
  for (let place = 0; place < count; place++) {
    const fact = paths.touches[place] as number
    source[place] = facts.source[fact] as number
    proof[place] = facts.proof[fact] as number
    touchAt[place] = facts.at[fact] as number
    copyId(facts.event, fact, touchEvent, place)
  }
  const messageOf = (place: number) => facts.messages[facts.message[paths.touches[place] as number] as number] as string
  const ends = new Uint32Array(rows).fill(count)
  ends.set(paths.ends.subarray(0, size))
  const list = (of: Column) => ({ type: 'Array' as const, ends, of })
  const ofOrder = (texts: string[]) => wordsOf(bought, (order) => (order === 0 ? '' : (texts[order - 1] as string)))
  const flags = (numbers: Uint8Array) => ({ type: 'UInt8' as const, numbers })
  return {
    rows,
    columns: {
      person: { type: 'UUID', numbers: joined(keys.person, gone.person) },
      at: { type: 'DateTime64', numbers: joined(keys.at, gone.at) },
      event: { type: 'UUID', numbers: joined(keys.event, gone.event) },
      converted: flags(converted),
      order_no: {
        type: 'String',
        text: (row) => (converted[row] === 1 ? (orders.orderNo[(bought[row] as number) - 1] as string) : ''),
      },
      value: { type: 'Int64', numbers: value },
      returned: { type: 'Int64', numbers: returnedOf },
      currency: ofOrder(orders.currency),
      sold_via: ofOrder(orders.soldVia),
      place: ofOrder(orders.place),
      next: wordsOf(filled(paths.next.subarray(0, size), rows), (next) => nextNames[next] as string),
      next_at: { type: 'DateTime64', numbers: filled(paths.nextAt.subarray(0, size), rows) },
      first: flags(filled(paths.first.subarray(0, size), rows)),
      known: flags(known),
      others: othersOf(paths, rows),
      touch_at: list({ type: 'DateTime64', numbers: touchAt }),
      touch_event: list({ type: 'UUID', numbers: touchEvent }),
      touch_channel: list(wordsOf(source, (kind) => sources.channels[kind] as string)),
      touch_campaign: list(wordsOf(source, (kind) => sources.campaigns[kind] as string)),
      touch_kind: list(wordsOf(proof, (number) => proofs[number] as string)),
      touch_message: list({ type: 'String', text: messageOf }),
      build: { type: 'UInt64', numbers: new Float64Array(rows).fill(more.build) },
      gone: flags(new Uint8Array(rows).fill(1, size)),
    },
  }
}

function othersOf({ facts, size, person }: Paths, rows: number): Column {
  const ends = new Uint32Array(rows)
  const found: number[] = []
  for (let row = 0; row < rows; row++) {
    const others = row < size ? facts.others.get(person[row] as number) : undefined
    if (others !== undefined) for (const word of others.words.subarray(0, others.size * 4)) found.push(word)
    ends[row] = found.length / 4
  }
  return { type: 'Array', ends, of: { type: 'UUID', numbers: Uint32Array.from(found) } }
}
