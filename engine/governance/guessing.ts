import { createHash } from 'node:crypto'
import { type Database, Refusal } from '@einklang/platform'

type Bucket = { name: string; free: number; longestSeconds: number }

/**
 * Counts a sign-in attempt before the password is looked at, so that parallel guesses are counted too. The delay
 * doubles after the free tries; a stranger who guesses at an account slows its owner by at most 30 seconds.
 */
export async function countAttempt(database: Database, email: string, address: string): Promise<void> {
  for (const bucket of bucketsOf(email, address)) {
    const counted = await database.row`
      insert into governance.guess as guess (bucket, failures, last_at) values (${bucket.name}, 1, platform.now())
      on conflict (bucket) do update set last_at = platform.now(),
        failures = case when guess.last_at < platform.now() - interval '1 hour' then 1 else guess.failures + 1 end
      where guess.last_at <= platform.now() - make_interval(secs => case when guess.failures < ${bucket.free} then 0
        else least(${bucket.longestSeconds}, power(2, least(guess.failures - ${bucket.free}, 20))) end)
      returning bucket`
    if (!counted) {
      throw new Refusal(429, 'too_many_tries', 'Too many failed sign-ins; wait a little before the next try.')
    }
  }
}

/** After a right password the account's own buckets start afresh; a whole shop behind one address keeps its tries. */
export async function forgetAttempts(database: Database, email: string, address: string): Promise<void> {
  const [shared, account, pair] = bucketsOf(email, address)
  await database.run`
    with own as (delete from governance.guess where bucket in (${account?.name ?? ''}, ${pair?.name ?? ''}))
    update governance.guess set failures = failures - 1 where bucket = ${shared?.name ?? ''} and failures > 0`
}

/** Rows of which nothing depends any more. */
export function forgetOldAttempts(database: Database): Promise<number> {
  return database.run`delete from governance.guess where last_at < platform.now() - interval '1 hour'`
}

function bucketsOf(email: string, address: string): Bucket[] {
  const named = (...parts: string[]) => createHash('sha256').update(parts.join('\0')).digest('base64url')
  const account = email.trim().toLowerCase()
  return [
    { name: named('address', address), free: 50, longestSeconds: 300 },
    { name: named('account', account), free: 50, longestSeconds: 30 },
    { name: named('pair', account, address), free: 5, longestSeconds: 900 },
  ]
}
