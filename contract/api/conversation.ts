import { z } from 'zod'
import { touchChannel } from '../channels.ts'
import { idOf } from '../ids.ts'
import { page, pageOf, route } from '../route.ts'

const incoming = z.object({
  id: idOf('conversation'),
  /** Null while nobody is known behind the address. */
  person: idOf('person').nullable(),
  personName: z.string().nullable(),
  channel: touchChannel,
  /** mail, review, phone note, mention … */
  kind: z.string(),
  from: z.string(),
  subject: z.string().nullable(),
  snippet: z.string(),
  at: z.iso.datetime(),
  source: z.string(),
})
export type IncomingMessage = z.output<typeof incoming>

export const messages = route({
  stage: 'conversation',
  name: 'messages',
  summary: 'What customers wrote to us, newest first',
  method: 'get',
  path: '/messages',
  may: ['admin', 'marketer', 'support', 'store', 'privacy'],
  query: z.object({
    ...page,
    channel: touchChannel.optional(),
    person: idOf('person').optional(),
    q: z.string().max(200).optional(),
  }),
  answer: pageOf(incoming).extend({ total: z.int() }),
})

export const message = route({
  stage: 'conversation',
  name: 'message',
  summary: 'One incoming message with its whole text',
  method: 'get',
  path: '/messages/{message}',
  may: ['admin', 'marketer', 'support', 'store', 'privacy'],
  params: z.object({ message: idOf('conversation') }),
  answer: incoming.extend({ text: z.string(), properties: z.record(z.string(), z.unknown()) }),
})

export const personMessages = route({
  stage: 'conversation',
  name: 'personMessages',
  summary: 'What one person wrote to us, newest first',
  method: 'get',
  path: '/persons/{person}/messages',
  may: ['admin', 'marketer', 'support', 'store', 'privacy'],
  params: z.object({ person: idOf('person') }),
  answer: z.object({ items: z.array(incoming) }),
})
