import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Database } from './database.ts'
import { Outage, Refusal } from './failure.ts'
import { type JobKind, jobKind } from './jobs.ts'

type Answer = { status: number; text: string | null }
type Stored = { request_hash: Buffer; status: number | null; answer: string | null; seconds: number }

/**
 * One effect per `Idempotency-Key`: the first request runs, a repeat gets the same answer, the same key with another
 * body is refused, a repeat while the first still runs is told to wait. Outages and bugs are not remembered, and of an
 * answer with a secret only that it was given.
 */
export async function once(
  needs: { database: Database; caller: string; route: string; key: string; body: Uint8Array; secret: boolean },
  work: () => Promise<Answer>,
): Promise<Answer & { replayed: boolean }> {
  const { database, caller, route, key } = needs
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Refusal(400, 'invalid', 'An Idempotency-Key has 1 to 255 printable characters.', {
      at: 'header.Idempotency-Key',
    })
  }
  const hash = createHash('sha256').update(needs.body).digest()
  // A first request that was killed leaves an open row behind; after two minutes it may be taken over.
  const claimed = await database.run`
    insert into platform.idempotency (caller, route, key, request_hash) values (${caller}, ${route}, ${key}, ${hash})
    on conflict (caller, route, key) do update set created_at = now()
      where idempotency.status is null and idempotency.request_hash = excluded.request_hash
        and idempotency.created_at < now() - interval '2 minutes'`
  if (claimed === 0) return replay(await stored(needs), hash)

  const remember = async (answer: Answer) => {
    await database.run`update platform.idempotency set status = ${answer.status}, answer = ${answer.text}
      where caller = ${caller} and route = ${route} and key = ${key}`
  }
  try {
    const answer = await work()
    await remember(needs.secret ? shownOnce : answer)
    return { ...answer, replayed: false }
  } catch (error) {
    if (error instanceof Refusal && error.status !== 429) {
      const { code, message, at, doInstead } = error
      await remember({ status: error.status, text: JSON.stringify({ error: { code, message, at, doInstead } }) })
    } else {
      await database.run`delete from platform.idempotency where caller = ${caller} and route = ${route} and key = ${key}`
    }
    throw error
  }
}

const shownOnce: Answer = {
  status: 409,
  text: JSON.stringify({
    error: {
      code: 'already_done',
      message:
        'The first request with this Idempotency-Key was carried out; its secret was shown once and is not kept.',
      doInstead: 'Make or reset it anew with a new Idempotency-Key.',
    },
  }),
}

async function stored(needs: { database: Database; caller: string; route: string; key: string }): Promise<Stored> {
  const row = await needs.database.row<Stored>`
    select request_hash, status, answer, extract(epoch from now() - created_at)::float8 as seconds from platform.idempotency
    where caller = ${needs.caller} and route = ${needs.route} and key = ${needs.key}`
  if (!row) throw new Outage('The first request with this key has just failed', { retryAfterSeconds: 1 })
  return row
}

function replay(row: Stored, hash: Buffer): Answer & { replayed: boolean } {
  if (!row.request_hash.equals(hash)) {
    throw new Refusal(422, 'key_reused', 'This Idempotency-Key was used with another body.', {
      doInstead: 'Use a new key.',
    })
  }
  if (row.status === null) {
    throw new Refusal(409, 'still_running', 'The first request with this Idempotency-Key still runs.', {
      doInstead: 'Try again in 1 s.',
      retryAfterSeconds: 1,
    })
  }
  return { status: row.status, text: row.answer, replayed: true }
}

/** Ordinary housekeeping of the ground itself, for the worker's job list. */
export function groundJobs(database: Database): JobKind[] {
  return [
    jobKind({
      name: 'platform.forget-keys',
      payload: z.object({}),
      cron: '17 3 * * *',
      work: async () => {
        await database.run`delete from platform.idempotency where created_at < now() - interval '7 days'`
      },
    }),
  ]
}
