import { chooseBasket } from './baskets.ts'
import { week } from './calendar.ts'
import { hash, Stream } from './chance.ts'
import type { Person } from './persons.ts'
import type { Sink } from './visits.ts'

/**
 * What the person will buy after the frame, if nothing but habit moves them: the base process goes on for 26 and 52 weeks
 * with the last year's seasons, from the same chance as everything else.
 */
export function futureOf(sink: Sink, person: Person): void {
  const { setting } = sink
  const alive = person.gone >= setting.end
  const result = { person: person.id, alive, orders26: 0, revenue26: 0, orders52: 0, revenue52: 0 }
  if (alive) {
    const draw = new Stream().open(setting.purposes['person/future'], person.id)
    const own = new Stream()
    for (let ahead = 0; ahead < 52; ahead++) {
      if (setting.end + ahead * week >= person.gone) break
      const index = setting.weeks - Math.min(52, setting.weeks) + (ahead % Math.min(52, setting.weeks))
      const web = person.rate * person.webShare * setting.scale.web * (setting.season.web[index] as number)
      const store = person.rate * (1 - person.webShare) * setting.scale.store * (setting.season.store[index] as number)
      const orders = draw.poisson(web + store)
      for (let number = 0; number < orders; number++) {
        const inStore = draw.happens(store / (web + store))
        const basket = chooseBasket(
          setting,
          own.open(setting.purposes['person/future'], person.id, 1000 + ahead * 32 + number),
          { taste: person, week: index, place: inStore ? person.homeStore : -1, joined: true, more: 0 },
        )
        result.orders52++
        result.revenue52 += basket.total
        if (ahead < 26) {
          result.orders26++
          result.revenue26 += basket.total
        }
      }
    }
  }
  sink.rows.add(
    sink.files.truth.clv_future,
    person.id,
    hash(setting.purposes['row/tie'], person.id, 700),
    JSON.stringify(result),
  )
}
