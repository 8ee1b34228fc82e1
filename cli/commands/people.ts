import { type AnswerOf, api } from '@einklang/contract'
import type { Client } from '@einklang/sdk'
import { type Command, dataFlags, Misuse } from '../command.ts'
import { reachFlags, withServer } from '../connect.ts'
import { nearest } from '../suggest.ts'
import { table } from '../table.ts'

const flags = { ...dataFlags, ...reachFlags }
type Colleague = AnswerOf<typeof api.governance.people>['items'][number]

export const peopleList: Command = {
  name: 'people list',
  summary: 'Who works here, with roles',
  operands: { text: '', least: 0, most: 0 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const items = await everybody(client)
      const rows = items.map(({ name, email, state, roles }) => [name, email, state, roles.join(', ')])
      call.show(table(['NAME', 'E-MAIL', 'STATE', 'ROLES'], rows))
      return { items }
    }),
}

export const peoplePassword: Command = {
  name: 'people password',
  summary: 'Give a colleague a new generated password, for example when the first one was lost',
  operands: { text: 'EMAIL', least: 1, most: 1 },
  flags,
  run: (call) =>
    withServer(call, async ({ client }) => {
      const wanted = (call.operands[0] ?? '').toLowerCase()
      const items = await everybody(client)
      const found = items.find(({ email }) => email === wanted)
      if (!found) {
        const meant = nearest(
          wanted,
          items.map(({ email }) => email),
        )
        const suggestion = meant ? `einklang people password ${meant}` : 'einklang people list'
        throw new Misuse(`Nobody here has the e-mail ${wanted}.`, suggestion)
      }
      const { password } = await client.call(api.governance.resetPassword, { params: { user: found.id } })
      call.show(`${found.email} signs in with ${password} and must change it then.`)
      return { email: found.email, password }
    }),
}

async function everybody(client: Client): Promise<Colleague[]> {
  const items: Colleague[] = []
  for (let after: string | null | undefined; after !== null; ) {
    const page = await client.call(api.governance.people, { query: { limit: 500, ...(after ? { after } : {}) } })
    items.push(...page.items)
    after = page.next
  }
  return items
}
