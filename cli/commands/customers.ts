import { type AnswerOf, api, type PersonId } from '@einklang/contract'
import type { Client } from '@einklang/sdk'
import { type Command, dataFlags, Misuse } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'
import { nearest } from '../suggest.ts'
import { table } from '../table.ts'

const flags = { ...dataFlags, ...reachFlags }

export const profileSearch: Command = {
  name: 'profile search',
  summary: 'Find customers by name, e-mail, phone, card, customer or order number',
  operands: { text: 'WORDS…', least: 1, most: 20 },
  flags: { limit: { value: 'COUNT', text: 'at most so many (default: 20)' }, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const found = await client.call(api.profile.search, {
        query: { q: call.operands.join(' '), limit: call.flag('limit') ?? '20' },
      })
      const rows = found.items.map((person) => [
        person.person,
        nameOf(person),
        person.email ?? '',
        person.city ?? '',
        person.lastSeen.slice(0, 10),
      ])
      call.show(rows.length === 0 ? 'Nobody fits.' : table(['PERSON', 'NAME', 'E-MAIL', 'CITY', 'LAST SEEN'], rows))
      return found
    }),
}

export const profileShow: Command = {
  name: 'profile show',
  summary: 'Everything known of one customer',
  operands: { text: 'PERSON (its id, or words that find exactly one)', least: 1, most: 20 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const view = await client.call(api.profile.view, { params: { person: await personOf(client, call.operands) } })
      const { summary, totals } = view
      const known: [string, string | null][] = [
        ['Person', view.person],
        ['Name', nameOf(summary)],
        ['E-mail', summary.email],
        ['Phone', summary.phone],
        ['City', [summary.postalCode, summary.city].filter(Boolean).join(' ')],
        ['Card', summary.loyaltyCard],
        ['Seen', `${summary.firstSeen.slice(0, 10)} – ${summary.lastSeen.slice(0, 10)}`],
        ['Orders', String(totals.orders)],
        ['Audiences', view.audiences.map(({ name }) => name).join(', ')],
        ['Identifiers', view.identifiers.map(({ namespace, value }) => `${namespace}:${value}`).join('  ')],
      ]
      for (const [label, value] of known) if (value) call.show(`${label.padEnd(12)} ${value}`)
      return view
    }),
}

export const audienceList: Command = {
  name: 'audience list',
  summary: 'Segments with their size',
  operands: { text: '', least: 0, most: 0 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const found = await client.call(api.audience.list)
      const rows = found.items.map(({ name, size, sentence }) => [name, String(size), sentence.en])
      call.show(rows.length === 0 ? 'There is no segment yet.' : table(['AUDIENCE', 'SIZE', 'WHO'], rows))
      return found
    }),
}

export const audienceSize: Command = {
  name: 'audience size',
  summary: 'Size and reach of one segment',
  operands: { text: 'AUDIENCE', least: 1, most: 1 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const { items } = await client.call(api.audience.list)
      const wanted = call.operands[0] ?? ''
      const found = items.find(
        ({ audience, name }) => audience === wanted || name.toLowerCase() === wanted.toLowerCase(),
      )
      if (!found) {
        const meant = nearest(
          wanted,
          items.map(({ name }) => name),
        )
        throw new Misuse(
          `There is no audience "${wanted}".`,
          meant ? `einklang audience size "${meant}"` : 'einklang audience list',
        )
      }
      const detail = await client.call(api.audience.read, { params: { audience: found.audience } })
      call.show(`${detail.name}: ${detail.size.toLocaleString('en')} persons`)
      for (const { channel, permitted, withAddress } of detail.reach) {
        call.show(`  ${channel.padEnd(8)} ${permitted} permitted of ${withAddress} with an address`)
      }
      return { audience: detail.audience, name: detail.name, size: detail.size, reach: detail.reach }
    }),
}

export const erase: Command = {
  name: 'erase',
  summary: 'Erase one customer from every stage; cannot be undone',
  operands: { text: 'PERSON (its id, or words that find exactly one)', least: 1, most: 20 },
  flags: { yes: { text: 'really do it' }, reason: { value: 'TEXT', text: 'why, for the audit log' }, ...flags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const person = await personOf(client, call.operands)
      if (!call.switch('yes')) {
        throw new Misuse(`This erases ${person} from every stage for good.`, `einklang erase ${person} --yes`)
      }
      const erased = await client.call(api.consent.erase, {
        params: { person },
        body: { reason: call.flag('reason') ?? 'asked for on the command line' },
      })
      call.show(`Erased ${person}: ${erased.rows} rows in ${erased.stages.length} stages.`)
      return { person, ...erased }
    }),
}

export async function personOf(client: Client, words: string[]): Promise<PersonId> {
  const [only] = words
  if (words.length === 1 && /^[0-9a-f]{8}-[0-9a-f]{4}-8/.test(only ?? '')) return only as PersonId
  const q = words.join(' ')
  const { items } = await client.call(api.profile.search, { query: { q, limit: '5' } })
  const [first, second] = items
  if (!first) throw new Misuse(`Nobody fits "${q}".`)
  if (second) throw new Misuse(`"${q}" fits more than one person.`, `einklang profile search ${q}`)
  return first.person
}

function nameOf(person: Pick<AnswerOf<typeof api.profile.search>['items'][number], 'firstName' | 'lastName'>): string {
  return [person.firstName, person.lastName].filter(Boolean).join(' ')
}
