import type { AnswerOf, api, PersonId } from '@einklang/contract'
import type { Database } from '@einklang/platform'
import { type Identity, isFamilyCard } from '#identity'
import type { ViewPieces } from './view.ts'

type Brief = NonNullable<AnswerOf<typeof api.profile.counter>['found']>

/** What staff of a store type or scan, strongest first; each has to fit whole. */
const namespaces = ['loyalty_card', 'customer_no', 'user_id', 'email', 'phone', 'order_no', 'receipt_no']

/** One customer by a number or address typed whole: whoever does not know it finds nobody, and lists nobody. */
export async function counterOf(
  needs: { database: Database; find: Identity['find']; pieces: ViewPieces },
  typed: string,
): Promise<AnswerOf<typeof api.profile.counter>> {
  for (const namespace of namespaces) {
    const person = await needs.find(namespace, typed.trim())
    if (person) return { found: await briefOf(needs, person), familyCard: false }
  }
  return { found: null, familyCard: await isFamilyCard(needs.database, typed.trim()) }
}

async function briefOf(needs: { database: Database; pieces: ViewPieces }, person: PersonId): Promise<Brief | null> {
  const { pieces } = needs
  const row = await needs.database.row<{
    firstName: string | null
    lastName: string | null
    city: string | null
    card: string | null
    email: string | null
    phone: string | null
    since: Date
  }>`
    select first_name as "firstName", last_name as "lastName", city, loyalty_card as card, email, phone, first_seen as since
    from profile.person where person = ${person}`
  if (!row) return null
  const [orders, cart, consent] = await Promise.all([
    pieces.orders?.(person, needs.database) ?? [],
    pieces.cart?.(person, needs.database) ?? null,
    pieces.consent?.(person, needs.database) ?? null,
  ])
  return {
    person,
    firstName: row.firstName,
    lastName: row.lastName,
    city: row.city,
    card: row.card && row.card.slice(-4),
    email: row.email && row.email.replace(/^(.)[^@]*@/, '$1…@'),
    phone: row.phone && `…${row.phone.slice(-2)}`,
    since: row.since.toISOString(),
    orders: orders.slice(0, 10).map((order) => ({
      orderNo: order.orderNo,
      at: order.at,
      channel: order.channel,
      placeName: order.placeName,
      total: order.total,
      refunded: order.refunded,
      currency: order.currency,
      articles: order.lines.map((line) => ({ name: line.name, quantity: line.quantity })),
    })),
    cart: cart && cart.state === 'open' ? cart.lines.map((line) => ({ name: line.name, quantity: line.quantity })) : [],
    mayContact: [
      ...new Set(
        consent?.cells
          .filter((cell) => cell.permission.allowed && cell.purpose !== 'service')
          .map((cell) => cell.channel) ?? [],
      ),
    ],
  }
}
