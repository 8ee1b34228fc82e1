import { api } from '@einklang/contract'
import { type Caller, type Ground, jobKind, type Loop, mount, type StageParts } from '@einklang/platform'
import { z } from 'zod'
import type { Audience } from './index.ts'
import { detailOf, membershipsOf, overlapOf, vocabularyOf } from './read.ts'
import { sentenceOf } from './sentence.ts'
import { definitions, pendingAtOnce } from './store.ts'

/** What audience hands to the server: routes, the loop that keeps segments live, and the eraser. */
export function audienceParts(audience: Audience, ground: Ground): StageParts {
  const { database, clock, config } = ground
  return {
    stage: 'audience',
    routes: [
      mount(api.audience.list, async () => {
        const [items, row] = await Promise.all([
          audience.list(),
          database.row<{ persons: number }>`select count(*) as persons from profile.person where known`,
        ])
        return { items, persons: row?.persons ?? 0 }
      }),
      mount(api.audience.read, ({ params }) => detailOf(ground, config.currency, params.audience)),
      mount(api.audience.create, ({ body }, { caller }) => audience.create(body, nameOf(caller))),
      mount(api.audience.update, ({ params, body }) => audience.update(params.audience, body)),
      mount(api.audience.remove, async ({ params }) => {
        await audience.remove(params.audience)
        return { removed: true }
      }),
      mount(api.audience.preview, async ({ body }) => {
        const begun = clock.now().getTime()
        const [{ size, persons }, all] = await Promise.all([
          ground.memory.remember(`audience.size ${JSON.stringify(body.predicate)}`, () =>
            audience.size(body.predicate),
          ),
          definitions(database),
        ])
        const names = {
          currency: config.currency,
          audiences: new Map<string, string>(all.map(({ id, name }) => [id, name])),
        }
        return {
          size,
          persons,
          sentence: sentenceOf(body.predicate, names),
          milliseconds: clock.now().getTime() - begun,
        }
      }),
      mount(api.audience.members, ({ params, query }) => audience.members(params.audience, query)),
      mount(api.audience.overlap, ({ query }) => overlapOf(database, query.first, query.second)),
      mount(api.audience.memberships, ({ params }) => membershipsOf(database, params.person)),
      mount(api.audience.vocabulary, () => vocabularyOf(ground, new Date(clock.now().getTime() - 400 * 86_400_000))),
    ],
    loops: [keepLive(audience, ground)],
    jobs: [
      jobKind({
        name: 'audience.forgetOld',
        payload: z.unknown(),
        cron: '47 2 * * *',
        work: async () => {
          await audience.forgetOld()
        },
      }),
    ],
    erase: (tx, persons) => audience.erase(tx, persons),
  }
}

function nameOf(caller: Caller): string | null {
  return caller.kind === 'anonymous' ? null : caller.name
}

const refreshEveryMs = 5 * 60_000

/** While a file is read, people come by thousands and some again: so long they wait for the others, ms. */
const gatherFor = 10_000
const few = 500

/** Works off waiting persons, and every five minutes what passing time has moved. */
function keepLive(audience: Audience, { clock }: Ground): Loop {
  let refreshedAt = 0
  let last = { waiting: 0, since: 0 }

  /** Do more come all the time, and have they not waited long? Together they cost less. */
  const gathering = async (): Promise<boolean> => {
    const waiting = await audience.waiting()
    const now = clock.now().getTime()
    const growing = waiting > Math.max(few, last.waiting)
    last = { waiting, since: last.waiting === 0 || waiting === 0 ? now : last.since }
    return growing && waiting < pendingAtOnce && now - last.since < gatherFor
  }
  return {
    name: 'audience.keepLive',
    pauseMs: 1000,
    async turn() {
      if (!(await gathering()) && (await audience.catchUp())) {
        last = { waiting: 0, since: 0 }
        return 'busy'
      }
      if (clock.now().getTime() - refreshedAt >= refreshEveryMs) {
        refreshedAt = clock.now().getTime()
        await audience.refresh()
      }
      return 'idle'
    },
  }
}
