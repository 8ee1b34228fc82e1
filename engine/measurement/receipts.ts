import { type Block, idsOf, numbersOf, textsOf } from '@einklang/platform'
import { isNobody, type Merges } from './facts.ts'
import { compareIds, copyId, joined, sameId } from './ids.ts'
import { goneAmong, type RowKeys } from './row-keys.ts'
import { orders, wordsOf } from './sources.ts'

/** What came back within this time is taken off the order. */
const returnTime = 60 * 86_400_000

/** An order or a return as somebody told of it: a row of a block. */
export type Receipt = {
  ids: Uint32Array
  persons: Uint32Array
  row: number
  name: string
  number: string
  at: number
  value: number
  currency: string
  channel: string
  place: string
}

/** An order, net of what came back. */
export type Order = { receipt: Receipt; returned: number }

export function receiptsIn({ columns, rows }: Block): Receipt[] {
  const [ids, persons] = [idsOf(columns.id), idsOf(columns.person)]
  const [at, value] = [numbersOf(columns.at), numbersOf(columns.value)]
  const [name, number, currency] = [textsOf(columns.name), textsOf(columns.order_no), textsOf(columns.currency)]
  const [channel, place] = [textsOf(columns.channel), textsOf(columns.place)]
  return Array.from({ length: rows }, (_, row) => ({
    ids,
    persons,
    row,
    name: name(row),
    number: number(row),
    at: at[row] as number,
    value: value[row] as number,
    currency: currency(row),
    channel: channel(row),
    place: place(row),
  }))
}

const byTime = (one: Receipt, other: Receipt) => one.at - other.at || compareIds(one.ids, one.row, other.ids, other.row)

/** Orders known once by their number, net of what came back. */
export function ordersAmong(receipts: Receipt[]): Order[] {
  const found: Order[] = []
  for (const [number, told] of Map.groupBy(receipts, (receipt) => receipt.number)) {
    const [placed, back] = [told.filter(isOrder), told.filter((receipt) => !isOrder(receipt))]
    if (number === '') {
      for (const receipt of placed) found.push({ receipt, returned: 0 })
      continue
    }
    const once = placed.length === 1 ? placed : knownOnce(placed)
    for (const receipt of once)
      found.push({ receipt, returned: back.length === 0 ? 0 : returnedOf(receipt, once, back) })
  }
  return found
}

const isOrder = ({ name }: Receipt) => orders.includes(name)

/** The shop's export and the browser both tell of one order, the first one counts; only a till counts for its store alone. */
function knownOnce(placed: Receipt[]): Receipt[] {
  const tills = new Map<string, Receipt>()
  for (const receipt of placed.toSorted(byTime)) {
    const till = receipt.channel === 'store' ? receipt.place : ''
    if (!tills.has(till)) tills.set(till, receipt)
  }
  return [...tills.values()]
}

function returnedOf(order: Receipt, placed: Receipt[], back: Receipt[]): number {
  const mine = back.filter((receipt, index) => !toldBefore(back, index) && purchaseOf(receipt, placed) === order)
  const amount = mine.reduce((sum, { value }) => sum + Math.abs(value), 0)
  const cancelled = mine.some(({ name }) => name === 'Order Cancelled')
  const earliest = mine.reduce((early, { at }) => Math.min(early, at), Number.POSITIVE_INFINITY)
  if (earliest > order.at + returnTime || (amount === 0 && !cancelled)) return 0
  return cancelled ? order.value : Math.min(order.value, amount)
}

const toldBefore = (back: Receipt[], index: number) => {
  const { ids, row } = back[index] as Receipt
  return back.slice(0, index).some((other) => sameId(other.ids, other.row, ids, row))
}

/** Of receipts with one number, a return belongs to that of its own store, else to the last one before it. */
function purchaseOf(back: Receipt, placed: Receipt[]): Receipt | undefined {
  const fit = (one: Receipt) => (one.place === back.place ? 2 : 0) + (one.at <= back.at ? 1 : 0)
  return placed.toSorted((one, other) => fit(other) - fit(one) || other.at - one.at)[0]
}

/** Rows of `measurement.conversion`: the orders of persons who are built, and after them the keys of those that are gone. */
export function orderRows(
  found: Order[],
  more: { merges: Merges; before: RowKeys; built: (person: Uint32Array) => boolean; build: number },
): Block {
  const person = new Uint32Array(4)
  const mine: Order[] = []
  const persons = new Uint32Array(found.length * 4)
  for (const order of found) {
    const { receipt } = order
    const nobody = isNobody(receipt.persons, receipt.row)
    if (nobody) copyId(receipt.ids, receipt.row, person, 0)
    else more.merges.current(receipt.persons, receipt.row, person)
    if (!more.built(person)) continue
    copyId(person, 0, persons, mine.length)
    mine.push(order)
  }
  const size = mine.length
  const receiptOf = (row: number) => (mine[row] as Order).receipt
  const ids = (write: (receipt: Receipt, into: Uint32Array, row: number) => void) => {
    const words = new Uint32Array(size * 4)
    for (let row = 0; row < size; row++) write(receiptOf(row), words, row)
    return words
  }
  const events = ids((receipt, into, row) => copyId(receipt.ids, receipt.row, into, row))
  const stored = ids((receipt, into, row) =>
    copyId(isNobody(receipt.persons, receipt.row) ? receipt.ids : receipt.persons, receipt.row, into, row),
  )
  const at = Float64Array.from(mine, ({ receipt }) => receipt.at)
  const gone = goneAmong(more.before, { size, person: persons, at, event: events })
  const rows = size + gone.size
  const withGone = (words: Uint32Array, others: Uint32Array) => ({
    type: 'UUID' as const,
    numbers: joined(words.subarray(0, size * 4), others),
  })
  const numbers = (valueOf: (order: Order) => number) =>
    Float64Array.from({ length: rows }, (_, row) => (row < size ? valueOf(mine[row] as Order) : 0))
  const places = Uint32Array.from({ length: rows }, (_, row) => row)
  const words = (textOf: (receipt: Receipt) => string) =>
    wordsOf(places, (row) => (row < size ? textOf(receiptOf(row)) : ''))
  return {
    rows,
    columns: {
      person: withGone(persons, gone.person),
      stored: withGone(stored, new Uint32Array(gone.size * 4)),
      at: { type: 'DateTime64', numbers: joined(at, gone.at) },
      event: withGone(events, gone.event),
      order_no: { type: 'String', text: (row) => (row < size ? receiptOf(row).number : '') },
      value: { type: 'Int64', numbers: numbers((order) => order.receipt.value - order.returned) },
      returned: { type: 'Int64', numbers: numbers((order) => order.returned) },
      currency: words((receipt) => receipt.currency),
      sold_via: words(({ channel }) => (channel === 'app' || channel === 'store' ? channel : 'web')),
      place: words((receipt) => receipt.place),
      build: { type: 'UInt64', numbers: new Float64Array(rows).fill(more.build) },
      gone: { type: 'UInt8', numbers: new Uint8Array(rows).fill(1, size) },
    },
  }
}
