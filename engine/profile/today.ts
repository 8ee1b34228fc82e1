import type { AnswerOf, api, Channel } from '@einklang/contract'
import { type Clock, type Database, dayIn } from '@einklang/platform'

export type Today = AnswerOf<typeof api.profile.today>

/** Who is new and who was active since local midnight. */
export async function todayOf(database: Database, clock: Clock, timeZone: string): Promise<Today> {
  const day = dayIn(clock.now(), timeZone)
  type Ways = { email: number; sms: number; push: number; letter: number; phone: number }
  const [counts, active] = await Promise.all([
    database.row<Ways & { persons: number; known: number }>`
      select count(*) as persons, count(*) filter (where known) as known, count(email) filter (where known) as email,
        count(phone) filter (where known) as sms, count(push_token) filter (where known) as push,
        count(*) filter (where known and street is not null and postal_code is not null and city is not null) as letter,
        count(phone) filter (where known) as phone
      from profile.person`,
    database.row<{ fresh: number; active: number }>`
      with midnight as (select ${day}::timestamp at time zone ${timeZone} as at)
      select count(*) filter (where first_seen >= midnight.at) as fresh, count(*) as active
      from profile.person, midnight
      where seen_day >= (midnight.at at time zone 'UTC')::date and last_seen >= midnight.at`,
  ])
  return {
    day,
    timeZone,
    persons: counts?.persons ?? 0,
    known: counts?.known ?? 0,
    newToday: active?.fresh ?? 0,
    activeToday: active?.active ?? 0,
    reachable: (['email', 'sms', 'push', 'letter', 'phone'] as const).map((channel: Channel & keyof Ways) => ({
      channel,
      persons: counts?.[channel] ?? 0,
    })),
  }
}
