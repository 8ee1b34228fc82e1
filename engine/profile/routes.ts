import { api } from '@einklang/contract'
import { mount, type StageParts } from '@einklang/platform'
import type { Profile, ViewPieces } from './index.ts'
import { profileJobs } from './jobs.ts'
import { channelsOf } from './timeline.ts'

/** What profile hands to the server; `pieces` come from later stages. */
export function profileParts(profile: Profile, pieces: ViewPieces = {}): StageParts {
  return {
    stage: 'profile',
    routes: [
      mount(api.profile.search, ({ query }) => profile.search(query)),
      mount(api.profile.view, ({ params }) => profile.view(params.person, pieces)),
      mount(api.profile.timeline, ({ params, query }) =>
        profile.timeline(params.person, {
          after: query.after,
          channels: channelsOf(query.channels),
          limit: query.limit,
          language: query.language,
        }),
      ),
      mount(api.profile.exportPerson, ({ params }) => profile.export(params.person, pieces)),
      mount(api.profile.today, () => profile.today()),
    ],
    jobs: profileJobs(profile),
    erase: (tx, persons) => profile.erase(tx, persons),
  }
}
