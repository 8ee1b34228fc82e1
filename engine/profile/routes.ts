import { api, idOf, type PersonId } from '@einklang/contract'
import { languageOf, mount, Refusal, type StageParts } from '@einklang/platform'
import type { Profile, ViewPieces } from './index.ts'
import { profileJobs } from './jobs.ts'
import { channelsOf } from './timeline.ts'

const person = idOf('person')

function personsIn(text: string): PersonId[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const read = person.safeParse(part)
      if (!read.success) throw new Refusal(400, 'bad_person', `“${part}” is no id of a person.`, { at: 'persons' })
      return read.data
    })
}

/** What profile hands to the server; `pieces` come from later stages. */
export function profileParts(profile: Profile, pieces: ViewPieces = {}): StageParts {
  return {
    stage: 'profile',
    routes: [
      mount(api.profile.search, ({ query }) => profile.search(query, pieces)),
      mount(api.profile.counter, ({ query }) => profile.counter(query.q, pieces)),
      mount(api.profile.names, async ({ query }) => ({ items: await profile.names(personsIn(query.persons)) })),
      mount(api.profile.view, ({ params }, request) => profile.view(params.person, pieces, languageOf(request))),
      mount(api.profile.timeline, ({ params, query }) =>
        profile.timeline(params.person, {
          after: query.after,
          channels: channelsOf(query.channels),
          limit: query.limit,
          language: query.language,
        }),
      ),
      mount(api.profile.reach, ({ params }) => profile.reach(params.person)),
      mount(api.profile.exportPerson, ({ params }) => profile.export(params.person, pieces)),
      mount(api.profile.today, () => profile.today()),
    ],
    jobs: profileJobs(profile),
    erase: (tx, persons) => profile.erase(tx, persons),
  }
}
