import type { Route } from '@einklang/contract'
import { api, type InputOf, type PersonId } from '@einklang/contract'
import {
  type Caller,
  type Database,
  type Memory,
  type Mounted,
  mount,
  Refusal,
  type StageParts,
} from '@einklang/platform'
import type { Consent, ConsentInside } from './index.ts'
import type { Statement } from './ledger.ts'
import { consentPages } from './pages.ts'
import { normalAddress } from './point.ts'
import { registry, ruleOf } from './registry.ts'
import { ledgerAnswer, ledgerLines, overviewOf } from './show.ts'
import { verifyChain } from './store.ts'

/** What consent hands to the server: routes, the public pages and the eraser. */
export function consentParts(
  consent: Consent & ConsentInside,
  needs: { database: Database; memory: Memory },
): StageParts {
  return {
    stage: 'consent',
    routes: routesOf(consent, needs),
    raw: consentPages({ consent, database: needs.database }),
    erase: (tx, persons) => consent.erase(tx, persons),
  }
}

function routesOf(
  consent: Consent & ConsentInside,
  { database, memory }: { database: Database; memory: Memory },
): Mounted<Route>[] {
  const { store } = consent
  return [
    mount(api.consent.registry, async () => ({
      items: registry.map((rule) => ({ ...rule, channels: [...rule.channels], bases: [...rule.bases] })),
    })),
    mount(api.consent.state, async ({ params }) => {
      await mustExist(database, params.person)
      const [state, { lines }] = await Promise.all([
        consent.stateOf(params.person),
        ledgerLines(database, store, params.person),
      ])
      return { ...state, ledger: lines }
    }),
    mount(api.consent.ask, ({ params, query }) =>
      consent.may(database, {
        person: params.person,
        purpose: query.purpose,
        channel: query.channel,
        address: query.address ?? null,
        ...(query.at === undefined ? {} : { at: new Date(query.at) }),
      }),
    ),
    mount(api.consent.record, async ({ params, body }, { caller }) => {
      await mustExist(database, params.person)
      const [statement] = await consent.state([manual(params.person, body, caller, store.clock.now())])
      if (statement === undefined) throw new Refusal(409, 'not_recorded', 'The statement was there already.')
      return { statement, state: await consent.stateOf(params.person) }
    }),
    mount(api.consent.proof, async ({ params }) => {
      await mustExist(database, params.person)
      const [state, { aliases, lines }] = await Promise.all([
        consent.stateOf(params.person),
        ledgerLines(database, store, params.person),
      ])
      return {
        generatedAt: store.clock.now().toISOString(),
        person: state.person,
        aliases,
        statements: lines,
        decisions: state.cells,
      }
    }),
    mount(api.consent.preferenceLink, async ({ params }) => ({
      url: await preferenceLink(consent, database, params.person),
    })),
    mount(api.consent.overview, ({ query }) =>
      memory.remember(`consent.overview ${query.weeks}`, () => overviewOf(database, query.weeks)),
    ),
    mount(api.consent.ledger, ({ query }) => ledgerAnswer(database, query)),
    mount(api.consent.verify, () => verifyChain(database)),
  ]
}

async function mustExist(database: Database, person: PersonId): Promise<void> {
  const row = await database.row`select person from profile.person where person = identity.current(${person})`
  if (row === undefined) throw new Refusal(404, 'unknown_person', `There is no customer ${person}.`)
}

/** A statement that a colleague writes down: what was said, by which proof, and who wrote it. */
function manual(
  person: PersonId,
  body: InputOf<typeof api.consent.record>['body'],
  caller: Caller,
  now: Date,
): Statement {
  const rule = body.purpose === null ? undefined : ruleOf(body.purpose)
  if (body.stance === 'deny' && rule !== undefined && !rule.objection)
    throw new Refusal(422, 'no_objection', `${rule.name.en} rests on a contract or a law; it cannot be refused.`, {
      at: 'purpose',
      doInstead: 'Choose a marketing purpose, or leave the purpose empty for all marketing.',
    })
  if (body.stance === 'grant' && body.purpose === null)
    throw new Refusal(422, 'grant_without_purpose', 'A consent names its purpose.', { at: 'purpose' })
  if (body.happenedAt !== undefined && new Date(body.happenedAt) > now)
    throw new Refusal(422, 'in_the_future', 'A statement cannot have happened in the future.', { at: 'happenedAt' })
  if (body.address !== undefined && body.channel === null)
    throw new Refusal(422, 'address_without_channel', 'An address needs its channel.', { at: 'channel' })
  const actor = caller.kind === 'user' ? caller.name : caller.kind === 'key' ? `key:${caller.name}` : null
  return {
    person,
    stance: body.stance,
    purpose: body.purpose,
    channel: body.channel,
    address: body.address === undefined || body.channel === null ? null : normalAddress(body.channel, body.address),
    topic: body.topic ?? null,
    basis: body.stance === 'deny' && body.purpose === null ? 'legitimate_interest' : 'consent',
    happenedAt: body.happenedAt ?? now,
    named: body.stance === 'restrict' ? ['legal_duty'] : [],
    source: 'console',
    reason: body.reason,
    evidence: body.proof === undefined ? {} : { kind: 'manual', proof: body.proof },
    actor,
  }
}

async function preferenceLink(consent: Consent, database: Database, person: PersonId): Promise<string> {
  const row = await database.row<{ channel: 'email' | 'sms'; address: string }>`
    select channel, address from profile.reachable
    where person = identity.current(${person}) and channel in ('email', 'sms') order by channel limit 1`
  if (row === undefined)
    throw new Refusal(409, 'no_address', 'This customer has no e-mail address and no phone number.', {
      doInstead: 'Record the statement here instead.',
    })
  return consent.preferenceUrl(person, row.address, row.channel)
}
