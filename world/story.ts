import { type Basket, chooseBasket } from './baskets.ts'
import { day, dayOf, hour, iso, weekOf } from './calendar.ts'
import { hash, Stream } from './chance.ts'
import type { Message, Purchase } from './life.ts'
import type { Person } from './persons.ts'
import { receiptNumber } from './sales.ts'
import { playStoryCart, type Sink } from './visits.ts'

/**
 * The last days of a story person: a click on the newsletter of six days ago, a purchase in the home store with the card
 * five days ago (or on the next open day), a click on yesterday's newsletter, and a web cart left at the till
 * two to five hours before `until`. Returns the person's purchases with the planned one and without others of these days.
 */
export function followStory(sink: Sink, person: Person, purchases: Purchase[], messages: Message[]): Purchase[] {
  const { setting } = sink
  const { until, calendar } = setting
  const mails = messages.filter(
    (message) => message.channel === 'email' && !message.heldOut && message.at > until - 8 * day && message.at < until,
  )
  const [first, second] = [mails[0], mails.at(-1)]
  if (!first || !second || first === second) return purchases
  const draw = new Stream().open(setting.purposes['person/story'], person.id, 1)
  first.opened = first.at + Math.floor((0.5 + 3 * draw.uniform()) * hour)
  first.clicked = first.opened + 25_000
  first.unsubscribed = null
  const lastDay = dayOf(calendar, until - 1)
  let dayIndex = lastDay - 5
  while (dayIndex < lastDay - 1 && calendar.open[dayIndex] === 0) dayIndex++
  const store = setting.stores[person.homeStore] as (typeof setting.stores)[number]
  const opens = dayIndex % 7 === 5 ? store.hours.saturday[0] : dayIndex % 7 === 6 ? 13 : store.hours.week[0]
  const bought = Math.max(
    (calendar.midnight[dayIndex] as number) + Math.floor((opens + 0.5 + 4 * draw.uniform()) * hour),
    0,
  )
  const week = weekOf(calendar, bought)
  const basket = filled(() =>
    chooseBasket(setting, draw, { taste: person, week, place: person.homeStore, joined: true, more: 0 }),
  )
  const cartAt = until - Math.floor((2.1 + 2.6 * draw.uniform()) * hour)
  second.opened = cartAt - Math.floor((6 + 10 * draw.uniform()) * 60_000)
  if (second.opened < second.at) second.opened = second.at + 60_000
  second.clicked = second.opened + 30_000
  second.unsubscribed = null
  const cartWeek = Math.min(setting.weeks - 1, weekOf(calendar, cartAt))
  const cart = filled(() =>
    chooseBasket(setting, draw, { taste: person, week: cartWeek, place: -1, joined: true, more: 0.5 }),
  )
  cart.lines.splice(3)
  const kept = purchases.filter((purchase) => purchase.at < until - 10 * day)
  if (basket.lines.length === 0 || cart.lines.length === 0) return kept
  const key = week * 32 + 31
  kept.push({
    key,
    at: bought,
    week,
    channel: 'store',
    store: person.homeStore,
    collect: false,
    basket,
    cause: 'email',
    precededByCart: false,
  })
  playStoryCart(sink, person, { at: cartAt, basket: cart, campaign: second.campaign.utm })
  if (sink.truth)
    sink.rows.add(
      sink.files.truth.story,
      cartAt,
      hash(setting.purposes['row/tie'], person.id, 600),
      JSON.stringify({
        person: person.id,
        name: `${person.first} ${person.last}`,
        email: person.email,
        userId: person.userId,
        card: person.card,
        newsletter: { campaign: first.campaign.name, sent: iso(first.at), clicked: iso(first.clicked) },
        purchase: {
          store: store.code,
          receipt: receiptNumber(setting, person.homeStore, bought, person.id, key),
          at: iso(bought),
          total: basket.total,
        },
        again: { campaign: second.campaign.name, clicked: iso(second.clicked) },
        cart: { at: iso(cartAt), skus: cart.lines.map((line) => setting.catalogue.skus[line.sku]) },
      }),
    )
  return kept
}

/** A story needs goods: where a narrow range leaves a basket empty, it is chosen again. */
function filled(choose: () => Basket): Basket {
  let basket = choose()
  for (let tries = 0; tries < 8 && basket.lines.length === 0; tries++) basket = choose()
  return basket
}
