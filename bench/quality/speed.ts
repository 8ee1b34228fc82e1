import type { NormalEvent } from '@einklang/contract'
import { drawsFrom } from '@einklang/stats'
import { eventOf, judge } from '../../engine/ingest/quality/samples.ts'

const firsts = ['Ada', 'JÜRGEN', 'anna-lena', 'Hans-Peter', 'MÃ¼ller', 'Test', 'Giulia', 'Thi Hoa']
const lasts = ['Lange', 'von der Müller', "O'NEIL", 'groß', 'Nguyễn', 'Kunde', 'Rossi', 'Schäfer']

/** The mix of a shop: mostly looking, an order in twenty, a customer's record in ten. Every value differs. */
export function mixed(count: number, onlyPeople: boolean): NormalEvent[] {
  const draws = drawsFrom('bench quality', 'mix')
  const pick = <Value>(values: Value[]): Value => values[draws.below(values.length)] as Value
  return Array.from({ length: count }, (_, at) => {
    const user = `user-${draws.below(50_000)}`
    const identifiers = [
      { namespace: 'user_id', value: user, trust: 'verified' as const },
      { namespace: 'anonymous_id', value: `device-${draws.below(90_000)}`, trust: 'verified' as const },
    ]
    const context = {
      userAgent: `Mozilla/5.0 (X11; Linux x86_64) Chrome/${draws.below(60) + 90}.0`,
      page: { url: `https://www.shop.example/p/${at}` },
    }
    const kind = onlyPeople ? 0 : draws.uniform()
    if (kind < 0.1) {
      const email = `${pick(['Ada', 'bert', 'c.d'])}.${at}@${pick(['gmx.de', 'Example.com', 'gmial.com', 'müller.at'])}`
      const phone = pick([
        `0171 ${1_000_000 + at}`,
        `+43 664 ${1_000_000 + at}`,
        `030/${200_000 + at}`,
        `+41 79 ${1_000_000 + (at % 8_000_000)}`,
      ])
      const traits = {
        first_name: pick(firsts),
        last_name: pick(lasts),
        email,
        phone,
        birthday: pick(['1985-12-31', '31.12.85', '1900-01-01', '4.7.2001']),
        street: `${pick(['Haupt', 'Garten'])}str. ${at % 200}${pick(['', 'a'])}`,
        postal_code: pick(['50667', '1067', '80331']),
        city: pick(['Köln', 'Dresden', 'München']),
        country: pick(['DE', 'Deutschland', 'AUT']),
        language: pick(['de', 'de_DE', 'en']),
      }
      const named = [
        ...identifiers,
        { namespace: 'email', value: email, trust: 'verified' as const },
        { namespace: 'phone', value: phone, trust: 'verified' as const },
      ]
      return eventOf({ kind: 'identify', traits, identifiers: named, context })
    }
    if (kind < 0.15) {
      const lines = Array.from({ length: 1 + draws.below(4) }, () => ({
        price: 1000 + draws.below(9000),
        quantity: 1 + draws.below(2),
      }))
      const minor = {
        total: lines.reduce((sum, one) => sum + one.price * one.quantity, 0),
        lines: lines.map((one) => ({ price: one.price, total: one.price * one.quantity })),
      }
      const products = lines.map((one, place) => ({
        sku: `sku-${at}-${place}`,
        price: one.price / 100,
        quantity: one.quantity,
        gtin: '4006381333931',
      }))
      return eventOf({
        name: 'Order Completed',
        properties: { order_id: `o-${at}`, total: minor.total / 100, currency: 'EUR', products, minor },
        identifiers,
        context,
      })
    }
    return eventOf({
      name: pick(['Product Viewed', 'Product Added', 'Product List Viewed']),
      properties: { sku: `sku-${at % 5000}`, price: 49.99, currency: 'EUR' },
      identifiers,
      context,
    })
  })
}

/** Q1: records per second of one core, over the mix of a shop and over customer records alone. */
export function speed(count: number): {
  mix: number
  people: number
  milliseconds: number
  peopleMilliseconds: number
} {
  const rates = [false, true].map((onlyPeople) => {
    const events = mixed(count, onlyPeople)
    for (const event of events.slice(0, 5000)) judge(event)
    const turns = [0, 1, 2].map(() => {
      const before = process.cpuUsage()
      for (const event of events) judge(event)
      const spent = process.cpuUsage(before)
      return count / ((spent.user + spent.system) / 1e6)
    })
    return turns.sort((one, other) => one - other)[1] as number
  })
  const [mix = 0, people = 0] = rates
  return { mix, people, milliseconds: 1000 / mix, peopleMilliseconds: 1000 / people }
}
