import { type JobKind, jobKind } from '@einklang/platform'
import { z } from 'zod'
import type { Profile } from './index.ts'

/** Nightly: event counters live 400 days, the contact list 90. */
export function profileJobs(profile: Profile): JobKind[] {
  return [
    jobKind({
      name: 'profile.forgetOld',
      payload: z.unknown(),
      cron: '17 2 * * *',
      work: async () => {
        await profile.forgetOld()
      },
    }),
  ]
}
