import { chooseBasket } from './baskets.ts'
import { day, hour, iso, repeatedHours, weekOf } from './calendar.ts'
import { Stream, share } from './chance.ts'
import { momentOf, type Purchase } from './life.ts'
import { buyerOf, type Person } from './persons.ts'
import { receiptNumber, strangerReceipt, tellEdge } from './sales.ts'
import { orderNumber, type Sink } from './visits.ts'

/**
 * Rare courses that a person's purchases must show (spec world §10): an order in the hour that occurs twice, an erased
 * person who buys again, a lost card that a stranger uses. Returns the purchases with those that belong to them.
 */
export function addEdges(sink: Sink, person: Person, purchases: Purchase[]): Purchase[] {
  const { setting } = sink
  if (setting.size === 'town' || person.story) return purchases
  const result = [...purchases]
  for (const [number, end] of repeatedHours(setting.calendar).entries()) {
    if (share(setting.purposes['person/life'], person.id, 500 + number) >= 0.0012) continue
    if (person.joined > end - day || person.gone < end + day || end > setting.until) continue
    const within = share(setting.purposes['person/life'], person.id, 600 + number)
    // Half of them order the first time the clock shows this minute, half the second time.
    const at = end + Math.floor((within - 0.5) * 1.9 * hour)
    const purchase = webPurchase(sink, person, at, 800 + number)
    if (!purchase) continue
    result.push(purchase)
    tellEdge(sink, at, {
      edge: 'order in the repeated hour',
      person: person.id,
      order: orderNumber(setting, person.id, purchase.key),
      at: iso(at),
      second: at >= end,
    })
  }
  if (person.erasedAt !== null) {
    const at = person.erasedAt + 45 * day + 10 * hour
    const purchase = at < setting.until ? webPurchase(sink, person, at, 820) : null
    if (purchase) result.push(purchase)
    tellEdge(sink, person.erasedAt, {
      edge: 'erased and back',
      person: person.id,
      erased: iso(person.erasedAt),
      order: purchase ? orderNumber(setting, person.id, purchase.key) : null,
    })
  }
  if (person.edge === 'found card' && isFirstWith(sink, person, 'loyalty')) useFoundCard(sink, person)
  return result.sort((a, b) => a.at - b.at)
}

/** Is this the first of the household with such a record? The edge falls on one member. */
export function isFirstWith(sink: Sink, person: Person, record: 'loyalty' | 'account'): boolean {
  return person.household.members.find((id) => buyerOf(sink.setting, id).has[record]) === person.id
}

function webPurchase(sink: Sink, person: Person, at: number, part: number): Purchase | null {
  const { setting } = sink
  const week = weekOf(setting.calendar, at)
  const draw = new Stream().open(setting.purposes['person/basket'], person.id, 1_000_000 + part)
  const basket = chooseBasket(setting, draw, { taste: person, week, place: -1, joined: true, more: 0 })
  if (basket.lines.length === 0) return null
  return {
    key: 100_000 + part,
    at,
    week,
    channel: 'web',
    store: -1,
    collect: false,
    basket,
    cause: 'base',
    precededByCart: false,
  }
}

/** A stranger shops three times with the card of somebody else, in another store, in another size. */
function useFoundCard(sink: Sink, person: Person): void {
  const { setting } = sink
  const store = (person.homeStore + 1) % setting.stores.length
  const receipts: string[] = []
  for (let time = 0; time < 3; time++) {
    const week = Math.min(setting.weeks - 2, Math.floor(setting.weeks * 0.4) + time * 5 + (person.id % 7))
    if ((setting.stores[store] as { closedWeeks: number[] }).closedWeeks.includes(week)) continue
    const draw = new Stream().open(setting.purposes['person/basket'], person.id, 1_000_900 + time)
    const at = momentOf(setting, week, draw.uniform(), store, draw.uniform())
    if (at < person.dates.loyalty || at >= setting.until) continue
    const taste = {
      female: !person.female,
      shoeSize: person.shoeSize + 3,
      style: [draw.normal(), draw.normal(), draw.normal()] as const,
      spendLevel: 1,
      priceSense: 1,
    }
    const basket = chooseBasket(setting, draw, { taste, week, place: store, joined: false, more: 0 })
    if (basket.lines.length === 0) continue
    const number = receiptNumber(setting, store, at, person.id, 990_000 + time)
    strangerReceipt(sink, { number, at, store, basket, card: person.card, person: person.id, part: time })
    receipts.push(number)
  }
  tellEdge(sink, 0, { edge: 'found card', person: person.id, card: person.card, receipts })
}
