import { api } from '@einklang/contract'
import { type Ground, mount, type StageParts } from '@einklang/platform'
import type { Conversation } from './index.ts'
import { incoming, listIncoming, personIncoming } from './store.ts'

export function conversationParts(conversation: Conversation, { database }: Pick<Ground, 'database'>): StageParts {
  const routes = api.conversation
  return {
    stage: 'conversation',
    erase: (tx, persons) => conversation.erase(tx, persons),
    routes: [
      mount(routes.messages, ({ query }) => listIncoming(database, query)),
      mount(routes.message, ({ params }) => incoming(database, params.message)),
      mount(routes.personMessages, async ({ params }) => ({ items: await personIncoming(database, params.person) })),
    ],
  }
}
