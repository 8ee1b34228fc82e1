import { randomUUID } from 'node:crypto'
import { type Channel, type Connector, kept, type PersonId } from '@einklang/contract'
import { alarm, type Database, fault } from '@einklang/platform'
import { answered, finish, type Handed, hand } from './hand-over.ts'
import type { DeliveryNeeds } from './index.ts'
import { type MessageRow, note } from './store.ts'

/** A call to a provider is aborted after this; the lease in the database outlives it by a margin. */
export const callMs = 10_000
const leaseSeconds = 20
const batchSize = 40
const parallel = 4

export type Outbox = {
  turn(signal: AbortSignal): Promise<'busy' | 'idle'>
  settled(persons: PersonId[], channels: readonly Channel[]): Promise<void>
}

/** The loop that brings planned messages out: recover, claim, hand over with bounded parallelism. */
export function createOutbox(needs: DeliveryNeeds): Outbox {
  const { database } = needs.ground
  const weather = createWeather(needs)
  return {
    async turn(signal) {
      const recovered = await recover(needs)
      const batch = await claim(needs, weather.closed())
      fault('send.after-claim')
      let next = 0
      const worker = async () => {
        while (next < batch.length && !signal.aborted) {
          const message = batch[next++]
          if (message) await bringOut(needs, message, weather)
        }
      }
      await Promise.all(Array.from({ length: Math.min(parallel, batch.length) }, worker))
      return recovered + batch.length > 0 ? 'busy' : 'idle'
    },
    settled: (persons, channels) => settled(database, persons, channels),
  }
}

/** Channels whose provider was away several times in a row rest for a while, so that attempts are not wasted. */
type Weather = { closed(): Channel[]; felt(channel: Channel, outcome: 'reached' | 'away'): void }

function createWeather(needs: DeliveryNeeds): Weather {
  const storms = new Map<Channel, { misses: number; until: number }>()
  const now = () => needs.ground.clock.now().getTime()
  return {
    closed: () => [...storms].filter(([, storm]) => storm.until > now()).map(([channel]) => channel),
    felt(channel, outcome) {
      if (outcome === 'reached') return void storms.delete(channel)
      const misses = (storms.get(channel)?.misses ?? 0) + 1
      const rest = misses < 5 ? 0 : Math.min(300_000, 5000 * 2 ** (misses - 5))
      storms.set(channel, { misses, until: now() + rest })
    },
  }
}

/** Due messages for this worker alone, by lease. Those whose time is over end here. */
async function claim(needs: DeliveryNeeds, closed: Channel[]): Promise<MessageRow[]> {
  const token = randomUUID()
  return await needs.ground.database.transaction(async (tx) => {
    const late = await tx.rows<{ id: MessageRow['id'] }>`
      with over as (
        update delivery.message set state = 'expired', reason = ${kept('out_of_time')}, claim = null
        where state in ('planned', 'reserved') and not_before <= platform.now() and expires_at < platform.now()
          and (lease is null or lease < platform.now())
        returning id)
      insert into delivery.change (message, at, state, note)
      select id, platform.now(), 'expired', ${kept('out_of_time')} from over
      returning message as id`
    if (late.length > 0)
      await needs.decision.release(
        tx,
        late.map((row) => row.id),
      )
    return await tx.rows<MessageRow>`
      update delivery.message set claim = ${token}, lease = platform.now() + make_interval(secs => ${leaseSeconds} * 3)
      where id in (
        select id from delivery.message
        where state in ('planned', 'reserved') and not_before <= platform.now()
          and (lease is null or lease < platform.now())
          and channel <> all(${closed}::text[])
          and channel not in (select channel from delivery.lane where stopped)
        order by not_before limit ${batchSize}
        for update skip locked)
      returning *`
  })
}

async function bringOut(needs: DeliveryNeeds, message: MessageRow, weather: Weather): Promise<void> {
  try {
    const handed = await hand(needs, message, leaseSeconds)
    if (!handed) return
    fault('send.after-intent-commit')
    if (!(await begin(needs.ground.database, handed))) return
    fault('send.before-connect')
    const outcome = await handed.connector.handOver(handed.outbound, AbortSignal.timeout(callMs))
    fault('send.after-reply')
    weather.felt(message.channel, answered(outcome) ? 'reached' : 'away')
    await finish(needs, handed, outcome)
    fault('send.after-record')
  } catch (error) {
    // Where it stands is in the database: the lease ends and `recover` or the next claim goes on from there.
    needs.ground.log.error('A message could not be brought out.', { message: message.id, error })
  }
}

/**
 * The last look before the provider is called: somebody may have taken the lease back. The commit makes a crash
 * after it an unknown and a crash before it a certain "not sent".
 */
async function begin(database: Database, handed: Handed): Promise<boolean> {
  const begun = await database.run`update delivery.message set begun_at = platform.now()
    where id = ${handed.message.id} and state = 'handed' and claim = ${handed.message.claim}
      and attempts = ${handed.attempt} and lease > platform.now()`
  return begun === 1
}

type Lost = { id: MessageRow['id']; key: string; channel: Channel; begun_at: Date | null }

/** Messages whose worker died: by what is certain they go back, are asked for, or are listed as unknown. */
async function recover(needs: DeliveryNeeds): Promise<number> {
  const { database } = needs.ground
  const token = randomUUID()
  const lost = await database.rows<Lost>`
    update delivery.message set claim = ${token}, lease = platform.now() + make_interval(secs => ${leaseSeconds})
    where id in (select id from delivery.message where state = 'handed' and lease < platform.now()
      limit ${batchSize} for update skip locked)
    returning id, key, channel, begun_at`
  for (const message of lost) await recoverOne(needs, message, token)
  return lost.length
}

async function recoverOne(needs: DeliveryNeeds, lost: Lost, token: string): Promise<void> {
  const connector = needs.connectors.find((one) => one.channel === lost.channel)
  const settle = (state: 'reserved' | 'unknown', text: string) =>
    needs.ground.database.transaction(async (tx) => {
      const moved =
        await tx.run`update delivery.message set state = ${state}, reason = ${text}, claim = null, lease = null,
          begun_at = null
        where id = ${lost.id} and claim = ${token} and state = 'handed'`
      if (moved > 0) await note(tx, lost.id, state, text)
    })
  if (!lost.begun_at) return settle('reserved', kept('not_begun'))
  if (connector?.class === 'K') return settle('reserved', kept('keyed'))
  if (connector?.class === 'R' && connector.lookUp) {
    const outcome = await connector.lookUp(lost.key, AbortSignal.timeout(callMs))
    fault('send.during-look-up')
    if (!outcome) return settle('reserved', kept('not_there'))
    const handed = await handedAgain(needs.ground.database, lost, connector, token)
    if (handed) return finish(needs, handed, outcome)
  }
  return settle('unknown', kept('ended_midway'))
}

async function handedAgain(
  database: Database,
  lost: Lost,
  connector: Connector,
  token: string,
): Promise<Handed | null> {
  const message = await database.row<MessageRow>`
    select * from delivery.message where id = ${lost.id} and claim = ${token}`
  return message ? { message, attempt: message.attempts, connector, outbound: null as never } : null
}

/** Waits in small steps; a call ends with its lease at the latest, so this ends too. */
async function settled(database: Database, persons: PersonId[], channels: readonly Channel[]): Promise<void> {
  const everyId = await database.rows<{ id: PersonId }>`
    select distinct alias as id from unnest(${persons}::uuid[]) as given (person), unnest(identity.aliases(given.person)) as alias`
  const ids = everyId.map((row) => row.id)
  await database.run`update delivery.message set state = 'reserved', claim = null, lease = null
    where state = 'handed' and begun_at is null and person = any(${ids}::uuid[]) and channel = any(${[...channels]}::text[])`
  for (;;) {
    const open = await database.row<{ count: number }>`select count(*)::int as count from delivery.message
      where state = 'handed' and begun_at is not null and lease > platform.now()
        and person = any(${ids}::uuid[]) and channel = any(${[...channels]}::text[])`
    if (!open || open.count === 0) return
    await new Promise<void>((again) => alarm(20, again))
  }
}
