/** The report over so many people: how long it takes to compute, and how long a reader waits for it. */

import { createIngest } from '../../engine/ingest/index.ts'
import { stageHealth } from '../../server/health.ts'
import { benchGround } from '../ground.ts'
import { machine } from '../served.ts'

const reads = 200

export async function measureReport(people: number): Promise<void> {
  const bench = await benchGround()
  try {
    const { ground } = bench
    const { database } = ground
    const ingest = createIngest({
      ground,
      apply: async () => ({ events: [], merges: [], touched: [] }),
      health: stageHealth(ground),
    })
    const { source } = await database.transaction((tx) => ingest.sources.create(tx, { name: 'CRM', kind: 'crm' }, null))
    for (let from = 1; from <= people; from += 100_000) await fill(from, Math.min(people, from + 99_999), source.id)
    await database.run`analyze profile.person, profile.observation, consent.state, commerce.purchase, identity.identifier`
    const computes: number[] = []
    for (let turn = 0; turn < 3; turn++) {
      const before = bench.cpuSeconds()
      const began = performance.now()
      await ingest.quality?.compute()
      computes.push(performance.now() - began)
      console.log(
        JSON.stringify({
          bench: 'monitor report',
          people,
          turn,
          computeMs: Math.round(computes.at(-1) ?? 0),
          cpuSeconds: Math.round(100 * (bench.cpuSeconds() - before)) / 100,
        }),
      )
    }
    const waits: number[] = []
    for (let turn = 0; turn < reads; turn++) {
      const began = performance.now()
      await ingest.quality?.read(true)
      waits.push(performance.now() - began)
    }
    waits.sort((one, other) => one - other)
    const at = (share: number) => Math.round(10 * (waits[Math.floor(share * (reads - 1))] ?? 0)) / 10
    console.log(
      JSON.stringify({ bench: 'monitor report', people, readMs: { p50: at(0.5), p95: at(0.95) }, machine: machine() }),
    )

    async function fill(first: number, last: number, crm: string): Promise<void> {
      const id = database.part`('00000000-0000-8200-8000-' || lpad(to_hex(n), 12, '0'))::uuid`
      await database.run`
        insert into profile.person (person, known, first_name, last_name, email, phone, street, postal_code, city, country,
          language, birthday, first_seen, last_seen, seen_day)
        select ${id}, n % 10 > 0, 'Ada', 'Köhler', case when n % 3 > 0 then 'p' || n || '@example.com' end,
          case when n % 4 > 0 then '+4917' || n end, 'Domplatz 1', '50667', 'Köln', 'DE', 'de', '1980-05-01', now(), now(), current_date
        from generate_series(${first}::int, ${last}::int) as n`
      await database.run`
        insert into profile.observation (person, name, source, value, value_key, trust, first_at, last_at, known_at, event)
        select ${id}, name, ${crm}, '"Ada"', 'Ada', 'verified', now(), now(), now(), ${id}
        from generate_series(${first}::int, ${last}::int) as n, unnest(array['first_name', 'last_name', 'email', 'postal_code']) as name`
      await database.run`
        insert into consent.state (person, purpose, channel, allowed, because)
        select ${id}, 'newsletter', 'email', n % 2 = 0, case when n % 2 = 0 then null else 'withdrawn' end
        from generate_series(${first}::int, ${last}::int) as n where n % 3 > 0`
      await database.run`
        insert into identity.identifier (namespace, value, person, trust, first_seen_at, last_seen_at, source, event, attached_log, since)
        select 'anonymous_id', n::text, ${id}, 'claimed', now(), now(), ${crm}, ${id}, 0, now()
        from generate_series(${first}::int, ${last}::int) as n`
      await database.run`
        insert into commerce.purchase (id, person, kind, order_no, channel, place, at, total, currency, source, trusted, event)
        select ${id}, ${id}, 'receipt', n::text, 'store', 'K' || n % 45, now() - (n % 300) * interval '1 day', 4990, 'EUR', ${crm}, true, ${id}
        from generate_series(${first}::int, ${last}::int) as n where n % 2 = 0`
    }
  } finally {
    await bench.close()
  }
}
