import { type Block, idsOf, numbersOf, textsOf } from '@einklang/platform'
import { copyId, grown, Ids, sameId } from './ids.ts'
import { proofNumber, type Sources } from './sources.ts'

/** Who is merged into whom as of now. */
export class Merges {
  private readonly losers = new Ids()
  private winners = new Uint32Array(0)

  add({ rows, columns }: Block): void {
    const [losers, winners] = [idsOf(columns.loser), idsOf(columns.winner)]
    for (let row = 0; row < rows; row++) {
      const number = this.losers.add(losers, row)
      this.winners = grown(this.winners, number * 4 + 4)
      copyId(winners, row, this.winners, number)
    }
  }

  /** Writes the person of today behind an id to the first place of `into`. */
  current(stored: Uint32Array, row: number, into: Uint32Array): void {
    const number = this.losers.size === 0 ? -1 : this.losers.find(stored, row)
    if (number === -1) copyId(stored, row, into, 0)
    else copyId(this.winners, number, into, 0)
  }
}

const none = -1
const visit = proofNumber('visit')
const delivered = proofNumber('delivered')

/**
 * What persons did, as columns: contacts that somebody proved, and orders. Persons, sources and messages are numbers;
 * nothing is an object of its own.
 */
export class Facts {
  readonly persons = new Ids()
  /** Other ids that facts of a person are filed under. */
  readonly others = new Map<number, Ids>()
  /** Each message as it is told, the first one none. */
  readonly messages = ['']
  size = 0
  person = new Int32Array(1024)
  at = new Float64Array(1024)
  event = new Uint32Array(4096)
  source = new Int32Array(1024)
  proof = new Uint8Array(1024)
  message = new Int32Array(1024)
  readonly orders = {
    size: 0,
    person: new Int32Array(64),
    at: new Float64Array(64),
    event: new Uint32Array(256),
    value: new Float64Array(64),
    returned: new Float64Array(64),
    orderNo: [] as string[],
    currency: [] as string[],
    soldVia: [] as string[],
    place: [] as string[],
  }

  /** `has` says whether a person of today belongs here; events of nobody belong to themselves. */
  addEvents(block: Block, sources: Sources, merges: Merges, has: (words: Uint32Array) => boolean): void {
    const { columns, rows } = block
    const [stored, ids] = [idsOf(columns.person), idsOf(columns.id)]
    const [at, came] = [numbersOf(columns.moment), numbersOf(columns.came)]
    const messages = textsOf(columns.message_id)
    const source = sources.ofRows(block)
    this.makeRoom(this.size + rows)
    const owner = new Uint32Array(4)
    let person = none
    for (let row = 0; row < rows; row++) {
      if (isNobody(stored, row)) person = this.persons.add(ids, row)
      else if (row === 0 || !sameId(stored, row, stored, row - 1)) {
        merges.current(stored, row, owner)
        person = has(owner) ? this.persons.add(owner, 0) : none
        if (person !== none) this.noteOther(person, stored, row)
      }
      if (person === none) continue
      const fact = this.size++
      const kind = source[row] as number
      this.person[fact] = person
      this.at[fact] = at[row] as number
      copyId(ids, row, this.event, fact)
      this.source[fact] = kind
      this.proof[fact] = came[row] === 1 ? delivered : (sources.proof[kind] as number)
      const message = this.proof[fact] === visit ? '' : messages(row)
      this.message[fact] = message === '' ? 0 : this.messages.push(message) - 1
    }
  }

  addOrders({ columns, rows }: Block): void {
    const orders = this.orders
    const [persons, stored, events] = [idsOf(columns.person), idsOf(columns.stored), idsOf(columns.event)]
    const [at, value, returned] = [numbersOf(columns.at), numbersOf(columns.value), numbersOf(columns.returned)]
    const [orderNo, currency] = [textsOf(columns.order_no), textsOf(columns.currency)]
    const [soldVia, place] = [textsOf(columns.sold_via), textsOf(columns.place)]
    for (let row = 0; row < rows; row++) {
      const person = this.persons.add(persons, row)
      this.noteOther(person, stored, row)
      const order = orders.size++
      orders.person = grown(orders.person, orders.size)
      orders.at = grown(orders.at, orders.size)
      orders.event = grown(orders.event, orders.size * 4)
      orders.value = grown(orders.value, orders.size)
      orders.returned = grown(orders.returned, orders.size)
      orders.person[order] = person
      orders.at[order] = at[row] as number
      copyId(events, row, orders.event, order)
      orders.value[order] = value[row] as number
      orders.returned[order] = returned[row] as number
      orders.orderNo.push(orderNo(row))
      orders.currency.push(currency(row))
      orders.soldVia.push(soldVia(row))
      orders.place.push(place(row))
    }
  }

  private noteOther(person: number, stored: Uint32Array, row: number): void {
    if (sameId(stored, row, this.persons.words, person)) return
    const others = this.others.get(person) ?? new Ids()
    others.add(stored, row)
    this.others.set(person, others)
  }

  private makeRoom(length: number): void {
    this.person = grown(this.person, length)
    this.at = grown(this.at, length)
    this.event = grown(this.event, length * 4)
    this.source = grown(this.source, length)
    this.proof = grown(this.proof, length)
    this.message = grown(this.message, length)
  }
}

export function isNobody(words: Uint32Array, row: number): boolean {
  const from = row * 4
  return words[from] === 0 && words[from + 1] === 0 && words[from + 2] === 0 && words[from + 3] === 0
}
