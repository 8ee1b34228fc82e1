import { api, formatMoney, type PersonId } from '@einklang/contract'
import type { Reached } from '../connect.ts'
import type { DemoState } from './state.ts'

/** `code` is the exit code when somebody stopped the demo before everything was in. */
export type Happened = { lines: string[]; document: object; code?: number }

/** What came of it, read back through the API like any other client would. */
export async function summarise({ client }: Reached, state: DemoState, url: string): Promise<Happened> {
  const [sources, names, quarantine, imports, today, audiences, messages, revenue, channels] = await Promise.all([
    client.call(api.ingest.sources),
    client.call(api.ingest.eventNames, { query: { days: 3650 } }),
    client.call(api.ingest.quarantine),
    allImports(client),
    client.call(api.profile.today),
    client.call(api.audience.list),
    client.call(api.delivery.messages, { query: { limit: 200, state: 'accepted' } }),
    client.call(api.commerce.revenue, { query: { from: '2000-01-01', to: state.until.slice(0, 10), by: 'month' } }),
    client.call(api.measurement.status),
  ])
  const events = names.items.reduce((sum, row) => sum + row.count, 0)
  const records = imports.filter((job) => job.kind === 'customers').reduce((sum, job) => sum + job.accepted, 0)
  const rejected = imports.reduce((sum, job) => sum + job.rejected, 0)
  const byChannel = new Map<string, { orders: number; revenue: number }>()
  for (const row of revenue.rows) {
    const sum = byChannel.get(row.channel) ?? { orders: 0, revenue: 0 }
    byChannel.set(row.channel, { orders: sum.orders + row.orders, revenue: sum.revenue + row.revenue })
  }
  const follow = await someoneToFollow(
    client,
    messages.items.map((message) => message.person),
  )
  const login = state.administrator
  const document = {
    size: state.size,
    seed: state.seed,
    sources: sources.items.length,
    events,
    rejectedRows: rejected,
    quarantined: quarantine.open,
    customerRecords: records,
    persons: today.persons,
    knownPersons: today.known,
    segments: audiences.items.map(({ name, size }) => ({ name, size })),
    messages: messages.counts,
    revenue: [...byChannel].map(([channel, { orders, revenue: amount }]) => ({
      channel,
      orders,
      amount,
      currency: revenue.currency,
    })),
    touches: channels.touches,
    follow,
    url,
    login,
    seconds: state.seconds,
  }
  const number = (value: number) => value.toLocaleString('en')
  const lines = [
    '',
    `  Sources            ${sources.items.length}`,
    `  Events             ${number(events)}, ${number(quarantine.open)} quarantined, ${number(rejected)} rows rejected`,
    `  Customer records   ${number(records)} → ${number(today.known)} known persons (${number(today.persons)} with anonymous visitors)`,
    ...audiences.items.map(({ name, size }) => `  Segment            ${name}: ${number(size)}`),
    `  Messages           ${Object.entries(messages.counts)
      .map(([name, value]) => `${number(value)} ${name}`)
      .join(', ')}`,
    ...[...byChannel].map(
      ([channel, { orders, revenue: amount }]) =>
        `  Revenue ${channel.padEnd(10)} ${formatMoney({ amount, currency: revenue.currency }, 'en')} in ${number(orders)} orders`,
    ),
    '',
    `  Console            ${url}`,
    ...(login
      ? [
          `  Sign in as         ${login.email}`,
          `  Password           ${login.password}  (you will be asked to change it)`,
        ]
      : []),
    ...(follow ? [`  Follow             ${follow.name}: ${url}/profile/${follow.person}`] : []),
    '',
    '  Ctrl-C stops; "./einklang demo --keep" continues with this data.',
  ]
  return { lines, document }
}

async function allImports(client: Reached['client']) {
  const items = []
  let after: string | undefined
  do {
    const page = await client.call(api.ingest.imports, { query: { limit: 500, ...(after ? { after } : {}) } })
    items.push(...page.items)
    after = page.next ?? undefined
  } while (after)
  return items
}

/** Someone who clicked a newsletter, bought in a store, left a web cart and got a message. */
async function someoneToFollow(
  client: Reached['client'],
  persons: PersonId[],
): Promise<{ person: PersonId; name: string } | null> {
  for (const person of new Set(persons)) {
    const [view, timeline] = await Promise.all([
      client.call(api.profile.view, { params: { person } }),
      client.call(api.profile.timeline, { params: { person }, query: { limit: 200 } }),
    ])
    const clicked = timeline.items.some((entry) => entry.name === 'message.clicked')
    if (clicked && view.orders.some((order) => order.channel === 'store') && view.cart !== null) {
      return { person, name: [view.summary.firstName, view.summary.lastName].filter(Boolean).join(' ') || 'somebody' }
    }
  }
  return null
}
