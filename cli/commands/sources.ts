import { type AnswerOf, api } from '@einklang/contract'
import type { Client } from '@einklang/sdk'
import { type Command, dataFlags, Misuse } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'
import { nearest } from '../suggest.ts'
import { table } from '../table.ts'

type Source = AnswerOf<typeof api.ingest.sources>['items'][number]

export const sourceList: Command = {
  name: 'source list',
  summary: 'Sources with what they sent in the last 24 hours',
  operands: { text: '', least: 0, most: 0 },
  flags: { ...dataFlags, ...reachFlags },
  run: (call) =>
    withServer(call, async ({ client }) => {
      const { items } = await client.call(api.ingest.sources)
      const rows = items.map(({ slug, name, kind, state, day }) => [
        slug,
        name,
        kind,
        state,
        String(day.accepted),
        String(day.quarantined),
      ])
      call.show(table(['SOURCE', 'NAME', 'KIND', 'STATE', 'ACCEPTED', 'QUARANTINED'], rows))
      return { items }
    }),
}

export const sourceAdd: Command = {
  name: 'source add',
  summary: 'Add a source and print its key, once',
  operands: { text: 'NAME', least: 1, most: 1 },
  flags: {
    kind: { value: 'KIND', text: `one of ${api.ingest.sourceKinds.join(', ')} (default: shop)` },
    secret: { text: 'a secret key also for web and app, for their servers (all other kinds get one anyway)' },
    dialect: {
      value: 'DIALECT',
      text: `wire shape it speaks (default: segment), one of ${api.ingest.dialects.join(', ')}; may be repeated`,
      many: true,
    },
    origin: { value: 'ORIGIN', text: 'origin whose browsers may send; may be repeated', many: true },
    ...dataFlags,
    ...reachFlags,
  },
  help: 'Example: einklang source add "Web shop" --kind web --origin https://shop.example',
  async run(call) {
    const kind = call.flag('kind') ?? 'shop'
    const known = api.ingest.sourceKind.safeParse(kind)
    if (!known.success) {
      const meant = nearest(kind, [...api.ingest.sourceKinds])
      throw new Misuse(
        `There is no kind of source "${kind}".`,
        `--kind ${meant ?? api.ingest.sourceKinds.filter((one) => one !== 'internal').join('|')}`,
      )
    }
    const dialects = call.flags('dialect').map((given) => {
      const spoken = api.ingest.dialect.safeParse(given)
      if (spoken.success) return spoken.data
      const meant = nearest(given, [...api.ingest.dialects])
      throw new Misuse(`There is no dialect "${given}".`, meant ? `--dialect ${meant}` : undefined)
    })
    return withServer(call, async ({ client }) => {
      const made = await client.call(api.ingest.createSource, {
        body: {
          name: call.operands[0] ?? '',
          kind: known.data,
          ...(call.switch('secret') ? { trust: 'secret' as const } : {}),
          ...(dialects.length > 0 ? { dialects } : {}),
          ...(call.flags('origin').length > 0 ? { origins: call.flags('origin') } : {}),
        },
      })
      call.show(`Source ${made.source.slug} (${made.source.kind}). Its key, shown only now:`)
      call.show(made.key)
      return made
    })
  },
}

/** The source of this slug, name or id; told with the known ones when there is none. */
export async function findSource(client: Client, wanted: string): Promise<Source> {
  const { items } = await client.call(api.ingest.sources)
  const found = items.find(({ id, slug, name }) => [id, slug, name].includes(wanted))
  if (found) return found
  const slugs = items.map(({ slug }) => slug)
  const meant = nearest(wanted, slugs)
  throw new Misuse(
    `There is no source "${wanted}"; there ${slugs.length === 0 ? 'is none yet' : `are: ${slugs.join(', ')}`}.`,
    meant ? `--source ${meant}` : 'einklang source add NAME',
  )
}
