import { performance } from 'node:perf_hooks'
import { createIdentity } from '@einklang/engine/identity'
import { createMeasurement } from '@einklang/engine/measurement'
import { createProfile } from '@einklang/engine/profile'
import { benchGround } from '../ground.ts'

/**
 * Claim: what customers will buy is learnt anew and scored for a million customers in 60 s on two cores.
 * `einklang bench customers [CUSTOMERS]`, default 200,000. Purchases are made in the database by a hash.
 */
const customers = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 200_000)
const bench = await benchGround()
const { ground } = bench
const { history, database } = ground
try {
  await history.run`
    insert into measurement.conversion (person, stored, at, event, order_no, value, returned, currency, sold_via, place, build, gone)
    select who, who, moment, reinterpretAsUUID(sipHash128('e', number)), toString(number), 1000 + sipHash64('v', number) % 9000, 0, 'EUR', 'web', '', 1, 0
    from (
      select number, intDiv(number, 6) as owner, reinterpretAsUUID(sipHash128(owner)) as who,
        -- Lives of different length, with a pace of their own.
        1 + sipHash64('life', owner) % 6 as bought, 5 + sipHash64('pace', owner) % 60 as pace, number % 6 as place,
        now() - toIntervalDay(30 + sipHash64('start', owner) % 700) + toIntervalDay(place * pace + sipHash64('d', number) % pace) as moment
      from numbers(${customers * 6})
    ) where place < bought and moment < now()`
  await history.run`insert into measurement.known (person, known, build) select reinterpretAsUUID(sipHash128(number)), 1, 1 from numbers(${customers})`
  let today = new Date()
  const measurement = createMeasurement({
    ground: { ...ground, clock: { ...ground.clock, now: () => today } },
    setForecasts: createProfile({ ground, identity: createIdentity({ ground }) }).setForecasts,
  })
  for (const run of ['first', 'next night']) {
    if (run === 'next night') {
      // A day later; one customer in a hundred has bought.
      today = new Date(today.getTime() + 86_400_000)
      await history.run`
        insert into measurement.conversion (person, stored, at, event, order_no, value, returned, currency, sold_via, place, build, gone)
        select reinterpretAsUUID(sipHash128(number * 100)) as who, who, now() + toIntervalHour(1),
          reinterpretAsUUID(sipHash128('next', number)), concat('next ', toString(number)), 1000 + sipHash64('n', number) % 9000, 0, 'EUR', 'web', '', 2, 0
        from numbers(${Math.ceil(customers / 100)})`
    }
    const [before, cpu] = [performance.now(), bench.cpuSeconds()]
    const outcome = await measurement.refitCustomers()
    const seconds = (performance.now() - before) / 1000
    const cpuSeconds = bench.cpuSeconds() - cpu
    const { model, customers: scored } = await measurement.customerValue()
    console.log(
      `${run} refit of ${scored} customers: ${outcome}, ${model?.name}, ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} CPU s (${((cpuSeconds / scored) * 1e6).toFixed(1)} CPU s per million), ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`,
    )
    console.log(
      JSON.stringify({
        bench: 'customers',
        figure: `${run} refit`,
        customers: scored,
        seconds,
        cpuSeconds,
        rssBytes: process.memoryUsage().rss,
      }),
    )
  }
  const [{ rows } = { rows: 0 }] = await database.rows<{
    rows: number
  }>`select count(*)::int as rows from profile.forecast`
  console.log(`${rows} forecasts`)
} finally {
  await bench.close()
}
