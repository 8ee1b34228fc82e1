/**
 * How long after its request an event is in the profile and in a segment, while 1,000 events a second arrive for people
 * drawn from a house that is full of them. People are written by set SQL, as an import of customers leaves them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { chanceFrom, type OpenDatabase } from '@einklang/platform'
import { generateLoad, post } from '../generator.ts'
import { ask, drained, freePort, machine, Served, shopKey } from '../served.ts'
import { shopEvent } from './events.ts'

const perSecond = 1000
const probeName = 'Bench Probe'

export async function visibleAmong(people: number, seconds: number): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'einklang-bench-'))
  const server = new Served(data, await freePort())
  const print = (figure: object) =>
    console.log(JSON.stringify({ bench: 'ingest visible', machine: machine(), people, ...figure }))
  let database: OpenDatabase | null = null
  try {
    await server.start()
    const api = server.api()
    const asked = server.database()
    database = asked
    const begin = performance.now()
    await fill(asked, people)
    print({ figure: 'filled', seconds: Math.round((performance.now() - begin) / 1000) })
    const key = await shopKey(api, 'Bench')
    const { audience: segment } = await ask<{ audience: string }>(api, 'POST', '/api/audience/audiences', {
      name: 'Probed lately',
      purpose: 'newsletter',
      predicate: { event: probeName, within: { days: 2 } },
    })
    const chance = chanceFrom('bench.ingest', 'visible')
    const load = generateLoad({
      host: '127.0.0.1',
      port: server.port,
      connections: 32,
      requests: (perSecond / 10) * seconds,
      seconds,
      rate: perSecond / 10,
      request: (index) =>
        post(
          '/v1/batch',
          key,
          JSON.stringify({
            batch: Array.from({ length: 10 }, (_, at) => ({
              ...shopEvent(index * 10 + at),
              userId: `u${chance.below(people)}`,
            })),
          }),
        ),
    })
    const inProfile: number[] = []
    const inSegment: number[] = []
    const watch = async (number: number) => {
      const sent = performance.now()
      const who = Math.floor((number * people) / (seconds * 5))
      await fetch(`${api.url}/v1/track`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${key}:`)}` },
        body: JSON.stringify({ messageId: `probe-${number}`, userId: `u${who}`, event: probeName }),
      })
      let profile = false
      for (;;) {
        const seen = await asked.row<{ profile: boolean; segment: boolean }>`
          select exists (select from profile.event_count where person = ${personOf(who)} and name = ${probeName}) as profile,
            exists (select from audience.member where audience = ${segment} and person = ${personOf(who)}) as segment`
        const now = performance.now() - sent
        if (seen?.profile && !profile) {
          profile = true
          inProfile.push(now)
        }
        if (seen?.segment) return void inSegment.push(now)
        if (now > 60_000) throw new Error('A probe was not visible within a minute.')
        await pause(10)
      }
    }
    const probes: Promise<void>[] = []
    // Four a second, so that looking costs little; the first second warms up.
    for (let number = 0; number < (seconds - 1) * 4; number++) {
      await pause(250)
      if (number >= 4) probes.push(watch(number))
    }
    await Promise.all(probes)
    const { status, perSecond: rate } = await load
    await drained(api, 300)
    print({ figure: 'visible in profile', eventsPerSecond: Math.round(rate * 10), status, ...spread(inProfile) })
    print({ figure: 'visible in segment', probes: inSegment.length, ...spread(inSegment) })
    print({ figure: 'memory of all processes', megabytes: Math.round(server.memory()) })
  } finally {
    await database?.close()
    await server.stop()
    await rm(data, { recursive: true, force: true })
  }
}

function personOf(number: number): string {
  const hex = (digits: number) => number.toString(16).padStart(digits, '0')
  return `${hex(8)}-0000-8200-8000-${hex(12)}`
}

async function fill(database: OpenDatabase, people: number): Promise<void> {
  const id = `(lpad(to_hex(n), 8, '0') || '-0000-8200-8000-' || lpad(to_hex(n), 12, '0'))::uuid`
  const source = `'11111111-1111-8100-8000-111111111111'::uuid`
  const block = 100_000
  for (let from = 0; from < people; from += block) {
    const everybody = `generate_series(${from}, ${Math.min(people, from + block) - 1}) as n`
    await database.script(`
      insert into identity.person (id, first_seen_at, anchor_namespace, anchor_value)
        select ${id}, now() - interval '1 year', 'user_id', 'u' || n from ${everybody};
      insert into identity.identifier (namespace, value, person, trust, first_seen_at, last_seen_at, source, event,
          with_namespace, with_value, first_person, attached_log, since, atom)
        select namespace, case namespace when 'user_id' then 'u' || n else 'person-' || n || '@example.com' end, ${id},
          'verified', now() - interval '1 year', now(), ${source}, ${source}, null, null, ${id}, 1,
          now() - interval '1 year', ${id}
        from ${everybody}, unnest(array['user_id', 'email']) as namespace;
      insert into profile.person (person, first_name, last_name, email, city, known, first_seen, last_seen, seen_day)
        select ${id}, 'Anna', 'Name' || n, 'person-' || n || '@example.com', 'Köln', true, now() - interval '1 year', now(),
          now()::date from ${everybody};
      insert into profile.event_count (person, name, day, count)
        select ${id}, 'Product Viewed', now()::date - 1 - n % 30, 3 from ${everybody};`)
  }
  await database.script('analyze')
  await database.script('checkpoint')
}

function spread(times: number[]): object {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return { milliseconds: { p50: at(0.5), p95: at(0.95), p99: at(0.99), worst: Math.round(sorted.at(-1) ?? 0) } }
}
